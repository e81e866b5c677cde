"""Names of people: which spellings are none, and who counts as one person."""

import re
from functools import lru_cache

from core.turkish import fold

ANONYMOUS = "anonymous"  # beginning of the name under which a person without a name is kept
_NAMELESS = re.compile(rf"{ANONYMOUS}( [0-9a-f]{{1,6}})?")
_LOGIN, _NO_LOGIN = " (login)", " (no login)"


@lru_cache(maxsize=10_000)  # tables of answers name few people many times
def nameless(name: str) -> bool:
    """Whether a typed name is none: ``"anonymous"``, alone or with the number of a session."""
    return _NAMELESS.fullmatch(fold(name)) is not None


def person(rater: str, verified: bool) -> str:
    """The name under which a rater counts: their own; all people without a name are one."""
    return ANONYMOUS if not verified and nameless(rater) else rater


def shown(rater: str, verified: bool) -> str:
    """A rater's name on the screen, another one for each rater: the same name may stand with and without a login."""
    if verified:
        return rater + _LOGIN
    return rater + _NO_LOGIN if rater.endswith((_LOGIN, _NO_LOGIN)) else rater

"""Names of raters: recognise anonymous names, and find the name under which a rater is counted."""

import re
from functools import lru_cache

from core.access import ANONYMOUS
from core.turkish import fold

_NAMELESS = re.compile(rf"{ANONYMOUS}( [0-9a-f]{{1,6}})?")
_LOGIN, _NO_LOGIN = " (login)", " (no login)"


@lru_cache(maxsize=10_000)  # tables of answers name few people many times
def nameless(name: str) -> bool:
    """Return True for an anonymous name: ``"anonymous"``, alone or with a session number."""
    return _NAMELESS.fullmatch(fold(name)) is not None


def person(rater: str, verified: bool) -> str:
    """Name under which a rater is counted; all anonymous raters count as one person."""
    return ANONYMOUS if not verified and nameless(rater) else rater


def shown(rater: str, verified: bool) -> str:
    """Name of a rater for display, unique per rater: the same name can exist with and without a login."""
    if verified:
        return rater + _LOGIN
    return rater + _NO_LOGIN if rater.endswith((_LOGIN, _NO_LOGIN)) else rater

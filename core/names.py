"""Names of people and files compared: which spellings are one, and who counts as one person.

People write one name in several ways: in capitals (where a Turkish I may be either i), without the marks that their
keyboard lacks, with letters composed or apart. Names of raters are compared without marks: `Ayse` is asked whether she
is `Ayşe`. Names of files keep their marks: `Gul.wav` may be another piece than `Gül.wav`.
"""

import re
import unicodedata

ANONYMOUS = "anonymous"  # beginning of the name under which a person without a name is kept
_NAMELESS = re.compile(rf"{ANONYMOUS}( [0-9a-f]{{1,6}})?")
_LOGIN, _NO_LOGIN = " (login)", " (no login)"
_MARKS = dict.fromkeys(range(0x300, 0x370))  # accents, which NFKD sets apart from their letters


def fold(text: str, *, marks: bool = False) -> str:
    """Text for comparing: small letters, dotted and dotless i as one, no marks: ``"HÜSEYNÎ" -> "huseyni"``.

    marks : keep them: ``"HÜSEYNÎ" -> "hüseynî"``. Folded again, it stays what it is.
    """
    small = unicodedata.normalize("NFC", text).replace("İ", "i").casefold().replace("ı", "i")
    if marks:
        return unicodedata.normalize("NFC", small)
    plain = unicodedata.normalize("NFKD", small).translate(_MARKS)
    return plain.casefold().replace("ı", "i")  # NFKD makes plain capitals of letters in other dress


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

"""Checks of values that all tables of the store share."""

import re
import unicodedata
from datetime import UTC, datetime

from core.errors import StoreError

_NOT_TEXT = re.compile("[\x00\ud800-\udfff]")  # databases cannot store these; undecodable file names have them


def now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


def storable(text: str) -> str:
    """Return the text with characters that a database cannot store replaced by "\ufffd", for text of other programs."""
    return _NOT_TEXT.sub("\ufffd", text)


def check_text(text: str, what: str, *, longest: int = 1000) -> str:
    """Strip the text. Raises StoreError when it is too long or holds characters that a database cannot store."""
    if "\x00" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise StoreError(f"The {what} holds control characters or broken characters. Type it again.")
    if len(text.strip()) > longest:
        raise StoreError(f"The {what} has {len(text.strip())} characters; the limit is {longest}. Shorten it.")
    return text.strip()


def normalised_line(text: str, what: str) -> str:
    """Normalise the text to NFC with single blanks. Raises StoreError when it holds control characters.

    Invisible characters (zero width, changes of direction) are removed, so that names that look alike are equal.
    """
    if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in text.strip()):
        raise StoreError(f"The {what} holds control characters or broken characters. Type it again.")
    seen = "".join(letter for letter in text if unicodedata.category(letter) != "Cf")
    return " ".join(unicodedata.normalize("NFC", seen).split())


def check_choice(value: str, known: tuple[str, ...], what: str) -> str:
    """Return the value. Raises StoreError when it is not one of the known values."""
    if value not in known:
        raise StoreError(f"{value!r} is not a known {what}. Choose one of: {', '.join(known)}.")
    return value

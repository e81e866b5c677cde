"""Small checks that every table of the store shares."""

import unicodedata
from datetime import UTC, datetime

from core.errors import StoreError


def now() -> datetime:
    """This moment in UTC."""
    return datetime.now(UTC)


def check_text(text: str, what: str, *, longest: int = 1000) -> str:
    """The text without blanks around it; refused when a database cannot hold it or it is too long."""
    if "\x00" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise StoreError(f"The {what} holds characters that are no text. Type it again.")
    if len(text.strip()) > longest:
        raise StoreError(f"The {what} has {len(text.strip())} characters; at most {longest} are kept. Shorten it.")
    return text.strip()


def normalised_line(text: str, what: str) -> str:
    """The text as it is seen: composed letters, single blanks; refused when it holds control characters.

    Letters that nobody sees (zero width, changes of direction) are left out: two names that look alike are one.
    """
    if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in text.strip()):
        raise StoreError(f"The {what} holds characters that are no text. Type it again.")
    seen = "".join(letter for letter in text if unicodedata.category(letter) != "Cf")
    return " ".join(unicodedata.normalize("NFC", seen).split())


def check_choice(value: str, known: tuple[str, ...], what: str) -> str:
    """The value, if it is one of the known ones."""
    if value not in known:
        raise StoreError(f"{value!r} is no {what}. Choose one of: {', '.join(known)}.")
    return value

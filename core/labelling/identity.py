"""Identify a person by login or typed name, and check their role.

A typed name is not verified. Names are compared in lower case and without Turkish diacritics, so different spellings
of a name are one person.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from core.errors import CoreError, StoreError
from core.labelling.raters import nameless
from core.store import MAX_NAME, Rater, Store, rater_name, raters_table, sign_in
from core.turkish import fold


def login_name(claims: Mapping[str, Any], *, trusted: bool = False) -> str:
    """Name of a logged-in person: their verified e-mail address, else the provider's identifier.

    Parameters
    ----------
    claims : the claims of the identity token (OpenID Connect). An unverified e-mail
        address may belong to another person, so it is not used.
    trusted : also accept an address if the provider does not state whether it is verified.
    """
    vouched = claims.get("email_verified")
    verified = vouched is True or vouched == "true" or (vouched is None and trusted)
    address = kept_address(str(claims.get("email") or ""))
    name = address if verified and address else f"{claims.get('sub', '')} of {claims.get('iss', 'the provider')}"
    if len(name) > MAX_NAME or not _plain(name):
        start = "".join(letter for letter in name if letter.isprintable())[: MAX_NAME - 13]
        name = f"{start} {hashlib.sha256(name.encode(errors='replace')).hexdigest()[:12]}"
    return rater_name(name)


def kept_address(email: str) -> str | None:
    """Normalise an e-mail address for storage and comparison; None if it could be confused with another address.

    Only A to Z are lowercased. Invisible characters, spaces and characters with two encodings are refused.
    """
    if not email or not _plain(email) or " " in email:
        return None
    return re.sub("[A-Z]+", lambda letters: letters[0].lower(), email)


def _plain(text: str) -> bool:
    """Return True if the text has no invisible characters, no extra spaces, and is in Unicode form NFC."""
    return text.isprintable() and unicodedata.normalize("NFC", text) == text == " ".join(text.split())


def kept_addresses(addresses: Iterable[object]) -> set[str]:
    """Normalise a list of e-mail addresses and drop unusable ones."""
    return {usable for address in addresses if (usable := kept_address(str(address))) is not None}


def sign_in_login(store: Store, claims: Mapping[str, Any], *, analysts: set[str], trusted: bool = False) -> Rater:
    """Sign in a logged-in person; a new person is stored as a rater.

    Parameters
    ----------
    claims, trusted : as for `login_name`.
    analysts : normalised e-mail addresses of analysts. A person is an analyst while listed; the store does not save
        this role.
    """
    name = login_name(claims, trusted=trusted)
    person = sign_in(store.for_program(), name, verified=True)
    return Rater(person.name, True, "analyst") if name in analysts else person


@dataclass(frozen=True)
class TypedName:
    """A typed name.

    Attributes
    ----------
    name : stored spelling.
    in_use : answers exist under this name, so the person must confirm that the name is theirs.
    answers : number of answers under this name that count.
    """

    name: str
    in_use: bool = False
    answers: int = 0


def check_typed_name(store: Store, typed: str) -> TypedName:
    """Match a typed name with the known names, ignoring case and Turkish diacritics.

    Raises StoreError if the name is invalid or reserved for anonymous people.
    """
    name = rater_name(typed)
    if nameless(name):
        raise StoreError(
            "This name is reserved for people without a name, who count as one person. Choose another name."
        )
    raters = raters_table(store.for_program())  # the person learns only whether the typed name is in use
    same = raters[~raters["verified"] & raters["rater"].map(fold).eq(fold(name))]
    same = same.assign(exact=same["rater"].eq(name)).sort_values(["exact", "answers"], ascending=False)
    busy = same[(same["answers"] + same["skips"] + same["undone"]) > 0]
    if not busy.empty:
        first = busy.iloc[0]
        return TypedName(str(first["rater"]), in_use=True, answers=int(first["answers"] + first["skips"]))
    return TypedName(name if same.empty else str(same["rater"].iloc[0]))


def is_same_person(person: Rater, rater: str, verified: bool) -> bool:
    """Return True if a stored name belongs to this person; a login and a typed name are different persons."""
    return person.name == rater and person.verified == bool(verified)


def require_analyst(person: Rater | None) -> Rater:
    """Return the person if they are an analyst; else raise CoreError with a message for display.

    person : freshly read from the store, because a role can be removed while a page is open.
    """
    if person is None:
        raise CoreError("You are no longer signed in, so nothing was changed. Reload the page.")
    if person.role != "analyst":
        raise CoreError(
            f"{person.name} is no longer an analyst, so nothing was changed. Ask an analyst to restore the role."
        )
    return person

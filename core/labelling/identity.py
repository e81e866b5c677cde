"""Who a person is: the name of a login, a name that somebody typed, and the role that goes with it.

A name that was typed proves nothing, so it counts as not verified. One spelling is one person: names are compared in
small letters and without Turkish marks.
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
    """The name of a person who is logged in: their verified address, else the provider's number for them.

    Parameters
    ----------
    claims : the claims of the identity token (OpenID Connect). An address that the provider does not call verified
        could be anybody's, so it is not used.
    trusted : also use an address about which the provider says nothing; never one that it calls unverified.
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
    """An address in the form that is stored and compared; None for one that could be taken for another address.

    Only A to Z become small letters. Invisible letters, blanks and letters that can be written in two ways are refused.
    """
    if not email or not _plain(email) or " " in email:
        return None
    return re.sub("[A-Z]+", lambda letters: letters[0].lower(), email)


def _plain(text: str) -> bool:
    """Whether a text is stored letter for letter: it has no invisible letter, no spare blank, one way to write it."""
    return text.isprintable() and unicodedata.normalize("NFC", text) == text == " ".join(text.split())


def kept_addresses(addresses: Iterable[object]) -> set[str]:
    """The usable addresses of a list, in the form that is stored and compared."""
    return {kept for address in addresses if (kept := kept_address(str(address))) is not None}


def sign_in_login(store: Store, claims: Mapping[str, Any], *, analysts: set[str], trusted: bool = False) -> Rater:
    """The person who is logged in; they are stored as a rater when they are new.

    analysts : addresses, from ``kept_addresses``. Whoever is listed is an analyst as long as they are listed; the
    store does not keep that role.  claims, trusted : as for ``login_name``.
    """
    name = login_name(claims, trusted=trusted)
    person = sign_in(store, name, verified=True)
    return Rater(person.name, True, "analyst") if name in analysts else person


@dataclass(frozen=True)
class TypedName:
    """A name that somebody typed.

    name : the spelling that is stored.  in_use : somebody has answered under it, so the person has to be asked whether
    that was them.  answers : how many of those answers count.
    """

    name: str
    in_use: bool = False
    answers: int = 0


def check_typed_name(store: Store, typed: str) -> TypedName:
    """The name that is meant. A spelling that differs only in case or Turkish marks is the name that is known already.

    Raises StoreError when it is no name, or the one that is kept for people without a name.
    """
    name = rater_name(typed)
    if nameless(name):
        raise StoreError("This name stands for people without a name, who count as one person. Choose another name.")
    raters = raters_table(store)
    same = raters[~raters["verified"] & raters["rater"].map(fold).eq(fold(name))]
    same = same.assign(exact=same["rater"].eq(name)).sort_values(["exact", "answers"], ascending=False)
    busy = same[(same["answers"] + same["skips"] + same["undone"]) > 0]
    if not busy.empty:
        first = busy.iloc[0]
        return TypedName(str(first["rater"]), in_use=True, answers=int(first["answers"] + first["skips"]))
    return TypedName(name if same.empty else str(same["rater"].iloc[0]))


def is_same_person(person: Rater, rater: str, verified: bool) -> bool:
    """Whether a stored name is this person's. A name with a login and the same name without one are two persons."""
    return person.name == rater and person.verified == bool(verified)


def require_analyst(person: Rater | None) -> Rater:
    """The person, if they are an analyst; else raises CoreError with a sentence for them.

    person : read from the store just now, because a role may be taken away while a page is open.
    """
    if person is None:
        raise CoreError("Nobody is known here any more, so nothing was done. Reload the page.")
    if person.role != "analyst":
        raise CoreError(
            f"{person.name} is no analyst any more, so nothing was done. Ask an analyst to give the role back."
        )
    return person

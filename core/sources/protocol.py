"""What a source of music offers: a list of its items, their sound, its licence, and a stamp for each item."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel, ValidationError

from core.errors import CoreError
from core.records import FoundFile

FACTS = (  # what can be known of an item; columns of the exported table
    *("title", "artist", "album", "year", "isrc", "duration_s"),
    *("makam", "usul", "performer", "address"),
)


class SourceError(CoreError):
    """The source cannot be read: its name, its key or its answer is wrong. Trying again does not help."""


class PauseError(CoreError):
    """The source asks for a pause, its quota is used up, or it does not answer. A later run goes on from here."""


@dataclass(frozen=True)
class Licence:
    """What may be done with the items of a source.

    Attributes
    ----------
    name : of the licence, stored with each item that names no other.
    note : what a person should know, in sentences.
    sound : sound may be fetched.
    days : days after which an item must be listed again or removed; None means no limit.
    """

    name: str
    note: str
    sound: bool = False
    days: int | None = None


@dataclass(frozen=True)
class Item:
    """One recording of a source.

    Attributes
    ----------
    id : names the item within its source.
    facts : what the source says, with keys from ``FACTS``; empty values are left out.
    stamp : text that changes when the item changes; by default it is made from the facts.
    licence : of this item; empty means the licence of the source.
    found : the file of the item, if the list already names it.
    """

    id: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    stamp: str = ""
    licence: str = ""
    found: FoundFile | None = None

    @property
    def known_stamp(self) -> str:
        """The stamp as it is stored: 64 characters."""
        text = self.stamp or json.dumps([dict(self.facts), self.licence], sort_keys=True)
        return hashlib.sha256(text.encode(errors="replace")).hexdigest()


@dataclass(frozen=True)
class Page:
    """A part of the list.

    after : where the next part begins; empty at the end.  left_out : entries without data.
    """

    items: Sequence[Item]
    after: str = ""
    left_out: int = 0


class Source(Protocol):
    """A source of music."""

    @property
    def name(self) -> str:
        """Name of the source, without passwords and keys; a person can type it."""

    @property
    def licence(self) -> Licence:
        """What may be done with the items."""

    @property
    def place(self) -> str:
        """Folder or address with the sound, for the list of places that pages may read; empty without sound."""

    def list(self, after: str = "") -> Iterator[Page]:
        """Yield the items in parts. after : from ``Page.after``, to go on there."""

    def fetch(self, item: Item) -> FoundFile | None:
        """Make the sound of an item readable, and return its file; None for an item without sound.

        A file that cannot be fetched is returned with its problem.
        """


_Form = TypeVar("_Form", bound=BaseModel)


def read_answer(form: type[_Form], answer: Any, who: str) -> _Form:
    """Read the answer of a web service. Raises SourceError when it does not have the known form."""
    try:
        return form.model_validate(answer)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the whole answer"
        raise SourceError(
            f"{who} answered in a form that this program does not know: {place} ({first['msg']}). Nothing of this "
            "answer was stored. The service has perhaps changed; look for a newer version of this program."
        ) from error


def pages(items: Iterable[Item], *, size: int = 500) -> Iterator[Page]:
    """Yield the items in parts, for a source whose list always begins at its first item."""
    waiting = iter(items)
    while part := list(islice(waiting, size)):
        yield Page(part)


def without_empty(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts that are known."""
    return {name: value for name, value in facts.items() if value not in ("", None)}

"""Which files are one recording: what people say comes first, then what the program measured.

A file is named by the hash of its content. Files with the same bytes have one name, so they are one from the start.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

Pair = tuple[str, str]


@dataclass(frozen=True)
class SameRecordings:
    """What people and the program say about pairs of files. Do not change it: all people share it.

    Attributes
    ----------
    words : what people say, newest first: one file, the other, and whether both are one recording.
    sure : pairs that the program is sure of.  apart : pairs that sound alike, but are two recordings by their
        fingerprints.
    """

    words: tuple[tuple[str, str, bool], ...] = ()
    sure: tuple[Pair, ...] = ()
    apart: tuple[Pair, ...] = ()
    _named: dict[str, str] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._named.update(self.with_links(()))

    def __bool__(self) -> bool:
        """Whether any two files are one recording."""
        return bool(self._named)

    def name(self, content: str) -> str:
        """The name of the recording of a file: the first name of its files, in alphabetical order."""
        return self._named.get(content, content)

    @property
    def named(self) -> Mapping[str, str]:
        """Recording of each file that shares its recording with another file."""
        return self._named

    def members(self, contents: Iterable[str]) -> set[str]:
        """These files, and all files of the same recordings."""
        given = set(contents)
        wanted = {self._named[content] for content in given if content in self._named}
        return given | {content for content, name in self._named.items() if name in wanted} if wanted else given

    def with_links(self, links: Iterable[Pair]) -> dict[str, str]:
        """Recording of each file of a group of two or more, with further links of less weight."""
        groups = _Groups()
        for one, other, same in self.words:
            (groups.join if same else groups.part)(one, other)
        for one, other in self.sure:
            groups.join(one, other)
        for one, other in self.apart:
            groups.part(one, other)
        for one, other in links:
            groups.join(one, other)
        return groups.named()


class _Groups:
    """Groups of files that grow by links. A link that would join two files that are apart is left out."""

    def __init__(self) -> None:
        self._group: dict[str, set[str]] = {}
        self._apart: dict[str, set[str]] = {}

    def join(self, one: str, other: str) -> None:
        """Make the groups of two files one, unless an earlier word keeps them apart."""
        a, b = self._group.get(one, {one}), self._group.get(other, {other})
        small, large = sorted((a, b), key=len)
        if a is b or one == other or any(not self._apart.get(name, set()).isdisjoint(large) for name in small):
            return
        large |= small
        for name in (*small, one, other):  # the others of the large group are in it already
            self._group[name] = large

    def part(self, one: str, other: str) -> None:
        """Remember that two files are two recordings, unless an earlier word made them one."""
        if other not in self._group.get(one, {one}):
            self._apart.setdefault(one, set()).add(other)
            self._apart.setdefault(other, set()).add(one)

    def named(self) -> dict[str, str]:
        """The first file of the group of each file."""
        groups = {id(group): group for group in self._group.values() if len(group) > 1}
        return {name: first for group in groups.values() for first in (min(group),) for name in group}

"""Recordings from MusicBrainz: titles, artists, dates and ISRCs. MusicBrainz has no sound."""

import re
from collections.abc import Iterator

from pydantic import BaseModel, Field

from core.records import FoundFile
from core.source_note import VERSION
from core.sources.protocol import Item, Licence, Page, SourceError, read_answer, without_empty
from core.sources.web import Web

BASE = "https://musicbrainz.org/ws/2"
KINDS = ("artist", "collection", "release", "work")
PER_PAGE = 100  # the most that MusicBrainz gives
GAP_S = 1.1  # it allows one question a second from an address
LICENCE = Licence(
    "CC0 1.0 (MusicBrainz core data)",
    "MusicBrainz gives titles, artists, dates and ISRCs, no sound. These data are free (CC0). "
    "It allows one question a second, so 1,000 recordings take about 11 s.",
)
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class _Credit(BaseModel):
    name: str
    joinphrase: str = ""


class _Recording(BaseModel):
    id: str
    title: str
    credits: list[_Credit] = Field(alias="artist-credit")
    length: int | None = None
    isrcs: list[str] = []
    released: str | None = Field(default=None, alias="first-release-date")


class _Answer(BaseModel):
    count: int = Field(alias="recording-count")
    recordings: list[_Recording]


class MusicBrainz:
    """The recordings of an artist, a collection, a release or a work.  contact : of the person who asks."""

    licence, place = LICENCE, ""

    def __init__(self, kind: str, mbid: str, *, contact: str, base: str = BASE, web: Web | None = None) -> None:
        if kind not in KINDS or not _ID.fullmatch(mbid):
            raise SourceError(
                f"MusicBrainz needs a kind ({', '.join(KINDS)}) and its id of 36 characters, for example "
                "musicbrainz:artist/5b11f4ce-a62d-471e-81fc-a69a8278c7da. The id is in the address of its page."
            )
        if not re.fullmatch(r"[\x21-\x7e]{3,200}", contact):
            raise SourceError(
                "MusicBrainz wants to know whom to write to. Set TME_MUSICBRAINZ_CONTACT to your e-mail address or to "
                "the address of your web page."
            )
        self.name, self._kind, self._mbid, self._base = f"musicbrainz:{kind}/{mbid}", kind, mbid, base
        self._web = web or Web("MusicBrainz", gap_s=GAP_S)
        self._web.set_header("User-Agent", f"TurkishMusicEmotion/{VERSION} ( {contact} )")
        self._web.set_header("Accept", "application/json")

    def list(self, after: str = "") -> Iterator[Page]:
        """Yield the recordings, 100 at a time."""
        offset = int(after or 0)
        more = True
        while more:
            asked = {self._kind: self._mbid, "inc": "artist-credits isrcs", "fmt": "json", "limit": PER_PAGE}
            answer = self._web.get(f"{self._base}/recording", {**asked, "offset": offset})
            page = read_answer(_Answer, answer, "MusicBrainz")
            offset += len(page.recordings)
            more = bool(page.recordings) and offset < page.count
            yield Page([_item(one) for one in page.recordings], str(offset) if more else "")

    def fetch(self, item: Item) -> FoundFile | None:
        """MusicBrainz has no sound."""
        return None


def _item(one: _Recording) -> Item:
    facts = {
        "title": one.title,
        "artist": "".join(credit.name + credit.joinphrase for credit in one.credits),
        "year": int(one.released[:4]) if one.released and one.released[:4].isdecimal() else None,
        "isrc": min(one.isrcs, default=""),
        "duration_s": one.length / 1000 if one.length else None,
        "address": f"https://musicbrainz.org/recording/{one.id}",
    }
    return Item(one.id, without_empty(facts))

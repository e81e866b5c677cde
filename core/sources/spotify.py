"""Titles, artists, albums and ISRCs from Spotify. Its sound and its audio features are not available to programs."""

import re
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from core.records import FoundFile
from core.sources.protocol import Item, Licence, Page, SourceError, read_answer, without_empty
from core.sources.web import Web

BASE = "https://api.spotify.com/v1"
LOGIN = "https://accounts.spotify.com/api/token"
KEYS = "TME_SPOTIFY_ID and TME_SPOTIFY_SECRET"
PER_ALBUM_PAGE, PER_SEARCH_PAGE = 50, 10  # a search gives at most 10 since February 2026
LAST_OFFSET = 1000  # of a search
LICENCE = Licence(
    "Spotify Developer Terms: metadata only",
    "Spotify gives titles, artists, albums and ISRCs, no sound. Its audio features are closed to new programs since "
    "27 November 2024. Its rules forbid to train models on its data, so these data never train a model here, and they "
    "are removed after 30 days without a new listing.",
    days=30,
)
REFUSED = (
    "A program in development mode needs an owner with Spotify Premium, and cannot read what belongs to other people. "
    "See docs/sources.md."
)
PLAYLIST = (
    "A playlist of Spotify can be read only with a login of the person who owns it, since February 2026. "
    "Use spotify:album/ID or spotify:search/WORDS, or export the playlist as a CSV file."
)


class _Artist(BaseModel):
    name: str


class _Album(BaseModel):
    name: str
    release_date: str = ""


class _Codes(BaseModel):
    isrc: str = ""


class _Track(BaseModel):
    id: str
    name: str
    artists: list[_Artist]
    duration_ms: int
    album: _Album | None = None
    external_ids: _Codes = _Codes()


class _Tracks(BaseModel):
    items: list[_Track]
    total: int


class _Found(BaseModel):
    tracks: _Tracks


class _Token(BaseModel):
    access_token: str


class Spotify:
    """The tracks of an album, or the first 1,000 that a search finds.  key, secret : of a program at Spotify."""

    licence, place = LICENCE, ""

    def __init__(
        self,
        kind: str,
        asked: str,
        *,
        key: str,
        secret: str,
        base: str = BASE,
        login: str = LOGIN,
        web: Web | None = None,
    ) -> None:
        if kind == "playlist":
            raise SourceError(PLAYLIST)
        good = kind == "search" and asked.strip() or kind == "album" and re.fullmatch(r"[0-9A-Za-z]{22}", asked)
        if not good:
            raise SourceError("Spotify needs spotify:album/ID, with the id of 22 characters, or spotify:search/WORDS.")
        if not key or not secret:
            raise SourceError(f"Spotify needs a key. Register a program at Spotify, and set {KEYS}.")
        self.name, self._kind, self._asked = f"spotify:{kind}/{asked}", kind, asked
        self._key, self._secret, self._base, self._login = key, secret, base, login
        self._web = web or Web("Spotify", key=KEYS, refused=REFUSED)

    def list(self, after: str = "") -> Iterator[Page]:
        """Yield the tracks, one page of Spotify at a time."""
        form = {"grant_type": "client_credentials"}
        token = read_answer(_Token, self._web.post(self._login, form, auth=(self._key, self._secret)), "Spotify")
        self._web.set_header("Authorization", f"Bearer {token.access_token}")
        offset, more = int(after or 0), True
        while more:
            page = self._page(offset)
            offset += len(page.items)
            more = bool(page.items) and offset < page.total and (self._kind == "album" or offset < LAST_OFFSET)
            yield Page([_item(track) for track in page.items], str(offset) if more else "")

    def _page(self, offset: int) -> _Tracks:
        if self._kind == "album":
            asked: dict[str, Any] = {"limit": PER_ALBUM_PAGE, "offset": offset}
            return read_answer(_Tracks, self._web.get(f"{self._base}/albums/{self._asked}/tracks", asked), "Spotify")
        asked = {"q": self._asked, "type": "track", "limit": PER_SEARCH_PAGE, "offset": offset}
        return read_answer(_Found, self._web.get(f"{self._base}/search", asked), "Spotify").tracks

    def fetch(self, item: Item) -> FoundFile | None:
        """Spotify gives no sound to programs."""
        return None


def _item(track: _Track) -> Item:
    released = track.album.release_date[:4] if track.album else ""
    facts = {
        "title": track.name,
        "artist": ", ".join(artist.name for artist in track.artists),
        "album": track.album.name if track.album else "",
        "year": int(released) if released.isdecimal() else None,
        "isrc": track.external_ids.isrc,
        "duration_s": track.duration_ms / 1000,
        "address": f"https://open.spotify.com/track/{track.id}",
    }
    return Item(track.id, without_empty(facts))

"""Titles and channels of the videos of a YouTube playlist. The sound of YouTube is not fetched."""

import re
from collections.abc import Iterator

from pydantic import BaseModel

from core.records import FoundFile
from core.sources.protocol import Item, Licence, Page, SourceError, read_answer, without_empty
from core.sources.web import Web

BASE = "https://www.googleapis.com/youtube/v3"
KEY = "TME_YOUTUBE_KEY"
PER_PAGE = 50  # the most that YouTube gives; one page costs 1 of 10,000 units a day
LICENCE = Licence(
    "YouTube API Services Terms: metadata only",
    "YouTube gives titles and channels. Its rules forbid to download sound, so no sound is fetched. Data that are "
    "30 days old must be asked for again or removed: this command does both, so run it every week.",
    days=30,
)
REFUSED = "The playlist is private, or the key may not use the YouTube Data API. Make the playlist public or unlisted."


class _Snippet(BaseModel):
    title: str
    videoOwnerChannelTitle: str = ""  # noqa: N815 - the name in the answer


class _Details(BaseModel):
    videoId: str  # noqa: N815
    videoPublishedAt: str = ""  # noqa: N815 - missing for a video that is private or deleted


class _Entry(BaseModel):
    snippet: _Snippet
    contentDetails: _Details  # noqa: N815


class _Answer(BaseModel):
    items: list[_Entry]
    nextPageToken: str = ""  # noqa: N815


class YouTube:
    """The videos of a playlist.  key : of a project at Google with the YouTube Data API."""

    licence, place = LICENCE, ""

    def __init__(self, kind: str, playlist: str, *, key: str, base: str = BASE, web: Web | None = None) -> None:
        if kind != "playlist" or not re.fullmatch(r"[0-9A-Za-z_-]{10,100}", playlist):
            raise SourceError(
                "YouTube needs youtube:playlist/ID. The id is in the address of the playlist, after list=."
            )
        if not key:
            raise SourceError(f"YouTube needs a key for its Data API. Make one in Google Cloud, and set {KEY}.")
        self.name, self._playlist, self._base = f"youtube:playlist/{playlist}", playlist, base
        self._web = web or Web("YouTube", key=KEY, refused=REFUSED)
        self._web.set_header("X-Goog-Api-Key", key)  # in a header, so that no log holds it

    def list(self, after: str = "") -> Iterator[Page]:
        """Yield the videos, 50 at a time, without those that are private or deleted."""
        token, more = after, True
        while more:
            asked = {"part": "snippet,contentDetails", "playlistId": self._playlist, "maxResults": PER_PAGE}
            answer = self._web.get(f"{self._base}/playlistItems", {**asked, **({"pageToken": token} if token else {})})
            page = read_answer(_Answer, answer, "YouTube")
            token = page.nextPageToken
            more = bool(token)
            items = [_item(entry) for entry in page.items if entry.contentDetails.videoPublishedAt]
            yield Page(items, token, left_out=len(page.items) - len(items))

    def fetch(self, item: Item) -> FoundFile | None:
        """The rules of YouTube forbid to download sound."""
        return None


def _item(entry: _Entry) -> Item:
    facts = {
        "title": entry.snippet.title,
        "artist": entry.snippet.videoOwnerChannelTitle.removesuffix(" - Topic"),
        "address": f"https://www.youtube.com/watch?v={entry.contentDetails.videoId}",
    }
    return Item(entry.contentDetails.videoId, without_empty(facts))

"""From the name of a source, as a person types it, to the source."""

import os
from pathlib import Path

from core.library.addresses import is_local
from core.library.places import safe_name
from core.settings import Settings
from core.sources.downloads import Downloads
from core.sources.folders import Folder
from core.sources.musicbrainz import BASE, MusicBrainz
from core.sources.protocol import Source, SourceError
from core.sources.spotify import Spotify
from core.sources.track_lists import TrackList
from core.sources.youtube import YouTube

EXAMPLES = (
    "a folder, s3://bucket/music, https://server/music/, tracks.csv, musicbrainz:artist/ID, spotify:album/ID, "
    "spotify:search/WORDS, youtube:playlist/ID"
)


def find_source(name: str, settings: Settings, *, max_mb: float) -> Source:
    """Return the source of a name.

    Parameters
    ----------
    name
        See ``EXAMPLES``.
    max_mb
        Size limit of a file that is fetched, in MB.

    Raises
    ------
    SourceError
        When there is no such source, or a setting with its key is missing.
    """
    service, colon, asked = name.partition(":")
    kind, slash, what = asked.partition("/")
    if colon and service in ("musicbrainz", "spotify", "youtube"):
        if service == "musicbrainz":
            base = settings.musicbrainz_url.rstrip("/") or BASE
            return MusicBrainz(kind, what.lower(), contact=settings.musicbrainz_contact, base=base)
        if service == "spotify":
            return Spotify(kind, what, key=settings.spotify_id, secret=settings.spotify_secret)
        return YouTube(kind, what, key=settings.youtube_key)
    if name.lower().endswith(".csv") and is_local(name):
        path = Folder(name).place
        downloads = Downloads(
            settings.sources_dir / safe_name(path.rsplit("/", 1)[-1][:-4]),
            hosts=settings.source_hosts.split(","),
            max_mb=max_mb,
        )
        return TrackList(Path(path), downloads=downloads)
    if colon and "://" not in name and not os.path.exists(name):
        raise SourceError(f"{name[:80]!r} is not a known source. Give one of: {EXAMPLES}.")
    return Folder(name)

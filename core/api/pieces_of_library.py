"""The library as a caller sees it: the pieces with the moods that count for them, and which pieces sound the same."""

import threading
import time
from dataclasses import dataclass

import pandas as pd

from core.access import Action
from core.allowed_places import allowed_places
from core.labelling.whose_word import agreed_words, no_words, own_words, winning_moods
from core.locations import present_path
from core.models.policy import Policy
from core.pipeline.serving import Served
from core.playlists.kept_pieces import library_pieces
from core.playlists.never import mark_never
from core.playlists.pieces import add_places
from core.playlists.sound import recordings
from core.playlists.words import with_words
from core.settings import Settings
from core.store import Store, features_table, library_cache_key, never_table
from core.store import same_recordings as stored_same_recordings

FRESH_S = 60.0  # a corrected title is seen after this time at the latest


@dataclass(frozen=True, eq=False)
class LibraryPieces:
    """The pieces that a caller may see.

    every : all pieces, with the moods that count.  clips : clip_id and content_hash of the scored parts.
    """

    every: pd.DataFrame
    clips: pd.DataFrame

    @property
    def present(self) -> pd.DataFrame:
        """The pieces whose file exists."""
        return self.every[self.every["there"]]


@dataclass(frozen=True, eq=False)
class _Stored:
    """The library as it is stored: pieces, scored parts, and all known places of the files."""

    pieces: pd.DataFrame
    clips: pd.DataFrame
    places: pd.DataFrame


class LibraryReader:
    """Reads the library for callers.

    What is the same for all of them is read once, until a run ends or a minute is over. What people say, and which
    files exist, is read for each request.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: tuple[object, float, _Stored | None] | None = None  # with the time of reading

    def read(self, store: Store, served: Served, settings: Settings) -> LibraryPieces | None:
        """Return the pieces as this caller sees them; None when nothing of a library was scored."""
        stored = self._stored(store, served, settings)
        if stored is None:
            return None
        pieces, places = stored.pieces, stored.places
        allowed = allowed_places(settings)
        if allowed.roots is not None:
            places = allowed.allowed_rows(places)
            pieces = pieces[pieces.index.isin(set(places["content_hash"]))]
        if pieces.empty:
            return None
        every = add_places(pieces, places)
        agreed = agreed_words(store) if store.by.may(Action.SEE_LIBRARY) else no_words()
        won = winning_moods(every["guess"], agreed, own_words(store))
        every = mark_never(with_words(every, won), never_table(store), places)
        return LibraryPieces(every, stored.clips)

    def _stored(self, store: Store, served: Served, settings: Settings) -> _Stored | None:
        version, policy = served.model.version, served.policy
        key = (*library_cache_key(store), version, policy.to_json())
        with self._lock:
            known, moment = self._known, time.monotonic()
            if known is None or known[0] != key or moment - known[1] > FRESH_S:
                known = self._known = key, moment, _read(store, version, policy, settings)
            return known[2]


def _read(store: Store, version: str, policy: Policy, settings: Settings) -> _Stored | None:
    kept = library_pieces(store, settings, model_version=version, policy=policy)
    if kept.pieces.empty:
        return None
    places = kept.places.assign(path=[present_path(path, settings) for path in kept.places["path"].tolist()])
    return _Stored(kept.pieces, kept.parts, places)


def same_recordings(library: LibraryPieces, served: Served, store: Store) -> pd.Series:
    """Return the recording of each measured piece; pieces of one recording sound the same."""
    extractors = library.every["extractor"].mode()
    ids = list(library.clips["clip_id"])
    known = features_table(store, str(extractors.iloc[0]), clip_ids=ids)
    return recordings(library.clips, known, served.reference, stored_same_recordings(store))

"""The library as a caller sees it: the pieces with the moods that count for them, and which pieces sound the same."""

from dataclasses import dataclass

import pandas as pd

from core.access import Action
from core.allowed_places import allowed_places
from core.labelling.whose_word import agreed_words, no_words, own_words, winning_moods
from core.locations import present_path
from core.pipeline.serving import Served
from core.playlists.never import mark_never
from core.playlists.pieces import MOST_PARTS, add_places, pieces_table
from core.playlists.sound import recordings
from core.playlists.words import with_words
from core.settings import Settings
from core.store import Store, features_table, library_places, library_table, never_table


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


def read_pieces(store: Store, served: Served, settings: Settings) -> LibraryPieces | None:
    """Return the pieces of the library; None when nothing of a library was scored."""
    version = served.model.version
    parts = library_table(
        store, model_version=version, policy=served.policy, sort="file_name", descending=False, limit=MOST_PARTS
    )
    if parts.empty:
        return None
    pieces = pieces_table(parts, model_version=version)
    places = library_places(store, list(pieces.index))
    places = places.assign(path=[present_path(path, settings) for path in places["path"]])
    allowed = allowed_places(settings)
    if allowed.roots is not None:
        places = places[[allowed.allow(path) for path in places["path"]]]
        pieces = pieces[pieces.index.isin(set(places["content_hash"]))]
    if pieces.empty:
        return None
    every = add_places(pieces, places)
    agreed = agreed_words(store) if store.by.may(Action.SEE_LIBRARY) else no_words()
    won = winning_moods(every["guess"], agreed, own_words(store))
    every = mark_never(with_words(every, won), never_table(store), places)
    return LibraryPieces(every, parts[["clip_id", "content_hash"]])


def same_recordings(library: LibraryPieces, served: Served, store: Store) -> pd.Series:
    """Return the recording of each measured piece; pieces of one recording sound the same."""
    extractors = library.every["extractor"].mode()
    ids = list(library.clips["clip_id"])
    known = features_table(store, str(extractors.iloc[0]), clip_ids=ids)
    return recordings(library.clips, known, served.reference)

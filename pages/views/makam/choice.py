"""The choice of a recording on the Makam page: a piece of the library, or an uploaded file."""

from dataclasses import dataclass

import pandas as pd
import streamlit as st

from core.access import Action
from core.audio import decoding, formats
from core.audio.decoding import Source
from core.errors import CoreError
from core.playlists.pieces import stored_pieces
from core.playlists.playback import whole_file
from core.settings import Settings
from core.store import Store, first_content, library_cache_key
from pages.shared import cached, messages, uploads
from pages.shared.policy import active

PLACES = {"upload": "Upload a file", "library": "A piece of the library"}
HEAR = "hear"  # in the address of a link: the piece, by the hash of its content
MOST_NAMES = 20_000  # pieces in the selection box


@dataclass(frozen=True, eq=False)
class Recording:
    """A recording that a person chose.

    source : its file.  content : name under which a corrected karar is stored.  piece : row of the library, or None.
    """

    source: Source
    content: str
    piece: pd.Series | None = None

    @property
    def label(self) -> str:
        """Title and artist of a piece, or the name of the file."""
        if self.piece is None:
            return self.source.name
        return " — ".join(filter(None, (str(self.piece["title"]), str(self.piece["artist"]))))


@st.cache_resource(show_spinner="Reading the library …", max_entries=4, ttl=600)
def _pieces(key: tuple[object, ...], url: str, version: str, policy: str, _store: Store) -> pd.DataFrame:
    served = cached.champion()
    return stored_pieces(_store, model_version=version, policy=active(served.policies))


def library(store: Store) -> pd.DataFrame:
    """Return the pieces whose files are there. All sessions share this table: do not change it."""
    served = cached.champion()
    policy = active(served.policies)
    table = _pieces(library_cache_key(store), store.url, served.model.version, policy.to_json(), store)
    return table[table["there"]]


def names_of(pieces: pd.DataFrame) -> dict[str, str]:
    """Unique name of each piece."""
    names = [" — ".join(filter(None, pair)) for pair in zip(pieces["title"], pieces["artist"], strict=True)]
    twice = pd.Series(names, pieces.index).duplicated(keep=False)
    return {p: f"{n} ({p[:6]})" if twice[p] else n for p, n in zip(pieces.index, names, strict=True)}


def with_file_names(pieces: pd.DataFrame) -> dict[str, str]:
    """Unique name of each piece with the name of its file, so that a box finds the piece by both."""
    files = pieces["file_name"].astype(str)
    return {
        p: name if name.startswith(file.rpartition(".")[0] or file) else f"{name} · {file}"
        for (p, name), file in zip(names_of(pieces).items(), files, strict=True)
    }


def choose_recording(store: Store | None) -> Recording | None:
    """Ask for a recording; None until one is chosen. Shows an error and stops the page if it cannot be read."""
    sees = store is not None and store.by.may(Action.SEE_LIBRARY)
    if not sees or store is None:
        return _uploaded(store)
    linked = _take_piece_of_link(store)
    place = st.segmented_control(
        "Where is the recording?",
        list(PLACES),
        format_func=PLACES.__getitem__,
        default="library" if linked or "piece" in st.query_params else "upload",
        required=True,
        key="place",
        bind="query-params",
    )
    return _uploaded(store) if place == "upload" else _of_library(store)


def _take_piece_of_link(store: Store) -> bool:
    """Choose the piece that a link names, unless it is not in the library. Returns whether there was a link."""
    asked = st.query_params.get(HEAR)
    if asked is None:
        return False
    del st.query_params[HEAR]  # from here on, the selection box writes the piece into the address
    if asked in library(store).index:
        st.session_state["piece"] = asked
    else:
        st.info("The piece of this link is not in the library.", icon=":material/link_off:")
    return True


def _uploaded(store: Store | None) -> Recording | None:
    limit = Settings().max_upload_mb
    file = uploads.file_field(
        f"A recording ({formats.common_names()})",
        key="makam_file",
        largest_mb=limit,
        way_out=decoding.TOO_LARGE,
        help="A whole piece tells much more than a part of it. Neither the audio nor its name is stored.",
    )
    if file is None:
        return None
    try:
        source = decoding.inspect(file.getvalue(), file.name, max_mb=limit)
    except CoreError as error:
        messages.problem(error)
        st.stop()
    tagged = store is not None and store.by.may(Action.LABEL)  # a mood tag changes the bytes, not the piece
    return Recording(source, first_content(store, source.digest) if store is not None and tagged else source.digest)


def _of_library(store: Store) -> Recording | None:
    pieces = library(store)
    if pieces.empty:
        st.info("The library is empty. Score a folder on the page Library first.", icon=":material/library_music:")
        return None
    names = with_file_names(pieces)
    asked = st.query_params.get("piece")
    if asked and st.session_state.get("piece") is None and asked not in (*pieces.index, *names.values()):
        st.info(f"This piece was not found: {messages.literal(asked)}. Choose one below.", icon=":material/search_off:")
    if st.session_state.get("piece") not in (None, *pieces.index):
        st.session_state["piece"] = None
    piece_id = st.selectbox(
        "Piece",
        list(pieces.index[:MOST_NAMES]),
        index=None,
        format_func=lambda p: names.get(p, ""),
        key="piece",
        bind="query-params",
        placeholder="Type a title, an artist or the name of a file",
    )
    return None if piece_id is None else open_piece(store, pieces.loc[piece_id])


def open_piece(store: Store, piece: pd.Series) -> Recording | None:
    """Open the file of a piece; None with an error on the page if it cannot be read."""
    settings = Settings()
    try:
        data = whole_file(str(piece["path"]), str(piece.name), settings, store)
        source = decoding.inspect(data, str(piece["file_name"]), max_mb=settings.max_upload_mb)
    except CoreError as error:
        messages.problem(error)
        return None
    return Recording(source, str(piece.name), piece)

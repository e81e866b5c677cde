"""What the pages about moods share: the filter, the chosen piece with its player, the sound of the library."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import streamlit as st

from core import wording
from core.errors import CoreError
from core.features import EXTRACTOR
from core.file_names import REFERENCE
from core.models import description
from core.models.reference import Reference, read_reference
from core.playlists import files
from core.playlists.pieces import STANDINGS
from core.playlists.selection import Filter, filter_pieces
from core.playlists.sound import recordings as find_recordings
from core.playlists.sound import sound_table
from core.schema import EMOTIONS
from core.settings import Settings
from core.store import Store, features_table
from pages.shared import cached, messages
from pages.views.library.pieces import Library

# --- the filter ------------------------------------------------------------------------------------------------------


def filter_fields(library: Library, table: pd.DataFrame, *, moods_too: bool = True) -> tuple[pd.DataFrame, Filter]:
    """The pieces that the filter lets through, maybe none, and the filter.

    table : pieces of the library.  moods_too : also by emotion, confidence and decision.
    """
    with st.expander("Filter", icon=":material/filter_alt:"):
        words = st.text_input(
            "Words",
            key="words",
            bind="query-params",
            placeholder="title, artist, performer, album, makam or file",
            help="Pieces that hold every one of these words, in any case, with or without Turkish letters.",
        )
        given: dict[str, object] = {"search": words or ""}
        if moods_too:
            given |= _by_mood()
        left, right = st.columns(2)
        with left:
            given |= {name: _range(table, name) for name in RANGES}
        with right:
            given |= {f"{name}s": _one_of(library, name) for name in ("artist", "album", "genre", "makam")}
    wanted = Filter(**given)  # type: ignore[arg-type]
    pieces = filter_pieces(table, wanted, text=library.loaded.text if wanted.search else None)
    if len(pieces) < len(table):
        st.caption(f":material/filter_alt: Filtered: {len(pieces)} of {len(table)} pieces.")
    return pieces, wanted


def _by_mood() -> dict[str, object]:
    emotions = st.pills(
        "Emotions",
        EMOTIONS,
        selection_mode="multi",
        default=EMOTIONS,
        format_func=wording.with_sign,
        key="emotions",
        bind="query-params",
        help="What the model finds strongest.",
    )
    standings = st.pills(
        "Decision",
        STANDINGS,
        selection_mode="multi",
        default=STANDINGS,
        key="standings",
        bind="query-params",
        help="By the policy in force. Between two: two moods that are neighbours, such as relax and sad. Needs "
        "review: a person has to listen.",
    )
    confidence = st.slider("Confidence, at least", 0, 100, 0, 5, format="%d %%", key="confidence", bind="query-params")
    return {"emotions": tuple(emotions), "standings": tuple(standings), "confidence": confidence / 100}


RANGES = {
    "tempo": ("Tempo (bpm)", 5),
    "lufs": ("Loudness (LUFS)", 1),
    "year": ("Year", 1),
    "duration_s": ("Length (s)", 10),
}


def _range(table: pd.DataFrame, name: str) -> tuple[float, float] | None:
    """A range of a number; None = also where it is not known."""
    label, step = RANGES[name]
    known = table[name].dropna().astype(float)
    if known.empty or known.min() == known.max():
        return None
    low, high = int(known.min() // step * step), int(-(-known.max() // step) * step)
    chosen = st.slider(label, low, high, (low, high), step, key=f"range_{name}", bind="query-params")
    return None if chosen == (low, high) else (float(chosen[0]), float(chosen[1]))


def _one_of(library: Library, name: str) -> tuple[str, ...]:
    names = library.loaded.choices[name]
    if not names:
        return ()
    return tuple(st.multiselect(name.capitalize(), names, key=f"in_{name}", bind="query-params", placeholder="Any"))


# --- sound -----------------------------------------------------------------------------------------------------------


def reference() -> Reference:
    """Summary of the training music of the model in use; the page ends with a sentence where there is none."""
    try:
        model = description.describe_model_in_use(Settings())
        return _reference(str(model.folder / REFERENCE), model.version)
    except CoreError as error:
        messages.problem(error)
        st.stop()


@st.cache_resource(show_spinner=False, max_entries=2)
def _reference(path: str, version: str) -> Reference:
    return read_reference(Path(path))


@st.cache_resource(show_spinner="Reading the features …", max_entries=1, ttl=600)
def _features(key: tuple[object, ...], _clips: pd.DataFrame, _store: Store) -> pd.DataFrame:
    return features_table(_store, EXTRACTOR, clip_ids=list(_clips["clip_id"]))


@st.cache_resource(show_spinner="Comparing the sound of the pieces …", max_entries=2, ttl=600)
def _sound(key: tuple[object, ...], version: str, _library: Library, _known: Reference) -> pd.DataFrame:
    store = cached.store()
    if store is None:
        return pd.DataFrame()
    return sound_table(_library.loaded.clips, _features(_library.key, _library.loaded.clips, store), _known)


def sound(library: Library) -> tuple[pd.DataFrame, Reference]:
    """The sound of each piece, see `moods.sound`, and what it is measured against."""
    known = reference()
    return _sound(library.key, description.describe_model_in_use(Settings()).version, library, known), known


@st.cache_resource(show_spinner="Looking for recordings that are there twice …", max_entries=2, ttl=600)
def _recordings(key: tuple[object, ...], version: str, _library: Library, _known: Reference) -> pd.Series:
    store = cached.store()
    if store is None:
        return pd.Series(dtype=str)
    return find_recordings(_library.loaded.clips, _features(_library.key, _library.loaded.clips, store), _known)


def recordings(library: Library) -> pd.Series:
    """Which pieces are one recording, see `moods.recordings`."""
    known = reference()
    return _recordings(library.key, description.describe_model_in_use(Settings()).version, library, known)


# --- to take along ---------------------------------------------------------------------------------------------------


def download_csv(make: Callable[[], pd.DataFrame], name: str) -> None:
    """A CSV download that is made when it is asked for, with the mark by which spreadsheets know Turkish letters.

    make : gives the table.  name : file name without ending, naming data and model.
    """
    st.download_button(
        "Download CSV",
        lambda: files.table_file(make()),
        file_name=f"{name}.csv",
        mime="text/csv",
        icon=":material/download:",
        key=f"download_{name}",
        on_click="ignore",
    )

"""Parts that the Moods and Playlists pages share: the filter, the sound of the pieces, and a CSV download."""

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
from core.playlists.kept_pieces import alike_by_sound
from core.playlists.pieces import STANDINGS
from core.playlists.selection import Ends, Filter, filter_pieces, open_ends, within_bounds
from core.playlists.sound import recordings_of, sound_table
from core.schema import EMOTIONS
from core.settings import Settings
from core.spreadsheets import csv_for_people
from core.store import Store, features_table, same_key, same_recordings
from pages.shared import cached, entering, messages, show
from pages.views.library.pieces import KEPT_S, Library

# --- the filter ------------------------------------------------------------------------------------------------------


def filter_fields(library: Library, table: pd.DataFrame, *, moods_too: bool = True) -> tuple[pd.DataFrame, Filter]:
    """Show the filter; return the matching pieces (may be empty) and the filter.

    table : pieces of the library.  moods_too : also filter by emotion, confidence and decision.
    """
    with st.expander("Filter", icon=":material/filter_alt:"):
        words = st.text_input(
            "Words",
            key="words",
            bind="query-params",
            max_chars=entering.LONGEST,
            placeholder="title, artist, performer, album, makam or file",
            help="Finds pieces that contain all of these words. Capital letters and Turkish letters make no "
            "difference.",
        )
        given: dict[str, object] = {"search": words or ""}
        if moods_too:
            given |= _by_mood()
        left, right = st.columns(2)
        with left:
            given |= {name: _range(table, name) for name in RANGES}
        with right:
            given |= {f"{name}s": _one_of(library, name) for name in NAMES}
    wanted = Filter(**given)  # type: ignore[arg-type]
    pieces = filter_pieces(table, wanted, text=library.loaded.text if wanted.search else None)
    if len(pieces) < len(table):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f":material/filter_alt: Filtered: {len(pieces)} of {len(table)} pieces.", width="content")
            st.button(
                "Clear filters", key="clear_filters", type="tertiary", icon=":material/filter_alt_off:", on_click=_clear
            )
    return pieces, wanted


def _clear() -> None:
    """Set all fields of the filter to their defaults, also those that came with the address."""
    defaults: dict[str, object] = {"words": "", "confidence": 0}
    defaults |= {"emotions": list(EMOTIONS), "standings": list(STANDINGS)}
    defaults |= {f"in_{name}": [] for name in NAMES}
    for key, value in defaults.items():
        if key in st.session_state:
            st.session_state[key] = value
    for name in RANGES:
        st.query_params.pop(f"range_{name}", None)


def _by_mood() -> dict[str, object]:
    emotions = st.pills(
        "Emotions",
        EMOTIONS,
        selection_mode="multi",
        default=EMOTIONS,
        format_func=wording.with_sign,
        key="emotions",
        bind="query-params",
        help="The mood that counts: your word, else what people agree on, else the model's.",
    )
    standings = st.pills(
        "Decision",
        STANDINGS,
        selection_mode="multi",
        default=STANDINGS,
        key="standings",
        bind="query-params",
        help="Decision of the policy in use. Accepted: also pieces whose mood a person named. Between two: two similar "
        "moods, such as relax and sad. Needs review: a person has to listen.",
    )
    confidence = st.slider("Confidence, at least", 0, 100, 0, 5, format="%d %%", key="confidence", bind="query-params")
    return {"emotions": tuple(emotions), "standings": tuple(standings), "confidence": confidence / 100}


NAMES = ("artist", "album", "genre", "makam")
RANGES = {
    "tempo": ("Tempo (bpm)", 5),
    "lufs": ("Loudness (LUFS)", 1),
    "year": ("Year", 1),
    "duration_s": ("Length (s)", 10),
}


def _range(table: pd.DataFrame, name: str) -> tuple[float, float] | None:
    """Ask for the range of a number; None means any value, also unknown.

    The address has only the ends that a person set. The other ends follow the library, so that a new piece which is
    longer or faster than all others is not hidden.
    """
    label, step = RANGES[name]
    known = table[name].dropna().astype(float)
    if known.empty or known.min() == known.max():
        return None
    key, bounds = f"range_{name}", (int(known.min() // step * step), int(-(-known.max() // step) * step))
    ends = entering.ends(st.query_params.get_all(key))
    low, high = within_bounds(ends, bounds)
    st.session_state[key] = (int(low), int(high))
    st.slider(label, *bounds, step=step, key=key, on_change=_set_range, args=(key, bounds))
    return None if (low, high) == bounds else (float(low), float(high))


def _set_range(key: str, bounds: tuple[int, int]) -> None:
    """Write the ends that the person set into the address."""
    ends: Ends = open_ends(st.session_state[key], bounds)
    if ends == (None, None):
        st.query_params.pop(key, None)
    else:
        st.query_params[key] = ["" if end is None else f"{end:g}" for end in ends]


def _one_of(library: Library, name: str) -> tuple[str, ...]:
    names = library.loaded.choices[name]
    if not names:
        return ()
    return tuple(st.multiselect(name.capitalize(), names, key=f"in_{name}", bind="query-params", placeholder="Any"))


# --- sound -----------------------------------------------------------------------------------------------------------


def reference() -> Reference:
    """Summary of the training music of the model in use. Without a model, shows an error and stops the page."""
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
    """Sound of each piece, see `core.playlists.sound`, and the summary of the training music."""
    known = reference()
    return _sound(library.key, description.describe_model_in_use(Settings()).version, library, known), known


@st.cache_resource(show_spinner=False, max_entries=2, ttl=KEPT_S)
def _recordings(
    key: tuple[object, ...], version: str, _library: Library, _known: Reference, _store: Store
) -> pd.Series:
    given = (_store, Settings(), _library.loaded.clips, _known)
    alike = alike_by_sound(*given, model_version=version, policy=_library.policy)
    return recordings_of(alike, same_recordings(_store))


def recordings_in(store: Store, library: Library, known: Reference) -> pd.Series:
    """Recording of each piece, see ``recordings``. known : summary of the training music of the model in use."""
    key = (*library.key, *same_key(store))
    return _recordings(key, description.describe_model_in_use(Settings()).version, library, known, store)


def recordings(library: Library) -> pd.Series:
    """Recording of each piece, see `core.playlists.sound.recordings_of`; duplicates share one."""
    known, store = reference(), cached.store()
    if store is None:
        return pd.Series(dtype=str)
    with st.spinner("Looking for duplicate recordings …"):
        return recordings_in(store, library, known)


# --- download --------------------------------------------------------------------------------------------------------


def download_csv(make: Callable[[], pd.DataFrame], name: str) -> None:
    """Offer a CSV download, created on click, with a byte order mark so that spreadsheets show Turkish letters.

    make : returns the table.  name : file name without ending, with data and model in it.
    """
    first = show.comments(name)
    st.download_button(
        "Download CSV",
        lambda: csv_for_people(make(), index=False, comments=first),
        file_name=f"{name}.csv",
        mime="text/csv",
        icon=":material/download:",
        key=f"download_{name}",
        on_click="ignore",
    )

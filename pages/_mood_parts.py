"""What the pages about moods share: the filter, the chosen piece with its player, the sound of the library."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import streamlit as st

from core import clips, in_use, monitor, moods, playlist_files, plots
from core import store as db
from core.errors import CoreError
from core.features import EXTRACTOR
from core.file_names import REFERENCE
from core.moods import Filter
from core.schema import EMOTIONS
from core.settings import Settings
from core.store import Store
from core.wording import clock, percent
from pages import _shared
from pages._mood_library import Library

WHOLE = (".wav", ".flac", ".ogg", ".oga", ".mp3")  # what browsers play as it is
AUTOPLAY = "mood_autoplay"  # in the session: a piece was clicked, and is to be heard at once


# --- the filter ------------------------------------------------------------------------------------------------------


def filtered(found: Library, table: pd.DataFrame, *, moods_too: bool = True) -> tuple[pd.DataFrame, Filter]:
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
            given |= {f"{name}s": _one_of(found, name) for name in ("artist", "album", "genre", "makam")}
    wanted = Filter(**given)  # type: ignore[arg-type]
    kept = moods.pick(table, wanted, text=found.loaded.text if wanted.search else None)
    if len(kept) < len(table):
        st.caption(f":material/filter_alt: Filtered: {len(kept)} of {len(table)} pieces.")
    return kept, wanted


def _by_mood() -> dict[str, object]:
    emotions = st.pills(
        "Emotions",
        EMOTIONS,
        selection_mode="multi",
        default=EMOTIONS,
        format_func=plots.words,
        key="emotions",
        bind="query-params",
        help="What the model finds strongest.",
    )
    standings = st.pills(
        "Decision",
        moods.STANDINGS,
        selection_mode="multi",
        default=moods.STANDINGS,
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


def _one_of(found: Library, name: str) -> tuple[str, ...]:
    names = found.loaded.choices[name]
    if not names:
        return ()
    return tuple(st.multiselect(name.capitalize(), names, key=f"in_{name}", bind="query-params", placeholder="Any"))


# --- one piece -------------------------------------------------------------------------------------------------------


def hear(row: pd.Series, *, autoplay: bool = False) -> None:
    """The one player of the page: the part that the model heard, or the whole file, if it is the one that was scored.

    row : of a piece; its name is the hash of the file's content.
    """
    path, start = str(row["path"]), float(row["start_s"])
    on_disk = path.lower().endswith(WHOLE) and playlist_files.there(path)
    if on_disk and st.toggle(
        "Whole piece", key="whole", help=f"Otherwise the {row['length_s']:.0f} s that the model heard."
    ):
        if _is_of(path, str(row.name)):
            st.audio(path, start_time=int(start), autoplay=autoplay, alt=f"Player: {row['title']}, whole piece")
        else:
            st.caption(":material/volume_off: The file has changed since it was scored. Score the library again.")
        return
    try:
        data = _excerpt(str(row["clip_id"]), path, start, float(row["length_s"]), Settings())
    except CoreError as error:
        st.caption(f":material/volume_off: {_shared.literal(str(error))}")
        return
    st.audio(data, format="audio/flac", autoplay=autoplay, alt=f"Player: {row['title']}, the part that was scored")


def _is_of(path: str, content: str) -> bool:
    """Whether the file has the content that was scored."""
    try:
        here = Path(path).stat()
        return _content(path, here.st_size, here.st_mtime_ns) == content
    except OSError:
        return False


@st.cache_data(show_spinner=False, max_entries=100)
def _content(path: str, size: int, stamp: int) -> str:
    return playlist_files.content(path)


@st.cache_data(show_spinner=False, max_entries=12)
def _excerpt(clip_id: str, path: str, start_s: float, length_s: float, settings: Settings) -> bytes:
    return clips.load_audio(clip_id, path or None, start_s=start_s, duration_s=length_s, settings=settings).data


def told(row: pd.Series) -> str:
    """A piece in one line of Markdown."""
    tempo = "tempo not known" if pd.isna(row["tempo"]) else f"{row['tempo']:.0f} bpm"
    loud = "loudness not known" if pd.isna(row["lufs"]) else f"{row['lufs']:.1f} LUFS"
    return (
        f"{plots.words(row['guess'])} {percent(row['confidence'])}, {row['standing']}; {tempo}, {loud}, "
        f"{clock(row['duration_s'])}"
    )


# --- sound -----------------------------------------------------------------------------------------------------------


def reference() -> monitor.Reference:
    """Summary of the training music of the model in use; the page ends with a sentence where there is none."""
    try:
        model = in_use.in_use(Settings())
        return _reference(str(model.folder / REFERENCE), model.version)
    except CoreError as error:
        _shared.problem(error)
        st.stop()


@st.cache_resource(show_spinner=False, max_entries=2)
def _reference(path: str, version: str) -> monitor.Reference:
    return monitor.read_reference(Path(path))


@st.cache_resource(show_spinner="Reading the features …", max_entries=1, ttl=600)
def _features(key: tuple[object, ...], _clips: pd.DataFrame, _kept: Store) -> pd.DataFrame:
    return db.features_table(_kept, EXTRACTOR, clip_ids=list(_clips["clip_id"]))


@st.cache_resource(show_spinner="Comparing the sound of the pieces …", max_entries=2, ttl=600)
def _sound(key: tuple[object, ...], version: str, _found: Library, _known: monitor.Reference) -> pd.DataFrame:
    kept = _shared.store()
    if kept is None:
        return pd.DataFrame()
    return moods.sound(_found.loaded.clips, _features(_found.key, _found.loaded.clips, kept), _known)


def sound(found: Library) -> tuple[pd.DataFrame, monitor.Reference]:
    """The sound of each piece, see `moods.sound`, and what it is measured against."""
    known = reference()
    return _sound(found.key, in_use.in_use(Settings()).version, found, known), known


@st.cache_resource(show_spinner="Looking for recordings that are there twice …", max_entries=2, ttl=600)
def _recordings(key: tuple[object, ...], version: str, _found: Library, _known: monitor.Reference) -> pd.Series:
    kept = _shared.store()
    if kept is None:
        return pd.Series(dtype=str)
    return moods.recordings(_found.loaded.clips, _features(_found.key, _found.loaded.clips, kept), _known)


def recordings(found: Library) -> pd.Series:
    """Which pieces are one recording, see `moods.recordings`."""
    known = reference()
    return _recordings(found.key, in_use.in_use(Settings()).version, found, known)


# --- to take along ---------------------------------------------------------------------------------------------------


def take(make: Callable[[], pd.DataFrame], name: str) -> None:
    """A CSV download that is made when it is asked for, with the mark by which spreadsheets know Turkish letters.

    make : gives the table.  name : file name without ending, naming data and model.
    """
    st.download_button(
        "Download CSV",
        lambda: playlist_files.table_file(make()),
        file_name=f"{name}.csv",
        mime="text/csv",
        icon=":material/download:",
        key=f"download_{name}",
        on_click="ignore",
    )

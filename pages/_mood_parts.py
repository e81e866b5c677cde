"""What the pages about moods share: the library's pieces, the filter, the chosen piece with its player, the demo."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import streamlit as st

from core import clips, in_use, jobs, library, monitor, moods, plots, queueing
from core import store as db
from core.demo_library import COUNT, FOLDER
from core.errors import CoreError
from core.features import EXTRACTOR
from core.playlists import minutes
from core.schema import EMOTIONS
from core.settings import Settings
from core.store import Store
from pages import _library_views, _shared

MOST = 50_000  # scored parts that are loaded; more than that is narrowed by words first
WHOLE = (".wav", ".flac", ".ogg", ".oga", ".mp3")  # what browsers play as it is
AUTOPLAY = "mood_autoplay"  # in the session: a piece was clicked, and is to be heard at once


@dataclass(frozen=True, eq=False)
class Library:
    """What is known of the library. pieces : as `moods.pieces`.  clips : clip_id and content_hash of the parts.

    key : changes when the library does.  cut : there are more parts than were loaded.
    """

    pieces: pd.DataFrame
    clips: pd.DataFrame
    key: tuple[object, ...]
    cut: bool

    @property
    def version(self) -> str:
        """Models whose answers these are."""
        return " ".join(sorted(set(self.pieces["model_version"])))


@st.cache_data(show_spinner="Reading the library …", max_entries=4, ttl=600)
def _read(key: tuple[object, ...], words: str, version: str | None, _kept: Store) -> tuple[pd.DataFrame, pd.DataFrame]:
    parts = db.library_table(_kept, model_version=version, search=words, sort="file_name", descending=False, limit=MOST)
    if parts.empty:
        return pd.DataFrame(), parts[["clip_id", "content_hash"]]
    return moods.pieces(parts), parts[["clip_id", "content_hash"]]


def read(words: str = "") -> Library | None:
    """The library as it is now; None when there is none. words : narrow one that is too large."""
    kept = _shared.store()
    if kept is None:
        st.stop()
    try:
        number = db.counts(kept)
        version = queueing.models(Settings()).champion
        key = (Settings().database, number["predictions"], number["clips"], words, version)
        pieces, parts = _read(key, words, version, kept)
    except CoreError as error:
        _shared.problem(error)
        st.stop()
    if pieces.empty:
        return None
    return Library(pieces, parts, key, len(parts) >= MOST)


def required() -> Library:
    """The library; without one the page ends here, with what to do."""
    kept = _shared.store()
    if kept is not None and _library_views.running(kept):
        _library_views.work(kept)
    found = read()
    if found is None:
        _nothing(kept)
        st.stop()
    words = str(st.session_state.get("words") or st.query_params.get("words", "")).strip()
    if found.cut and words:
        found = read(words) or found
    _about(found)
    return found


def _about(found: Library) -> None:
    synthetic = int(found.pieces["synthetic"].sum())
    if synthetic:
        st.warning(
            f"**{synthetic} of {len(found.pieces)} pieces are synthetic**: made by this program to try it out. They "
            "are no music for a session, and what the model says of them means little.",
            icon=":material/science:",
        )
    if found.cut:
        st.warning(
            f"The library has more than {MOST:,} scored parts; the first are shown, by file name. A word in the filter "
            "searches all of them.",
            icon=":material/content_cut:",
        )
    if len(set(found.pieces["model_version"])) > 1:
        st.caption(":material/info: Pieces were scored by different models. Score the library again to compare them.")


# --- without a library ------------------------------------------------------------------------------------------------


def _nothing(kept: Store | None) -> None:
    """What to do without a library."""
    st.info("No music has been scored yet. Moods and playlists need a library.", icon=":material/library_music:")
    if problem := st.session_state.pop("demo_problem", ""):
        st.error(_shared.literal(problem), icon=":material/error:")
    if kept is not None and not _library_views.running(kept):
        _library_views.work(kept)  # how the last run ended
    with st.container(horizontal=True):
        st.page_link("pages/library.py", label="Score a library", icon=":material/folder_open:")
        st.button(
            "Make a small synthetic library",
            icon=":material/science:",
            on_click=_begin_demo,
            key="make_demo",
            disabled=kept is None or _library_views.running(kept) is not None,
            help=f"{COUNT} pieces of about a minute, made by this program and labelled as synthetic, below the data "
            f"folder ({FOLDER}). It takes a minute or two.",
        )


def _begin_demo() -> None:
    kept = _shared.store()
    if kept is None:
        return
    try:
        jobs.launch(kept, library.JOB, ["demo-library"], settings=Settings(), message="Making a synthetic library")
    except CoreError as error:
        st.session_state["demo_problem"] = str(error)


# --- the filter ------------------------------------------------------------------------------------------------------


def filtered(found: Library, *, moods_too: bool = True) -> pd.DataFrame:
    """The pieces that the filter lets through; may be empty. moods_too : also by emotion, confidence and decision."""
    table = found.pieces
    with st.expander("Filter", icon=":material/filter_alt:"):
        words = st.text_input(
            "Words",
            key="words",
            bind="query-params",
            placeholder="title, artist, album, makam or file",
            help="In any case, with or without Turkish letters.",
        )
        given: dict[str, object] = {"search": words or ""}
        if moods_too:
            given |= _by_mood()
        left, right = st.columns(2)
        with left:
            given |= {name: _range(table, name) for name in ("tempo", "lufs", "year")}
        with right:
            given |= {f"{name}s": _one_of(table, name) for name in ("artist", "album", "genre", "makam")}
    kept = moods.pick(table, moods.Filter(**given))  # type: ignore[arg-type]
    if len(kept) < len(table):
        st.caption(f":material/filter_alt: Filtered: {len(kept)} of {len(table)} pieces.")
    return kept


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
        help="As decided when the library was scored. Between two: two moods that are neighbours, such as relax and "
        "sad. Needs review: a person has to listen.",
    )
    confidence = st.slider("Confidence, at least", 0, 100, 0, 5, format="%d %%", key="confidence", bind="query-params")
    return {"emotions": tuple(emotions), "standings": tuple(standings), "confidence": confidence / 100}


RANGES = {"tempo": ("Tempo (bpm)", 5), "lufs": ("Loudness (LUFS)", 1), "year": ("Year", 1)}


def _range(table: pd.DataFrame, name: str) -> tuple[float, float] | None:
    """A range of a number; None = also where it is not known."""
    label, step = RANGES[name]
    known = table[name].dropna().astype(float)
    if known.empty or known.min() == known.max():
        return None
    low, high = int(known.min() // step * step), int(-(-known.max() // step) * step)
    chosen = st.slider(label, low, high, (low, high), step, key=f"range_{name}", bind="query-params")
    return None if chosen == (low, high) else (float(chosen[0]), float(chosen[1]))


def _one_of(table: pd.DataFrame, name: str) -> tuple[str, ...]:
    names = sorted(set(table[name]) - {""}, key=moods.turkish_order)
    if not names:
        return ()
    return tuple(st.multiselect(name.capitalize(), names, key=f"in_{name}", bind="query-params", placeholder="Any"))


# --- one piece -------------------------------------------------------------------------------------------------------


def labels(table: pd.DataFrame) -> dict[str, str]:
    """A name for each piece that no other one has: title, artist, and the beginning of the hash where these agree."""
    names = [" — ".join(filter(None, pair)) for pair in zip(table["title"], table["artist"], strict=True)]
    twice = pd.Series(names, table.index).duplicated(keep=False)
    return {p: f"{n} ({p[:6]})" if twice[p] else n for p, n in zip(table.index, names, strict=True)}


def hear(row: pd.Series, *, autoplay: bool = False) -> None:
    """The one player of the page: the part that the model heard, or the whole file."""
    path, start = str(row["path"]), float(row["start_s"])
    on_disk = path.startswith("/") and path.lower().endswith(WHOLE) and Path(path).is_file()
    if on_disk and st.toggle(
        "Whole piece", key="whole", help=f"Otherwise the {row['length_s']:.0f} s that the model heard."
    ):
        st.audio(path, start_time=int(start), autoplay=autoplay, alt=f"Player: {row['title']}, whole piece")
        return
    try:
        data = _excerpt(str(row["clip_id"]), path, start, float(row["length_s"]), Settings())
    except CoreError as error:
        st.caption(f":material/volume_off: {_shared.literal(str(error))}")
        return
    st.audio(data, format="audio/flac", autoplay=autoplay, alt=f"Player: {row['title']}, the part that was scored")


@st.cache_data(show_spinner=False, max_entries=12)
def _excerpt(clip_id: str, path: str, start_s: float, length_s: float, settings: Settings) -> bytes:
    return clips.load_audio(clip_id, path or None, start_s=start_s, duration_s=length_s, settings=settings).data


def told(row: pd.Series) -> str:
    """A piece in one line of Markdown."""
    tempo = "tempo not known" if pd.isna(row["tempo"]) else f"{row['tempo']:.0f} bpm"
    loud = "loudness not known" if pd.isna(row["lufs"]) else f"{row['lufs']:.1f} LUFS"
    return (
        f"{plots.words(row['guess'])} {row['confidence']:.0%}, {row['standing']}; {tempo}, {loud}, "
        f"{minutes(row['duration_s'])}"
    )


# --- sound -----------------------------------------------------------------------------------------------------------


def reference() -> monitor.Reference:
    """Summary of the training music of the model in use; the page ends with a sentence where there is none."""
    try:
        model = in_use.in_use(Settings())
        return _reference(str(model.folder / "reference.json"), model.version)
    except CoreError as error:
        _shared.problem(error)
        st.stop()


@st.cache_resource(show_spinner=False, max_entries=2)
def _reference(path: str, version: str) -> monitor.Reference:
    return monitor.read_reference(Path(path))


@st.cache_data(show_spinner="Comparing the sound of the pieces …", max_entries=2, ttl=600)
def _sound(key: tuple[object, ...], version: str, _found: Library, _known: monitor.Reference) -> pd.DataFrame:
    kept = _shared.store()
    if kept is None:
        return pd.DataFrame()
    return moods.sound(_found.pieces, _found.clips, db.features_table(kept, EXTRACTOR), _known)


def sound(found: Library) -> tuple[pd.DataFrame, monitor.Reference]:
    """The sound of each piece, see `moods.sound`, and what it is measured against."""
    known = reference()
    return _sound(found.key, in_use.in_use(Settings()).version, found, known), known

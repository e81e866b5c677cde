"""The library for the Moods and Playlists pages: read from the store, checked on the disk, both cached."""

from dataclasses import dataclass, replace
from functools import cached_property

import pandas as pd
import streamlit as st

from core import file_names
from core.allowed_places import allowed_places
from core.errors import CoreError, ModelError
from core.library import run
from core.library.demo_library import COUNT
from core.locations import present_path
from core.models import bundle, description
from core.models.policy import Policy
from core.pipeline import jobs
from core.playlists import selection
from core.playlists.pieces import add_places, pieces_table, with_makams
from core.playlists.selection import searched_text
from core.settings import Settings
from core.store import Store, library_cache_key, library_places, library_table
from core.turkish import turkish_order
from pages.shared import cached, entering, hearing, messages
from pages.shared.policy import KEY, default, describe_policy
from pages.views.library import runs
from pages.views.library.words import library_with_words, with_people

MOST = 50_000  # scored parts that are loaded; a larger library must be narrowed by words
REFRESH_S = 120  # seconds until the files are checked again


@dataclass(frozen=True, eq=False)
class Loaded:
    """The library as stored. All sessions share this object: do not change it. Slow properties are computed once.

    pieces : as from `pieces_table`.  clips : clip_id and content_hash of the parts.  places : as from
        `library_places`.  cut : True if the library has more parts than were loaded.
    """

    pieces: pd.DataFrame
    clips: pd.DataFrame
    places: pd.DataFrame
    cut: bool

    @cached_property
    def labels(self) -> dict[str, str]:
        """Unique name of each piece: title and artist, with the start of the hash if two pieces share them."""
        names = [
            " — ".join(filter(None, pair)) for pair in zip(self.pieces["title"], self.pieces["artist"], strict=True)
        ]
        twice = pd.Series(names, self.pieces.index).duplicated(keep=False)
        return {p: f"{n} ({p[:6]})" if twice[p] else n for p, n in zip(self.pieces.index, names, strict=True)}

    @cached_property
    def text(self) -> pd.Series:
        """Searchable text of each piece, see `selection.searched`."""
        return searched_text(self.pieces)

    @cached_property
    def alphabet(self) -> pd.DataFrame:
        """Alphabetical ranks of the pieces, see `selection.alphabet`."""
        return selection.alphabetical_ranks(self.pieces)

    @cached_property
    def choices(self) -> dict[str, list[str]]:
        """Names to filter by, in alphabetical order."""
        return {
            name: sorted(set(self.pieces[name]) - {""}, key=turkish_order)
            for name in ("artist", "album", "genre", "makam")
        }


@dataclass(frozen=True, eq=False)
class Library:
    """The library with the current state of its files.

    every : all pieces, as from `add_places`.  policy : the policy in use.  key : changes when the stored library
    changes.  mark : also changes when a file appears or disappears, and when people say something else.
    """

    loaded: Loaded
    every: pd.DataFrame
    policy: Policy
    key: tuple[object, ...]
    mark: int

    @cached_property
    def pieces(self) -> pd.DataFrame:
        """Pieces whose file exists."""
        return self.every[self.every["there"]]

    @cached_property
    def version(self) -> str:
        """Versions of the models that scored the pieces."""
        return " ".join(sorted(set(self.every["model_version"])))

    @property
    def name(self) -> str:
        """Short hash of the library content, for file names."""
        return f"{self.mark % 16**8:08x}"


@st.cache_resource(show_spinner="Reading the library …", max_entries=4, ttl=600)
def _load(key: tuple[object, ...], words: str, version: str | None, _under: Policy, _store: Store) -> Loaded | None:
    parts = library_table(
        _store, model_version=version, policy=_under, search=words, sort="file_name", descending=False, limit=MOST + 1
    )
    if parts.empty:
        return None
    cut = len(parts) > MOST
    if cut:  # drop the last file, because its parts may be incomplete
        last = parts["content_hash"].eq(parts["content_hash"].iloc[-1])
        parts = parts[~last] if not last.all() else parts
    pieces = with_makams(pieces_table(parts, model_version=version), _store)
    places, settings = library_places(_store, list(pieces.index)), Settings()
    places = places.assign(path=[present_path(path, settings) for path in places["path"]])
    allowed = allowed_places(settings)
    if allowed.roots is not None:
        places = places[[allowed.allow(path) for path in places["path"]]]
        pieces = pieces[pieces.index.isin(set(places["content_hash"]))]  # each piece has a place, also shared clips
    if pieces.empty:
        return None
    return Loaded(pieces, parts[["clip_id", "content_hash"]], places, cut)


@st.cache_resource(show_spinner=False, max_entries=4, ttl=REFRESH_S)
def _locate_files(key: tuple[object, ...], _loaded: Loaded, _under: Policy) -> Library:
    every = add_places(_loaded.pieces, _loaded.places)
    mark = int(pd.util.hash_pandas_object(every[["path", "there"]]).sum())
    return Library(_loaded, every, _under, key, mark)


def reload_library() -> None:
    """Clear the cached library, because the data of its pieces has changed."""
    _load.clear()
    _locate_files.clear()


def _model() -> tuple[str | None, Policy]:
    """Version of the model in use, and the policy: the session's, else the one saved with the model."""
    try:
        model = description.describe_model_in_use(Settings())
        stored = bundle.read_policies(model.folder / file_names.POLICY)
    except ModelError:
        return None, st.session_state.get(KEY, Policy())
    return model.version, st.session_state.get(KEY, default(stored))


def read_library(words: str = "") -> Library | None:
    """The current library, or None. words : narrow a library that is too large."""
    store = cached.store()
    if store is None:
        st.stop()
    try:
        version, policy = _model()
        key = (Settings(), *library_cache_key(store), words, version, policy.to_json(), MOST)
        loaded = _load(key, words, version, policy, store)
        return None if loaded is None else _locate_files(key, loaded, policy)
    except CoreError as error:
        messages.problem(error)
        st.stop()


def read_library_with_words(store: Store) -> Library | None:
    """The current library with the moods that count for this person, or None; for a change of a stored session."""
    library = read_library()
    if library is None:
        return None
    return library_with_words(store, library, model_only=bool(st.session_state.get(hearing.MODEL_ONLY)))


def require_library() -> Library:
    """The library. Without one, explains what to do and stops the page."""
    store = cached.store()
    if store is not None and runs.running(store):
        runs.show_progress(store, _model()[1])
    library = read_library()
    if library is None:
        _show_no_library(store)
        st.stop()
    words = entering.bounded(str(st.session_state.get("words") or "")) or entering.parameter("words")
    if library.loaded.cut:
        _warn_too_large(words)
    if library.loaded.cut and words:
        library = read_library(words) or replace(library, every=library.every.iloc[:0])
    _show_remarks(library)
    return with_people(library)


def _warn_too_large(words: str) -> None:
    st.warning(
        f"The library has more than {MOST:,} scored parts. "
        + (
            f"At most {MOST:,} parts that contain the words of the filter are shown."
            if words
            else "The first ones by file name are shown. Type words in the filter to search all of them."
        ),
        icon=":material/content_cut:",
    )


def _show_remarks(library: Library) -> None:
    every = library.every
    synthetic = int(every["synthetic"].sum())
    if synthetic:
        st.warning(
            f"**{synthetic} of {len(every)} pieces are synthetic**. This program made them for trying it out. Do "
            "not use them in a session; the model's answers about them are not meaningful.",
            icon=":material/science:",
        )
    gone = int((~every["there"]).sum())
    if gone:
        st.warning(
            f"Pieces left out because the file is missing or has changed: {gone} of {len(every)}. If a file was moved, "
            "score the library again. If it is on an external disk or network drive, check the connection.",
            icon=":material/folder_off:",
        )
    text = f"Decisions follow the policy in use: {describe_policy(library.policy)}."
    others = int((every["policy"] != library.policy.to_json()).sum())
    if others:
        text += f" {others} of {len(every)} pieces were decided by another policy. Score the library again."
    st.caption(messages.literal(text))
    if len(set(every["model_version"])) > 1:
        st.caption(":material/info: Pieces were scored by different models. Score the library again to compare them.")


# --- without a library ------------------------------------------------------------------------------------------------


def _show_no_library(store: Store | None) -> None:
    """Explain what to do without a library."""
    st.info("No library has been scored yet. Moods and playlists need a library.", icon=":material/library_music:")
    if problem := st.session_state.pop("demo_problem", ""):
        st.error(messages.literal(problem), icon=":material/error:")
    if store is not None and not runs.running(store):
        runs.show_progress(store, _model()[1])  # how the last run ended
    with st.container(horizontal=True):
        st.page_link("pages/library.py", label="Score a library", icon=":material/folder_open:")
        st.button(
            "Make a small synthetic library",
            icon=":material/science:",
            on_click=_start_demo,
            key="make_demo",
            disabled=store is None or runs.running(store) is not None,
            help=f"{COUNT} pieces of about a minute, made by this program and marked as synthetic. They are stored in "
            f"the data folder ({Settings().demo_library_dir.name}). This takes one or two minutes.",
        )


def _start_demo() -> None:
    store = cached.store()
    if store is None:
        return
    try:
        jobs.launch(store, run.JOB, ["demo-library"], settings=Settings(), message="Making a synthetic library")
    except CoreError as error:
        st.session_state["demo_problem"] = str(error)

"""The library for the Moods and Playlists pages: read from the store, checked on the disk, both cached."""

from dataclasses import dataclass
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
from core.playlists.kept_pieces import library_pieces
from core.playlists.pieces import add_places, with_makams
from core.settings import Settings
from core.store import Store, library_cache_key
from core.turkish import turkish_order
from pages.shared import cached, hearing, messages
from pages.shared.policy import KEY, default, describe_policy
from pages.views.library import runs
from pages.views.library.words import library_with_words, with_people

REFRESH_S = 120  # seconds until the files are checked again
KEPT_S = 6 * 3600  # seconds until an unchanged library is read again


@dataclass(frozen=True, eq=False)
class Loaded:
    """The library as stored. All sessions share this object: do not change it. Slow properties are computed once.

    pieces : as from `pieces_table`.  clips : clip_id and content_hash of the parts.  places : as from
        `library_places`.  text : searchable text of each piece, see `selection.searched_text`.  alphabet : see
        `selection.alphabetical_ranks`.
    """

    pieces: pd.DataFrame
    clips: pd.DataFrame
    places: pd.DataFrame
    text: pd.Series
    alphabet: pd.DataFrame

    @cached_property
    def labels(self) -> dict[str, str]:
        """Unique name of each piece: title and artist, with the start of the hash if two pieces share them."""
        pairs = zip(self.pieces["title"].tolist(), self.pieces["artist"].tolist(), strict=True)
        names = [" — ".join(filter(None, pair)) for pair in pairs]
        twice = pd.Index(names).duplicated(keep=False)
        return {
            p: f"{n} ({p[:6]})" if again else n
            for p, n, again in zip(self.pieces.index.tolist(), names, twice.tolist(), strict=True)
        }

    @cached_property
    def choices(self) -> dict[str, list[str]]:
        """Names to filter by, in alphabetical order."""
        return {
            name: sorted(set(self.pieces[name].unique()) - {""}, key=turkish_order)
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


@st.cache_resource(show_spinner=False, max_entries=2, ttl=KEPT_S)
def _load(key: tuple[object, ...], version: str | None, _under: Policy, _store: Store) -> Loaded | None:
    settings = Settings()
    kept = library_pieces(_store, settings, model_version=version, policy=_under)
    pieces, allowed = with_makams(kept.pieces, _store), allowed_places(settings)
    places = kept.places.assign(path=[present_path(path, settings) for path in kept.places["path"].tolist()])
    if allowed.roots is not None:
        places = allowed.allowed_rows(places)
        pieces = pieces[pieces.index.isin(set(places["content_hash"]))]  # each piece has a place, also shared clips
    if pieces.empty:
        return None
    return Loaded(pieces, kept.parts, places, kept.text["text"], kept.ranks)


@st.cache_resource(show_spinner=False, max_entries=2, ttl=REFRESH_S)
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


def library_of(store: Store, version: str | None, policy: Policy) -> Library | None:
    """The library as this model and this policy decide, or None. Draws nothing. Raises CoreError."""
    key = (Settings(), *library_cache_key(store), version, policy.to_json())
    loaded = _load(key, version, policy, store)
    return None if loaded is None else _locate_files(key, loaded, policy)


def read_library() -> Library | None:
    """The current library, or None."""
    store = cached.store()
    if store is None:
        st.stop()
    try:
        with st.spinner("Reading the library …"):
            return library_of(store, *_model())
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
    _show_remarks(library)
    return with_people(library)


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

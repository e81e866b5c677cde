"""The library of the pages about moods: read once, looked for on the disk, and what to do where there is none."""

from dataclasses import dataclass, replace
from functools import cached_property

import pandas as pd
import streamlit as st

from core import file_names
from core.errors import CoreError, ModelError
from core.library import run
from core.library.demo_library import COUNT
from core.locations import present_path
from core.models import bundle, description
from core.models.policy import Policy
from core.pipeline import jobs
from core.playlists import selection
from core.playlists.pieces import add_places, pieces_table
from core.playlists.selection import searched
from core.settings import Settings
from core.store import Store, library_cache_key, library_places, library_table
from core.turkish import turkish_order
from pages.shared import cached, messages
from pages.shared.policy import KEY, default
from pages.shared.policy import words as policy_words
from pages.views.library import runs

MOST = 50_000  # scored parts that are loaded; more than that is narrowed by words first
LOOK_AGAIN_S = 120  # after this time the files are looked for again


@dataclass(frozen=True, eq=False)
class Loaded:
    """What the store says of the library, one object for all sessions: look, do not change.

    pieces : as `moods.pieces`.  clips : clip_id and content_hash of the parts.  places : as `store.library_places`.
    cut : there are more parts than were loaded.
    What costs time is made when it is asked for, and once.
    """

    pieces: pd.DataFrame
    clips: pd.DataFrame
    places: pd.DataFrame
    cut: bool

    @cached_property
    def labels(self) -> dict[str, str]:
        """A name for each piece that no other one has: title, artist, the beginning of the hash where these agree."""
        names = [
            " — ".join(filter(None, pair)) for pair in zip(self.pieces["title"], self.pieces["artist"], strict=True)
        ]
        twice = pd.Series(names, self.pieces.index).duplicated(keep=False)
        return {p: f"{n} ({p[:6]})" if twice[p] else n for p, n in zip(self.pieces.index, names, strict=True)}

    @cached_property
    def text(self) -> pd.Series:
        """See `moods.searched`."""
        return searched(self.pieces)

    @cached_property
    def alphabet(self) -> pd.DataFrame:
        """See `moods.alphabet`."""
        return selection.alphabet(self.pieces)

    @cached_property
    def choices(self) -> dict[str, list[str]]:
        """Names to filter by, in the order of the alphabet."""
        return {
            name: sorted(set(self.pieces[name]) - {""}, key=turkish_order)
            for name in ("artist", "album", "genre", "makam")
        }


@dataclass(frozen=True, eq=False)
class Library:
    """The library as it is now.

    every : its pieces, as `moods.placed`.  policy : the one in force.  key : changes when what the store says does.
    mark : changes also when a file comes or goes.
    """

    loaded: Loaded
    every: pd.DataFrame
    policy: Policy
    key: tuple[object, ...]
    mark: int

    @cached_property
    def pieces(self) -> pd.DataFrame:
        """Those whose file is there."""
        return self.every[self.every["there"]]

    @cached_property
    def version(self) -> str:
        """Models whose answers these are."""
        return " ".join(sorted(set(self.every["model_version"])))

    @property
    def name(self) -> str:
        """Names the library's content in a file name."""
        return f"{self.mark % 16**8:08x}"


@st.cache_resource(show_spinner="Reading the library …", max_entries=4, ttl=600)
def _load(key: tuple[object, ...], words: str, version: str | None, _under: Policy, _kept: Store) -> Loaded | None:
    parts = library_table(
        _kept, model_version=version, policy=_under, search=words, sort="file_name", descending=False, limit=MOST + 1
    )
    if parts.empty:
        return None
    cut = len(parts) > MOST
    if cut:  # of a file that is cut in the middle no mood is told
        begun = parts["content_hash"].eq(parts["content_hash"].iloc[-1])
        parts = parts[~begun] if not begun.all() else parts
    pieces = pieces_table(parts, model_version=version)
    places, settings = library_places(_kept, list(pieces.index)), Settings()
    places = places.assign(path=[present_path(path, settings) for path in places["path"]])
    return Loaded(pieces, parts[["clip_id", "content_hash"]], places, cut)


@st.cache_resource(show_spinner=False, max_entries=4, ttl=LOOK_AGAIN_S)
def _look(key: tuple[object, ...], _loaded: Loaded, _under: Policy) -> Library:
    every = add_places(_loaded.pieces, _loaded.places)
    mark = int(pd.util.hash_pandas_object(every[["path", "there"]]).sum())
    return Library(_loaded, every, _under, key, mark)


def forget() -> None:
    """Read the library anew the next time: what is known of its pieces has changed."""
    _load.clear()
    _look.clear()


def _model() -> tuple[str | None, Policy]:
    """Version of the model in use, and the policy in force: the session's, else the one that came with the model."""
    try:
        model = description.describe_model_in_use(Settings())
        stored = bundle.read_policies(model.folder / file_names.POLICY)
    except ModelError:
        return None, st.session_state.get(KEY, Policy())
    return model.version, st.session_state.get(KEY, default(stored))


def read(words: str = "") -> Library | None:
    """The library as it is now; None when there is none. words : narrow one that is too large."""
    kept = cached.store()
    if kept is None:
        st.stop()
    try:
        version, policy = _model()
        key = (Settings().database, *library_cache_key(kept), words, version, policy.to_json(), MOST)
        loaded = _load(key, words, version, policy, kept)
        return None if loaded is None else _look(key, loaded, policy)
    except CoreError as error:
        messages.problem(error)
        st.stop()


def required() -> Library:
    """The library; without one the page ends here, with what to do."""
    kept = cached.store()
    if kept is not None and runs.running(kept):
        runs.work(kept, _model()[1])
    found = read()
    if found is None:
        _nothing(kept)
        st.stop()
    words = str(st.session_state.get("words") or st.query_params.get("words", "")).strip()
    if found.loaded.cut:
        _cut(words)
    if found.loaded.cut and words:
        found = read(words) or replace(found, every=found.every.iloc[:0])
    _about(found)
    return found


def _cut(words: str) -> None:
    st.warning(
        f"The library has more than {MOST:,} scored parts. "
        + (
            f"Of all of them at most {MOST:,} are shown that hold the words of the filter."
            if words
            else "The first are shown, by file name. Words in the filter search all of them."
        ),
        icon=":material/content_cut:",
    )


def _about(found: Library) -> None:
    every = found.every
    synthetic = int(every["synthetic"].sum())
    if synthetic:
        st.warning(
            f"**{synthetic} of {len(every)} pieces are synthetic**: made by this program to try it out. They "
            "are no music for a session, and what the model says of them means little.",
            icon=":material/science:",
        )
    gone = int((~every["there"]).sum())
    if gone:
        st.warning(
            f"{gone} of {len(every)} pieces are left out: their file is gone, or is another one now. If it was moved, "
            "score the library again; if it is on a disk or a network drive, see that this is connected.",
            icon=":material/folder_off:",
        )
    said = f"Decisions are those of the policy in force: {policy_words(found.policy)}."
    others = int((every["policy"] != found.policy.to_json()).sum())
    if others:
        said += f" {others} of {len(every)} pieces were decided under another one: score the library again."
    st.caption(messages.literal(said))
    if len(set(every["model_version"])) > 1:
        st.caption(":material/info: Pieces were scored by different models. Score the library again to compare them.")


# --- without a library ------------------------------------------------------------------------------------------------


def _nothing(kept: Store | None) -> None:
    """What to do without a library."""
    st.info("No music has been scored yet. Moods and playlists need a library.", icon=":material/library_music:")
    if problem := st.session_state.pop("demo_problem", ""):
        st.error(messages.literal(problem), icon=":material/error:")
    if kept is not None and not runs.running(kept):
        runs.work(kept, _model()[1])  # how the last run ended
    with st.container(horizontal=True):
        st.page_link("pages/library.py", label="Score a library", icon=":material/folder_open:")
        st.button(
            "Make a small synthetic library",
            icon=":material/science:",
            on_click=_begin_demo,
            key="make_demo",
            disabled=kept is None or runs.running(kept) is not None,
            help=f"{COUNT} pieces of about a minute, made by this program and labelled as synthetic, below the data "
            f"folder ({Settings().demo_library_dir.name}). It takes a minute or two.",
        )


def _begin_demo() -> None:
    kept = cached.store()
    if kept is None:
        return
    try:
        jobs.launch(kept, run.JOB, ["demo-library"], settings=Settings(), message="Making a synthetic library")
    except CoreError as error:
        st.session_state["demo_problem"] = str(error)

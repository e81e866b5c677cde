"""The parts of the Library page: what is scored, how far it is, and what came of it."""

import os
from pathlib import Path

import streamlit as st

from core.errors import CoreError
from core.library import places, run
from core.library.find import READ, SUFFIXES
from core.models.policy import Policy
from core.pipeline import jobs
from core.settings import Settings
from core.store import Job, Store, cancel_job, latest_job
from core.windows import LENGTH_S, LONGEST_S, SHORTEST_S
from pages.shared import messages, who
from pages.views.library.run_results import present_place, run_folder_name

SOURCES = {"folder": "A folder of this machine", "files": "Upload files", "tree": "Upload a folder"}
PROBLEM = "library_problem"  # in the session: what went wrong at the last click
TURN = "library_turn"  # in the session: counts uploads, so that the field is empty after one


# --- what is scored --------------------------------------------------------------------------------------------------


def ask(kept: Store, policy: Policy) -> None:
    """Which files, which parts of them, and the button."""
    source = st.segmented_control(
        "Where is the music?",
        list(SOURCES),
        format_func=SOURCES.__getitem__,
        default="folder",
        required=True,
        key="library_source",
        persist_state="session",
    )
    if source == "folder":
        root = Settings().library_dir
        st.text_input(
            "Folder on the machine that runs this page",
            value=str(root or _last_folder(kept)),
            key="library_folder",
            persist_state="session",
            placeholder="Type a path",
            help=f"Everything below it that ends in {', '.join(READ)}; hidden files are left out. The music stays "
            "where it is, and is not changed." + (f" Only folders below {root}." if root else ""),
        )
    else:
        st.file_uploader(
            "Music" if source == "files" else "A folder with music",
            # Of a folder only what may be audio is sent; of single files any, so that each refusal gives its reason.
            type=[ending[1:] for ending in SUFFIXES] if source == "tree" else None,
            accept_multiple_files="directory" if source == "tree" else True,
            max_upload_size=max(1, int(Settings().max_upload_mb)),
            key=_field(),
            help="The files are kept in the data folder of this installation, so that the library can be heard. For "
            "more than a few hundred, put them where the machine can read them, and name that folder.",
        )
    with st.expander("Which part of each file", icon=":material/content_cut:"):
        _parts()
    st.button(
        "Score",
        type="primary",
        icon=":material/play_arrow:",
        key="library_start",
        disabled=running(kept) is not None,
        on_click=_begin,
        args=(kept, policy, source),
    )
    if problem := st.session_state.pop(PROBLEM, ""):
        st.error(messages.literal(problem), icon=":material/error:")


def _last_folder(kept: Store) -> str:
    """The folder of the last run, which is likely to be the one to look at again."""
    job = latest_job(kept, run.JOB)
    folder = _folder(job) if job is not None else ""
    return "" if "://" in folder or places.is_upload(folder, Settings()) else folder


def _field() -> str:
    """Key of the upload field: a new one after every upload, so that it is empty again."""
    return f"library_files_{st.session_state.get(TURN, 0)}"


def _parts() -> None:
    whole = st.toggle(
        "Whole files, window by window",
        key="library_whole",
        persist_state="session",
        help="Off: the middle 30 seconds, as on the Predict page. On: the mood of a piece as it moves; takes as many "
        "times longer as there are windows.",
    )
    left, right = st.columns(2)
    length = left.slider(
        "Length of a window (s)",
        int(SHORTEST_S),
        int(LONGEST_S),
        int(LENGTH_S),
        5,
        key="library_length",
        disabled=not whole,
        persist_state="session",
    )
    right.slider(
        "A window every (s)", 5, int(length), int(length), 5, key="library_hop", disabled=not whole,
        persist_state="session",
    )  # fmt: skip


def _begin(kept: Store, policy: Policy, source: str) -> None:
    """Start the run that is asked for."""
    settings, state = Settings(), st.session_state
    windows = (state["library_length"], state["library_hop"]) if state.get("library_whole") else None
    try:
        if source == "folder":
            _launch(kept, policy, places.allowed_folder(state["library_folder"], settings), windows, settings)
            return
        sent = state.get(_field()) or []
        folder = places.save_uploads(((file.name, file.getvalue()) for file in sent), settings)
        try:
            _launch(kept, policy, folder, windows, settings)
        except CoreError:
            places.remove_upload(str(folder), settings)  # the field still holds the files
            raise
        state[TURN] = state.get(TURN, 0) + 1
    except CoreError as error:
        state[PROBLEM] = str(error)


def _begin_again(kept: Store, policy: Policy, job: Job) -> None:
    """Start a run that ended early once more, with what it was given."""
    settings, said = Settings(), job.result
    try:
        place = _folder(job)
        folder = Path(place) if places.is_upload(place, settings) else places.allowed_folder(place, settings)
        windows = (said["window"], said["hop"]) if said.get("hop") else None
        _launch(kept, policy, folder, windows, settings)
    except CoreError as error:
        st.session_state[PROBLEM] = str(error)


def _launch(kept: Store, policy: Policy, folder: Path, windows: tuple[float, float] | None, settings: Settings) -> None:
    """Start a run in a process of its own. windows : their length and distance in s; None: one excerpt a file."""
    command = ["score", str(folder), "--out", str(places.new_results(settings))]
    command += ["--policy", policy.to_json()]
    if settings.library_dir is not None and not places.is_upload(str(folder), settings):
        command += ["--within", str(settings.library_dir)]
    if windows is not None:
        command += ["--window", f"{windows[0]:g}", "--hop", f"{windows[1]:g}"]
    jobs.launch(kept, run.JOB, command, settings=settings, message=f"Starting with {run_folder_name(str(folder))}")


# --- how far it is ---------------------------------------------------------------------------------------------------


def running(kept: Store) -> Job | None:
    """The run that is going on; None when there is none."""
    return jobs.running(kept, run.JOB)


def work(kept: Store, policy: Policy) -> None:
    """How far the run is, or how the last one ended where that was not well, and how to go on."""
    if job := running(kept):
        _progress(kept, job.job_id)
        return
    job = latest_job(kept, run.JOB)
    if job is None:
        return
    if job.state == "cancelled":
        st.info(f"The last run was cancelled at {job.progress:.0%}. {_way_on(job)}", icon=":material/pause:")
    elif job.state != "done":
        said = job.message if job.state == "failed" else f"No sign of life at {job.progress:.0%}."
        st.error(f"The last run ended early. {messages.literal(said)} {_way_on(job)}", icon=":material/error:")
        log = jobs.log_file(Settings(), job)
        if log.is_file():
            with st.expander("Its log"):
                st.code(log.read_text(encoding="utf-8", errors="replace")[-3000:], language=None)
    if job.state != "done" and _can_go_on(job):
        st.button(
            "Go on",
            icon=":material/resume:",
            key="library_go_on",
            on_click=_begin_again,
            args=(kept, policy, job),
            help=messages.literal(
                f"Scores {run_folder_name(job.result['folder'])} once more; what is known is not measured again."
            ),
        )


def _can_go_on(job: Job) -> bool:
    """Whether the music of a run is still where it was: also what somebody sent."""
    return os.path.isdir(_folder(job))  # an address is none, nor what is no path at all


def _way_on(job: Job) -> str:
    """What a person can do after a run that ended early."""
    if places.is_upload(_folder(job), Settings()) and not _can_go_on(job):
        return "What it had scored is kept. The files that were sent are gone: send them again to go on."
    return "What it had scored is kept" + ("." if _can_go_on(job) else ": start again to go on.")


@st.fragment(run_every=1.0)
def _progress(kept: Store, job_id: int) -> None:
    """The running run; the page is drawn anew when it ends."""
    job = running(kept)
    if job is None or job.job_id != job_id:
        st.rerun()
    with st.container(border=True):
        st.progress(job.progress, text=messages.literal(job.message))
        with st.container(horizontal=True, vertical_alignment="center"):
            if job.cancel:
                st.caption("It stops in a moment.")
            else:
                st.button(
                    "Cancel",
                    icon=":material/cancel:",
                    key="library_cancel",
                    on_click=cancel_job,
                    args=(kept, job_id),
                )
            st.caption("It goes on when you close this page, and what is scored stays scored.")


def _folder(job: Job) -> str:
    """Where the music of a run is now: a folder or an address; empty where that is not known."""
    return present_place(job.result.get("folder"))


# --- what is kept ----------------------------------------------------------------------------------------------------


@st.cache_data(show_spinner=False, ttl=60, max_entries=4)
def _kept(settings: Settings) -> tuple[list[places.Upload], tuple[int, int]]:
    """What was sent and is still there; number and bytes of levelled copies. Looked up once a minute."""
    return places.uploads(settings), places.count_files(settings.levelled_dir)


def on_disk(kept: Store, *, may_remove: bool) -> None:
    """What the data folder holds because of libraries and playlists, and a button to be rid of an upload."""
    settings = Settings()
    sent, (copies, size) = _kept(settings)
    if not sent and not copies:
        return
    with st.expander("On the disk", icon=":material/hard_drive:"):
        if copies:
            place = messages.literal(str(settings.levelled_dir))
            st.caption(f"Levelled copies of playlists: {_amount(copies, size)} in {place}. Remove there what is old.")
        if not sent:
            return
        place = messages.literal(str(settings.uploads_dir))
        total = _amount(sum(one.files for one in sent), sum(one.size for one in sent))
        st.caption(f"Files that were sent: {total} in {place}.")
        if not may_remove:
            st.caption("An analyst can remove them here.")
            return
        folders = {str(one.folder): one for one in sent}
        chosen = st.selectbox(
            "Sent at", list(folders), format_func=lambda name: _when(folders[name]), key="library_upload"
        )
        st.button(
            "Remove this upload",
            icon=":material/delete:",
            key="library_remove",
            disabled=running(kept) is not None,
            on_click=_remove,
            args=(kept, chosen),
            help="The files leave the disk, and the music can no longer be heard. What was found out about them stays.",
        )


def _remove(kept: Store, folder: str) -> None:
    try:
        if who.login_configured():
            who.still_analyst(kept)
        if running(kept) is not None:
            raise CoreError("A library is being scored, perhaps this one. Wait until that has ended.")
        places.remove_upload(folder, Settings())
    except CoreError as error:
        st.session_state[PROBLEM] = str(error)
    _kept.clear()


def _when(upload: places.Upload) -> str:
    return f"{upload.sent_at:%d %b, %H:%M} UTC, {_amount(upload.files, upload.size)}"


def _amount(files: int, size: int) -> str:
    return f"{files:,} {'file' if files == 1 else 'files'}, {size / 1e6:,.1f} MB"

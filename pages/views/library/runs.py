"""Parts of the Library page: the choice of music, the progress of a run, and the disk usage."""

import os
from pathlib import Path

import streamlit as st

from core.access import Action
from core.errors import CoreError
from core.library import places, run
from core.library.find import SUFFIXES
from core.library.launching import launch_run
from core.models.policy import Policy
from core.pipeline import jobs
from core.settings import Settings
from core.store import Job, Store, cancel_job, latest_job
from core.windows import LONGEST_S
from core.wording import whole_percent
from pages.shared import messages, uploads
from pages.shared.times import local
from pages.shared.window_sliders import ask_windows
from pages.views.library import folder_field
from pages.views.library.run_folders import folder_name, music_folder

SOURCES = {"folder": "A folder of this machine", "files": "Upload files", "tree": "Upload a folder"}
PROBLEM = "library_problem"  # session key: error of the last click
MAKAM = "library_makam"  # key of the switch: also measure karar and makam
TURN = "library_turn"  # session key: number of uploads; a new number empties the upload field


# --- choice of music -------------------------------------------------------------------------------------------------


def ask_music(store: Store, policy: Policy) -> None:
    """Ask which files to score and which parts of them, with the button that starts a run."""
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
        folder_field.ask_folder(store)
    else:
        uploads.file_field(
            "Music" if source == "files" else "A folder with music",
            # A folder upload sends only possible audio. Single files may be any, so the page can explain each refusal.
            type=[ending[1:] for ending in SUFFIXES] if source == "tree" else None,
            accept_multiple_files="directory" if source == "tree" else True,
            key=_upload_key(),
            largest_mb=Settings().max_upload_mb,
            way_out="Convert the file to FLAC or MP3, or copy it to this machine and type its folder.",
            help="The files are stored in the data folder of this installation, so that people can hear the library. "
            "If you "
            "have more than a few hundred files, copy them to this machine and type their folder instead.",
        )
    with st.expander("Which part of each file", icon=":material/content_cut:"):
        _parts_fields()
    st.button(
        "Score",
        type="primary",
        icon=":material/play_arrow:",
        key="library_start",
        disabled=running(store) is not None,
        on_click=_start,
        args=(store, policy, source),
    )
    if problem := st.session_state.pop(PROBLEM, ""):
        st.error(messages.literal(problem), icon=":material/error:")


def _upload_key() -> str:
    """Key of the upload field. A new key after each upload empties the field."""
    return f"library_files_{st.session_state.get(TURN, 0)}"


def _parts_fields() -> None:
    whole = st.toggle(
        "Whole files, window by window",
        key="library_whole",
        persist_state="session",
        help="Off: one answer from a few windows around the middle, as on the Predict page. On: the mood over time. "
        "The time needed grows with the number of windows.",
    )
    ask_windows("library_", hop_s=LONGEST_S, disabled=not whole, persist_state="session")
    st.toggle(
        "Also karar and makam",
        key=MAKAM,
        persist_state="session",
        help="Follows the melody of each whole file after the files are scored. It takes about 2 s for 5 minutes of "
        "music, and fills the columns about karar and makam. Files that have results are not measured again.",
    )


def _start(store: Store, policy: Policy, source: str) -> None:
    """Start the requested run."""
    settings, state = Settings(), st.session_state
    windows = (state["library_length"], state["library_hop"]) if state.get("library_whole") else None
    try:
        if source == "folder":
            folder = places.allowed_folder(state["library_folder"], settings, by=store.by)
            _launch(store, policy, folder, windows, settings, makam=bool(state.get(MAKAM)))
            return
        uploads = state.get(_upload_key()) or []
        folder = places.save_uploads(((file.name, file.getvalue()) for file in uploads), settings, by=store.by)
        try:
            _launch(store, policy, folder, windows, settings, makam=bool(state.get(MAKAM)))
        except CoreError:
            places.forget_upload(folder, by=store.by)  # the field still holds the files
            raise
        state[TURN] = state.get(TURN, 0) + 1
    except CoreError as error:
        state[PROBLEM] = str(error)


def _resume(store: Store, policy: Policy, job: Job) -> None:
    """Start a run again, with the same folder and windows."""
    settings, result = Settings(), job.result
    try:
        place = music_folder(job)
        folder = (
            Path(place) if places.is_upload(place, settings) else places.allowed_folder(place, settings, by=store.by)
        )
        windows = (result["window"], result["hop"]) if result.get("hop") else None
        _launch(store, policy, folder, windows, settings, makam=bool(result.get("makam")))
    except CoreError as error:
        st.session_state[PROBLEM] = str(error)


def _launch(
    store: Store,
    policy: Policy,
    folder: Path,
    windows: tuple[float, float] | None,
    settings: Settings,
    *,
    makam: bool,
) -> None:
    """Start a run in its own process.

    windows : length and distance in s; None for one answer per file.  makam : also measure karar and makam.
    """
    name = folder_name(str(folder))
    launch_run(store, str(folder), policy, windows=windows, settings=settings, name=name, makam=makam)
    folder_field.remember(str(folder))


# --- progress --------------------------------------------------------------------------------------------------------


def running(store: Store) -> Job | None:
    """The active run, or None."""
    return jobs.running(store, run.JOB)


def show_progress(store: Store, policy: Policy) -> None:
    """Show the progress of the active run; else, if the last run ended early, the reason and how to continue."""
    if job := running(store):
        _show_running(store, job.job_id)
        return
    job = latest_job(store, run.JOB)
    if job is None:
        return
    if job.state == "cancelled":
        st.info(
            f"The last run was cancelled at {whole_percent(job.progress)}. {_how_to_resume(job)}",
            icon=":material/pause:",
        )
    elif job.state != "done":
        result = (
            job.message
            if job.state == "failed"
            else f"The process stopped responding at {whole_percent(job.progress)}."
        )
        st.error(f"The last run ended early. {messages.literal(result)} {_how_to_resume(job)}", icon=":material/error:")
        log = jobs.log_file(Settings(), job)
        if log.is_file():
            with st.expander("Log"):
                st.code(log.read_text(encoding="utf-8", errors="replace")[-3000:], language=None)
    if job.state != "done" and _can_resume(job):
        st.button(
            "Go on",
            icon=":material/resume:",
            key="library_go_on",
            on_click=_resume,
            args=(store, policy, job),
            help=messages.literal(
                f"Continues with {folder_name(job.result['folder'])}. Files that are already scored are not measured "
                "again."
            ),
        )


def offer_again(store: Store, policy: Policy, job: Job) -> None:
    """Offer to score the music of finished results again, with the same windows."""
    st.button(
        "Score again",
        icon=":material/refresh:",
        key="library_again",
        disabled=running(store) is not None or not _can_resume(job),
        on_click=_resume,
        args=(store, policy, job),
        help="Finds new, changed and removed files, and decides by the policy in use. Unchanged files are not measured "
        "again. The button is grey while a run is going on, and when the folder is gone.",
    )


def _can_resume(job: Job) -> bool:
    """Whether the music of a run, in a folder or uploaded, still exists."""
    return os.path.isdir(music_folder(job))  # False for addresses and empty paths


def _how_to_resume(job: Job) -> str:
    """Sentence on how to continue after a run that ended early."""
    if places.is_upload(music_folder(job), Settings()) and not _can_resume(job):
        return "The results so far are stored. The uploaded files no longer exist; upload them again to continue."
    return "The results so far are stored." + ("" if _can_resume(job) else " Start a new run to continue.")


@st.fragment(run_every=1.0)
def _show_running(store: Store, job_id: int) -> None:
    """Show the active run; rerun the page when it ends."""
    job = running(store)
    if job is None or job.job_id != job_id:
        st.rerun()
    with st.container(border=True):
        st.progress(job.progress, text=messages.literal(job.message))
        with st.container(horizontal=True, vertical_alignment="center"):
            if job.cancel:
                st.caption("Stopping …")
            else:
                st.button(
                    "Cancel",
                    icon=":material/cancel:",
                    key="library_cancel",
                    on_click=_cancel,
                    args=(store, job_id),
                )
            st.caption("The run continues when you close this page. If you cancel it, the results so far stay.")


def _cancel(store: Store, job_id: int) -> None:
    try:
        cancel_job(store, job_id)
    except CoreError as error:
        st.session_state[PROBLEM] = str(error)


# --- disk usage -------------------------------------------------------------------------------------------------------


@st.cache_data(show_spinner=False, ttl=60, max_entries=4)
def _disk_usage(settings: Settings) -> tuple[list[places.Upload], tuple[int, int]]:
    """Uploads on the disk; number and bytes of levelled copies. Cached for one minute."""
    return places.uploads(settings), places.count_files(settings.levelled_dir)


def show_disk_usage(store: Store) -> None:
    """Show the disk usage of uploads and levelled copies, with a button that removes an upload."""
    settings = Settings()
    uploads, (copies, size) = _disk_usage(settings)
    if not uploads and not copies:
        return
    with st.expander("Disk usage", icon=":material/hard_drive:"):
        if copies:
            place = messages.literal(str(settings.levelled_dir))
            st.caption(
                f"Levelled copies of playlists: {_amount(copies, size)} in {place}. The copies of the last "
                f"{settings.max_copies} playlists stay; older ones are removed when new copies are written."
            )
        if not uploads:
            return
        place = messages.literal(str(settings.uploads_dir))
        total = _amount(sum(upload.files for upload in uploads), sum(upload.size for upload in uploads))
        st.caption(f"Uploaded files: {total} in {place}.")
        if not store.by.may(Action.REMOVE_UPLOAD):
            st.caption("An analyst can remove them here.")
            return
        folders = {str(upload.folder): upload for upload in uploads}
        chosen = st.selectbox(
            "Upload", list(folders), format_func=lambda name: _when(folders[name]), key="library_upload"
        )
        st.button(
            "Remove this upload",
            icon=":material/delete:",
            key="library_remove",
            disabled=running(store) is not None,
            on_click=_remove,
            args=(store, chosen),
            help="Deletes the files from the disk. The music can then no longer be played; its results stay.",
        )


def _remove(store: Store, folder: str) -> None:
    try:
        if running(store) is not None:
            raise CoreError("A library is being scored, possibly this one. Wait until the run has ended.")
        places.remove_upload(folder, Settings(), by=store.by)
    except CoreError as error:
        st.session_state[PROBLEM] = str(error)
    _disk_usage.clear()


def _when(upload: places.Upload) -> str:
    return f"{local(upload.sent_at)}, {_amount(upload.files, upload.size)}"


def _amount(files: int, size: int) -> str:
    return f"{files:,} {'file' if files == 1 else 'files'}, {size / 1e6:,.1f} MB"

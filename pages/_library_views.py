"""The parts of the Library page: what is scored, how far it is, and what came of it."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import streamlit as st

from core import jobs, library, library_places, library_results, plots, tracks
from core import store as db
from core.errors import CoreError
from core.inference import Policy
from core.letters import fold
from core.library_files import READ
from core.locations import present_path
from core.schema import EMOTIONS
from core.settings import Settings
from core.store import Job, Store
from core.wording import duration
from pages import _shared, _who

SOURCES = {"folder": "A folder of this machine", "files": "Upload files", "tree": "Upload a folder"}
STATES = {
    "refused": "no usable audio",
    "unread": "could not be read",
    "quarantined": "killed its process",
    "fault": "fault of the program",
    "deleted": "deleted by somebody",
}
PROBLEM = "library_problem"  # in the session: what went wrong at the last click
TURN = "library_turn"  # in the session: counts uploads, so that the field is empty after one
MOST = 100_000  # rows that a browser's session may take: 80 MB
SHOWN = 2_000  # rows of the table on the page; the download has all
COLUMNS = {
    "file": st.column_config.TextColumn("File", width="medium"),
    "mood": st.column_config.TextColumn("Mood"),
    "percent": st.column_config.ProgressColumn("Confidence", format="%d %%", min_value=0, max_value=100),
    "answer": st.column_config.TextColumn("Decision", help="One emotion, two to choose from, or review by ear."),
    "tempo_bpm": st.column_config.NumberColumn("Tempo", format="%.0f bpm"),
    "loudness_lufs": st.column_config.NumberColumn("LUFS", format="%.1f", help="Loudness of the part that was scored."),
    "artist": st.column_config.TextColumn("Artist"),
    "title": st.column_config.TextColumn("Title"),
    "album": st.column_config.TextColumn("Album"),
    "makam": st.column_config.TextColumn("Makam"),
    "usul": st.column_config.TextColumn("Usul"),
    "performer": st.column_config.TextColumn("Performer"),
    "start_s": st.column_config.NumberColumn("From (s)", format="%.0f"),
    "same": st.column_config.TextColumn("Same recording as", help="The same bytes, or so alike that it must be one."),
    "decision_reason": st.column_config.TextColumn("Why"),
}


@dataclass(frozen=True, eq=False)
class Results:
    """Results of one run.

    rows : a row a scored part, or a file without one, see ``core.library_results.TYPES``; of a table with more than
        ``MOST`` rows only those that were not scored.  whole : these are all.
    """

    job: Job
    rows: pd.DataFrame
    path: Path
    whole: bool

    @property
    def scored(self) -> pd.DataFrame:
        return self.rows[self.rows["state"] == "scored"]

    @property
    def name(self) -> str:
        """File name of a download: which run, which model."""
        version = str(self.job.result.get("model_version", ""))
        return _shared.file_name(f"library-{self.job.job_id}", data_hash="", version=version).replace("_data-", "")


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
            type=[ending[1:] for ending in READ],
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
        st.error(_shared.literal(problem), icon=":material/error:")


def _last_folder(kept: Store) -> str:
    """The folder of the last run, which is likely to be the one to look at again."""
    job = db.latest_job(kept, library.JOB)
    folder = _folder(job) if job is not None else ""
    return "" if "://" in folder or library_places.is_upload(folder, Settings()) else folder


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
        int(tracks.SHORTEST_S),
        int(tracks.LONGEST_S),
        int(tracks.LENGTH_S),
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
            _launch(kept, policy, library_places.allowed(state["library_folder"], settings), windows, settings)
            return
        sent = state.get(_field()) or []
        folder = library_places.keep_uploads(((file.name, file.getvalue()) for file in sent), settings)
        try:
            _launch(kept, policy, folder, windows, settings)
        except CoreError:
            library_places.remove_upload(str(folder), settings)  # the field still holds the files
            raise
        state[TURN] = state.get(TURN, 0) + 1
    except CoreError as error:
        state[PROBLEM] = str(error)


def _begin_again(kept: Store, policy: Policy, job: Job) -> None:
    """Start a run that ended early once more, with what it was given."""
    settings, said = Settings(), job.result
    try:
        place = _folder(job)
        folder = Path(place) if library_places.is_upload(place, settings) else library_places.allowed(place, settings)
        windows = (said["window"], said["hop"]) if said.get("hop") else None
        _launch(kept, policy, folder, windows, settings)
    except CoreError as error:
        st.session_state[PROBLEM] = str(error)


def _launch(kept: Store, policy: Policy, folder: Path, windows: tuple[float, float] | None, settings: Settings) -> None:
    """Start a run in a process of its own. windows : their length and distance in s; None: one excerpt a file."""
    command = ["score", str(folder), "--out", str(library_places.new_results(settings))]
    command += ["--policy", policy.to_json()]
    if settings.library_dir is not None and not library_places.is_upload(str(folder), settings):
        command += ["--within", str(settings.library_dir)]
    if windows is not None:
        command += ["--window", f"{windows[0]:g}", "--hop", f"{windows[1]:g}"]
    jobs.launch(kept, library.JOB, command, settings=settings, message=f"Starting with {_named(str(folder))}")


# --- how far it is ---------------------------------------------------------------------------------------------------


def running(kept: Store) -> Job | None:
    """The run that is going on; None when there is none."""
    return jobs.running(kept, library.JOB)


def work(kept: Store, policy: Policy) -> None:
    """How far the run is, or how the last one ended where that was not well, and how to go on."""
    if job := running(kept):
        _progress(kept, job.job_id)
        return
    job = db.latest_job(kept, library.JOB)
    if job is None:
        return
    if job.state == "cancelled":
        st.info(f"The last run was cancelled at {job.progress:.0%}. {_way_on(job)}", icon=":material/pause:")
    elif job.state != "done":
        said = job.message if job.state == "failed" else f"No sign of life at {job.progress:.0%}."
        st.error(f"The last run ended early. {_shared.literal(said)} {_way_on(job)}", icon=":material/error:")
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
            help=_shared.literal(
                f"Scores {_named(job.result['folder'])} once more; what is known is not measured again."
            ),
        )


def _can_go_on(job: Job) -> bool:
    """Whether the music of a run is still where it was: also what somebody sent."""
    return os.path.isdir(_folder(job))  # an address is none, nor what is no path at all


def _way_on(job: Job) -> str:
    """What a person can do after a run that ended early."""
    if library_places.is_upload(_folder(job), Settings()) and not _can_go_on(job):
        return "What it had scored is kept. The files that were sent are gone: send them again to go on."
    return "What it had scored is kept" + ("." if _can_go_on(job) else ": start again to go on.")


@st.fragment(run_every=1.0)
def _progress(kept: Store, job_id: int) -> None:
    """The running run; the page is drawn anew when it ends."""
    job = running(kept)
    if job is None or job.job_id != job_id:
        st.rerun()
    with st.container(border=True):
        st.progress(job.progress, text=_shared.literal(job.message))
        with st.container(horizontal=True, vertical_alignment="center"):
            if job.cancel:
                st.caption("It stops in a moment.")
            else:
                st.button(
                    "Cancel",
                    icon=":material/cancel:",
                    key="library_cancel",
                    on_click=db.cancel_job,
                    args=(kept, job_id),
                )
            st.caption("It goes on when you close this page, and what is scored stays scored.")


# --- what came of it -------------------------------------------------------------------------------------------------


@st.cache_data(show_spinner="Reading the results …", max_entries=3)
def _read(path: str, stamp: int) -> tuple[pd.DataFrame, bool]:
    """The rows, and whether these are all. stamp : time of the file's last change."""
    if library_results.count(path) <= MOST:
        return library_results.read(path), True
    return library_results.read(path, [("state", "!=", "scored")]).head(MOST), False


def results(kept: Store) -> Results | None:
    """The results of the last run, or of an earlier one; None when there are none."""
    runs = {job.job_id: job for job in db.done_jobs(kept, library.JOB) if _is_table(_table(job))}
    if not runs:
        return None
    number = next(iter(runs))
    if len(runs) > 1:
        number = st.selectbox("Results of", list(runs), format_func=lambda n: _run(runs[n]), key="library_run")
    path = Path(_table(runs[number]))
    rows, whole = _read(str(path), path.stat().st_mtime_ns)
    return Results(runs[number], rows, path, whole)


def _folder(job: Job) -> str:
    """Where the music of a run is now: a folder or an address; empty where that is not known."""
    return _present(job.result.get("folder"))


def _table(job: Job) -> str:
    """Where the table of a run is now; empty where it has none."""
    return _present(job.result.get("out"))


def _present(stored: object) -> str:
    return present_path(stored, Settings()) if isinstance(stored, str) else ""


def _is_table(out: str) -> bool:
    return out.endswith(".parquet") and "://" not in out and Path(out).is_file()


def _run(job: Job) -> str:
    said = job.result
    return f"{_named(said['folder'], short=True)}, {job.started_at:%d %b, %H:%M} UTC, {said['found']:,} files"


def _named(folder: str, *, short: bool = False) -> str:
    """The folder as a person knows it: what was sent has no name of its own."""
    if library_places.is_upload(folder, Settings()):
        return "Uploaded files"
    return Path(folder).name if short else folder


def told(found: Results) -> None:
    """The run in numbers."""
    said, rows = found.job.result, found.rows
    files = rows.drop_duplicates("path")
    copies = int(((files["same_content_as"] != "") | (files["near_duplicate_of"] != "")).sum())
    st.subheader(_shared.literal(_named(said["folder"])), divider="gray")
    numbers = (
        ("Files", f"{said['found']:,}", f"Audio files below the folder. {library.left_out(said.get('skipped', {}))}"),
        ("Scored", f"{said['scored']:,}", "Files with a result."),
        ("Not scored", f"{said['found'] - said['scored']:,}", "Listed below with the reason."),
        (
            "Copies",
            f"{copies:,}" if found.whole else "–",
            "The same recording under another name: the same bytes, or too alike for two.",
        ),
        ("Took", duration(said["seconds"]), f"{said['measured']:,} files were new or changed, and measured."),
    )
    with st.container(horizontal=True):
        for label, value, meaning in numbers:
            st.metric(label, value, help=meaning, border=True, width=158)  # two beside each other on a telephone


def not_scored(found: Results) -> None:
    """The files without a result, and why."""
    rows = found.rows[found.rows["state"] != "scored"]
    if rows.empty:
        return
    with st.expander(f"{len(rows):,} not scored", icon=":material/report:", expanded=len(rows) == len(found.rows)):
        shown = rows[["file", "state", "reason", "start_s"]].assign(state=rows["state"].map(STATES))
        if shown["start_s"].isna().all():
            shown = shown.drop(columns="start_s")
        st.dataframe(
            shown.head(SHOWN),
            hide_index=True,
            column_config={
                "file": "File",
                "state": "What it is",
                "reason": st.column_config.TextColumn("Why", width="large"),
                "start_s": st.column_config.NumberColumn("From (s)", format="%.0f"),
            },
        )
        reasons = rows[["file", "path", "state", "reason"]]
        _take("Download CSV", lambda: library_results.csv_bytes(reasons), f"{found.name}_not-scored.csv", "text/csv")


def table(found: Results) -> None:
    """The scored parts, to filter and to take along."""
    if not found.whole:
        st.info(
            f"More than {MOST:,} rows are too many for this page. The table is {_shared.literal(str(found.path))}.",
            icon=":material/table:",
        )
        return
    scored = found.scored
    if scored.empty:
        return
    st.subheader("What was scored")
    rows = _filtered(found, scored)
    if rows.empty:
        st.info("Nothing is left. Widen the filter.", icon=":material/filter_alt_off:")
        return
    st.caption(
        f"{len(rows):,} of {len(scored):,}" + (f"; the first {SHOWN:,} are shown." if len(rows) > SHOWN else ".")
    )
    shown = rows.head(SHOWN)
    shown = shown.assign(
        mood=shown["guess"].map(plots.words),
        percent=100 * shown["confidence"],
        answer=[d or c or "review" for d, c in zip(shown["decision"], shown["candidates"], strict=True)],
        same=shown["same_content_as"].where(shown["same_content_as"] != "", shown["near_duplicate_of"]),
    )
    columns = [c for c in COLUMNS if _is_told(shown[c]) and (c != "start_s" or found.job.result["plan"] != "excerpt")]
    st.dataframe(shown[columns], hide_index=True, column_config=COLUMNS)
    with st.container(horizontal=True):
        _take("CSV", lambda: library_results.csv_bytes(rows), f"{found.name}.csv", "text/csv")
        _take(
            "Parquet", lambda: rows.to_parquet(None, index=False), f"{found.name}.parquet", "application/octet-stream"
        )
    st.caption(
        "Both hold the filtered rows with probabilities, the 50 features, and the versions of model and extractor."
    )


def _is_told(column: pd.Series) -> bool:
    """Whether a column says anything, so that a narrow screen keeps its room."""
    return column.name in ("file", "mood", "percent", "answer") or bool(((column != "") & column.notna()).any())


def _filtered(found: Results, scored: pd.DataFrame) -> pd.DataFrame:
    left, middle, right = st.columns([3, 2, 2], vertical_alignment="bottom")
    moods = left.pills(
        "Mood", list(EMOTIONS), format_func=plots.words, selection_mode="multi", default=list(EMOTIONS),
        key="library_moods",
    )  # fmt: skip
    least = middle.slider("Confidence at least (%)", 0, 100, 0, 5, key="library_least")
    sure = right.toggle("Only accepted ones", key="library_sure", help="Those for which the policy gives one answer.")
    words = st.text_input("Search file, artist, title, album, makam, usul or performer", key="library_words")
    keep = scored["guess"].isin(moods) & (scored["confidence"] >= least / 100)
    if sure:
        keep &= scored["decision"] != ""
    if said := fold(words).split():
        text = _folded(str(found.path), found.path.stat().st_mtime_ns, scored)
        for word in said:
            keep &= text.str.contains(word, regex=False)
    return scored[keep].sort_values("confidence", ascending=False, kind="stable")


@st.cache_data(show_spinner=False, max_entries=2)
def _folded(path: str, stamp: int, _scored: pd.DataFrame) -> pd.Series:
    """What is searched of the results in this file, as `core.letters.fold` writes it: ``"Işık" -> "isik"``."""
    searched = _scored[["artist", "title", "album", "makam", "usul", "performer"]]
    return _scored["file"].str.cat(searched, sep="\n").map(fold)


def _take(label: str, data: Callable[[], bytes], name: str, form: str) -> None:
    """A download that is made when it is asked for."""
    st.download_button(label, data, name, form, icon=":material/download:", key=f"library_{label}", on_click="ignore")


# --- what is kept ----------------------------------------------------------------------------------------------------


@st.cache_data(show_spinner=False, ttl=60, max_entries=4)
def _kept(settings: Settings) -> tuple[list[library_places.Upload], tuple[int, int]]:
    """What was sent and is still there; number and bytes of levelled copies. Looked up once a minute."""
    return library_places.uploads(settings), library_places.contents(settings.levelled_dir)


def on_disk(kept: Store, *, may_remove: bool) -> None:
    """What the data folder holds because of libraries and playlists, and a button to be rid of an upload."""
    settings = Settings()
    sent, (copies, size) = _kept(settings)
    if not sent and not copies:
        return
    with st.expander("On the disk", icon=":material/hard_drive:"):
        if copies:
            place = _shared.literal(str(settings.levelled_dir))
            st.caption(f"Levelled copies of playlists: {_amount(copies, size)} in {place}. Remove there what is old.")
        if not sent:
            return
        place = _shared.literal(str(settings.uploads_dir))
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
        if _who.login_configured():
            _who.still_analyst(kept)
        if running(kept) is not None:
            raise CoreError("A library is being scored, perhaps this one. Wait until that has ended.")
        library_places.remove_upload(folder, Settings())
    except CoreError as error:
        st.session_state[PROBLEM] = str(error)
    _kept.clear()


def _when(upload: library_places.Upload) -> str:
    return f"{upload.sent_at:%d %b, %H:%M} UTC, {_amount(upload.files, upload.size)}"


def _amount(files: int, size: int) -> str:
    return f"{files:,} {'file' if files == 1 else 'files'}, {size / 1e6:,.1f} MB"

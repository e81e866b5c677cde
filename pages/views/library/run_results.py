"""The results of a library run: summary, files that were not scored, and the table."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import streamlit as st

from core import wording
from core.library import places, progress, run
from core.library.results import count, csv_bytes, read_results
from core.locations import present_path
from core.schema import EMOTIONS
from core.settings import Settings
from core.store import Job, Store, done_jobs
from core.turkish import fold
from core.wording import duration
from pages.shared import messages, show

STATES = {
    "refused": "no usable audio",
    "unread": "could not be read",
    "quarantined": "killed its process",
    "fault": "fault of the program",
    "deleted": "deleted by somebody",
}
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

    rows : a row a scored part, or a file without one, see ``core.library.results.TYPES``; of a table with more than
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
        return show.file_name(f"library-{self.job.job_id}", data_hash="", version=version).replace("_data-", "")


# --- what came of it -------------------------------------------------------------------------------------------------


@st.cache_data(show_spinner="Reading the results …", max_entries=3)
def _read(path: str, stamp: int) -> tuple[pd.DataFrame, bool]:
    """The rows, and whether these are all. stamp : time of the file's last change."""
    if count(path) <= MOST:
        return read_results(path), True
    return read_results(path, [("state", "!=", "scored")]).head(MOST), False


def results(kept: Store) -> Results | None:
    """The results of the last run, or of an earlier one; None when there are none."""
    runs = {job.job_id: job for job in done_jobs(kept, run.JOB) if _is_table(table_path(job))}
    if not runs:
        return None
    number = next(iter(runs))
    if len(runs) > 1:
        number = st.selectbox("Results of", list(runs), format_func=lambda n: _run(runs[n]), key="library_run")
    path = Path(table_path(runs[number]))
    rows, whole = _read(str(path), path.stat().st_mtime_ns)
    return Results(runs[number], rows, path, whole)


def present_place(stored: object) -> str:
    return present_path(stored, Settings()) if isinstance(stored, str) else ""


def table_path(job: Job) -> str:
    """Where the table of a run is now; empty where it has none."""
    return present_place(job.result.get("out"))


def _is_table(out: str) -> bool:
    return out.endswith(".parquet") and "://" not in out and Path(out).is_file()


def _run(job: Job) -> str:
    said = job.result
    return f"{run_folder_name(said['folder'], short=True)}, {job.started_at:%d %b, %H:%M} UTC, {said['found']:,} files"


def run_folder_name(folder: str, *, short: bool = False) -> str:
    """The folder as a person knows it: what was sent has no name of its own."""
    if places.is_upload(folder, Settings()):
        return "Uploaded files"
    return Path(folder).name if short else folder


def show_summary(found: Results) -> None:
    """The run in numbers."""
    said, rows = found.job.result, found.rows
    files = rows.drop_duplicates("path")
    copies = int(((files["same_content_as"] != "") | (files["near_duplicate_of"] != "")).sum())
    st.subheader(messages.literal(run_folder_name(said["folder"])), divider="gray")
    numbers = (
        ("Files", f"{said['found']:,}", f"Audio files below the folder. {progress.left_out(said.get('skipped', {}))}"),
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
        _take("Download CSV", lambda: csv_bytes(reasons), f"{found.name}_not-scored.csv", "text/csv")


def table(found: Results) -> None:
    """The scored parts, to filter and to take along."""
    if not found.whole:
        st.info(
            f"More than {MOST:,} rows are too many for this page. The table is {messages.literal(str(found.path))}.",
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
        mood=shown["guess"].map(wording.with_sign),
        percent=100 * shown["confidence"],
        answer=[d or c or "review" for d, c in zip(shown["decision"], shown["candidates"], strict=True)],
        same=shown["same_content_as"].where(shown["same_content_as"] != "", shown["near_duplicate_of"]),
    )
    columns = [c for c in COLUMNS if _is_told(shown[c]) and (c != "start_s" or found.job.result["plan"] != "excerpt")]
    st.dataframe(shown[columns], hide_index=True, column_config=COLUMNS)
    with st.container(horizontal=True):
        _take("CSV", lambda: csv_bytes(rows), f"{found.name}.csv", "text/csv")
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
        "Mood", list(EMOTIONS), format_func=wording.with_sign, selection_mode="multi", default=list(EMOTIONS),
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
    """What is searched of the results in this file, as `core.turkish.fold` writes it: ``"Işık" -> "isik"``."""
    searched = _scored[["artist", "title", "album", "makam", "usul", "performer"]]
    return _scored["file"].str.cat(searched, sep="\n").map(fold)


def _take(label: str, data: Callable[[], bytes], name: str, form: str) -> None:
    """A download that is made when it is asked for."""
    st.download_button(label, data, name, form, icon=":material/download:", key=f"library_{label}", on_click="ignore")

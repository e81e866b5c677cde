"""The results of a library run: the newest run, a run that the person chooses, or the run of an address."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import streamlit as st

from core.allowed_places import allowed_places
from core.errors import CoreError
from core.library import run
from core.library.results import count, read_results
from core.settings import Settings
from core.store import Job, Store, done_jobs
from core.wording import counted
from pages.shared import messages, show
from pages.shared.times import local
from pages.views.library.run_folders import folder_name, music_folder, results_file

MOST = 100_000  # rows that fit into a session: 80 MB


@dataclass(frozen=True, eq=False)
class Results:
    """Results of one run.

    rows : one row per scored part or file without a result, see ``core.library.results.TYPES``. If there are more
        than ``MOST`` rows, only files without a result.  whole : True if these are all rows.
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
        """File name of a download, with run and model."""
        version = str(self.job.result.get("model_version", ""))
        return show.file_name(f"library-{self.job.job_id}", data_hash="", version=version).replace("_data-", "")


@st.cache_data(show_spinner="Reading the results …", max_entries=3)
def _read(path: str, stamp: int) -> tuple[pd.DataFrame, bool]:
    """Read the rows; also return whether these are all. stamp : modification time of the file, in ns."""
    if count(path) <= MOST:
        return read_results(path), True
    return read_results(path, [("state", "!=", "scored")]).head(MOST), False


def _runs(store: Store) -> dict[int, Job]:
    """Runs whose results exist and whose music may be read, newest first."""
    try:
        places = allowed_places(Settings())
        jobs = done_jobs(store, run.JOB)
    except CoreError as error:
        messages.problem(error)
        return {}
    return {job.job_id: job for job in jobs if _is_results_file(results_file(job)) and places.allow(music_folder(job))}


def results_of(store: Store, number: int) -> Results | None:
    """Results of the run with this number; None without results."""
    job = _runs(store).get(number)
    return None if job is None else _results(job)


def _results(job: Job) -> Results:
    path = Path(results_file(job))
    rows, whole = _read(str(path), path.stat().st_mtime_ns)
    return Results(job, rows, path, whole)


def choose_results(store: Store) -> Results | None:
    """Results of the last run, or of an earlier run that the person chooses; None without results."""
    runs = _runs(store)
    if not runs:
        return None
    number = next(iter(runs))
    if len(runs) > 1:
        number = st.selectbox(
            "Results of",
            list(runs),
            format_func=lambda n: _describe_run(runs[n]),
            key=f"library_run_{number}",  # a new run is a new box, which shows that run
        )
    return _results(runs[number])


def _is_results_file(out: str) -> bool:
    return out.endswith(".parquet") and "://" not in out and Path(out).is_file()


def _describe_run(job: Job) -> str:
    result = job.result
    files = counted(result["found"], "file")
    return f"{folder_name(result['folder'], short=True)}, {local(job.started_at)}, {files}"

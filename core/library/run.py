"""Score a library of thousands of files: incremental, resumable, and an error costs one file, not the run.

Folder -> list of files -> new files -> workers (read, decode, measure) -> features in the store -> predictions ->
decisions in the store -> one table. Each chunk of files is stored in one transaction, and the table is written from the
store. The next run therefore continues where a killed run stopped; no file is lost or scored twice.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from core.errors import CoreError
from core.features import EXTRACTOR
from core.library import addresses, cluster, find, results, workers
from core.library.near_copies import near_duplicates
from core.library.progress import SHOWN, RunProgress, Summary
from core.library.results import Scorer
from core.library.sidecar import write_table_sidecars
from core.library.spool import Spool
from core.library.tagged_files import under_first_names
from core.library.workers import Where
from core.models.policy import Policy
from core.pipeline.deciding import Part, decide_pieces, store_predictions
from core.pipeline.noting import note_library, note_unscored
from core.pipeline.serving import Served
from core.records import FoundFile, LibraryEntry, LibraryFile, Plan, Window
from core.schema import FeatureVector
from core.settings import Settings
from core.store import (
    Store,
    features_of,
    known_contents,
    known_files,
    later_contents,
    same_content,
    save_files,
    unpredicted,
)
from core.wording import counted

JOB = "library"  # name of the job and of its lock: one run at a time
AT_ONCE = 500  # files per query or write
PREDICTED = 100  # clips per call of the model, which takes 0.3 s
MOST_KNOWN = 5_000  # content hashes sent with a chunk


def score_library(
    folder: str,
    out: str,
    *,
    served: Served,
    policy: Policy,
    store: Store,
    plan: Plan | None = None,
    where: Where | None = None,
    max_mb: float = 200,
    retry: bool = False,
    sidecars: bool = False,
    makam: bool = False,
    within: str = "",
    files: Iterable[FoundFile] | None = None,
    on_progress: Callable[[RunProgress], None] = lambda _: None,
) -> Summary:
    """Score all audio below a folder, and write one table of results.

    Parameters
    ----------
    folder
        A path, or an address that fsspec knows.
    out
        Path or address of the table; ends in .parquet, .csv or .jsonl.
    plan
        Parts of a file to score; None scores the windows around its middle that the policy asks for.
    where
        Workers to use; None means this machine.
    max_mb
        Size limit of a file in MB.
    retry
        Also score quarantined files, which crashed their worker before.
    sidecars
        Write a JSON file next to each scored file.
    makam
        Also measure melody, karar and makam of each whole file.
    within
        Folder outside which no link is followed; "" follows all links.
    files
        The files to score; None looks for them in the folder.
    on_progress
        Called at least once a second. An exception that it raises ends the run; the next run continues.

    Raises
    ------
    CoreError
        When the folder cannot be read, the results cannot be written, or the store or the cluster fails.
    """
    asked = plan or Plan()
    if asked.whole:
        asked = replace(asked, count=policy.windows, apart_s=policy.apart_s)
    run = _Run(store, served, policy, asked, on_progress)
    where, started = where or Where(), time.monotonic()
    results.check_out(out)
    with Spool() as listed, Spool() as new:
        run.list_files(folder, listed, within, files)
        died = run.split_known_from_new(listed, new, retry=retry)
        if where.processes(new.count) == 0 and died and not where.scheduler:
            where = replace(where, workers=1)  # a file may crash the process that reads it: use another process
        run.measure(new, where, max_mb)
        if makam:
            run.measure_makams(listed, max_mb)
        run.write(out, listed, sidecars=sidecars)
        return run.summary(folder, out, listed, seconds=time.monotonic() - started)


class _Run:
    """One run: its inputs and its progress."""

    def __init__(
        self, store: Store, served: Served, policy: Policy, plan: Plan, on_progress: Callable[[RunProgress], None]
    ) -> None:
        self.store, self.served, self.policy, self.plan, self.on_progress = store, served, policy, plan, on_progress
        self.scorer = Scorer(served.model.version, policy)
        self.progress = RunProgress()
        self.measured = 0  # files whose features were computed
        self.skipped: Counter[str] = Counter()
        self.root = ""  # common prefix of all paths of the library
        self._began = self._reported = time.monotonic()

    def report_progress(self, **changes: Any) -> None:
        """Update the progress and pass it to on_progress."""
        if self.progress.phase == "scoring":
            changes.setdefault("elapsed_s", time.monotonic() - self._began)
        self.progress = replace(self.progress, **changes)
        self._reported = time.monotonic()
        self.on_progress(self.progress)

    def report_if_due(self, **changes: Any) -> None:
        """Report progress unless it was reported within the last second."""
        if time.monotonic() - self._reported > workers.TICK_S:
            self.report_progress(**changes)

    def with_reports(self, batches: Iterable[list[FoundFile]]) -> Iterator[list[FoundFile]]:
        """Yield the batches, and report progress between them."""
        for batch in batches:
            self.report_if_due()
            yield batch

    def report_waiting(self, note: str) -> None:
        """Report a status note, such as waiting for workers. Waiting before the first result is not measuring time."""
        if note and not self.progress.done:
            self._began = time.monotonic()
        self.report_progress(note=note)

    def list_files(self, folder: str, listed: Spool, within: str, files: Iterable[FoundFile] | None) -> None:
        """Put the files, or the audio files of the folder, into `listed`. Raises CoreError when there are none."""
        given: dict[str, Any] = {"beat": lambda: self.report_if_due(found=listed.count), "skip": self.skip}
        for item in find.find_audio(folder, within=within, **given) if files is None else files:
            listed.add(item)
            if not self.root and not item.problem:
                self.root = item.path.removesuffix(item.name)
        if not listed.count:
            place, endings = addresses.safe(folder), " ".join(find.READ)
            raise CoreError(f"There is no audio in {place}: no file name ends in one of {endings}.")
        if listed.count == 1:
            self.root = ""  # `folder` may be this file itself, and then its parent folder is not the library
        self.report_progress(found=listed.count)

    def skip(self, why: str) -> None:
        self.skipped[why] += 1

    def split_known_from_new(self, listed: Spool, new: Spool, *, retry: bool) -> bool:
        """Put the files that must be measured into `new`. Returns True if any of them may have crashed a process."""
        died = False
        for batch in listed.batches(AT_ONCE):
            files = known_files(self.store, self.plan.name, [item.path for item in batch])
            settled = []
            for item in batch:
                file = files.get(item.path)
                if item.problem:
                    self.progress = replace(self.progress, not_scored=self.progress.not_scored + 1)
                elif file is not None and _unchanged(item, file, retry=retry):
                    settled.append(file)
                else:
                    new.add(item)
                    died |= file is not None and file.state in ("begun", "quarantined")
            self.predict([file for file in settled if file.state == "scored"])
            self.report_progress(not_scored=self.progress.not_scored + sum(file.state != "scored" for file in settled))
        self.progress = replace(self.progress, settled=listed.count - new.count, new=new.count)
        return died

    def measure(self, new: Spool, where: Where, max_mb: float) -> None:
        """Measure the new files, and store the entries and predictions of each chunk."""
        self._began = time.monotonic()
        self.report_progress(phase="scoring")
        if where.processes(new.count) == 0 and not where.scheduler:
            self.mark_begun(new)
        chunks = cluster.measure(
            new, new.count, self.plan, where=where, known=self.known, max_mb=max_mb, beat=self.report_waiting
        )
        for entries in chunks:
            failed = self.store_entries(entries)
            self.measured += sum(bool(entry.clips) for entry in entries)
            self.report_progress(done=self.progress.done + len(entries), not_scored=self.progress.not_scored + failed)

    def measure_makams(self, listed: Spool, max_mb: float) -> None:
        """Measure karar and makam of the scored files that have none yet."""
        # Imported here: they import scipy, which other runs do not need.
        from core.library.makam import measure_makams
        from core.makam.templates import templates_in_use

        templates = templates_in_use(Settings().data_dir)
        scored = (self._scored(batch) for batch in listed.batches(AT_ONCE))

        def beat(count: int) -> None:
            self.report_if_due(note=f"Karar and makam of {counted(count, 'file')} measured")

        measure_makams(self.store, scored, templates=templates, max_mb=max_mb, beat=beat)

    def _scored(self, batch: Sequence[FoundFile]) -> list[tuple[FoundFile, str]]:
        """The scored files of a batch, each with the hash of its content."""
        files = known_files(self.store, self.plan.name, [item.path for item in batch if not item.problem])
        known = ((item, files.get(item.path)) for item in batch)
        return [(item, f.content_hash) for item, f in known if f and f.state == "scored" and f.content_hash]

    def mark_begun(self, new: Spool) -> None:
        """Mark files as begun, so that the next run reads a file that crashed this process in another process.

        Earlier measurements stay in the file's row, because copies of the file may need them in this run.
        """
        files = known_files(self.store, self.plan.name, [item.path for item in new])
        begun = []
        for f in new:
            fresh = LibraryFile(
                path=f.path, plan=self.plan.name, size=f.size, stamp="", state="begun", extractor=EXTRACTOR
            )
            file = files.get(f.path, fresh)
            begun.append(replace(file, state="begun", stamp="", reason="") if file.windows else fresh)
        save_files(self.store, [LibraryEntry(file) for file in begun])

    def known(self, chunk: Sequence[FoundFile]) -> frozenset[str]:
        """Return content hashes of measured files with the sizes of this chunk's files: they need no measuring."""
        sizes = [item.size for item in chunk]
        known = known_contents(self.store, self.plan.name, EXTRACTOR, sizes=sizes, limit=MOST_KNOWN)
        return frozenset(known | later_contents(self.store, sorted(known)))

    def store_entries(self, entries: Sequence[LibraryEntry]) -> int:
        """Store the entries of a worker and their predictions. Returns the number of files without a result."""
        entries = under_first_names(self.store, entries)
        new = [entry for entry in entries if not entry.known]
        copies = [entry.file for entry in entries if entry.known]
        before = self.measured_copies(copies)  # look them up first: saving may overwrite the row of a measured file
        save_files(self.store, new)
        note_unscored(self.store, new)
        measured = self.measured_copies(copies) | before  # includes files of this chunk that were measured just now
        known = [_with_known_content(file, measured.get(str(file.content_hash))) for file in copies]
        save_files(self.store, [LibraryEntry(file) for file in known])
        files = [*(entry.file for entry in new), *known]
        self.predict([file for file in files if file.state == "scored"])
        return sum(file.state != "scored" for file in files)

    def measured_copies(self, files: Sequence[LibraryFile]) -> dict[str, LibraryFile]:
        """Return one measured file for each content hash of these files."""
        hashes = [str(file.content_hash) for file in files]
        return same_content(self.store, self.plan.name, EXTRACTOR, hashes) if hashes else {}

    def predict(self, files: Sequence[LibraryFile]) -> None:
        """Predict and store the answers of these files that have no prediction under this policy."""
        pieces = {str(windows[0].clip_id): windows for file in files for windows in _answers(file, self.plan)}
        missing = unpredicted(
            self.store, list(pieces), model_version=self.scorer.model_version, extractor=EXTRACTOR, policy=self.policy
        )
        for k in range(0, len(missing), PREDICTED):
            self.report_if_due()
            part = [pieces[str(clip)] for clip in missing.index[k : k + PREDICTED]]
            others = [str(window.clip_id) for windows in part for window in windows[1:]]
            values = missing.iloc[k : k + PREDICTED]
            if others:
                values = pd.concat([values, features_of(self.store, others, extractor=EXTRACTOR)])
            measured = [_piece(windows, values) for windows in part]
            decided = decide_pieces(measured, self.served, policy=self.policy)
            store_predictions(decided, measured, self.served, policy=self.policy, store=self.store)
            note_library(self.store, decided)

    def write(self, out: str, listed: Spool, *, sidecars: bool) -> None:
        """Write the table of results, and sidecar files if wanted."""
        self.report_progress(phase="writing", note="")
        reference = self.served.reference
        near = near_duplicates(
            self.with_reports(listed.batches(AT_ONCE)),
            store=self.store,
            plan=self.plan,
            reference=reference,
            beat=self.report_if_due,
        )
        given: dict[str, Any] = {
            "store": self.store,
            "plan": self.plan,
            "scorer": self.scorer,
            "near": near,
            "root": self.root,
        }
        results.export(out, self.with_reports(listed.batches(AT_ONCE)), **given)
        if sidecars:
            for batch in self.with_reports(listed.batches(AT_ONCE)):
                write_table_sidecars(results.rows(batch, **given))

    def summary(self, folder: str, out: str, listed: Spool, *, seconds: float) -> Summary:
        states: Counter[str] = Counter()
        failed: list[dict[str, str]] = []
        for batch in self.with_reports(listed.batches(AT_ONCE)):
            files = known_files(self.store, self.plan.name, [item.path for item in batch])
            for item in batch:
                file = files.get(item.path)
                state = "unread" if item.problem or file is None else file.state
                states[state] += 1
                if state != "scored" and len(failed) < SHOWN:
                    reason = item.problem or (file.reason if file else "")
                    failed.append({"file": item.name, "state": state, "reason": reason})
        return Summary(
            folder=addresses.safe(folder),
            out=out,
            plan=self.plan.name,
            model_version=self.scorer.model_version,
            extractor=EXTRACTOR,
            policy=self.policy.to_json(),
            found=listed.count,
            measured=self.measured,
            scored=states["scored"],
            states=dict(states),
            not_scored=failed,
            seconds=round(seconds, 1),
            skipped=dict(self.skipped),
        )


def _unchanged(item: FoundFile, file: LibraryFile, *, retry: bool) -> bool:
    """Return whether the stored result of the file is still valid."""
    same = (file.size, file.stamp, file.extractor) == (item.size, item.stamp, EXTRACTOR) and item.stamp != ""
    return same and (file.state in ("scored", "refused") or (file.state == "quarantined" and not retry))


def _answers(file: LibraryFile, plan: Plan) -> list[list[Window]]:
    """Return the windows of each answer of a file: all windows give one answer, or each one its own."""
    scored = [window for window in file.windows if window.clip_id]
    return [scored] if plan.whole and scored else [[window] for window in scored]


def _piece(windows: Sequence[Window], values: pd.DataFrame) -> list[Part]:
    """Return the measured windows of an answer. values : features, index clip_id."""
    return [
        Part(
            FeatureVector(str(window.clip_id), EXTRACTOR, values.loc[window.clip_id].to_numpy(dtype=float)),
            window.start_s,
            window.end_s,
        )
        for window in windows
    ]


def _with_known_content(file: LibraryFile, same: LibraryFile | None) -> LibraryFile:
    """Copy the measurements of a file with the same content."""
    if same is None:
        reason = "The results of its content were removed meanwhile. Score the file again."
        return replace(file, state="unread", stamp="", reason=reason)
    return replace(file, duration_s=same.duration_s, windows=same.windows, remarks=same.remarks)

"""A library: thousands of files scored by the functions that score one clip, incrementally, resumable, fault by fault.

Folder -> list of files -> those that are new -> workers (read, decode, measure) -> features in the store -> the model's
answers -> decisions in the store -> one table. What was done is in the store after every chunk, in one transaction;
the table is written from there. So a run that was killed goes on where it was, and nothing is lost or doubled.
"""

import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from typing import Any

import pandas as pd

from core import library_cluster, library_files, library_link, library_results, library_tags
from core import store as db
from core.errors import CoreError
from core.features import EXTRACTOR
from core.inference import Policy
from core.library_copies import near_duplicates
from core.library_link import Where
from core.library_results import Said
from core.pipeline import Served, predict_and_decide, store_predictions
from core.records import Found, LibraryEntry, LibraryFile, Plan
from core.schema import FeatureVector
from core.store import Store
from core.wording import duration

JOB = "library"  # name of the lock: one run at a time
AT_ONCE = 500  # files looked up or written together
PREDICTED = 100  # clips that the model is asked about together, which takes 0.3 s
MOST_KNOWN = 5_000  # content hashes that travel with a chunk
LINE_S = 10.0  # between two lines of progress where there is no terminal
SHOWN = 20  # of the files that were not scored, in the summary


@dataclass(frozen=True)
class RunProgress:
    """How far a run is.

    phase : looking, scoring or writing.  found : files in the folder.  settled : known and unchanged.
    new : to be measured.  done : of these.  not_scored : files without a result so far.  elapsed_s : of the measuring.
    note : what a person is to know meanwhile, such as what is waited for.
    """

    phase: str = "looking"
    found: int = 0
    settled: int = 0
    new: int = 0
    done: int = 0
    not_scored: int = 0
    elapsed_s: float = 0.0
    note: str = ""

    @property
    def rate(self) -> float | None:
        """Files measured in a second; None before the first one is."""
        return self.done / self.elapsed_s if self.done and self.elapsed_s > 0 else None

    @property
    def remaining_s(self) -> float | None:
        """Seconds until all new files are measured; None when nobody can tell yet."""
        return None if self.rate is None else (self.new - self.done) / self.rate

    @property
    def share(self) -> float:
        """How much is done, in [0, 1]."""
        if self.phase == "looking":
            return 0.0
        return 1.0 if self.phase == "writing" else (self.settled + self.done) / max(1, self.found)

    @property
    def text(self) -> str:
        """In words, for a person."""
        if self.phase == "looking":
            return f"Looking for audio: {self.found:,} files so far"
        failed = f"{self.not_scored:,} not scored"
        if self.phase == "writing":
            return f"Writing the results of {self.found:,} files, {failed}"
        parts = [f"{self.settled + self.done:,} of {self.found:,} files"]
        if self.rate is not None and self.remaining_s is not None:
            parts += [f"{self.rate:.1f} per second", f"{duration(self.remaining_s)} left"]
        return ". ".join(filter(None, [", ".join([*parts, failed]), self.note]))


@dataclass(frozen=True)
class Summary:
    """What a run did.

    found : files.  measured : of these, measured now; the content of the others was known.  scored : with a result.
    states : number of files by what became of them.  not_scored : the first of those without a result, with reasons.
    seconds : of the whole run.  out : where the table is.  skipped : how much was left out, by why (hidden, not audio).
    """

    folder: str
    out: str
    plan: str
    model_version: str
    extractor: str
    policy: str
    found: int
    measured: int
    scored: int
    states: dict[str, int]
    not_scored: list[dict[str, str]] = field(default_factory=list)
    seconds: float = 0.0
    skipped: dict[str, int] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """In one line."""
        failed = self.found - self.scored
        return (
            f"{self.scored:,} of {self.found:,} files scored, {failed:,} not; "
            f"{self.measured:,} of them measured now, in {duration(self.seconds)}."
        )

    @property
    def left_out(self) -> str:
        """What was skipped, in one line; empty where nothing was."""
        return left_out(self.skipped)

    @property
    def report(self) -> str:
        """In lines: what became of the files, and why some were not scored."""
        lines = [self.text, *filter(None, [self.left_out]), f"The table is in {self.out}."]
        lines += [f"  {one['state']}: {one['file']}: {one['reason']}" for one in self.not_scored]
        more = self.found - self.scored - len(self.not_scored)
        return "\n".join([*lines, *([f"  and {more:,} more, in the table."] if more else [])])

    def to_json(self) -> dict[str, Any]:
        """As it is stored with the job."""
        return asdict(self)


def left_out(skipped: Mapping[str, int]) -> str:
    """What was skipped, in words: ``"Left out: 2 hidden, 1,204 not audio."``"""
    return f"Left out: {', '.join(f'{n:,} {why}' for why, n in sorted(skipped.items()))}." if skipped else ""


@contextmanager
def bar() -> Iterator[Callable[[RunProgress], None]]:
    """A bar in the terminal; gives what shows progress on it. Elsewhere than in a terminal a line every ten seconds."""
    from tqdm import tqdm

    if not sys.stderr.isatty():
        told = [time.monotonic()]

        def tell(progress: RunProgress) -> None:
            if time.monotonic() - told[0] >= LINE_S:
                told[0] = time.monotonic()
                print(progress.text, file=sys.stderr, flush=True)

        yield tell
        return
    with tqdm(unit=" files", dynamic_ncols=True, disable=None, smoothing=0.05) as drawn:

        def show(progress: RunProgress) -> None:
            drawn.total = progress.found
            drawn.set_description_str(progress.phase, refresh=False)
            said = [f"{progress.not_scored:,} not scored", progress.note]
            drawn.set_postfix_str(". ".join(filter(None, said)), refresh=False)
            drawn.update((progress.settled + progress.done if progress.phase != "looking" else 0) - drawn.n)

        yield show


class _Spool:
    """A list of files on the disk: a million of them need no memory."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile("w+", encoding="utf-8", prefix="library-")  # noqa: SIM115 - closed by `with`
        self.count = 0

    def __enter__(self) -> "_Spool":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, found: Found) -> None:
        self._file.write(json.dumps(asdict(found)) + "\n")
        self.count += 1

    def __iter__(self) -> Iterator[Found]:
        self._file.seek(0)
        for line in self._file:
            yield Found(**json.loads(line))

    def batches(self, size: int = AT_ONCE) -> Iterator[list[Found]]:
        """The files in their order, so many at a time."""
        rest = iter(self)
        while batch := list(islice(rest, size)):
            yield batch


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
    beside: bool = False,
    within: str = "",
    tell: Callable[[RunProgress], None] = lambda _: None,
) -> Summary:
    """Score all audio below a folder, and write one table of results.

    folder : a path, or an address that fsspec knows.  out : a path or address that ends in .parquet or .csv.
    plan : which parts of a file are scored; None: its middle 30.02 s.  where : None = this machine.
    retry : also files that killed their worker before.  beside : write a JSON file beside each scored file.
    within : a folder out of which no link is followed; "" follows them anywhere.
    tell : called with the progress once a second at least; what it raises ends the run, and the next one goes on.
    Raises CoreError when the folder, the place of the results, the store or the cluster is no good.
    """
    run = _Run(store, served, policy, plan or Plan(), tell)
    where, started = where or Where(), time.monotonic()
    library_results.check_out(out)
    with _Spool() as listed, _Spool() as new:
        run.look(folder, listed, within)
        died = run.sort_out(listed, new, retry=retry)
        if where.processes(new.count) == 0 and died and not where.scheduler:
            where = replace(where, workers=1)  # what killed the process that read it is not read in this one
        run.measure(new, where, max_mb)
        run.write(out, listed, beside=beside)
        return run.summary(folder, out, listed, seconds=time.monotonic() - started)


class _Run:
    """One run: what it works with, and how far it is."""

    def __init__(
        self, store: Store, served: Served, policy: Policy, plan: Plan, tell: Callable[[RunProgress], None]
    ) -> None:
        self.store, self.served, self.policy, self.plan, self.tell = store, served, policy, plan, tell
        self.said = Said(served.model.version, policy)
        self.progress = RunProgress()
        self.measured = 0  # files whose features were computed
        self.skipped: Counter[str] = Counter()
        self.root = ""  # what all paths of the library begin with
        self._began = self._told = time.monotonic()

    def at(self, **news: Any) -> None:
        """Tell how far the run is."""
        if self.progress.phase == "scoring":
            news.setdefault("elapsed_s", time.monotonic() - self._began)
        self.progress = replace(self.progress, **news)
        self._told = time.monotonic()
        self.tell(self.progress)

    def tick(self, **news: Any) -> None:
        """Tell it if nothing was told for a second; called more often than that."""
        if time.monotonic() - self._told > library_link.TICK_S:
            self.at(**news)

    def ticking(self, batches: Iterable[list[Found]]) -> Iterator[list[Found]]:
        """The same batches, told of on the way."""
        for batch in batches:
            self.tick()
            yield batch

    def waits(self, note: str) -> None:
        """Tell that work goes on elsewhere, or what it waits for; that time is no time of measuring."""
        if note and not self.progress.done:
            self._began = time.monotonic()
        self.at(note=note)

    # --- what is there, and what of it is new

    def look(self, folder: str, listed: _Spool, within: str) -> None:
        given: dict[str, Any] = {"beat": lambda: self.tick(found=listed.count), "skip": self.skip}
        for found in library_files.find(folder, within=within, **given):
            listed.add(found)
            if not self.root and not found.problem:
                self.root = found.path.removesuffix(found.name)
        if not listed.count:
            place, endings = library_files.safe(folder), " ".join(library_files.READ)
            raise CoreError(f"There is no audio in {place}: no file that ends in one of {endings}.")
        if listed.count == 1:
            self.root = ""  # it may have been named itself, and then its folder is not the library
        self.at(found=listed.count)

    def skip(self, why: str) -> None:
        self.skipped[why] += 1

    def sort_out(self, listed: _Spool, new: _Spool, *, retry: bool) -> bool:
        """Put the files that have to be measured into `new`; says whether one may have killed a process."""
        died = False
        for batch in listed.batches():
            files = db.known_files(self.store, self.plan.name, [found.path for found in batch])
            settled = []
            for found in batch:
                file = files.get(found.path)
                if found.problem:
                    self.progress = replace(self.progress, not_scored=self.progress.not_scored + 1)
                elif file is not None and _unchanged(found, file, retry=retry):
                    settled.append(file)
                else:
                    new.add(found)
                    died |= file is not None and file.state in ("begun", "quarantined")
            self.predict([file for file in settled if file.state == "scored"])
            self.at(not_scored=self.progress.not_scored + sum(file.state != "scored" for file in settled))
        self.progress = replace(self.progress, settled=listed.count - new.count, new=new.count)
        return died

    # --- measuring

    def measure(self, new: _Spool, where: Where, max_mb: float) -> None:
        self._began = time.monotonic()
        self.at(phase="scoring")
        if where.processes(new.count) == 0 and not where.scheduler:
            self.begin(new)
        chunks = library_cluster.measure(
            new, new.count, self.plan, where=where, known=self.known, max_mb=max_mb, beat=self.waits
        )
        for entries in chunks:
            failed = self.store_entries(entries)
            self.measured += sum(bool(entry.clips) for entry in entries)
            self.at(done=self.progress.done + len(entries), not_scored=self.progress.not_scored + failed)

    def begin(self, new: _Spool) -> None:
        """Note which files are in hand: a file that kills this process is read in another one the next time.

        What was known of a file's content stays with it, for copies of it that are read today.
        """
        files = db.known_files(self.store, self.plan.name, [found.path for found in new])
        begun = []
        for f in new:
            fresh = LibraryFile(
                path=f.path, plan=self.plan.name, size=f.size, stamp="", state="begun", extractor=EXTRACTOR
            )
            file = files.get(f.path, fresh)
            begun.append(replace(file, state="begun", stamp="", reason="") if file.windows else fresh)
        db.save_files(self.store, [LibraryEntry(file) for file in begun])

    def known(self, chunk: Sequence[Found]) -> frozenset[str]:
        """Content that need not be measured again: of files of the same size, whatever their name is now."""
        sizes = [found.size for found in chunk]
        return frozenset(db.known_contents(self.store, self.plan.name, EXTRACTOR, sizes=sizes, limit=MOST_KNOWN))

    def store_entries(self, entries: Sequence[LibraryEntry]) -> int:
        """Store what came from a worker, and what the model says of it; returns how many files have no result."""
        new = [entry for entry in entries if not entry.known]
        again = [entry.file for entry in entries if entry.known]
        before = self.same(again)  # in the place of one of these there may be another file now
        db.save_files(self.store, new)
        same = self.same(again) | before  # the first of several was measured just now
        known = [_as_before(file, same.get(str(file.content_hash))) for file in again]
        db.save_files(self.store, [LibraryEntry(file) for file in known])
        files = [*(entry.file for entry in new), *known]
        self.predict([file for file in files if file.state == "scored"])
        return sum(file.state != "scored" for file in files)

    def same(self, files: Sequence[LibraryFile]) -> dict[str, LibraryFile]:
        """A measured file of each content."""
        hashes = [str(file.content_hash) for file in files]
        return db.same_content(self.store, self.plan.name, EXTRACTOR, hashes) if hashes else {}

    def predict(self, files: Sequence[LibraryFile]) -> None:
        """Ask the model about those parts of the files of which it has not been asked under this policy."""
        clips = [window.clip_id for file in files for window in file.windows if window.clip_id]
        missing = db.unpredicted(
            self.store, clips, model_version=self.said.model_version, extractor=EXTRACTOR, policy=self.policy
        )
        for k in range(0, len(missing), PREDICTED):
            self.tick()
            part = missing.iloc[k : k + PREDICTED]
            vectors = [FeatureVector(str(c), EXTRACTOR, v) for c, v in zip(part.index, part.to_numpy(), strict=True)]
            decided = predict_and_decide(vectors, self.served, policy=self.policy)
            store_predictions(decided, vectors, self.served, policy=self.policy, store=self.store)

    # --- results

    def write(self, out: str, listed: _Spool, *, beside: bool) -> None:
        self.at(phase="writing", note="")
        reference = self.served.reference
        near = near_duplicates(
            self.ticking(listed.batches()), store=self.store, plan=self.plan, reference=reference, beat=self.tick
        )
        given: dict[str, Any] = {
            "store": self.store,
            "plan": self.plan,
            "said": self.said,
            "near": near,
            "root": self.root,
        }
        library_results.export(out, self.ticking(listed.batches()), **given)
        if beside:
            for batch in self.ticking(listed.batches()):
                _write_beside(library_results.rows(batch, **given))

    def summary(self, folder: str, out: str, listed: _Spool, *, seconds: float) -> Summary:
        states: Counter[str] = Counter()
        failed: list[dict[str, str]] = []
        for batch in self.ticking(listed.batches()):
            files = db.known_files(self.store, self.plan.name, [found.path for found in batch])
            for found in batch:
                file = files.get(found.path)
                state = "unread" if found.problem or file is None else file.state
                states[state] += 1
                if state != "scored" and len(failed) < SHOWN:
                    reason = found.problem or (file.reason if file else "")
                    failed.append({"file": found.name, "state": state, "reason": reason})
        return Summary(
            folder=library_files.safe(folder),
            out=out,
            plan=self.plan.name,
            model_version=self.said.model_version,
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


def _unchanged(found: Found, file: LibraryFile, *, retry: bool) -> bool:
    """Whether what the store knows of the file still holds."""
    same = (file.size, file.stamp, file.extractor) == (found.size, found.stamp, EXTRACTOR) and found.stamp != ""
    return same and (file.state in ("scored", "refused") or (file.state == "quarantined" and not retry))


def _as_before(file: LibraryFile, same: LibraryFile | None) -> LibraryFile:
    """The file with what is known of its content."""
    if same is None:
        return replace(file, state="unread", stamp="", reason="Its content was removed meanwhile. Score it again.")
    return replace(file, duration_s=same.duration_s, windows=same.windows, remarks=same.remarks)


def _write_beside(table: pd.DataFrame) -> None:
    """A JSON file beside each local file that was scored."""
    scored = table[(table["state"] == "scored") & ~table["path"].str.contains("://")]
    columns = ["start_s", "end_s", *library_results.PROBA, "guess", "confidence", "decision", "candidates"]
    columns += ["decision_reason", "tempo_bpm", "loudness_lufs"]
    for path, rows in scored.groupby("path", sort=False):
        first = rows.iloc[0]
        parts = json.loads(rows[columns].to_json(orient="records"))
        said = {n: first[n] for n in ("content_hash", "model_version", "extractor")}
        library_tags.write_beside(str(path), {**said, "made_by": "Turkish Music Emotion", "parts": parts})

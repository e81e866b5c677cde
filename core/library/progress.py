"""Progress of a library run, and the summary at its end."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from core.wording import counted, duration

LINE_S = 10.0  # between two lines of progress when stderr is not a terminal
SHOWN = 20  # files without a result that the summary lists


@dataclass(frozen=True)
class RunProgress:
    """Progress of a run.

    Parameters
    ----------
    phase
        looking, scoring or writing.
    found
        Number of files in the folder.
    settled
        Number of known, unchanged files.
    new, done
        Number of files to measure, and how many of them are measured.
    not_scored
        Number of files without a result so far.
    elapsed_s
        Seconds of measuring.
    note
        A status note for the user, such as what the run waits for.
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
        """Files measured per second; None until the first file is measured."""
        return self.done / self.elapsed_s if self.done and self.elapsed_s > 0 else None

    @property
    def remaining_s(self) -> float | None:
        """Estimated seconds until all new files are measured; None without an estimate."""
        return None if self.rate is None else (self.new - self.done) / self.rate

    @property
    def share(self) -> float:
        """Finished share of the run, in [0, 1]."""
        if self.phase == "looking":
            return 0.0
        return 1.0 if self.phase == "writing" else (self.settled + self.done) / max(1, self.found)

    @property
    def text(self) -> str:
        """Progress as a sentence for the user."""
        if self.phase == "looking":
            return f"Looking for audio: {counted(self.found, 'file')} so far"
        failed = f"{self.not_scored:,} not scored"
        if self.phase == "writing":
            return f"Writing the results of {counted(self.found, 'file')}, {failed}"
        parts = [f"{self.settled + self.done:,} of {self.found:,} files"]
        if self.rate is not None and self.remaining_s is not None:
            parts += [f"{self.rate:.1f} per second", f"{duration(self.remaining_s)} left"]
        note = self.note
        if self.new and not self.done and not note:
            note = f"Measuring the first files, for {duration(self.elapsed_s)} so far. Results come in groups of files"
        return ". ".join(filter(None, [", ".join([*parts, failed]), note]))


@dataclass(frozen=True)
class Summary:
    """Summary of a run.

    Parameters
    ----------
    out
        Path or address of the table.
    found
        Number of files.
    measured
        Number of files that this run measured; the content of the others was known.
    scored
        Number of files with a result.
    states
        Number of files by state.
    not_scored
        The first files without a result, with reasons.
    seconds
        Duration of the run in s.
    skipped
        Number of entries left out, by reason (hidden, not audio).
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
        """Summary in one line."""
        failed = self.found - self.scored
        return (
            f"{self.scored:,} of {self.found:,} files scored, {failed:,} not; "
            f"{self.measured:,} of them measured now, in {duration(self.seconds)}."
        )

    @property
    def left_out(self) -> str:
        """Entries left out, in one line; empty when there are none."""
        return left_out(self.skipped)

    @property
    def report(self) -> str:
        """Summary in several lines, with the reasons of files that were not scored."""
        lines = [self.text, *filter(None, [self.left_out]), f"The table is in {self.out}."]
        lines += [f"  {one['state']}: {one['file']}: {one['reason']}" for one in self.not_scored]
        more = self.found - self.scored - len(self.not_scored)
        return "\n".join([*lines, *([f"  and {more:,} more, in the table."] if more else [])])

    def to_json(self) -> dict[str, Any]:
        """Return the summary as a JSON object, as stored with the job."""
        return asdict(self)


def left_out(skipped: Mapping[str, int]) -> str:
    """Return a sentence such as ``"Left out: 2 hidden, 1,204 not audio."``; empty when nothing was left out."""
    return f"Left out: {', '.join(f'{n:,} {why}' for why, n in sorted(skipped.items()))}." if skipped else ""


@contextmanager
def progress_bar() -> Iterator[Callable[[RunProgress], None]]:
    """Show a progress bar during the block, and yield the function that updates it.

    When stderr is not a terminal, the function prints one line every ten seconds instead.
    """
    from tqdm import tqdm

    if not sys.stderr.isatty():
        printed_at = [time.monotonic()]

        def print_line(progress: RunProgress) -> None:
            if time.monotonic() - printed_at[0] >= LINE_S:
                printed_at[0] = time.monotonic()
                print(progress.text, file=sys.stderr, flush=True)

        yield print_line
        return
    with tqdm(unit=" files", dynamic_ncols=True, disable=None, smoothing=0.05) as drawn:

        def show(progress: RunProgress) -> None:
            drawn.total = progress.found
            drawn.set_description_str(progress.phase, refresh=False)
            notes = [f"{progress.not_scored:,} not scored", progress.note]
            drawn.set_postfix_str(". ".join(filter(None, notes)), refresh=False)
            drawn.update((progress.settled + progress.done if progress.phase != "looking" else 0) - drawn.n)

        yield show

"""Progress of a library run, and the summary at its end."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from core.wording import duration

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
def progress_bar() -> Iterator[Callable[[RunProgress], None]]:
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

"""Trainings and promotions that are killed, in child processes of their own: a script for the tests, no test itself.

    python cut_short.py FOLDER NUMBER

NUMBER children train, and NUMBER children promote the challenger. Each works on a copy of the installation in FOLDER
and kills itself with SIGKILL: the first one at its first step, the last one at its last step. Steps are what is done to
the disk: SQL statements that change something, their commits (SIGKILL comes before the commit) and, in a training,
changes of files. The copies are in "train 0", "train 1" and so on. Prints the steps at which the children died.
"""

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]

import pandas as pd  # noqa: E402
import sqlalchemy as sa  # noqa: E402
from owner import OWNER  # noqa: E402
from registered import Background, bundles, discriminant, log, training_run  # noqa: E402

from core.dataset import stand_in  # noqa: E402
from core.models.explanation import make_background  # noqa: E402
from core.models.training_run import TrainingRun  # noqa: E402
from core.schema import LABEL  # noqa: E402
from core.settings import Settings  # noqa: E402
from core.training.promotion import promote  # noqa: E402

FILES = ("os.mkdir", "os.rename", "os.remove", "shutil.copytree", "shutil.copyfile", "shutil.rmtree")


def installation(folder: Path) -> Settings:
    return Settings(data_dir=folder / "data", models_dir=folder / "models", mlflow_uri="")


def train(settings: Settings) -> str:
    """Register a small model as a training does; returns its version."""
    return log(*_trained(), settings)


@cache
def _trained() -> tuple[TrainingRun, pd.DataFrame]:
    """A small run, and the background of its explanations."""
    table = stand_in.sample()
    return training_run(table, discriminant()), make_background(table, table[LABEL])


def at_each_step(act: Callable[[str], None], *, files: bool) -> None:
    """Call ``act`` with the name of each step of this process from now on."""
    written = []

    def statement(_connection: object, _cursor: object, text: str, *_: object) -> None:
        if text.startswith(("INSERT", "UPDATE", "DELETE")):
            written.append(text)
            act(" ".join(text.split()[:3]))

    def commit(_connection: object) -> None:
        if written:
            written.clear()
            act("commit")

    sa.event.listen(sa.Engine, "after_cursor_execute", statement)
    sa.event.listen(sa.Engine, "commit", commit)
    if files:
        sys.addaudithook(lambda event, _: act(event) if event in FILES else None)


def in_child(work: Callable[[], object]) -> int:
    """Run ``work`` in a copy of this process; returns the status of its end."""
    child = os.fork()
    if child == 0:
        work()
        os._exit(0)
    return os.waitpid(child, 0)[1]


def steps_of(work: Callable[[], object], folder: Path, *, files: bool) -> list[str]:
    """The steps of a child that is not killed."""
    found = folder / "steps"

    def run() -> None:
        steps: list[str] = []
        at_each_step(steps.append, files=files)
        work()
        found.write_text(json.dumps(steps))

    assert in_child(run) == 0
    return list(json.loads(found.read_text()))


def deaths(what: str, folder: Path, count: int) -> Iterator[str]:
    """Kill so many children at steps from the first to the last; yields the names of the steps."""

    def copy(name: str) -> Settings:
        shutil.copytree(folder / "data", folder / f"{what} {name}" / "data")
        return installation(folder / f"{what} {name}")

    work, files = {"train": (train, True), "promote": (lambda settings: promote(settings, by=OWNER), False)}[what]
    whole = copy("whole")
    steps = steps_of(lambda: work(whole), folder, files=files)
    for k in range(count):
        place, last = copy(str(k)), round(k * (len(steps) - 1) / (count - 1))

        def killed(place: Settings = place, last: int = last) -> None:
            done: list[str] = []

            def act(step: str) -> None:
                done.append(step)
                if len(done) > last:
                    os.kill(os.getpid(), signal.SIGKILL)

            at_each_step(act, files=files)
            work(place)

        assert in_child(killed) == signal.SIGKILL
        yield steps[last]


def main() -> None:
    folder, count = Path(sys.argv[1]), int(sys.argv[2])
    run, background = _trained()  # this and the imports once, and not in each child
    bundles(run, Background(background), ())
    for name in ("models", "store.tracking.sqlalchemy_store", "store.model_registry.sqlalchemy_store", "tracking"):
        import_module(f"mlflow.{name}")
    print(json.dumps({what: list(deaths(what, folder, count)) for what in ("train", "promote")}))


if __name__ == "__main__":
    main()

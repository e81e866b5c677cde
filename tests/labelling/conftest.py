"""A store with clips that were scored, a clock that a test moves, and a person at the desk."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core import store
from core.labelling.desk import Seat
from core.models.policy import Policy, decide
from core.models.prediction import Prediction
from core.schema import EMOTIONS


class Clock:
    """Seconds since the machine was booted, as a test wants them. It was booted half a second ago."""

    def __init__(self) -> None:
        self.now_s = 0.5

    def __call__(self) -> float:
        return self.now_s

    def wait(self, seconds: float = 5.0) -> None:
        self.now_s += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[store.Store]:
    db = store.open_store(f"sqlite:///{tmp_path / 'feedback.db'}")
    yield db
    store.close_store(db)


@pytest.fixture
def put(opened: store.Store) -> Callable[..., str]:
    """``put("a", first=0.4)``: a clip in the queue that the model takes for sad; its id."""

    def scored(clip_id: str, *, first: float = 0.6, path: str | None = "clips/x", origin: str = "upload") -> str:
        store.add_clip(opened, clip_id, file_name=f"{clip_id}.wav", duration_s=30, sr=44100, path=path, origin=origin)
        proba = {e: first if e == "sad" else (1 - first) / 3 for e in EMOTIONS}
        said = Prediction(clip_id, "m1", "x 1", proba)
        store.save_predictions(opened, [(said, decide(said, Policy()))], policy=Policy())
        return clip_id

    return scored


@pytest.fixture
def seat(clock: Clock) -> Seat:
    """Ece at the desk, on a machine that was just booted."""
    return Seat(store.Rater("Ece", False, "rater"), clock=clock)

"""Time the stages of one piece of work, wherever in the program they happen."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import StrEnum

_seconds: ContextVar[dict[str, float] | None] = ContextVar("seconds", default=None)


class Stage(StrEnum):
    """What a clip needs time for."""

    DECODE = "decode"
    FEATURES = "features"
    MODEL = "model"


@contextmanager
def timed() -> Iterator[dict[str, float]]:
    """Yield a dictionary of seconds, which the stages of this thread fill until the block ends."""
    found: dict[str, float] = {}
    token = _seconds.set(found)
    try:
        yield found
    finally:
        _seconds.reset(token)


@contextmanager
def stage(name: Stage) -> Iterator[None]:
    """Count the seconds of this block, if somebody times the work."""
    found, started = _seconds.get(), time.perf_counter()
    try:
        yield
    finally:
        if found is not None:
            found[name] = found.get(name, 0.0) + time.perf_counter() - started

"""Note each clip that comes, whichever way: scored, refused or failed, with the seconds of its stages."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from core.errors import AudioError, CoreError
from core.pipeline.deciding import Decided
from core.records import LibraryEntry
from core.stages import timed
from core.store import Event, EventKind, Store, Way, record_events
from core.store.tracks import synthetic_clips

_REFUSED = ("refused", "unread", "quarantined")  # states of a library's file whose content is the cause


@dataclass(frozen=True)
class Asked:
    """How a clip came.

    Parameters
    ----------
    way
        The page, the API or another way.
    request_id
        Of the call of the API; empty elsewhere.
    synthetic
        Whether this program made the sound, as it makes the demo clips.
    recording
        Random name that the windows of a whole recording share; empty for a clip of its own.
    came_s
        When somebody began to wait for it, by ``time.perf_counter``; None: when the work on it begins.
    """

    way: Way = Way.COMMAND
    request_id: str = ""
    synthetic: bool = False
    recording: str = ""
    came_s: float | None = None

    @classmethod
    def on_page(cls, origin: str) -> "Asked":
        """A clip of the page Predict that comes now. origin : one of ``core.store.ORIGINS``."""
        way = Way.MICROPHONE if origin == "recording" else Way.PAGE
        return cls(way, synthetic=origin == "demo", came_s=time.perf_counter())


@dataclass(eq=False)
class Seen:
    """The clip of a ``noted`` block. The block sets ``decided``."""

    decided: Decided | None = None


@contextmanager
def noted(store: Store | None, asked: Asked) -> Iterator[Seen]:
    """Note how the scoring of one clip ends. The block scores it; errors go on to the caller.

    store : None notes nothing.
    """
    seen, came_s = Seen(), time.perf_counter() if asked.came_s is None else asked.came_s
    with timed() as stages:
        try:
            yield seen
        except Exception as error:
            kind = EventKind.REFUSED if isinstance(error, AudioError) else EventKind.FAILED
            about = {"reason": type(error).__name__, "expected": isinstance(error, CoreError)}
            _note(store, asked, kind, seconds=time.perf_counter() - came_s, about=about)
            raise
    if seen.decided is not None:
        seconds = time.perf_counter() - came_s
        record_events(store, _scored(seen.decided, asked, seconds=seconds, stages=stages))


def note_library(store: Store, decided: Sequence[Decided]) -> None:
    """Note the answers of a library run. They have no seconds: nobody waits for one of them."""
    made = synthetic_clips(store, [one.prediction.clip_id for one in decided])
    record_events(
        store, *(_scored(one, Asked(Way.LIBRARY, synthetic=one.prediction.clip_id in made)) for one in decided)
    )


def note_unscored(store: Store, entries: Sequence[LibraryEntry]) -> None:
    """Note the files of a library run that have no answer."""
    states = [entry.file.state for entry in entries if entry.file.state not in ("scored", "begun") and not entry.gone]
    record_events(
        store,
        *(
            Event(EventKind.REFUSED if state in _REFUSED else EventKind.FAILED, Way.LIBRARY, about={"reason": state})
            for state in states
        ),
    )


def _note(store: Store | None, asked: Asked, kind: EventKind, *, seconds: float, about: dict[str, object]) -> None:
    record_events(store, Event(kind, asked.way, request_id=asked.request_id, seconds=seconds, about=about))


def _scored(
    decided: Decided, asked: Asked, *, seconds: float | None = None, stages: dict[str, float] | None = None
) -> Event:
    prediction, decision = decided.prediction, decided.decision
    about: dict[str, object] = {
        "stages": {str(name): round(s, 4) for name, s in (stages or {}).items()},
        "decision": decision.action,
        "guess": prediction.ranked[0],
        "label": decision.label,
        "unlike": decided.unlike.flag,
    }
    if asked.synthetic:
        about["synthetic"] = True
    if asked.recording:
        about["recording"] = asked.recording
    return Event(
        EventKind.SCORED,
        asked.way,
        request_id=asked.request_id,
        model_version=prediction.model_version,
        clip_id=prediction.clip_id,
        seconds=seconds,
        value=prediction.confidence,
        about=about,
    )

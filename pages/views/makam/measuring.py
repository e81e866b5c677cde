"""Measurements of the Makam page: done in the line of the server, and remembered for all sessions."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

import streamlit as st

from core.audio.decoding import Source
from core.makam.columns import ANALYSER
from core.makam.melody import Melody
from core.makam.pulse import Pulse
from core.pipeline.makam import melody_of_source, pulse_of_source
from core.pipeline.work_queue import Way
from core.wording import clock
from pages.shared import waiting

MOST = 48  # melodies and pulses that are remembered; a melody of an hour has 2.5 MB


class Remembered:
    """The newest results of the server, by what was measured."""

    def __init__(self) -> None:
        self._known: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, work: Callable[[], Any]) -> Any:
        """Return the result of this key; ``work`` makes it when it is not here. An error is not remembered."""
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key]
        found = work()
        with self._lock:
            self._known[key] = found
            while len(self._known) > MOST:
                self._known.popitem(last=False)
        return found


@st.cache_resource(show_spinner=False)
def _remembered() -> Remembered:
    return Remembered()


def melody_of(content: str, source: Source) -> Melody:
    """Return the measured melody of a file. Raises CoreError when it cannot be decoded, or the line is full."""
    doing = f"Following the melody of {clock(source.duration_s)} …"
    melody: Melody = _measured("melody", content, lambda: melody_of_source(source), doing=doing)
    return melody


def pulse(content: str, source: Source) -> Pulse:
    """Return the pulse of the middle minute of a file. Raises CoreError like ``melody_of``."""
    found: Pulse = _measured("pulse", content, lambda: pulse_of_source(source), doing="Measuring the pulse …")
    return found


def _measured(what: str, content: str, work: Callable[[], Any], *, doing: str) -> Any:
    """Return a remembered result, or wait in the line of the server for it.  doing : for the person who waits."""
    key = (what, content, ANALYSER)
    return _remembered().get(
        key, lambda: waiting.result(work, way=Way.EXPLANATION, name="makam", what=key, doing=doing)
    )

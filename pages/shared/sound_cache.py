"""Sounds of whole pieces in memory, for all sessions of the server, with a limit in bytes."""

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

import streamlit as st

from core.playlists.playback import Sound

MOST_BYTES = 256_000_000


@dataclass(eq=False)
class Sounds:
    """The sounds that were used last. most : bytes of all of them together; a larger sound is not stored."""

    most: int
    known: OrderedDict[Hashable, Sound] = field(default_factory=OrderedDict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, key: Hashable, work: Callable[[], Sound]) -> Sound:
        """Return the sound of this key; ``work`` makes it when it is not here. An error is not stored."""
        with self.lock:
            if key in self.known:
                self.known.move_to_end(key)
                return self.known[key]
        sound = work()  # without the lock, because it can take seconds
        with self.lock:
            self.known[key] = sound
            while self.size > self.most:
                self.known.popitem(last=False)
        return sound

    @property
    def size(self) -> int:
        """Bytes of all sounds."""
        return sum(len(sound.data) for sound in self.known.values())


@st.cache_resource(show_spinner=False)
def _sounds(most: int) -> Sounds:
    return Sounds(most)


def cached(key: Hashable, work: Callable[[], Sound]) -> Sound:
    """Return the sound of this key, from memory or from ``work``."""
    return _sounds(MOST_BYTES).get(key, work)


def stamp(path: str) -> tuple[str, int, int]:
    """Path, size and time of the last change of a file, for a key. The numbers are 0 without such a file."""
    try:
        state = os.stat(path)
    except (OSError, ValueError):  # gone, or an address
        return (path, 0, 0)
    return (path, state.st_size, state.st_mtime_ns)

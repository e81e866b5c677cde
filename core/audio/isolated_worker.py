"""The decoder's own process: reads requests from its standard input, and answers on its standard output.

Messages are a line of JSON and the bytes that it announces: no pickle, so that a decoder that was taken over by a
malicious file cannot send code. Memory is limited for each request, and so is the time on the processor; the process
that asks, `core.audio.isolated`, limits the time on the clock. What decoders write to the terminal goes nowhere.
"""

import json
import os
import select
import sys
from dataclasses import asdict
from importlib import import_module
from typing import Any, BinaryIO

import numpy as np

from core.audio.decoders import Opened, UnreadableError
from core.audio.formats import BY_NAME
from core.audio.opening import open_file

IDLE_S = 30.0  # after so long without a request the file is forgotten, to give its memory back
LOAD_S = 5.0  # after so long without a request FFmpeg is loaded, for a file that needs it; a single FLAC does not wait
FFMPEG = "core.audio.av_decoding"
FFMPEG_BYTES = 150_000_000  # address space that FFmpeg itself takes; it may be loaded during a request


def send(out: BinaryIO, message: dict[str, Any], payload: bytes | memoryview = b"") -> None:
    """Write one message."""
    out.write(json.dumps({**message, "size": len(payload)}).encode() + b"\n")
    out.write(payload)
    out.flush()


def receive(source: BinaryIO) -> tuple[dict[str, Any], bytes]:
    """Read one message. Raises EOFError when the other side is gone, MemoryError when the message is
    too large."""
    line = source.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    message = json.loads(line)
    payload = source.read(message["size"])
    if len(payload) < message["size"]:
        raise EOFError
    return message, payload


class _Limits:
    """Memory and processor time of this process, where the system can limit them."""

    def __init__(self) -> None:
        self.memory_answer = "too much memory"
        try:
            import resource
        except ImportError:  # Windows
            self._resource = None
            return
        self._resource = resource
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        self._started = _address_space()

    def set(self, memory_mb: float, cpu_s: float) -> None:
        """memory_mb : on top of what the program itself takes.  cpu_s : from now on."""
        if self._resource is None:
            return
        limits = self._resource
        used = limits.getrusage(limits.RUSAGE_SELF)
        until = max(1, int(used.ru_utime + used.ru_stime + cpu_s) + 1)
        self._lower(limits.RLIMIT_CPU, until)
        if self._started:
            size = max(1, self._started + FFMPEG_BYTES + int(memory_mb * 1e6))
            hard = limits.getrlimit(limits.RLIMIT_AS)[1]
            machine = hard != limits.RLIM_INFINITY and hard < size  # it allows less memory than a file may take
            self.memory_answer = "machine" if machine else "too much memory"
            self._lower(limits.RLIMIT_AS, size)

    def _lower(self, kind: int, value: int) -> None:
        """Set a limit; a stricter one that the machine already imposes stays."""
        if self._resource is None:
            return
        hard = self._resource.getrlimit(kind)[1]
        soft = value if hard == self._resource.RLIM_INFINITY else min(value, hard)
        self._resource.setrlimit(kind, (soft, hard))


def _address_space() -> int:
    """Bytes of address space of this process; 0 where the system does not tell."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


class _Desk:
    """The file that was asked about last, kept open for the next request."""

    def __init__(self) -> None:
        self.key = ""
        self.opened: Opened | None = None

    def answer(self, request: dict[str, Any], payload: bytes, out: BinaryIO) -> None:
        """Answer a request: open a file, or send samples of it."""
        if payload:
            self.key, self.opened = "", None  # gives its memory back before the next file is opened
            self.opened = open_file(payload, BY_NAME[request["form"]])
            self.key = request["key"]
        if self.opened is None or self.key != request["key"]:
            send(out, {"answer": "send the file"})
            return
        if "first" not in request:
            send(out, {"answer": "header", **asdict(self.opened.header)})
            return
        for block in self.opened.blocks(request["first"], request["count"]):
            samples = np.ascontiguousarray(block).data.cast("B")
            send(out, {"answer": "block", "dtype": block.dtype.name, "channels": block.shape[1]}, samples)
        send(out, {"answer": "end"})


def _load_ffmpeg_meanwhile(source: BinaryIO) -> None:
    """Load FFmpeg when no request comes for a while, so that a file that needs it does not wait."""
    if FFMPEG not in sys.modules and os.name == "posix" and not select.select([source], [], [], LOAD_S)[0]:
        import_module(FFMPEG)


def main() -> None:
    """Answer requests until the other side closes the pipe."""
    source, out = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not get between the answers
    limits, desk = _Limits(), _Desk()
    send(out, {"answer": "ready"})
    while True:
        _load_ffmpeg_meanwhile(source)
        if os.name == "posix" and not select.select([source], [], [], IDLE_S)[0]:
            desk = _Desk()
        try:
            request, payload = receive(source)
        except EOFError:
            return
        except MemoryError:  # a part of the file may still be in the pipe, so this process cannot go on
            send(out, {"answer": limits.memory_answer})
            return
        limits.set(request["memory_mb"], request["cpu_s"])
        try:
            desk.answer(request, payload, out)
        except UnreadableError as error:
            send(out, {"answer": "unreadable", "reason": str(error)})
        except MemoryError:
            desk = _Desk()
            send(out, {"answer": limits.memory_answer})
        except Exception as error:  # noqa: BLE001 - a fault of ours is told to the process that asked, which raises it
            desk = _Desk()
            send(out, {"answer": "fault", "reason": f"{type(error).__name__}: {error}"})
        del payload


if __name__ == "__main__":
    main()

"""Fingerprints of recordings by Chromaprint, where its program fpcalc is installed.

Our own decoders read the file, because they treat each file as hostile. fpcalc gets samples only, on its standard
input: it sees no file, no name and no container. It has limits of time and memory all the same, and no shell.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing

import numpy as np
import soxr

from core.audio.decoding import Source, all_finite, blocks
from core.errors import AudioError, CoreError

PROGRAM = "fpcalc"
MAKER = "chromaprint 2, 120 s"  # name of the method; change it when a value changes, because fingerprints are stored
LENGTH_S = 120.0  # of the recording, from its beginning
SHORTEST_S = 5.0  # fpcalc needs about 3 s for its first value
RATE = 11_025  # Hz; Chromaprint itself works at this rate
ITEM_S = 1365 / RATE  # from one value of a fingerprint to the next
WAIT_S = 30.0  # for one fingerprint; it takes 0.1 s
CPU_S = 20
EMPTY = 2  # exit status when the sound is too short
MEMORY_BYTES = 1 << 30  # address space; FFmpeg's libraries take most of it
NONE = np.zeros(0, dtype=np.uint32)


def installed() -> bool:
    """Whether fpcalc is on this machine."""
    return shutil.which(PROGRAM) is not None


def fingerprint(source: Source) -> np.ndarray:
    """Fingerprint of the first two minutes of a file: shape (n,), uint32, eight values a second.

    Empty for a file that is too short for a fingerprint.

    Raises
    ------
    AudioError
        When the file cannot be decoded.
    CoreError
        When fpcalc is missing or fails.
    """
    if source.duration_s < SHORTEST_S:
        return NONE
    return _of_samples(_samples(source))


def _samples(source: Source) -> bytes:
    """The first two minutes as mono samples of 16 bits at ``RATE``."""
    count = min(source.header.frames, round(LENGTH_S * source.sr))
    resampler = soxr.ResampleStream(source.sr, RATE, 1, dtype="float64", quality="HQ")
    parts = [resampler.resample_chunk(y) for y in _mono(source, count)]
    parts.append(resampler.resample_chunk(np.zeros(0), last=True))
    return (np.clip(np.concatenate(parts), -1, 1) * 32767).astype("<i2").tobytes()


def _mono(source: Source, count: int) -> Iterator[np.ndarray]:
    with closing(blocks(source, 0, count)) as read:
        for block in read:
            if not all_finite(block):
                raise AudioError(f"{source.name} holds samples that are not numbers. Export the file again.")
            yield block.mean(axis=1)


def _of_samples(samples: bytes) -> np.ndarray:
    command = [PROGRAM, "-raw", "-json", "-length", f"{LENGTH_S:.0f}"]
    command += ["-format", "s16le", "-rate", str(RATE), "-channels", "1", "-"]
    try:
        process = subprocess.Popen(  # noqa: S603 - a fixed command without a shell
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
        )
    except OSError as error:
        raise CoreError(
            "The program fpcalc cannot be started. Install Chromaprint (Debian: libchromaprint-tools)."
        ) from error
    with process:
        try:
            _limit(process.pid)
            answer, _ = process.communicate(samples, timeout=WAIT_S)
        except subprocess.TimeoutExpired as error:
            process.kill()
            raise CoreError(f"fpcalc needed more than {WAIT_S:.0f} s. Try again when the machine is idle.") from error
    return _read(answer, process.returncode)


def _limit(pid: int) -> None:
    """Limit memory and time on the processor of the process before it gets its input, where the system can."""
    try:
        import resource
    except ImportError:  # Windows
        return
    if hasattr(resource, "prlimit"):
        wanted = {resource.RLIMIT_AS: MEMORY_BYTES, resource.RLIMIT_CPU: CPU_S, resource.RLIMIT_CORE: 0}
        for kind, value in wanted.items():
            hard = resource.prlimit(pid, kind)[1]
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)  # a stricter limit stays
            resource.prlimit(pid, kind, (value, value))


def _read(answer: bytes, status: int) -> np.ndarray:
    """The values in the answer. Version 1.5.1 ends with an error at the end of its input, after a whole answer."""
    if not answer.strip():
        if status == EMPTY:
            return NONE
        raise CoreError(f"fpcalc ended without an answer (status {status}). Check that it starts: fpcalc -version.")
    try:
        return np.array(json.loads(answer)["fingerprint"], dtype=np.uint32)
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise CoreError("The answer of fpcalc cannot be read. Install a newer version of Chromaprint.") from error

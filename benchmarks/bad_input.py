"""Files of all formats, damaged at random: is each one scored, or refused with a sentence?

    python -m benchmarks.bad_input [--files 2000] [--seed 0]

Headers, lengths and single bits are changed, parts are cut out, doubled or filled, and ends are cut off. Each file is
read as a person's upload is. Exit status 1 when a file made this process fail or took longer than ``LONGEST_S``.
"""

import argparse
import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterator

import numpy as np

from benchmarks.audio_files import NAMES, made
from core.audio.decoding import decode
from core.errors import AudioError

LONGEST_S = 60.0  # of processor time in this process, for one file
_NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def _flip(data: bytearray, rng: np.random.Generator) -> None:
    for at in rng.integers(0, len(data), 1 + int(rng.integers(0, 30))):
        data[at] ^= 1 << int(rng.integers(0, 8))


def _number(data: bytearray, rng: np.random.Generator) -> None:
    """A number in the header becomes another one: often the largest, or zero."""
    for _ in range(1 + int(rng.integers(0, 3))):
        at = int(rng.integers(0, min(len(data) - 8, 600)))
        value, order = int(rng.choice(_NUMBERS)), ("little", "big")[int(rng.integers(0, 2))]
        data[at : at + 4] = value.to_bytes(4, order)


def _header(data: bytearray, rng: np.random.Generator) -> None:
    at = int(rng.integers(0, min(len(data) - 8, 200)))
    data[at : at + 8] = rng.bytes(8)


def _truncate(data: bytearray, rng: np.random.Generator) -> None:
    del data[int(rng.integers(1, len(data))) :]


def _behead(data: bytearray, rng: np.random.Generator) -> None:
    del data[: int(rng.integers(1, min(len(data), 3000)))]


def _hole(data: bytearray, rng: np.random.Generator) -> None:
    at, size = int(rng.integers(0, len(data))), int(rng.integers(1, 5000))
    kind = int(rng.integers(0, 3))
    data[at : at + size] = b"" if kind == 0 else bytes(size) if kind == 1 else rng.bytes(size)


def _double(data: bytearray, rng: np.random.Generator) -> None:
    at, size = int(rng.integers(0, len(data))), int(rng.integers(1, 20_000))
    data[at:at] = data[at : at + size]


MUTATIONS = (_flip, _number, _header, _truncate, _behead, _hole, _double)


def damaged(count: int, seed: int = 0) -> Iterator[tuple[str, bytes]]:
    """Damaged files with a name that tells what was done. Each format and each kind of damage comes equally often."""
    for k in range(count):
        rng = np.random.default_rng([seed, k])
        form, mutation = NAMES[k % len(NAMES)], MUTATIONS[k // len(NAMES) % len(MUTATIONS)]
        data = bytearray(made(form, 1.5, 1 + k % 2))
        mutation(data, rng)
        if k % 5 == 4 and len(data) > 16:
            _flip(data, rng)
        yield f"{k:05d}{mutation.__name__}.{form}", bytes(data)


def outcome(name: str, data: bytes) -> str:
    """ "scored" or "refused". Raises what is neither."""
    try:
        recording = decode(data, name)
    except AudioError as error:
        text = str(error)
        if not (text.startswith(name) and text.rstrip().endswith((".", "FLAC"))):
            raise AssertionError(f"This is no sentence about {name}: {text}") from error
        return "refused"
    if not (np.isfinite(recording.clip.y).all() and recording.duration_s > 0):
        raise AssertionError(f"{name} was read wrong")
    return "scored"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    warnings.simplefilter("error")
    counts: Counter[str] = Counter()
    worst, failures = ("", 0.0), []
    for name, data in damaged(args.files, args.seed):
        started = time.monotonic()
        try:
            counts[outcome(name, data)] += 1
        except Exception as error:  # noqa: BLE001 - counted and printed: each of them is a fault to mend
            failures.append(f"{name}: {type(error).__name__}: {error}")
        worst = max(worst, (name, time.monotonic() - started), key=lambda one: one[1])
    print(dict(counts), f"slowest: {worst[0]} {worst[1]:.2f} s", *failures, sep="\n")
    return 1 if failures or worst[1] > LONGEST_S else 0


if __name__ == "__main__":
    sys.exit(main())

"""Follow the melody of a whole recording, and measure its pulse."""

from collections.abc import Iterator
from contextlib import closing

import numpy as np

from core.audio.decoding import Source, blocks
from core.errors import AudioError
from core.makam.melody import Melody
from core.makam.pulse import Pulse, pulse_of

PULSE_S = 60.0  # of the middle: beginnings are often free, and a cycle may change in a whole recording


def melody_of_source(source: Source) -> Melody:
    """Follow the melody of a whole file. The file is decoded in blocks, so a long recording needs little memory.

    Raises AudioError when the file cannot be decoded, or holds samples that are not numbers.
    """
    from core.makam.tracking import track_blocks

    return track_blocks(_mono(source), source.sr)


def pulse_of_source(source: Source) -> Pulse:
    """Measure the pulse of the middle minute of a file. Raises AudioError when it cannot be decoded."""
    count = min(source.header.frames, round(PULSE_S * source.sr))
    return pulse_of(np.concatenate([*_mono(source, (source.header.frames - count) // 2, count)]), source.sr)


def _mono(source: Source, first: int = 0, count: int | None = None) -> Iterator[np.ndarray]:
    with closing(blocks(source, first, count)) as read:
        for block in read:
            y = block.mean(axis=1)
            if not np.isfinite(y).all():
                raise AudioError(f"{source.name} holds samples that are not numbers. Export the file again.")
            yield y

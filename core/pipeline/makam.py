"""Follow the melody of a whole recording."""

from collections.abc import Iterator
from contextlib import closing

import numpy as np

from core.audio.decoding import Source, blocks
from core.errors import AudioError
from core.makam.melody import Melody


def melody_of_source(source: Source) -> Melody:
    """Follow the melody of a whole file. The file is decoded in blocks, so a long recording needs little memory.

    Raises AudioError when the file cannot be decoded, or holds samples that are not numbers.
    """
    from core.makam.tracking import track_blocks

    return track_blocks(_mono(source), source.sr)


def _mono(source: Source) -> Iterator[np.ndarray]:
    with closing(blocks(source)) as read:
        for block in read:
            y = block.mean(axis=1)
            if not np.isfinite(y).all():
                raise AudioError(f"{source.name} holds samples that are not numbers. Export the file again.")
            yield y

"""Write one levelled copy: the samples of a file times gain and fades, with the gap after it."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from core.audio.decoding import Source, blocks
from core.audio.encoding import BIT_RATE, LOSSY, write_lossy
from core.audio.remarks import more_than_16_bits
from core.errors import CoreError
from core.playlists.fades import Fades, envelope
from core.playlists.files import one_line


@dataclass(frozen=True)
class Shape:
    """Gain and fades of one copy. number : of the piece, from 1.  of : number of pieces."""

    gain_db: float
    fades: Fades
    number: int
    of: int

    @property
    def gap_s(self) -> float:
        return self.fades.gap_after(self.number, self.of)

    def shaped(self, source: Source) -> Iterator[np.ndarray]:
        """Yield the samples of the file times gain and fades, and the gap after it."""
        factor, at = 10 ** (self.gain_db / 20), 0
        in_s, out_s = self.fades.ends(self.number, self.of)
        with closing(blocks(source)) as read:
            for block in read:
                fade = envelope(at, len(block), frames=source.header.frames, sr=source.sr, in_s=in_s, out_s=out_s)
                at += len(block)
                yield block * (factor * fade)[:, None]
        rest = round(self.gap_s * source.sr)
        while rest:
            part = min(rest, source.sr)
            yield np.zeros((part, source.channels))
            rest -= part


def check_space(source: Source, folder: Path, form: str, shape: Shape) -> None:
    """Raise CoreError when the disk has not enough room for a copy in this folder."""
    frames = source.header.frames + shape.gap_s * source.sr
    width = 3 if _subtype(source) == "PCM_24" else 2
    size = BIT_RATE / 8 * frames / source.sr if form in LOSSY else frames * source.channels * width
    if shutil.disk_usage(folder).free < 1.5 * size:
        raise CoreError(f"The disk is too full for the copies in {folder}. Make room, or choose fewer pieces.")


def write_copy(source: Source, row: dict[str, Any], place: Path, form: str, shape: Shape) -> None:
    """Write the copy of a file. row : of the playlist, for the tags.

    Raises CoreError when the format cannot hold the samples, OSError when the disk is full.
    """
    tags = {name: one_line(row[name]) for name in ("title", "artist", "album")}
    tags["comment"] = ", ".join(filter(None, (f"Levelled copy, gain {shape.gain_db:+.1f} dB", shape.fades.text())))
    if form in LOSSY:
        write_lossy(place, form, shape.shaped(source), sr=source.sr, channels=source.channels, tags=tags)
        return
    with soundfile.SoundFile(place, "w", source.sr, source.channels, _subtype(source), format=form) as out:
        for name, text in tags.items():
            if text:  # libsndfile takes no empty tag
                setattr(out, name, text)
        for block in shape.shaped(source):
            out.write(block)


def _subtype(source: Source) -> str:
    return "PCM_24" if more_than_16_bits(source.header.codec) else "PCM_16"

"""A clip that waits in a session: its samples as FLAC, a seventh of their size, until somebody needs them."""

import io

import numpy as np
import soundfile

from core.audio.decoding import Clip

MEDIA_TYPE = "audio/flac"


class PackedClip(Clip):
    """A clip whose samples are decoded each time they are asked for.

    They are stored with 24 bits: samples of files with 16 or 24 bits at 44.1 kHz come back unchanged, others differ
    by less than 1.2e-7 of the full scale, or of the peak where it is higher.

    data : the FLAC file, which a browser can play. Louder samples than full scale are turned down as a whole in it.
    """

    def __init__(self, clip: Clip) -> None:
        peak = float(np.abs(clip.y).max())
        scale = peak if peak > 1 else 1.0
        for name, value in (
            ("clip_id", clip.clip_id),
            ("sr", clip.sr),
            ("data", flac(clip.y if scale == 1 else clip.y / scale, clip.sr)),
            ("_scale", scale),
            ("_size", clip.y.size),
        ):
            object.__setattr__(self, name, value)

    data: bytes
    _scale: float
    _size: int

    @classmethod
    def of(cls, clip: Clip) -> "PackedClip":
        """Return the clip if it is packed, else pack it."""
        return clip if isinstance(clip, cls) else cls(clip)

    @property
    def y(self) -> np.ndarray:
        """Samples, as in `Clip`."""
        samples = soundfile.read(io.BytesIO(self.data), dtype="float64")[0]
        return samples if self._scale == 1 else samples * self._scale

    @property
    def duration_s(self) -> float:
        return self._size / self.sr


def flac(y: np.ndarray, sr: int) -> bytes:
    """Encode mono samples as a FLAC file with 24 bits."""
    buffer = io.BytesIO()
    soundfile.write(buffer, y, sr, format="FLAC", subtype="PCM_24")
    return buffer.getvalue()

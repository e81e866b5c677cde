"""Measure a checked audio file, or a part of it: decode the clip and compute its features and loudness.

Uploads, windows of a recording and the files of a library are all measured here, so that the same file always gives the
same row. Workers import this module, so it imports no pandas, scipy or scikit-learn and no database.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from core.audio.decoding import Recording, Source, excerpt
from core.features import extract
from core.features.loudness import Meter
from core.records import MeasuredClip
from core.schema import FeatureVector

Known = Callable[[str, float, float], FeatureVector | None]
Span = tuple[float, float]  # start and end of a window in s


@dataclass(frozen=True, eq=False)
class Measured:
    """One measured part of a file.

    Parameters
    ----------
    recording
        The decoded part with its samples, and remarks on what makes the features less meaningful.
    clip
        The measurements that are stored.
    """

    recording: Recording
    clip: MeasuredClip

    @property
    def vector(self) -> FeatureVector:
        return self.clip.vector


def measure(
    source: Source, span: Span | None = None, *, known: Known = lambda clip_id, start_s, duration_s: None
) -> Measured:
    """Decode a part of a file, and measure its loudness and its features.

    Parameters
    ----------
    source
        The checked file, from ``core.audio.decoding.inspect``.
    span
        Start and end of the part in s; None takes the middle 30.02 s.
    known
        Function that returns stored features for a clip id, start and length in s; None when they were not measured.

    Raises
    ------
    AudioError
        When the part holds no usable audio, such as silence.
    """
    meter = Meter(source.sr)
    if span is None:
        recording = excerpt(source, listen=meter)
    else:
        recording = excerpt(source, start_s=span[0], length_s=span[1] - span[0], listen=meter)
    clip, lufs = recording.clip, meter.lufs()
    vector = known(clip.clip_id, recording.start_s, clip.duration_s)
    measured = MeasuredClip(
        vector=extract(clip) if vector is None else vector,
        start_s=recording.start_s,
        duration_s=clip.duration_s,
        lufs=None if math.isnan(lufs) else lufs,
        sr=source.sr,
        bitrate=round(8 * len(source.data) / source.duration_s),
        file_duration_s=source.duration_s,
        channels=source.channels,
    )
    return Measured(recording, measured)

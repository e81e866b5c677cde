"""Measure a checked audio file, or a part of it: decode the clip and compute its features and loudness.

Uploads, windows of a recording and the files of a library are all measured here, so that the same file always gives the
same row. Workers import this module, so it imports no pandas, scipy or scikit-learn and no database.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from core.audio.decoding import EXCERPT_S, Recording, Source, excerpt, excerpts
from core.errors import AudioError
from core.features import extract, missing
from core.features.loudness import Meter
from core.records import MeasuredClip, Remark, RemarkKind
from core.schema import FeatureVector
from core.stages import Stage, stage
from core.windows import piece_starts
from core.wording import clock

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
    with stage(Stage.DECODE):
        if span is None:
            recording = excerpt(source, listen=meter)
        else:
            recording = excerpt(source, start_s=span[0], length_s=span[1] - span[0], listen=meter)
    return _measured(source, recording, meter, known)


def measure_piece(
    source: Source,
    *,
    count: int,
    apart_s: float,
    known: Known = lambda clip_id, start_s, duration_s: None,
) -> tuple[Measured, ...]:
    """Measure the windows that answer for a file; they are decoded in one pass.

    Returns the window in the middle first. Windows without usable audio, such as silence, are left out.

    Parameters
    ----------
    count, apart_s
        Number of windows, and seconds between their starts; see ``core.windows.piece_starts``.
    known
        As in ``measure``.

    Raises
    ------
    AudioError
        When no window holds usable audio.
    """
    starts = piece_starts(source.duration_s, length_s=EXCERPT_S, count=count, apart_s=apart_s)
    meters = [Meter(source.sr) for _ in starts]
    with stage(Stage.DECODE):
        decoded = excerpts(source, starts, listen=meters)
    parts = [
        _measured(source, recording, meter, known)
        for recording, meter in zip(decoded, meters, strict=True)
        if not isinstance(recording, AudioError)
    ]
    if not parts:
        raise next(error for error in decoded if isinstance(error, AudioError))
    named = parts[0].vector.clip_id
    return (_with_remarks(parts), *(replace(part, clip=replace(part.clip, part_of=named)) for part in parts[1:]))


def _with_remarks(parts: list[Measured]) -> Measured:
    """Return the first window with the remarks of all windows, and with a remark that names the windows."""
    if len(parts) == 1:
        return parts[0]
    recording = parts[0].recording
    starts = [clock(start_s) for start_s in sorted(part.clip.start_s for part in parts)]
    about = (
        f"The file lasts {recording.duration_s:.0f} s. {len(parts)} windows of {recording.clip.duration_s:.0f} s were "
        f"analysed, from {', '.join(starts[:-1])} and {starts[-1]} on, and their probabilities were averaged. "
        f"The 50 values are of the window from {clock(recording.start_s)} on."
    )
    remarks = [remark for remark in recording.remarks if remark.kind != RemarkKind.EXCERPT]
    # The 50 values are of the first window, and so is what could not be measured.
    kinds = {remark.kind for remark in recording.remarks} | {RemarkKind.EXCERPT, RemarkKind.MISSING}
    others = {r.kind: r for part in parts[1:] for r in part.recording.remarks if r.kind not in kinds}
    remarks += [*others.values(), Remark(RemarkKind.EXCERPT, about)]
    return replace(parts[0], recording=replace(recording, remarks=tuple(remarks)))


def _measured(source: Source, recording: Recording, meter: Meter, known: Known) -> Measured:
    clip, lufs = recording.clip, meter.lufs()
    vector = known(clip.clip_id, recording.start_s, clip.duration_s)
    if vector is None:
        with stage(Stage.FEATURES):
            vector = extract(clip)
    recording = replace(recording, remarks=(*recording.remarks, *missing.remarks(vector)))
    measured = MeasuredClip(
        vector=vector,
        start_s=recording.start_s,
        duration_s=clip.duration_s,
        lufs=None if math.isnan(lufs) else lufs,
        sr=source.sr,
        bitrate=round(8 * len(source.data) / source.duration_s),
        file_duration_s=source.duration_s,
        channels=source.channels,
    )
    return Measured(recording, measured)

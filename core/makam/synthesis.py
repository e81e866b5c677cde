"""Play scores in commas on synthetic instruments: recordings whose melody and karar are known exactly."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import scipy.signal

from core.errors import AudioError
from core.features.frames import FloatArray
from core.makam.commas import CENTS, cents_of_hz
from core.makam.melody import HOP_S, Melody

PEAK = 0.7
CONTROL = 32  # samples between values of a resonance
HEARD = 0.02  # a tone counts as sounding above this share of its beginning: -34 dB


@dataclass(frozen=True)
class Score:
    """Notes of one voice.

    makam : its name.  karar_hz : the tonic.  commas : height of each note over the karar in commas, NaN for a rest.
    seconds : duration of each note.
    """

    makam: str
    karar_hz: float
    commas: tuple[float, ...]
    seconds: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.commas) != len(self.seconds) or not self.commas:
            raise AudioError(f"A score needs one duration for each note: {len(self.commas)}, {len(self.seconds)}.")

    @property
    def duration_s(self) -> float:
        return sum(self.seconds)


@dataclass(frozen=True)
class Voice:
    """How one instrument plays a melody.

    partials : amplitudes of the harmonics.  decay_hz : decay of the fundamental for each second, 0 = a held tone.
    glide_s : duration of the step from one note to the next.  vibrato_cents, vibrato_hz : extent and rate.
    formants : centres in Hz of the resonances of a vowel.  breath : level of the noise in the tone.
    stretch : inharmonicity of a string.  octave : transposition.  late_s : how much later than the score.
    """

    partials: tuple[float, ...]
    rise_s: float = 0.01
    fall_s: float = 0.03
    decay_hz: float = 0.0
    glide_s: float = 0.0
    vibrato_cents: float = 0.0
    vibrato_hz: float = 5.2
    formants: tuple[float, ...] = ()
    breath: float = 0.0
    stretch: float = 0.0
    octave: int = 0
    late_s: float = 0.0


def _slope(count: int, power: float) -> tuple[float, ...]:
    return tuple(1 / k**power for k in range(1, count + 1))


VOICES = {
    "plucked": Voice(_slope(18, 0.8), rise_s=0.004, decay_hz=2.5, stretch=4e-5),
    "bowed": Voice(
        _slope(30, 1.0), rise_s=0.06, fall_s=0.05, glide_s=0.05, vibrato_cents=18, formants=(500, 1500, 2800)
    ),
    # The second harmonic of a ney's low notes is stronger than the fundamental.
    "blown": Voice((0.5, 1.0, 0.35, 0.2, 0.1, 0.05), 0.08, 0.08, glide_s=0.04, vibrato_cents=14, breath=0.08),
    "sung": Voice(
        _slope(40, 1.1), 0.04, 0.06, glide_s=0.09, vibrato_cents=35, vibrato_hz=5.6, formants=(650, 1150, 2700, 3400)
    ),
}
# What sounds together, with levels. The first voice of each has the melody; a drum and a drone are named apart.
TOGETHER: dict[str, tuple[tuple[str, float, int, float], ...]] = {  # voice, level, octave, seconds late
    **{name: ((name, 1.0, 0, 0.0),) for name in VOICES},
    "drone": (("bowed", 1.0, 0, 0.0),),
    "percussion": (("plucked", 1.0, 0, 0.0),),
    "octaves": (("sung", 1.0, 0, 0.0), ("bowed", 0.7, 1, 0.012)),
    "ensemble": (("sung", 1.0, 0, 0.0), ("plucked", 0.6, 0, 0.02), ("bowed", 0.5, 1, 0.015), ("blown", 0.4, 1, 0.03)),
}
INSTRUMENTS = tuple(TOGETHER)
DRONE = {"drone": 0.4, "ensemble": 0.15}  # level of a sustained karar an octave below
DRUM = {"percussion": 0.8, "ensemble": 0.5}


def render(score: Score, instrument: str, *, sr: int = 44100, seed: int = 0) -> FloatArray:
    """Play a score: mono samples of shape (n,), peak 0.7. `instrument` is one of ``INSTRUMENTS``."""
    y = np.zeros(round(score.duration_s * sr))
    for i, (name, level, octave, late_s) in enumerate(TOGETHER[instrument]):
        voice = replace(VOICES[name], octave=octave, late_s=late_s)
        y += level * play(score, voice, sr=sr, seed=seed + i)
    if instrument in DRONE:
        held = Score(score.makam, score.karar_hz / 2, (0.0,), (score.duration_s,))
        y += DRONE[instrument] * play(held, Voice(_slope(12, 0.7)), sr=sr, seed=seed)
    if instrument in DRUM:
        y += DRUM[instrument] * drum(y.size, sr, seed)
    return y * (PEAK / max(np.abs(y).max(), 1e-9))


def true_melody(score: Score, instrument: str, *, hop_s: float = HOP_S, seed: int = 0) -> Melody:
    """The melody that ``render`` plays with the same arguments, with its glides and its vibrato."""
    voice = VOICES[TOGETHER[instrument][0][0]]
    at = np.arange(int(score.duration_s / hop_s)) * np.float64(hop_s)
    cents, level = _performance(score, voice, at, seed)
    cents = np.where(level > HEARD, cents, np.nan)
    return Melody(cents, np.isfinite(cents).astype(np.float64), hop_s)


def play(score: Score, voice: Voice, *, sr: int, seed: int = 0) -> FloatArray:
    """Play a score with one voice: shape (n,), RMS near 0.2 while it sounds."""
    at: FloatArray = np.arange(round(score.duration_s * sr), dtype=np.float64) / sr
    cents, level = _performance(score, voice, at, seed)
    hz = 440.0 * 2.0 ** (cents / 1200 + voice.octave)
    fade = np.exp(-_since_onset(score, voice, at) * 0.35 * voice.decay_hz) if voice.decay_hz else np.ones(1)
    y, faded = np.zeros(at.size), np.ones(1)
    phase = 2 * np.pi * np.cumsum(hz) / sr
    for k, (amplitude, tone) in enumerate(zip(voice.partials, _partials(phase, voice), strict=False), 1):
        if k * hz.min() > 0.48 * sr:
            break
        size = amplitude * _gain(k * hz, voice.formants, 0.48 * sr)
        y += size * faded * tone
        faded = faded * fade
    if voice.breath:
        noise = np.random.default_rng([seed, 1]).standard_normal(at.size)
        y += voice.breath * np.abs(y).max() * scipy.signal.lfilter([0.3], [1, -0.7], noise)
    y *= level
    sounding = level > HEARD
    return y * (0.2 / max(np.sqrt((y[sounding] ** 2).mean()), 1e-9)) if sounding.any() else y


def _partials(phase: FloatArray, voice: Voice) -> Iterator[FloatArray]:
    """The sines of the partials, one after the other; those of a stiff string are stretched."""
    if voice.stretch:
        for k in range(1, len(voice.partials) + 1):
            yield np.sin(k * np.sqrt((1 + voice.stretch * k**2) / (1 + voice.stretch)) * phase)
        return
    before, now, twice = np.zeros(phase.size), np.sin(phase), 2 * np.cos(phase)
    for _ in voice.partials:
        yield now
        before, now = now, twice * now - before  # sin (k + 1) x = 2 cos x sin k x - sin (k - 1) x


def _gain(hz: FloatArray, formants: tuple[float, ...], highest: float) -> FloatArray:
    """Gain of a partial: the resonances of a vowel or a body, and 0 from ``highest`` Hz on."""
    gain = np.where(hz < highest, 1.0, 0.0)
    if not formants:
        return gain
    some = hz[::CONTROL]
    resonance = np.full(some.shape, 0.08)
    for i, centre in enumerate(formants):
        resonance += 0.8**i / (1 + ((some - centre) / (80 + 0.06 * centre)) ** 2)
    return gain * np.repeat(resonance, CONTROL)[: hz.size]


def _starts(score: Score, voice: Voice) -> FloatArray:
    return np.concatenate([[0], np.cumsum(score.seconds)[:-1]]) + voice.late_s


def _since_onset(score: Score, voice: Voice, at: FloatArray) -> FloatArray:
    starts = _starts(score, voice)
    return np.maximum(at - starts[np.maximum(np.searchsorted(starts, at, "right") - 1, 0)], 0)


def _performance(score: Score, voice: Voice, at: FloatArray, seed: int) -> tuple[FloatArray, FloatArray]:
    """Pitch in cents over 440 Hz and level (1 = full) at the times ``at``."""
    starts, heights = _starts(score, voice), np.array(score.commas, dtype=np.float64)
    filled = heights.copy()
    for i in range(1, filled.size):  # a rest has the pitch before it, at level 0
        filled[i] = filled[i - 1] if np.isnan(filled[i]) else filled[i]
    filled = np.where(np.isnan(filled), filled[np.isfinite(filled)][0] if np.isfinite(filled).any() else 0.0, filled)
    note = np.maximum(np.searchsorted(starts, at, "right") - 1, 0)
    since = np.maximum(at - starts[note], 0)
    left = starts[note] + np.array(score.seconds)[note] - at
    commas = filled[note]
    if voice.glide_s:
        before = filled[np.maximum(note - 1, 0)]
        part = np.clip(since / voice.glide_s, 0, 1)
        commas = before + (commas - before) * (1 - np.cos(np.pi * part)) / 2
    cents = cents_of_hz(score.karar_hz) + commas * CENTS
    start_phase = np.random.default_rng([seed, 2]).uniform(0, 2 * np.pi)
    depth = voice.vibrato_cents * np.clip((since - 0.15) / 0.2, 0, 1)
    cents = cents + depth * np.sin(2 * np.pi * voice.vibrato_hz * at + start_phase)
    level = np.minimum(1, since / voice.rise_s) * np.clip(left / voice.fall_s, 0, 1)
    level *= np.exp(-since * voice.decay_hz / 2)
    return cents, np.where(np.isnan(heights[note]) | (at < starts[0]), 0.0, level)


def drum(n: int, sr: int, seed: int = 0, *, unit_s: float = 0.22, strokes: str = "D.T.DT..") -> FloatArray:
    """Play a cycle on a drum: D (düm) is a low falling tone, T (tek) a short noise. Shape (n,)."""
    rng = np.random.default_rng([seed, 3])
    t = np.arange(round(0.18 * sr)) / sr
    low = np.sin(2 * np.pi * 70 * t + 18 * (1 - np.exp(-t / 0.03))) * np.exp(-t / 0.06)
    y = np.zeros(n + t.size)
    for i in range(int(n / sr / unit_s)):
        stroke = strokes[i % len(strokes)]
        if stroke != ".":
            high = 0.5 * rng.standard_normal(t.size) * np.exp(-t / 0.012)
            y[round(i * unit_s * sr) :][: t.size] += low if stroke == "D" else high
    return y[:n]

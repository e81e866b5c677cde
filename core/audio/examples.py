"""Make a pair of short sounds for each of the 50 features: one with a low value, one with a high value.

The sounds are synthetic. The two sounds of a pair differ in what the feature measures, and in little else.
`core.musical_words` says in words what changes. All sounds are mono at 44.1 kHz, with a peak of 0.5 or less.
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from core.schema import SR

SECONDS = 5.0  # the features need a few seconds
PEAK = 0.5
MFCC_BANDS = 40
MFCC_LOG10 = 0.4  # size of the change of the mel spectrum, in powers of ten

Pair = tuple[np.ndarray, np.ndarray]
Sound = tuple[float, float]  # frequency in Hz and level of a partial


def example_pair(column: str) -> Pair:
    """Return the sound with a low value of a feature and the sound with a high value.

    column : name of the feature's column in `core.schema`. Raises KeyError for an unknown column.
    """
    low, high = PAIRS[column]()
    peak = max(np.abs(low).max(), np.abs(high).max())
    return low * (PEAK / peak), high * (PEAK / peak)


def _time(seconds: float = SECONDS) -> np.ndarray:
    return np.arange(round(seconds * SR)) / SR


def _chord(partials: Sequence[Sound], seconds: float = SECONDS) -> np.ndarray:
    """A steady sound of sine tones."""
    t = _time(seconds)
    return np.asarray(sum(level * np.sin(2 * np.pi * hz * t) for hz, level in partials))


def _tone(hz: float, *, partials: int = 8, fall: float = 1.0) -> list[Sound]:
    """Harmonics of a tone. fall : how fast their level falls with their number."""
    return [(k * hz, k**-fall) for k in range(1, partials + 1)]


def _noise(seconds: float = SECONDS) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(round(seconds * SR))


def _shaped_noise(level: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Noise whose spectrum has a level by frequency in Hz."""
    spectrum = np.fft.rfft(_noise())
    hz = np.fft.rfftfreq(round(SECONDS * SR), 1 / SR)
    y = np.fft.irfft(spectrum * level(hz), round(SECONDS * SR))
    return y / np.abs(y).max()


def _strokes(
    starts_s: Sequence[float], *, levels: Sequence[float] | float = 1.0, rise_s: Sequence[float] | float = 0.005,
    fall_s: float = 0.15, hz: float = 330.0, seconds: float = SECONDS,
) -> np.ndarray:  # fmt: skip
    """Notes that rise to their peak and then die away."""
    y = np.zeros(round(seconds * SR))
    count = len(starts_s)
    each_level = np.broadcast_to(levels, count)
    each_rise = np.broadcast_to(rise_s, count)
    for start_s, level, rise in zip(starts_s, each_level.tolist(), each_rise.tolist(), strict=True):
        t = _time(rise + 6 * fall_s)
        shape = np.where(t < rise, t / rise, np.exp(-(t - rise) / fall_s))
        note = level * shape * sum(a * np.sin(2 * np.pi * f * t) for f, a in _tone(hz, partials=5))
        first = round(start_s * SR)
        part = note[: max(0, y.size - first)]
        y[first : first + part.size] += part
    return y


def _regular(every_s: float, seconds: float = SECONDS) -> list[float]:
    return np.arange(0.2, seconds - 0.2, every_s).tolist()


def _irregular(every_s: float) -> list[float]:
    """As many strokes as `_regular`, at random moments."""
    count = len(_regular(every_s))
    return np.sort(np.random.default_rng(3).uniform(0.2, SECONDS - 0.2, count)).tolist()


def _changing(chords: Sequence[Sequence[Sound]], seconds: float = 12.0) -> np.ndarray:
    """Chords one after the other, of equal length."""
    each = seconds / len(chords)
    y = np.concatenate([_chord(chord, each) for chord in chords])
    return y[: round(seconds * SR)]


def _triad(root: float) -> list[Sound]:
    return [part for ratio in (1.0, 1.25, 1.5) for part in _tone(root * ratio, partials=3)]


def _louder() -> Pair:
    y = _strokes(_regular(0.5))
    return 0.1 * y, y


def _low_energy() -> Pair:
    """A sound that is quiet for two short moments, and one that is loud for two short moments."""
    y, t = _chord(_tone(220)), _time()
    moments = ((t > 1.0) & (t < 1.4)) | ((t > 3.0) & (t < 3.4))
    return y * np.where(moments, 0.1, 1.0), y * np.where(moments, 1.0, 0.1)


def _fluctuation() -> Pair:
    y = _chord(_tone(220))
    return y, y * (0.5 + 0.5 * np.sin(2 * np.pi * 4 * _time()))


def _tempo() -> Pair:
    return _strokes(_regular(60 / 66)), _strokes(_regular(60 / 132), fall_s=0.08)


def _mfcc(number: int) -> Pair:
    """Noise whose spectrum, over the bands of the mel scale, is bent by a cosine with this number of half periods."""

    place = (np.arange(MFCC_BANDS) + 0.5) / MFCC_BANDS
    bend = MFCC_LOG10 * np.cos(np.pi * number * place)

    def level(sign: int, hz: np.ndarray) -> np.ndarray:
        return 10 ** (sign * np.interp(hz, _BAND_HZ, bend)) / np.sqrt(np.maximum(hz, 60.0))

    return _shaped_noise(partial(level, -1)), _shaped_noise(partial(level, 1))


# Centres of the 40 bands: 13 at equal distances, 27 at equal ratios. Source: Slaney, Auditory Toolbox (1998), mfcc.
_BAND_HZ = np.concatenate([200 / 3 * np.arange(3, 16), 1000 * 1.0711703 ** np.arange(1, 28)])


def _roughness() -> Pair:
    return _chord([(440, 1.0), (660, 1.0)]), _chord([(440, 1.0), (470, 1.0)])


def _roughness_slope() -> Pair:
    smooth, rough = _roughness()
    rising = np.linspace(0, 1, smooth.size)
    return rough * (1 - rising) + smooth * rising, smooth * (1 - rising) + rough * rising


def _dark_bright() -> Pair:
    """One tone with weak and with strong upper harmonics."""
    return _chord(_tone(220, partials=30, fall=2.5)), _chord(_tone(220, partials=30, fall=0.3))


def _crossings() -> Pair:
    return _chord([(220, 1.0)]), _chord([(1760, 1.0)])


def _attack() -> Pair:
    return _strokes(_regular(1.0), rise_s=0.005), _strokes(_regular(1.0), rise_s=0.25)


def _attack_slope() -> Pair:
    starts = _regular(1.0)
    rises = np.linspace(0.01, 0.3, len(starts))
    return _strokes(starts, rise_s=rises[::-1].tolist()), _strokes(starts, rise_s=rises.tolist())


def _density() -> Pair:
    return _strokes(_regular(1.5)), _strokes(_regular(0.25), fall_s=0.06)


def _clarity() -> Pair:
    return _strokes(_irregular(0.4), fall_s=0.08), _strokes(_regular(0.4), fall_s=0.08)


def _band(low_hz: float, high_hz: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda hz: ((hz >= low_hz) & (hz <= high_hz)).astype(float) + 1e-4


def _spread() -> Pair:
    return _shaped_noise(_band(2800, 3200)), _shaped_noise(_band(200, 5800))


def _skewness() -> Pair:
    falling = _shaped_noise(lambda hz: np.exp(-hz / 1500))
    rising = _shaped_noise(lambda hz: np.exp(-(SR / 2 - hz) / 3000))
    return rising, falling


def _kurtosis() -> Pair:
    return _shaped_noise(_band(20, 20000)), _shaped_noise(_band(950, 1050))


def _flatness() -> Pair:
    return _chord(_tone(440)), _shaped_noise(lambda hz: np.ones_like(hz))


def _entropy() -> Pair:
    return _chord([(440, 1.0)]), _shaped_noise(lambda hz: np.ones_like(hz))


def _chroma(number: int) -> Pair:
    """The pitch class alone, and the pitch class a tritone away."""
    hz = 440.0 * 2 ** ((number - 1 - 9) / 12)  # the first pitch class is C, nine semitones below A
    return _chord(_tone(hz * 2**0.5, partials=4)), _chord(_tone(hz, partials=4))


_ROOTS = (220.0, 311.13, 246.94, 349.23)  # steps that change many pitch classes


def _harmonic_change() -> Pair:
    held = _changing([_triad(220.0)] * 8)
    return held, _changing([_triad(_ROOTS[k % 4]) for k in range(8)])


def _harmonic_change_spread() -> Pair:
    """A chord that is held, and a chord that is held between sudden changes."""
    return _changing([_triad(220.0)] * 4), _changing([_triad(root) for root in (220.0, 311.13, 220.0, 311.13)])


def _harmonic_change_slope() -> Pair:
    still, moving = [_triad(220.0)] * 8, [_triad(_ROOTS[k % 4]) for k in range(8)]
    return _changing([*moving, *still]), _changing([*still, *moving])


def _harmonic_rate() -> Pair:
    return tuple(_changing([_triad(_ROOTS[k % 2]) for k in range(count)]) for count in (6, 15))  # type: ignore[return-value]


def _harmonic_regularity() -> Pair:
    regular = _changing([_triad(_ROOTS[k % 2]) for k in range(12)])
    rng = np.random.default_rng(1)
    cuts = np.sort(rng.uniform(0, 12, 11))
    lengths = np.diff(np.concatenate([[0], cuts, [12]]))
    irregular = np.concatenate([_chord(_triad(_ROOTS[k % 4]), length) for k, length in enumerate(lengths)])
    return irregular, regular


def _harmonic_entropy() -> Pair:
    one = _changing([_triad(220.0)] * 6 + [_triad(311.13)] * 6)
    many = _changing([_triad(_ROOTS[k % 4]) for k in range(24)])
    return one, many


_HCDF = "_HarmonicChangeDetectionFunction_"
PAIRS: dict[str, Callable[[], Pair]] = {
    "_RMSenergy_Mean": _louder,
    "_Lowenergy_Mean": _low_energy,
    "_Fluctuation_Mean": _fluctuation,
    "_Tempo_Mean": _tempo,
    **{f"_MFCC_Mean_{i}": partial(_mfcc, i) for i in range(1, 14)},
    "_Roughness_Mean": _roughness,
    "_Roughness_Slope": _roughness_slope,
    "_Zero-crossingrate_Mean": _crossings,
    "_AttackTime_Mean": _attack,
    "_AttackTime_Slope": _attack_slope,
    "_Rolloff_Mean": _dark_bright,
    "_Eventdensity_Mean": _density,
    "_Pulseclarity_Mean": _clarity,
    "_Brightness_Mean": _dark_bright,
    "_Spectralcentroid_Mean": _dark_bright,
    "_Spectralspread_Mean": _spread,
    "_Spectralskewness_Mean": _skewness,
    "_Spectralkurtosis_Mean": _kurtosis,
    "_Spectralflatness_Mean": _flatness,
    "_EntropyofSpectrum_Mean": _entropy,
    **{f"_Chromagram_Mean_{i}": partial(_chroma, i) for i in range(1, 13)},
    f"{_HCDF}Mean": _harmonic_change,
    f"{_HCDF}Std": _harmonic_change_spread,
    f"{_HCDF}Slope": _harmonic_change_slope,
    f"{_HCDF}PeriodFreq": _harmonic_rate,
    f"{_HCDF}PeriodAmp": _harmonic_regularity,
    f"{_HCDF}PeriodEntropy": _harmonic_entropy,
}

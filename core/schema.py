"""The vocabulary: the four emotions and the table of the 50 features.

Column lists, labels, units, ranges, the data dictionary and the tests derive from ``FEATURES``; nothing repeats them.
"""

from dataclasses import dataclass
from math import inf, sqrt
from typing import TYPE_CHECKING

import numpy as np

from core.errors import CoreError

if TYPE_CHECKING:  # pandas costs 40 MB that a process which only extracts features can do without
    import pandas as pd

EMOTIONS = ("angry", "happy", "relax", "sad")
PROBA = tuple(f"p_{emotion}" for emotion in EMOTIONS)  # columns of their probabilities
LABEL = "Class"

SR = 44_100  # Hz; the published table was made at this rate
MIRTOOLBOX = "MIRtoolbox 1.7.1"  # extractor of the published rows


@dataclass(frozen=True)
class Feature:
    """One column of the published table.

    low, high : what the feature can be by its definition, for audio in [-1, 1] at 44.1 kHz (inclusive).
    """

    column: str
    name: str
    group: str
    unit: str
    low: float
    high: float
    meaning: str


_NYQUIST = SR / 2
_SLOPE = sqrt(3)  # |sum(z t)| / sum(t^2) < sqrt(3) for z-scores z and t from 0 to 1 (Cauchy-Schwarz)
_MFCC = 60.0  # log10 band energies span less than 20 decades; 20 / 2 * sum|cos| / sqrt(20) < 60
_TONAL = sqrt(6 * 12)  # six tonal axes of norm sqrt(6) at most, chroma differences of norm sqrt(12) at most
_PITCHES = ("C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B")


def _features() -> tuple[Feature, ...]:
    f = Feature
    hcdf = "_HarmonicChangeDetectionFunction_"
    spectral = "timbre: spectrum"
    return (
        f(
            "_RMSenergy_Mean",
            "RMS energy",
            "dynamics",
            "full scale",
            0,
            1,
            "Overall loudness of the recording as root mean square of its samples; 1 is digital full scale.",
        ),
        f(
            "_Lowenergy_Mean",
            "Low energy",
            "dynamics",
            "ratio",
            0,
            1,
            "Share of 50 ms frames quieter than the average frame: high when a few loud moments stand out.",
        ),
        f(
            "_Fluctuation_Mean",
            "Fluctuation",
            "rhythm",
            "dB",
            0,
            inf,
            "Strength of loudness modulation at rhythm rates up to 10 Hz, averaged over 24 Bark bands.",
        ),
        f(
            "_Tempo_Mean",
            "Tempo",
            "rhythm",
            "bpm",
            39.9,  # the last lag can be refined a little beyond 1.5 s
            200.5,
            "Speed of the strongest regular pulse. Half or double the felt tempo is common.",
        ),
        *(
            f(
                f"_MFCC_Mean_{i}",
                f"MFCC {i}",
                "timbre: MFCC",
                "log10",
                -_MFCC,
                _MFCC,
                "Balance of low against high bands of the mel spectrum: large when the sound is dark."
                if i == 1
                else f"Shape of the mel spectrum: {i / 2:g} cosine periods over 40 bands, finer as the number rises.",
            )
            for i in range(1, 14)
        ),
        f(
            "_Roughness_Mean",
            "Roughness",
            "timbre: roughness",
            "amplitude²",
            0,
            inf,
            "Sensory dissonance: beating of neighbouring partials, mean over 50 ms frames. Grows as loudness squared.",
        ),
        f(
            "_Roughness_Slope",
            "Roughness slope",
            "timbre: roughness",
            "1",
            -_SLOPE,
            _SLOPE,
            "Whether roughness rises (positive) or falls over the clip, in standard deviations.",
        ),
        f(
            "_Zero-crossingrate_Mean",
            "Zero-crossing rate",
            "timbre: spectrum",
            "1/s",
            0,
            _NYQUIST,
            "How often per second the waveform crosses zero upwards: high in noisy or bright sound.",
        ),
        f(
            "_AttackTime_Mean",
            "Attack time",
            "rhythm",
            "s",
            -0.1,  # starts and ends are sorted apart, so that a few odd attacks can end before they start
            inf,
            "Mean time that notes take to rise from start to peak: short for plucked and struck sounds.",
        ),
        f(
            "_AttackTime_Slope",
            "Attack time slope",
            "rhythm",
            "1",
            -_SLOPE,
            _SLOPE,
            "Whether attacks get longer (positive) or shorter over the clip, in standard deviations.",
        ),
        f(
            "_Rolloff_Mean",
            "Spectral rolloff",
            spectral,
            "Hz",
            0,
            _NYQUIST,
            "Frequency below which 85 % of the spectral magnitude lies.",
        ),
        f("_Eventdensity_Mean", "Event density", "rhythm", "1/s", 0, 50, "Note onsets a second."),
        f(
            "_Pulseclarity_Mean",
            "Pulse clarity",
            "rhythm",
            "1",
            -1,
            1,
            "How clearly a regular beat stands out: near 1 for a metronome, near 0 for a free taksim.",
        ),
        f("_Brightness_Mean", "Brightness", spectral, "ratio", 0, 1, "Share of spectral magnitude above 1500 Hz."),
        f(
            "_Spectralcentroid_Mean",
            "Spectral centroid",
            spectral,
            "Hz",
            0,
            _NYQUIST,
            "Centre of mass of the spectrum.",
        ),
        f(
            "_Spectralspread_Mean",
            "Spectral spread",
            spectral,
            "Hz",
            0,
            _NYQUIST / 2,
            "Standard deviation of the spectrum around its centroid.",
        ),
        f(
            "_Spectralskewness_Mean",
            "Spectral skewness",
            spectral,
            "1",
            -inf,
            inf,
            "Asymmetry of the spectrum: positive when a tail reaches to high frequencies.",
        ),
        f(
            "_Spectralkurtosis_Mean",
            "Spectral kurtosis",
            spectral,
            "1",
            1,
            inf,
            "Peakedness of the spectrum (3 for a Gaussian shape).",
        ),
        f(
            "_Spectralflatness_Mean",
            "Spectral flatness",
            spectral,
            "ratio",
            0,
            1,
            "Geometric over arithmetic mean of the spectrum: near 0 for tones, near 1 for noise.",
        ),
        f(
            "_EntropyofSpectrum_Mean",
            "Spectral entropy",
            spectral,
            "ratio",
            0,
            1,
            "Evenness of the spectrum: 0 for one pure tone, 1 when all frequencies are equally strong.",
        ),
        *(
            f(
                f"_Chromagram_Mean_{i}",
                f"Chroma {p}",
                "tonality: chroma",
                "ratio",
                0,
                1,
                f"Strength of the pitch class {p} relative to the strongest of the twelve (A4 = 440 Hz, semitones).",
            )
            for i, p in enumerate(_PITCHES, 1)
        ),
        f(
            hcdf + "Mean",
            "Harmonic change",
            "tonality: harmony",
            "1",
            0,
            _TONAL,
            "Mean size of the change in tonal content between frames of 0.74 s (HCDF).",
        ),
        f(
            hcdf + "Std",
            "Harmonic change, spread",
            "tonality: harmony",
            "1",
            0,
            _TONAL,
            "Standard deviation of harmonic change over the clip.",
        ),
        f(
            hcdf + "Slope",
            "Harmonic change, slope",
            "tonality: harmony",
            "1",
            -_SLOPE,
            _SLOPE,
            "Whether harmonic change rises (positive) or falls over the clip, in standard deviations.",
        ),
        f(
            hcdf + "PeriodFreq",
            "Harmonic change, rate",
            "tonality: harmony",
            "Hz",
            0,
            13.458,
            "Rate at which harmonic change most regularly repeats.",
        ),
        f(
            hcdf + "PeriodAmp",
            "Harmonic change, regularity",
            "tonality: harmony",
            "ratio",
            0,
            1,
            "How strongly harmonic change repeats at that rate (autocorrelation peak).",
        ),
        f(
            hcdf + "PeriodEntropy",
            "Harmonic change, entropy",
            "tonality: harmony",
            "ratio",
            0,
            1,
            "Evenness of the autocorrelation of harmonic change: high when no period dominates.",
        ),
    )


FEATURES = _features()
COLUMNS = tuple(f.column for f in FEATURES)
GROUPS = tuple(dict.fromkeys(f.group for f in FEATURES))
BY_COLUMN = {f.column: f for f in FEATURES}


def readable(column: str) -> str:
    """Readable name of a feature with its unit: ``"Tempo (bpm)"``; other names are returned as they are."""
    feature = BY_COLUMN.get(column)
    if feature is None:
        return column
    return feature.name if feature.unit == "1" else f"{feature.name} ({feature.unit})"


def data_dictionary() -> "pd.DataFrame":
    """The 50 features as a table: one row a feature in schema order."""
    import pandas as pd

    return pd.DataFrame([f.__dict__ for f in FEATURES])


def check_features(values: np.ndarray) -> None:
    """Refuse a feature vector or matrix that cannot be one.

    values : shape (50,) or (n, 50), float, NaN = not measurable.
    Raises CoreError that names the feature when a value is infinite or outside the feature's range.
    """
    if values.shape[-1:] != (len(FEATURES),):
        raise CoreError(f"A feature vector has {len(FEATURES)} values; this one has the shape {values.shape}.")
    tolerance = 1e-4  # rounding, and RMS divides by N - 1: a full-scale square wave is just above 1
    for feature, column in zip(FEATURES, values.reshape(-1, len(FEATURES)).T, strict=True):
        bad = np.isinf(column) | (column < feature.low - tolerance) | (column > feature.high + tolerance)
        if bad.any():
            raise CoreError(
                f"{feature.name} is {column[bad][0]:g}, outside {feature.low:g} to {feature.high:g} {feature.unit}."
            )


@dataclass(frozen=True, eq=False)
class FeatureVector:
    """The 50 features of one clip.

    clip_id : hash of the file's bytes.  extractor : name and version of what computed the values.
    values : shape (50,), float64, schema order; NaN = not measurable.
    """

    clip_id: str
    extractor: str
    values: np.ndarray

    def __post_init__(self) -> None:
        check_features(self.values)

    def row(self) -> "pd.DataFrame":
        """One-row table in schema order, indexed by clip_id."""
        import pandas as pd

        return pd.DataFrame([self.values], columns=list(COLUMNS), index=pd.Index([self.clip_id], name="clip_id"))


GENRE = "synthetic"


ALL = "all"  # stands for "over all emotions" in the column ``emotion``

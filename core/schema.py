"""The four emotions and the definition of the 50 features.

Column lists, labels, units, ranges, the data dictionary and the tests are derived from ``FEATURES``.
"""

from dataclasses import dataclass
from math import inf, nan, sqrt
from typing import TYPE_CHECKING

import numpy as np

from core.errors import CoreError

if TYPE_CHECKING:  # pandas needs 40 MB of memory; a process that only extracts features does not need it
    import pandas as pd

EMOTIONS = ("angry", "happy", "relax", "sad")
PROBA = tuple(f"p_{emotion}" for emotion in EMOTIONS)  # columns with the probability of each emotion
LABEL = "Class"

SR = 44_100  # Hz; the published features were computed at this sampling rate
MIRTOOLBOX = "MIRtoolbox 1.7.1"  # the program that computed the published features
OWN_EXTRACTOR = "tme-mir"  # the names of this program's extractors begin like this


@dataclass(frozen=True)
class Feature:
    """One column of the published table.

    low, high : smallest and largest possible value (inclusive), for audio in [-1, 1] at 44.1 kHz.
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
PITCH_IS_ABSOLUTE = (
    "chroma is absolute (A4 = 440 Hz), not relative to the karar. The same makam from another karar or on another "
    "ahenk has other values, so a difference can come from the karar or the ahenk and not from the makam."
)
CHROMA_GROUP = "tonality: chroma"
CHROMA_BINS = "tempered, A = 440 Hz"  # what the twelve bins are
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
            39.9,  # interpolation can move the last lag slightly beyond 1.5 s
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
            "Trend of roughness over the clip, in standard deviations: positive when it rises, negative when it falls.",
        ),
        f(
            "_Zero-crossingrate_Mean",
            "Zero-crossing rate",
            "timbre: spectrum",
            "1/s",
            0,
            _NYQUIST,
            "Number of upward zero crossings of the waveform per second: high in noisy or bright sound.",
        ),
        f(
            "_AttackTime_Mean",
            "Attack time",
            "rhythm",
            "s",
            -0.1,  # starts and ends are sorted separately, so a few attacks can end before they start
            inf,
            "Mean time from the start of a note to its peak: short for plucked and struck sounds.",
        ),
        f(
            "_AttackTime_Slope",
            "Attack time slope",
            "rhythm",
            "1",
            -_SLOPE,
            _SLOPE,
            "Trend of attack times over the clip, in standard deviations: positive when attacks get longer.",
        ),
        f(
            "_Rolloff_Mean",
            "Spectral rolloff",
            spectral,
            "Hz",
            0,
            _NYQUIST,
            "Frequency below which 85 % of the spectral magnitude is found.",
        ),
        f("_Eventdensity_Mean", "Event density", "rhythm", "1/s", 0, 50, "Note onsets per second."),
        f(
            "_Pulseclarity_Mean",
            "Pulse clarity",
            "rhythm",
            "1",
            -1,
            1,
            "Clarity of a regular beat: near 1 for a metronome, near 0 for a free taksim.",
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
            "Asymmetry of the spectrum: positive when it has a long tail towards high frequencies.",
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
                CHROMA_GROUP,
                "ratio",
                0,
                1,
                f"Strength of the pitch class {p} relative to the strongest of the twelve. The twelve are tempered "
                "semitones with A4 = 440 Hz; they are not relative to the karar.",
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
            "Trend of harmonic change over the clip, in standard deviations: positive when it rises.",
        ),
        f(
            hcdf + "PeriodFreq",
            "Harmonic change, rate",
            "tonality: harmony",
            "Hz",
            0,
            13.458,
            "Rate of the strongest regular repetition of harmonic change.",
        ),
        f(
            hcdf + "PeriodAmp",
            "Harmonic change, regularity",
            "tonality: harmony",
            "ratio",
            0,
            1,
            "Strength of this repetition (autocorrelation peak).",
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

RMS, ROUGHNESS, FLUCTUATION = "_RMSenergy_Mean", "_Roughness_Mean", "_Fluctuation_Mean"
# Samples multiplied by g multiply these features by g to this power. NaN: the feature moves by no simple law. All other
# features do not depend on the level.
GAIN_POWER = {RMS: 1.0, ROUGHNESS: 2.0, FLUCTUATION: nan}


def readable(column: str) -> str:
    """Return the readable name of a feature with its unit: ``"Tempo (bpm)"``; other names are returned unchanged."""
    feature = BY_COLUMN.get(column)
    if feature is None:
        return column
    if feature.group == CHROMA_GROUP:
        return f"{feature.name} ({CHROMA_BINS})"
    return feature.name if feature.unit == "1" else f"{feature.name} ({feature.unit})"


def data_dictionary() -> "pd.DataFrame":
    """Return the 50 features as a table, one row per feature in schema order."""
    import pandas as pd

    return pd.DataFrame([f.__dict__ for f in FEATURES])


def check_features(values: np.ndarray) -> None:
    """Check a feature vector, shape (50,), or a feature matrix, shape (n, 50); NaN = not measurable.

    Raises
    ------
    CoreError
        If a value is infinite or outside the range of its feature; the message names the feature.
    """
    if values.shape[-1:] != (len(FEATURES),):
        raise CoreError(f"A feature vector must have {len(FEATURES)} values; this one has the shape {values.shape}.")
    tolerance = 1e-4  # rounding, and RMS divides by N - 1: a full-scale square wave is just above 1
    for feature, column in zip(FEATURES, values.reshape(-1, len(FEATURES)).T, strict=True):
        bad = np.isinf(column) | (column < feature.low - tolerance) | (column > feature.high + tolerance)
        if bad.any():
            raise CoreError(
                f"{feature.name} is {column[bad][0]:g}; the possible range is {feature.low:g} to {feature.high:g} "
                f"{feature.unit}."
            )


@dataclass(frozen=True, eq=False)
class FeatureVector:
    """The 50 features of one clip.

    Parameters
    ----------
    clip_id
        Hash of the bytes of the file.
    extractor
        Name and version of the program that computed the values.
    values
        Shape (50,), float64, in schema order; NaN = not measurable.
    """

    clip_id: str
    extractor: str
    values: np.ndarray

    def __post_init__(self) -> None:
        check_features(self.values)

    def row(self) -> "pd.DataFrame":
        """Return a table with one row in schema order, indexed by clip_id."""
        import pandas as pd

        return pd.DataFrame([self.values], columns=list(COLUMNS), index=pd.Index([self.clip_id], name="clip_id"))


GENRE = "synthetic"  # genre tag of music made by this program
SYNTHETIC = "demo"  # origin of synthetic clips, see core/store/synthetic.py
ALL = "all"  # value of the column ``emotion`` in rows that summarise all emotions

"""The Turkish names of the 50 features, and what one hears in their sound examples.

The sentence that explains a feature is its ``meaning`` in `core.schema`. The sounds are made by `core.audio.examples`.
"""

from dataclasses import dataclass

from core.schema import Feature


@dataclass(frozen=True)
class FeatureWords:
    """Words about one feature.

    turkish : its Turkish name.  low, high : what one hears in the sound with a low value, and in that with a high one.
    """

    turkish: str
    low: str
    high: str


_PITCHES = ("do", "do♯", "re", "re♯", "mi", "fa", "fa♯", "sol", "sol♯", "la", "la♯", "si")
_HCDF = "_HarmonicChangeDetectionFunction_"


def _mfcc(number: int) -> FeatureWords:
    turkish = f"MFCC {number} (mel-frekans kepstrum katsayısı)"
    if number == 1:
        return FeatureWords(turkish, "A bright noise.", "A dark noise.")
    waves = f"a wave of {number / 2:g} period{'' if number == 2 else 's'}"
    low, high = (f"Noise whose spectrum follows {waves}, {first} at the bottom." for first in ("weak", "strong"))
    return FeatureWords(turkish, low, high)


def _chroma(number: int) -> FeatureWords:
    name = _PITCHES[number - 1]
    return FeatureWords(
        f"kroma {name} (tampere, la = 440 Hz)",
        f"A tone six semitones away from {name}.",
        f"A tone on {name}.",
    )


FEATURE_WORDS: dict[str, FeatureWords] = {
    "_RMSenergy_Mean": FeatureWords("RMS enerjisi (ses gücü)", "Soft notes.", "The same notes, ten times as strong."),
    "_Lowenergy_Mean": FeatureWords(
        "düşük enerji oranı", "A sound that is quiet for two moments.", "A sound that is loud for two moments only."
    ),
    "_Fluctuation_Mean": FeatureWords(
        "dalgalanma", "A steady sound.", "The same sound, which swells and fades four times a second."
    ),
    "_Tempo_Mean": FeatureWords("tempo (nabız)", "66 strokes a minute.", "132 strokes a minute."),
    **{f"_MFCC_Mean_{i}": _mfcc(i) for i in range(1, 14)},
    "_Roughness_Mean": FeatureWords(
        "pürüzlülük", "Two tones a fifth apart.", "Two tones 30 Hz apart: they beat against each other."
    ),
    "_Roughness_Slope": FeatureWords(
        "pürüzlülük eğimi", "The sound begins rough and becomes smooth.", "The sound begins smooth and becomes rough."
    ),
    "_Zero-crossingrate_Mean": FeatureWords("sıfır geçiş oranı", "A low tone.", "A tone three octaves higher."),
    "_AttackTime_Mean": FeatureWords("atak süresi", "Notes that begin at once.", "Notes that swell slowly."),
    "_AttackTime_Slope": FeatureWords(
        "atak süresi eğimi", "Notes that begin more and more suddenly.", "Notes that begin more and more slowly."
    ),
    "_Rolloff_Mean": FeatureWords(
        "spektral yuvarlanma", "A tone with weak upper harmonics.", "The same tone with strong upper harmonics."
    ),
    "_Eventdensity_Mean": FeatureWords("olay yoğunluğu", "Two notes in three seconds.", "Four notes a second."),
    "_Pulseclarity_Mean": FeatureWords(
        "vuruş belirginliği", "Strokes at irregular moments.", "As many strokes, at equal distances."
    ),
    "_Brightness_Mean": FeatureWords(
        "parlaklık", "A tone with weak upper harmonics.", "The same tone with strong upper harmonics."
    ),
    "_Spectralcentroid_Mean": FeatureWords(
        "spektral ağırlık merkezi", "A tone with weak upper harmonics.", "The same tone with strong upper harmonics."
    ),
    "_Spectralspread_Mean": FeatureWords("spektral yayılım", "A narrow band of noise.", "A wide band of noise."),
    "_Spectralskewness_Mean": FeatureWords(
        "spektral çarpıklık", "Noise that is strongest at the top.", "Noise that is strongest at the bottom."
    ),
    "_Spectralkurtosis_Mean": FeatureWords(
        "spektral basıklık", "Noise over the whole range.", "Noise in one narrow band: the spectrum has a sharp peak."
    ),
    "_Spectralflatness_Mean": FeatureWords("spektral düzlük", "A tone.", "Noise."),
    "_EntropyofSpectrum_Mean": FeatureWords("spektral entropi", "One pure tone.", "Noise."),
    **{f"_Chromagram_Mean_{i}": _chroma(i) for i in range(1, 13)},
    f"{_HCDF}Mean": FeatureWords("armonik değişim", "One chord.", "A new chord every one and a half seconds."),
    f"{_HCDF}Std": FeatureWords(
        "armonik değişim, yayılım", "One chord, always the same.", "A chord that is still, with sudden changes."
    ),
    f"{_HCDF}Slope": FeatureWords(
        "armonik değişim, eğim", "The chords change at first, and then one chord stays.",
        "One chord stays at first, and then the chords change.",
    ),
    f"{_HCDF}PeriodFreq": FeatureWords(
        "armonik değişim, hız", "The chord changes every two seconds.", "The chord changes every 0.8 seconds."
    ),
    f"{_HCDF}PeriodAmp": FeatureWords(
        "armonik değişim, düzenlilik", "Chords of unequal length.", "Two chords in turn, each one second long."
    ),
    f"{_HCDF}PeriodEntropy": FeatureWords(
        "armonik değişim, entropi", "One change of the chord.", "A new chord every half second."
    ),
}  # fmt: skip


def words_of(feature: Feature) -> FeatureWords:
    """Return the words about a feature."""
    return FEATURE_WORDS[feature.column]


def explained(feature: Feature) -> str:
    """Return the explanation of a feature with its Turkish name, for tooltips."""
    return f"{feature.meaning} Turkish: {words_of(feature).turkish}."

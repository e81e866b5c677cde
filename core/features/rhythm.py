"""Rhythm: collect fluctuation, tempo, attack times, event density and pulse clarity of a clip."""

from core.features.attack import attack_time
from core.features.fluctuation import fluctuation_peak_mean
from core.features.frames import FloatArray
from core.features.onsets import event_density, onset_curve
from core.features.tempo import mean_tempo, pulse_clarity


def measure(y: FloatArray, sr: float) -> dict[str, float]:
    """Compute the six rhythm features, by published name; NaN = not measurable.

    y : shape (n,), mono, full scale 1. The published features were computed at sr = 44100.
    """
    curve = onset_curve(y, sr)
    attack = attack_time(y, sr, curve)
    return {
        "_Fluctuation_Mean": fluctuation_peak_mean(y, sr),
        "_Tempo_Mean": mean_tempo(y, sr),
        "_AttackTime_Mean": attack.mean,
        "_AttackTime_Slope": attack.slope,
        "_Eventdensity_Mean": event_density(curve),
        "_Pulseclarity_Mean": pulse_clarity(curve),
    }

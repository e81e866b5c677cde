"""``Clip`` to ``FeatureVector``: the 50 numbers that MIRtoolbox 1.7.1 gives for the clip.

One chapter a module: ``dynamics``, ``rhythm``, ``timbre``, ``tonality``; ``frames``, ``statistics`` and ``peaks`` are
what they stand on. Everything is float64: float32 changes the sixth digit and flips decisions in the attack times.
"""

import numpy as np

from core.audio.decoding import Clip
from core.errors import AudioError
from core.schema import COLUMNS, SR, FeatureVector

EXTRACTOR = "tme-mir 1.0.0"  # changes whenever any value would change: stored vectors are found by it


def extract(clip: Clip) -> FeatureVector:
    """The 50 features of a clip.

    Raises AudioError when the clip is not at 44.1 kHz: the features depend on the sampling rate.
    """
    # Compiled kernels load with the first clip, not before.
    import core.features.dynamics as dynamics
    import core.features.rhythm as rhythm
    import core.features.timbre as timbre
    import core.features.tonality as tonality
    from core.features.spectrum import clip_spectrum

    if clip.sr != SR:
        raise AudioError(f"Features are defined at {SR} Hz; this clip is at {clip.sr} Hz. Resample it first.")
    spectrum = clip_spectrum(clip.y, clip.sr)
    measured = {
        **dynamics.measure(clip.y, clip.sr),
        **rhythm.measure(clip.y, clip.sr),
        **timbre.measure(clip.y, clip.sr, spectrum),
        **tonality.measure(clip.y, clip.sr, spectrum),
    }
    return FeatureVector(clip.clip_id, EXTRACTOR, np.array([measured[c] for c in COLUMNS]))


def warm() -> None:
    """Compile the kernels, or load them from their cache, on one second of sound."""
    y = np.random.default_rng(0).uniform(-0.5, 0.5, SR)
    extract(Clip("warm", y, SR))

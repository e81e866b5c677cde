"""Compute the ``FeatureVector`` of a ``Clip``: the 50 features as defined by MIRtoolbox 1.7.1.

``dynamics``, ``rhythm``, ``timbre`` and ``tonality`` compute one group of features each; ``frames``, ``statistics`` and
``peaks`` are shared. All computations use float64: float32 changes the sixth digit and the detection of attacks.
"""

import numpy as np

from core.audio.decoding import Clip
from core.errors import AudioError
from core.schema import COLUMNS, SR, FeatureVector

EXTRACTOR = "tme-mir 1.0.0"  # key of stored vectors; change it whenever a feature value changes


def extract(clip: Clip) -> FeatureVector:
    """Compute the 50 features of a clip.

    Raises
    ------
    AudioError
        If the sampling rate is not 44.1 kHz; the features depend on it.
    """
    # Imported here, because importing the compiled kernels takes time.
    import core.features.dynamics as dynamics
    import core.features.rhythm as rhythm
    import core.features.timbre as timbre
    import core.features.tonality as tonality
    from core.features.spectrum import clip_spectrum

    if clip.sr != SR:
        raise AudioError(f"Features need a sampling rate of {SR} Hz; this clip has {clip.sr} Hz. Resample it first.")
    spectrum = clip_spectrum(clip.y, clip.sr)
    measured = {
        **dynamics.measure(clip.y, clip.sr),
        **rhythm.measure(clip.y, clip.sr),
        **timbre.measure(clip.y, clip.sr, spectrum),
        **tonality.measure(clip.y, clip.sr, spectrum),
    }
    return FeatureVector(clip.clip_id, EXTRACTOR, np.array([measured[c] for c in COLUMNS]))


def warm() -> None:
    """Compile the kernels, or load them from the cache, by extracting the features of one second of noise."""
    y = np.random.default_rng(0).uniform(-0.5, 0.5, SR)
    extract(Clip("warm", y, SR))

"""Compute the ``FeatureVector`` of a ``Clip``: the 50 features as defined by MIRtoolbox 1.7.1.

``dynamics``, ``rhythm``, ``timbre`` and ``tonality`` compute one group of features each; ``frames``, ``statistics`` and
``peaks`` are shared. All computations use float64: float32 changes the sixth digit and the detection of attacks.
"""

import gc
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from importlib import import_module

import numpy as np

from core.audio.decoding import Clip
from core.errors import AudioError
from core.schema import COLUMNS, SR, FeatureVector

EXTRACTOR = "tme-mir 1.0.0"  # key of stored vectors; change it whenever a feature value changes


_lock = threading.Lock()
_measured_now = 0  # clips, in this process


def extract(clip: Clip) -> FeatureVector:
    """Compute the 50 features of a clip, on two cores while this process measures no other clip.

    Raises
    ------
    AudioError
        If the sampling rate is not 44.1 kHz; the features depend on it.
    """
    load()
    from core.features import dynamics, rhythm, timbre, tonality
    from core.features.spectrum import clip_spectrum

    if clip.sr != SR:
        raise AudioError(f"Features need a sampling rate of {SR} Hz; this clip has {clip.sr} Hz. Resample it first.")

    def of_time() -> dict[str, float]:
        return rhythm.measure(clip.y, clip.sr)

    def of_spectrum() -> dict[str, float]:  # takes about as long as the rhythm
        spectrum = clip_spectrum(clip.y, clip.sr)
        return timbre.measure(clip.y, clip.sr, spectrum) | tonality.measure(clip.y, clip.sr, spectrum)

    measured = dynamics.measure(clip.y, clip.sr)
    with _second_core() as is_free:
        if is_free:
            with ThreadPoolExecutor(1, "features") as beside:
                waiting = beside.submit(of_time)
                measured |= of_spectrum() | waiting.result()
        else:
            measured |= of_time() | of_spectrum()
    return FeatureVector(clip.clip_id, EXTRACTOR, np.array([measured[c] for c in COLUMNS]))


@cache
def load() -> None:
    """Import the compiled kernels, which takes time, without searching for garbage meanwhile.

    An import leaves no garbage, but each search visits all objects of the libraries. They stay until the process ends,
    so later searches leave them out.
    """
    searches = gc.isenabled()
    gc.disable()
    try:
        for name in ("chroma", "clip", "filterbank", "rhythm", "roughness"):
            import_module(f"core.features.kernels.{name}")
        gc.freeze()
    finally:
        if searches:
            gc.enable()


@contextmanager
def _second_core() -> Iterator[bool]:
    """Whether this clip may use a second core: no other clip is measured here, and OMP_NUM_THREADS allows it.

    The workers of a library set OMP_NUM_THREADS to 1, because each core has a worker of its own.
    """
    global _measured_now
    with _lock:
        _measured_now += 1
        alone = _measured_now == 1
    try:
        yield alone and (os.cpu_count() or 1) > 1 and os.environ.get("OMP_NUM_THREADS") != "1"
    finally:
        with _lock:
            _measured_now -= 1


def warm() -> None:
    """Compile the kernels, or load them from the cache, by extracting the features of one second of noise."""
    y = np.random.default_rng(0).uniform(-0.5, 0.5, SR)
    extract(Clip("warm", y, SR))

"""Integrated loudness in LUFS with gating, after ITU-R BS.1770-4.

The tests compare the results with pyloudnorm and De Man's coefficients (pyloudnorm's default coefficients differ by
0.05 LU). This implementation takes 7 ms for 30 s of mono instead of 27 ms and does not import scipy. It processes
blocks as they are decoded, in the original channels, because listeners do not hear the mean of two channels.
"""

from math import log10, nan, pi, tan

import numpy as np

STEP_S = 0.1  # blocks of 400 ms begin every 100 ms
STEPS = 4  # steps per block
OFFSET = -0.691  # dB: a full-scale sine of 997 Hz in one channel is at -3.01 LUFS
SILENT = -70.0  # absolute gate in LUFS: quieter blocks are silence
BELOW = 10.0  # relative gate in LU below the mean: quieter blocks are pauses
SURROUND = 1.41  # weight of the surround channels
MOST_CHANNELS = 6
DUAL_MONO_LU = 10 * log10(2)  # 3.01 LU: one channel is this much louder when two loudspeakers play it


def k_weighting(sr: int) -> np.ndarray:
    """Coefficients of the two K-weighting filters, shape (2, 5): b0, b1, b2, a1, a2.

    A high shelf of +4 dB above 1.7 kHz models the head, a high-pass at 38 Hz models the sensitivity of the ear. At
    48 kHz the coefficients are those of BS.1770. Source for other rates: De Man, "Evaluation of implementations of the
    EBU R128 loudness measurement" (2018).
    """
    k, q, high = tan(pi * 1681.974450955533 / sr), 0.7071752369554196, 10 ** (3.999843853973347 / 20)
    band, a0 = high**0.4996667741545416, 1 + k / q + k * k
    shelf = [high + band * k / q + k * k, 2 * (k * k - high), high - band * k / q + k * k]
    shelf += [2 * (k * k - 1), 1 - k / q + k * k]
    k, q = tan(pi * 38.13547087602444 / sr), 0.5003270373238773
    b0 = 1 + k / q + k * k
    return np.array([[x / a0 for x in shelf], [1, -2, 1, 2 * (k * k - 1) / b0, (1 - k / q + k * k) / b0]])


class Meter:
    """Loudness meter for audio in blocks: call it with each block, shape (n, channels), then call ``lufs()``.

    Supports up to six channels in the order of WAV files (left, right, centre, LFE, surround left, surround right).
    If there are more channels, their mean is measured.
    """

    def __init__(self, sr: int) -> None:
        self.sr = sr
        self._filters = k_weighting(sr).ravel()
        self._states: list[np.ndarray] = []
        self._steps: list[list[np.ndarray]] = []

    def __call__(self, block: np.ndarray) -> None:
        from core.features.kernels.loudness import weighted_energy

        if block.shape[1] > MOST_CHANNELS:
            block = block.mean(axis=1, keepdims=True)
        if not self._states:
            self._states = [np.zeros(6) for _ in range(block.shape[1])]
            self._steps = [[] for _ in range(block.shape[1])]
        step = round(STEP_S * self.sr)
        for k, (state, steps) in enumerate(zip(self._states, self._steps, strict=True)):
            energy = np.empty(len(block) // step + 1)
            count = weighted_energy(np.ascontiguousarray(block[:, k]), self._filters, step, state, energy)
            steps.append(energy[:count])

    def lufs(self) -> float:
        """Return the integrated loudness in LUFS; NaN for less than 400 ms and for silence."""
        energy = np.array([np.concatenate(steps) for steps in self._steps])
        if energy.size == 0 or energy.shape[1] < STEPS:
            return nan
        weighted = _weights(len(energy)) @ energy / (STEPS * round(STEP_S * self.sr))
        blocks = np.convolve(weighted, np.ones(STEPS), mode="valid")
        loud = blocks[blocks >= _power(SILENT)]
        if not loud.size:
            return nan
        loud = loud[loud > _power(_level(loud.mean()) - BELOW)]
        return _level(float(loud.mean()))


def integrated(y: np.ndarray, sr: int) -> float:
    """Measure the integrated loudness in LUFS, y of shape (n,) or (n, channels); NaN for < 400 ms and for silence."""
    meter = Meter(sr)
    meter(y if y.ndim == 2 else y[:, None])
    return meter.lufs()


def as_played(lufs: float, channels: float) -> float:
    """Loudness in LUFS of a file played on two loudspeakers, used to give files equal loudness.

    A mono file is played on both loudspeakers, so ``DUAL_MONO_LU`` is added to its loudness.

    Parameters
    ----------
    lufs
        Loudness of the channels of the file, after BS.1770.
    channels
        Number of channels; NaN = unknown, treated as stereo.
    """
    return lufs + DUAL_MONO_LU if channels == 1 else lufs


def _weights(channels: int) -> np.ndarray:
    if channels == MOST_CHANNELS:
        return np.array([1, 1, 1, 0, SURROUND, SURROUND])  # the LFE channel is ignored
    return np.array([1, 1, 1, SURROUND, SURROUND])[:channels]


def _level(power: float) -> float:
    return OFFSET + 10 * log10(power)


def _power(level: float) -> float:
    return float(10 ** ((level - OFFSET) / 10))


def warm() -> None:
    """Compile the kernel, or load it from the cache."""
    integrated(np.zeros(1), 44_100)

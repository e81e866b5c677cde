"""The compiled 4096-point transform of eight signals equals numpy's."""

import numpy as np
from numba import njit

from core.features.kernels.lanes import LANES, aligned_rows, store
from core.features.kernels.real_fft import PAIRS, ROWS, SAMPLES, half_turns, halves, transform_pairs


@njit(nogil=True)
def spectra(x, re, im, turns, out):
    """Store E + O and E - O as rows: real and imaginary part of bin k, then of the conjugate of bin 2048 - k."""
    transform_pairs(x, re, im)
    for k in range(PAIRS // 2 + 1):
        ar, ai, br, bi = halves(re, im, k, turns[2 * k], turns[2 * k + 1])
        store(out, 4 * k, 0.5 * (ar + br))
        store(out, 4 * k + 1, 0.5 * (ai + bi))
        store(out, 4 * k + 2, 0.5 * (ar - br))
        store(out, 4 * k + 3, 0.5 * (ai - bi))


def test_all_bins_of_eight_signals():
    signals = np.random.default_rng(1).uniform(-1, 1, (LANES, SAMPLES))
    x, re, im = aligned_rows(SAMPLES), aligned_rows(ROWS), aligned_rows(ROWS)
    x[:] = signals.T.ravel()
    out = aligned_rows(4 * (PAIRS // 2 + 1))
    spectra(x, re, im, half_turns(), out)
    low_re, low_im, high_re, high_im = out.reshape(-1, 4, LANES).transpose(1, 2, 0)
    expected = np.fft.rfft(signals)
    np.testing.assert_allclose(low_re + 1j * low_im, expected[:, : PAIRS // 2 + 1], atol=1e-12)
    np.testing.assert_allclose(high_re - 1j * high_im, expected[:, : PAIRS // 2 - 1 : -1], atol=1e-12)

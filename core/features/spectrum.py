"""The one spectrum of the whole clip that spectral shape, MFCC and chroma share."""

from dataclasses import dataclass

import numpy as np

from core.features.frames import ComplexArray, FloatArray, bin_frequencies, hamming, next_pow2

LOW_HZ = 7000.0  # complex values and frequencies are kept up to here: chroma and MFCC look no higher

ROWS = 256  # shape of the grid of a long FFT, found by measurement
PITCH = 4  # spare columns, so that rows do not fall on the same cache lines
TURN = 64
LONG = 1 << 18  # shorter signals fit the cache and take the plain way


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Spectrum of a whole clip under one Hamming window, zero-padded to a power of two.

    magnitude : shape (n_fft / 2 + 1,), scaled neither by length nor by window.
    low : shape (bins up to 7000 Hz,), complex, the same bins with their phase.
    n : samples in the clip.  sr : sampling rate in Hz.
    """

    magnitude: FloatArray
    low: ComplexArray
    n: int
    sr: float

    @property
    def n_fft(self) -> int:
        return next_pow2(self.n)

    @property
    def freqs(self) -> FloatArray:
        """Frequencies of all bins in Hz, shape (n_fft / 2 + 1,)."""
        return bin_frequencies(self.n_fft, self.sr)

    @property
    def low_freqs(self) -> FloatArray:
        """Frequencies of the bins of `low` in Hz."""
        return np.arange(len(self.low), dtype=np.float64) * (self.sr / self.n_fft)


def clip_spectrum(y: FloatArray, sr: float) -> Spectrum:
    """Spectrum of a clip, y of shape (n,).

    Source: MIRtoolbox `mirspectrum` without frames; spec. section 1.3. The plain definition is
    `frames.magnitude_spectra`; long clips take a faster way to the same numbers.
    """
    n_fft = next_pow2(len(y))
    low = min(int(LOW_HZ * n_fft / sr), n_fft // 2) + 1
    if n_fft >= LONG:
        return Spectrum(*_long_spectrum(y, n_fft, low), len(y), sr)
    bins = np.fft.rfft(y * hamming(len(y)), n_fft)
    return Spectrum(np.abs(bins), bins[:low].copy(), len(y), sr)


def _roots(count: int, circle: int) -> ComplexArray:
    """exp(-2 pi i k / circle) for k = 0 .. count - 1."""
    return np.exp(-2j * np.pi / circle * np.arange(count))


def _windowed_grid(y: FloatArray, rows: int, cols: int) -> ComplexArray:
    """The windowed clip as complex pairs of samples in a grid, row by row, zero behind its end.

    The window's cosine at row start + column is expanded into products of cosines and sines of the two.
    """
    grid = np.zeros((rows, cols + PITCH), np.complex128)
    samples = grid.view(np.float64)
    width = 2 * cols
    step = 2 * np.pi / (len(y) - 1)
    column = step * np.arange(width)
    column_cos, column_sin = -0.46 * np.cos(column), 0.46 * np.sin(column)
    window, term = np.empty(width), np.empty(width)
    for row, start in enumerate(range(0, len(y), width)):
        piece = y[start : start + width]
        np.multiply(column_cos, np.cos(step * start), out=window)
        np.multiply(column_sin, np.sin(step * start), out=term)
        window += term
        window += 0.54
        np.multiply(window[: len(piece)], piece, out=samples[row, : len(piece)])
    return grid


def _long_spectrum(y: FloatArray, n_fft: int, low: int) -> tuple[FloatArray, ComplexArray]:
    """Magnitudes of all bins and complex values of the first `low` ones.

    A real FFT of half the length in complex numbers, cut into a grid: FFT down the columns, twiddle, FFT along the
    rows. Each pass works on pieces that fit the cache, which is three times faster than one long FFT.
    """
    from core.features.kernels.clip import twiddle, unfold

    rows, cols = ROWS, n_fft // 2 // ROWS
    grid = _windowed_grid(y, rows, cols)
    used = grid[:, :cols]
    np.fft.fft(used, axis=0, out=used)
    fine, coarse = _roots(rows * TURN, rows * cols), _roots(cols * rows // TURN, cols * rows // TURN)
    twiddle(grid.view(np.float64), cols, *_parts(fine), *_parts(coarse))
    np.fft.fft(used, axis=1, out=used)
    magnitude, complex_low = np.empty(n_fft // 2 + 1), np.empty(low, np.complex128)
    along_row, along_column = _roots(rows, n_fft), _roots(cols, 2 * cols)
    unfold(grid, cols, *_parts(along_row), *_parts(along_column), magnitude, complex_low)
    return magnitude, complex_low


def _parts(z: ComplexArray) -> tuple[FloatArray, FloatArray]:
    """Real and imaginary part as arrays of their own."""
    return np.ascontiguousarray(z.real), np.ascontiguousarray(z.imag)

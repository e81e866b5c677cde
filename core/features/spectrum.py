"""The spectrum of the whole clip, shared by spectral shape, MFCC and chroma."""

from dataclasses import dataclass

import numpy as np

from core.features.frames import ComplexArray, FloatArray, bin_frequencies, hamming, next_pow2

LOW_HZ = 7000.0  # complex values are stored up to this frequency; chroma and MFCC do not need higher ones

ROWS = 256  # rows of the grid of a long FFT; the fastest number in measurements
PITCH = 4  # unused columns that prevent cache conflicts between rows
TURN = 64
LONG = 1 << 18  # shorter signals fit into the cache and use the plain FFT


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Spectrum of a whole clip with one Hamming window, zero-padded to a power of two.

    Parameters
    ----------
    magnitude
        Shape (n_fft / 2 + 1,), not normalised.
    low
        Shape (bins up to 7000 Hz,), the same bins as complex numbers.
    n
        Number of samples of the clip.
    sr
        Sampling rate in Hz.
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
    """Compute the spectrum of a clip, y of shape (n,).

    `frames.magnitude_spectra` is the plain definition; long clips use a faster algorithm with the same result.
    Source: MIRtoolbox `mirspectrum` without frames; spec. section 1.3.
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
    """Write the windowed clip row by row into a grid, two samples as one complex number, with zeros after its end.

    The cosine of the window at (row start + column) is computed with the addition theorem.
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
    """Compute the magnitudes of all bins and the complex values of the first `low` bins.

    The real FFT is computed as a complex FFT of half the length on a grid: FFT of the columns, twiddle factors, FFT of
    the rows. Each step works on data that fits into the cache, which is three times faster than one long FFT.
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
    """Return real and imaginary part as separate arrays."""
    return np.ascontiguousarray(z.real), np.ascontiguousarray(z.imag)

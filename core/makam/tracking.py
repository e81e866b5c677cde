"""Track the melody of a recording: the most salient pitch of each frame, and the smoothest way through them.

A spectrum every 23.2 ms is made flat, so that loud bands do not hide the others. What sounds without a pause, a drone,
counts less. A pitch is salient where its harmonics are strong and the gaps between them are not (harmonic summation
after Klapuri, ISMIR 2006). The gaps decide between a tone and its octave. A path through the candidates (Viterbi)
prefers small steps. It works on solo voices, solo instruments and ensembles. Only candidates stay in memory, not the
sound.
"""

from collections.abc import Iterable, Iterator
from functools import cache

import numpy as np
import scipy.fft
import soxr

from core.errors import AudioError
from core.features.frames import FloatArray, bin_frequencies
from core.makam.kernels import best_path, candidates, drop_short
from core.makam.melody import HOP_S, REFERENCE_HZ, Melody

SR = 11025  # everything a melody needs is below 5.5 kHz; a hop is 256 samples
HOP = 256
WINDOW, N_FFT = 480, 2048  # 43.5 ms: a longer one blurs the steps from note to note
LOWEST_HZ, OCTAVES, GRID_CENTS = 55.0, 5, 10
CANDIDATES = 6
HARMONICS, REFINED = 16, 12  # to find a pitch; to make it exact
HIGHEST_HARMONIC_HZ = 5000.0
ALPHA_HZ, BETA_HZ = 52.0, 320.0  # weight of harmonic h of f: (f + alpha) / (h f + beta)
GAP = 0.2  # weight of the gaps between harmonics
FLATNESS = 0.3  # a band with level x gets the level x ** 0.3
FLOOR = 1e-3  # -60 dB under the strongest band: not made louder
HELD, DRONE_LEFT = 0.05, 0.3  # a drone is what sounds in all but 5 % of 12 s; 0.3 of it stays
MUSIC = 0.222  # median salience of music
SILENCE = 0.55  # below this share of it, there is no melody: noise has 0.3 to 0.5
PER_OCTAVE, DEAREST, ON_OFF = 0.6, 0.6, 0.3
QUIET_DB = -45.0  # relative to loud frames
INAUDIBLE = 1e-10  # power of a tone at -107 dB of full scale
SHORTEST = 4  # frames: 93 ms
FRAMES, BLOCK_S = 512, 60  # frames computed together; seconds of sound at a time


def track(y: np.ndarray, sr: int) -> Melody:
    """Track the melody of mono samples y, shape (n,)."""
    return track_blocks((y[i : i + BLOCK_S * sr] for i in range(0, len(y), BLOCK_S * sr)), sr)


def track_blocks(blocks: Iterable[np.ndarray], sr: int) -> Melody:
    """Track the melody of mono samples that come in blocks of any length.

    Raises
    ------
    AudioError
        If a block is not mono, or holds values that are not numbers.
    """
    found = [_candidates(frames) for frames in _frames(_resampled(blocks, sr))]
    if not found:
        return Melody(np.empty(0), np.empty(0), HOP_S)
    hz, salience, share, power = (np.concatenate(part) for part in zip(*found, strict=True))
    heard = power > max(INAUDIBLE, float(np.percentile(power, 95)) * 10 ** (QUIET_DB / 10))
    score = np.where(heard[:, None], salience / MUSIC, 0.0)
    path = best_path(hz, score, SILENCE, PER_OCTAVE, DEAREST, ON_OFF)
    voiced = (path < CANDIDATES) & heard
    drop_short(voiced, SHORTEST)
    at = np.arange(path.size), np.minimum(path, CANDIDATES - 1)
    cents = 1200 * np.log2(np.where(voiced, hz[at], REFERENCE_HZ) / REFERENCE_HZ)
    return Melody(np.where(voiced, cents, np.nan), np.where(voiced, share[at], 0.0), HOP_S)


def _resampled(blocks: Iterable[np.ndarray], sr: int) -> Iterator[np.ndarray]:
    stream = soxr.ResampleStream(sr, SR, 1, dtype="float32", quality="MQ")
    for block in blocks:
        if block.ndim != 1:
            raise AudioError(f"A melody is tracked in mono sound; this one has the shape {block.shape}.")
        if not np.isfinite(block).all():
            raise AudioError("The audio holds samples that are not numbers. Export the file again.")
        yield stream.resample_chunk(block.astype(np.float32))
    yield stream.resample_chunk(np.empty(0, np.float32), last=True)


def _frames(parts: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Cut frames whose centres are 0, HOP, 2 HOP ...: shape (t, WINDOW), t up to FRAMES."""
    rest = np.zeros(WINDOW // 2, np.float32)
    total = sent = 0
    for part in parts:
        total += part.size
        rest = np.concatenate([rest, part])
        while rest.size >= (FRAMES - 1) * HOP + WINDOW:
            yield np.lib.stride_tricks.sliding_window_view(rest, WINDOW)[::HOP][:FRAMES]
            rest = rest[FRAMES * HOP :]
            sent += FRAMES
    left = total // HOP - sent
    for first in range(0, left, FRAMES):
        here = np.concatenate([rest[first * HOP :], np.zeros(WINDOW, np.float32)])
        yield np.lib.stride_tricks.sliding_window_view(here, WINDOW)[::HOP][: min(FRAMES, left - first)]


def _candidates(frames: np.ndarray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Pitch in Hz (0 = none), salience and share of the candidates, each of shape (t, c); power, shape (t,)."""
    places, weights, grid_hz = _harmonics()
    bands, back = _bands()
    window = np.hanning(WINDOW + 1)[:-1].astype(np.float32)
    magnitude = np.abs(scipy.fft.rfft(frames * window, N_FFT, axis=1)) * (2 / window.sum())
    magnitude[:, : round(LOWEST_HZ / bin_hz()) - 1] = 0
    power = magnitude**2
    held = np.quantile(magnitude[::4], HELD, axis=0)
    moving = np.maximum(magnitude - held, np.float32(DRONE_LEFT) * magnitude).astype(np.float32)
    level = np.sqrt(moving**2 @ bands)
    level += FLOOR * level.max(axis=1, keepdims=True) + np.float32(1e-12)
    flat = moving * (level ** np.float32(FLATNESS - 1) @ back)
    flat[:, 1:-1] = np.maximum(flat[:, 1:-1], np.maximum(flat[:, :-2], flat[:, 2:]))  # a bin beside is near enough
    hz, salience, share = (np.zeros((len(frames), CANDIDATES)) for _ in range(3))
    width = 1.5 * N_FFT / WINDOW + 2
    candidates(flat, magnitude, places, weights, grid_hz, bin_hz(), REFINED, width, hz, salience, share)
    return hz, salience, share, power.sum(axis=1, dtype=np.float64)


def bin_hz() -> float:
    return SR / N_FFT


@cache
def _harmonics() -> tuple[np.ndarray, FloatArray, FloatArray]:
    """Bins and weights of the harmonics and the gaps below them of each pitch, and the pitches in Hz."""
    grid_hz = LOWEST_HZ * 2 ** (np.arange(OCTAVES * 1200 // GRID_CENTS + 1) * GRID_CENTS / 1200)
    numbers = np.stack([np.arange(1, HARMONICS + 1), np.arange(1, HARMONICS + 1) - 0.5], axis=1).ravel()
    hz = grid_hz[:, None] * numbers
    weights = (grid_hz[:, None] + ALPHA_HZ) / (hz + BETA_HZ) * np.where(numbers % 1 == 0, 1.0, -GAP)
    whole = np.repeat(grid_hz[:, None] * numbers[::2], 2, axis=1)  # a gap ends with its harmonic
    places = np.where(whole <= HIGHEST_HARMONIC_HZ, np.round(hz / bin_hz()), -1).astype(np.int32)
    return places, weights, grid_hz


@cache
def _bands() -> tuple[np.ndarray, np.ndarray]:
    """Matrices from bins to 30 bands of equal width for the ear (ERB), and back from bands to bins."""
    bins = bin_frequencies(N_FFT, SR)
    edges = 229 * (10 ** ((np.arange(32) + 1) / 21.4) - 1)
    low, centre, high = edges[:-2], edges[1:-1], edges[2:]
    shape = np.minimum((bins[:, None] - low) / (centre - low), (high - bins[:, None]) / (high - centre)).clip(0)
    used = shape.sum(axis=0) > 0
    shape, centre = shape[:, used], centre[used]
    back = np.stack([np.interp(bins, centre, row) for row in np.eye(centre.size)])
    return (shape / shape.sum(axis=0)).astype(np.float32), back.astype(np.float32)

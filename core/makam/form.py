"""Find parts of a recording that return, such as the teslim of an instrumental piece, from its melody.

Two moments are similar when the melody around them takes the same way at the same height. Octaves are put together, so
a part that a voice repeats an octave lower is found too.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d, uniform_filter1d

from core.makam.commas import CENTS
from core.makam.melody import Melody
from core.makams import COMMAS

STEP_S = 0.5  # of the picture of similarity
FEWEST_STEP, MOST_POINTS = 0.5, 800
CONTEXT_S = 6.0  # the melody around a moment that is compared
LEAST_S = 8.0  # a shorter part may return by chance
SIMILAR = 0.6  # mean similarity of a part that returns; 1 = the same
_WIDTH = 1.0  # commas: how far two pitches may differ


@dataclass(frozen=True)
class Repeat:
    """A part that returns: it starts at start_s, again at again_s, and lasts seconds.

    similarity : mean similarity, 0 to 1.
    """

    start_s: float
    again_s: float
    seconds: float
    similarity: float


@dataclass(frozen=True, eq=False)
class Form:
    """Self-similarity of a recording.

    step_s : seconds from one row to the next.  similarity : shape (n, n), 0 to 1.  repeats : the parts that return,
    the longest first.
    """

    step_s: float
    similarity: np.ndarray
    repeats: tuple[Repeat, ...]


def form_of(melody: Melody, *, most: int = 8) -> Form:
    """Measure the self-similarity of a recording from its melody.  most : number of repeats that are returned."""
    step_s = max(STEP_S, melody.duration_s / MOST_POINTS)
    rows = _contours(melody, step_s)
    similarity = np.clip(rows @ rows.T, 0, 1)
    return Form(step_s, similarity, _repeats(similarity, step_s, most))


def _contours(melody: Melody, step_s: float) -> np.ndarray:
    """The melody around each moment as a vector of length 1; zeros where there is no melody: shape (n, numbers)."""
    n = max(1, int(melody.duration_s / step_s))
    frame = np.minimum((melody.times_s / step_s).astype(int), n - 1)
    known = melody.voiced
    at = np.round(melody.cents[known] / CENTS).astype(int) % COMMAS
    counts = np.zeros((n, COMMAS))
    np.add.at(counts, (frame[known], at), 1.0)
    smooth = gaussian_filter1d(counts, _WIDTH, axis=1, mode="wrap")
    smooth /= np.maximum(np.linalg.norm(smooth, axis=1, keepdims=True), 1e-9)
    context = max(1, round(CONTEXT_S / step_s))
    padded = np.vstack([np.zeros((context // 2, COMMAS)), smooth, np.zeros((context, COMMAS))])
    stacked = np.hstack([padded[k : k + n] for k in range(context)])
    return np.asarray(stacked / np.maximum(np.linalg.norm(stacked, axis=1, keepdims=True), 1e-9))


def _repeats(similarity: np.ndarray, step_s: float, most: int) -> tuple[Repeat, ...]:
    """The longest runs of similar moments at one distance that do not overlap each other."""
    least = round(LEAST_S / step_s)
    found: list[Repeat] = []
    for lag in range(least, len(similarity) - least):
        line = np.diagonal(similarity, lag)
        near = uniform_filter1d(line, max(1, least // 2)) >= SIMILAR
        edges = np.flatnonzero(np.diff(np.concatenate([[False], near, [False]]).astype(int)))
        for first, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            length = min(end - first, lag)  # a part cannot return before it ends
            if length >= least:
                mean = float(line[first : first + length].mean())
                found.append(Repeat(first * step_s, (first + lag) * step_s, length * step_s, mean))
    chosen: list[Repeat] = []
    for repeat in sorted(found, key=lambda r: -r.seconds * r.similarity):
        if all(not _same(repeat, other) for other in chosen):
            chosen.append(repeat)
        if len(chosen) == most:
            break
    return tuple(chosen)


def _same(one: Repeat, other: Repeat) -> bool:
    """Whether two repeats are about the same pair of moments."""
    near = max(one.seconds, other.seconds) / 2
    return abs(one.start_s - other.start_s) < near and abs(one.again_s - other.again_s) < near

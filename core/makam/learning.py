"""Learn templates from melodies whose makam a person knows.

One log-linear model scores each pair of candidate karar and makam; the probability of a pair is its share among all
pairs of the recording. So karar and makam are learned together, and a wrong karar does not decide the makam alone.
Temperatures and the limit of a clear suggestion come from recordings that were left out of the learning (folds).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.errors import CoreError
from core.features.frames import FloatArray
from core.makam.commas import cents_of_hz
from core.makam.description import candidate_pitches, describe
from core.makam.karar import compare
from core.makam.melody import Melody
from core.makam.notes import steady_notes
from core.makam.templates import Templates, Trust, shipped_templates
from core.makam.theory import MAKAMS, key_of
from core.makam.trust import Held, measure_trust, middle_clip, right_candidate
from core.wording import counted

FEWEST = 5  # recordings of a makam; a makam with fewer is left out
FOLDS = 5
_COMPONENTS = 300
_PENALTIES = (0.3, 0.3, 0.1)  # of each makam's own weights, of the shared ones, of the bias
_STEPS = 80


@dataclass(frozen=True, eq=False)
class Lesson:
    """A melody whose makam is known. karar_hz : NaN if it is not known; it is then estimated with the makam given."""

    name: str
    melody: Melody
    makam: str
    karar_hz: float = float("nan")


@dataclass(frozen=True, eq=False)
class Described:
    """A lesson as numbers.

    rows : shape (candidates, numbers).  right : the candidate that is the karar.  makam : index.
    clip : the same for its middle 30 s; None if that part has no steady note.
    """

    rows: FloatArray
    right: int
    makam: int
    clip: tuple[FloatArray, int] | None


@dataclass(frozen=True, eq=False)
class Learned:
    """Templates, and what was left out: makams with too few recordings, recordings without a usable karar."""

    templates: Templates
    few: tuple[str, ...]
    unusable: tuple[str, ...]


def learn(
    lessons: Sequence[Lesson], *, described: Sequence[Described | None] | None = None, seed: int = 0, source: str = ""
) -> Learned:
    """Learn templates.

    Parameters
    ----------
    lessons
        Recordings with known makam, in any order.
    described
        The results of `describe_lesson` for the lessons, if they are there already.
    source
        Where the recordings come from, for the sentence that says what was learned.

    Raises
    ------
    CoreError
        If fewer than two makams have at least 5 usable recordings.
    """
    keys = [key_of(lesson.makam) for lesson in lessons]
    if described is None:
        described = [describe_lesson(lesson) for lesson in lessons]
    counts = Counter(key for key, found in zip(keys, described, strict=True) if found)
    enough = sorted(key for key, count in counts.items() if count >= FEWEST)
    if len(enough) < 2:
        have = ", ".join(f"{_shown(key)} {count}" for key, count in sorted(counts.items())) or "no usable makam"
        raise CoreError(f"Templates need two makams with {FEWEST} recordings each. These have: {have}. Add recordings.")
    used = [replace(d, makam=enough.index(k)) for k, d in zip(keys, described, strict=True) if d and k in enough]
    makams = tuple(_shown(key) for key in enough)
    basis = _basis(used)
    reduced = [_reduced(lesson, basis) for lesson in used]
    small, bias = fit(reduced, len(makams))
    weights = small @ basis.components
    about = f"Learned from {counted(len(used), 'recording')} of {counted(len(makams), 'makam')}"
    return Learned(
        Templates(
            makams=makams,
            weights=weights,
            bias=bias - weights @ basis.middle,
            trust=_trust(reduced, len(makams), seed),
            learned_from=f"{about}{f' ({source})' if source else ''}.",
            recordings=len(used),
        ),
        few=tuple(sorted({_shown(lesson.makam) for lesson, k in zip(lessons, keys, strict=True) if k not in enough})),
        unusable=tuple(lesson.name for lesson, found in zip(lessons, described, strict=True) if not found),
    )


def _shown(name: str) -> str:
    """The usual spelling of a makam; the name as it is, if its theory is not here."""
    makam = MAKAMS.get(key_of(name))
    return makam.name if makam else name


def describe_lesson(lesson: Lesson) -> Described | None:
    """Describe a lesson, still without the index of its makam; None if none of the candidates is its karar."""
    notes = steady_notes(lesson.melody)
    if len(notes) == 0:
        return None
    pitches = candidate_pitches(lesson.melody, notes)
    karar = cents_of_hz(lesson.karar_hz) if lesson.karar_hz > 0 else karar_with_makam(lesson.melody, lesson.makam)
    right = right_candidate(pitches, karar)
    if right < 0:
        return None
    return Described(describe(lesson.melody, notes, pitches), right, -1, middle_clip(lesson.melody, karar))


def _trust(lessons: Sequence[Described], makams: int, seed: int) -> Trust:
    """Learn from four of five parts, and measure the trust on the fifth, five times."""
    from sklearn.model_selection import StratifiedKFold

    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    labels = [lesson.makam for lesson in lessons]
    whole, clips = [], []
    for others, left_out in folds.split(labels, labels):
        weights, bias = fit([lessons[k] for k in others], makams)
        for lesson in (lessons[k] for k in left_out):
            whole.append(Held(lesson.rows @ weights.T + bias, lesson.right, lesson.makam))
            if lesson.clip is not None:
                clips.append(Held(lesson.clip[0] @ weights.T + bias, lesson.clip[1], lesson.makam))
    return measure_trust(whole, clips)


def karar_with_makam(melody: Melody, makam: str) -> float:
    """Estimate the karar of a melody whose makam is known, with the shipped templates: cents over 440 Hz."""
    templates = shipped_templates()
    compared = compare(melody, templates)
    if compared is None:
        return float("nan")
    known = [key_of(name) for name in templates.makams]
    key = key_of(makam)
    scores = compared.scores[:, known.index(key)] if key in known else compared.scores.max(axis=1)
    return float(compared.pitches[scores.argmax()])


@dataclass(frozen=True, eq=False)
class Basis:
    """The main components of descriptions. middle : shape (numbers,).  components : shape (components, numbers)."""

    middle: FloatArray
    components: FloatArray

    def reduce(self, rows: FloatArray) -> FloatArray:
        """Return the components of descriptions: shape (candidates, components)."""
        return (rows - self.middle) @ self.components.T


def _basis(lessons: Sequence[Described]) -> Basis:
    """Find the main components of all candidates. They do not depend on the right answers."""
    from sklearn.decomposition import TruncatedSVD

    rows = np.concatenate([lesson.rows for lesson in lessons])
    middle = rows.mean(axis=0)
    svd = TruncatedSVD(min(_COMPONENTS, min(rows.shape) - 1), n_iter=2, random_state=0).fit(rows - middle)
    return Basis(middle.astype(np.float64), svd.components_.astype(np.float64))


def _reduced(lesson: Described, basis: Basis) -> Described:
    clip = None if lesson.clip is None else (basis.reduce(lesson.clip[0]), lesson.clip[1])
    return replace(lesson, rows=basis.reduce(lesson.rows), clip=clip)


def fit(lessons: Sequence[Described], makams: int) -> tuple[FloatArray, FloatArray]:
    """Fit the log-linear model: weights of shape (makams, numbers) and bias of shape (makams,).

    All weights are penalised. A part of them is shared by all makams: what makes any pitch a karar.
    """
    from scipy.optimize import minimize

    counts = np.array([len(lesson.rows) for lesson in lessons])
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    lesson_of = np.repeat(np.arange(counts.size), counts)
    right = starts + np.array([lesson.right for lesson in lessons])
    makam = np.array([lesson.makam for lesson in lessons])
    rows = np.concatenate([lesson.rows for lesson in lessons]).astype(np.float32)
    size = rows.shape[1]

    def parts(values: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        return values[: makams * size].reshape(makams, size), values[makams * size : -makams], values[-makams:]

    def loss(values: FloatArray) -> tuple[float, FloatArray]:
        own, shared, bias = parts(values.astype(np.float32))
        scores = rows @ (own + shared).T + bias
        highest = np.maximum.reduceat(scores.max(axis=1), starts)
        shares = np.exp(scores - highest[lesson_of][:, None])
        sums = np.add.reduceat(shares.sum(axis=1), starts)
        value = (np.log(sums) + highest - scores[right, makam]).sum()
        shares /= sums[lesson_of][:, None]
        shares[right, makam] -= 1
        slope = shares.T @ rows
        slopes = [slope, slope.sum(axis=0), shares.sum(axis=0)]
        for k, (part, penalty) in enumerate(zip((own, shared, bias), _PENALTIES, strict=True)):
            value += 0.5 * penalty * (part**2).sum()
            slopes[k] = slopes[k] + penalty * part
        return float(value), np.concatenate([part.ravel() for part in slopes]).astype(np.float64)

    start = np.zeros(makams * size + size + makams)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": _STEPS}).x
    own, shared, bias = parts(found)
    return own + shared, bias

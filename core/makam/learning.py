"""Learn templates from melodies whose makam a person knows.

One log-linear model scores each pair of candidate karar and makam; the probability of a pair is its share among all
pairs of the recording. So karar and makam are learned together, and a wrong karar does not decide the makam alone.
Temperatures and the limit of a clear suggestion come from recordings that were left out of the learning (folds).
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.errors import CoreError
from core.features.frames import FloatArray
from core.makam.commas import cents_of_hz
from core.makam.description import candidate_pitches, describe
from core.makam.karar import compare
from core.makam.melody import Melody
from core.makam.notes import steady_notes
from core.makam.templates import CLIP_S, Templates, Trust, Weights, shipped_templates
from core.makam.theory import MAKAMS, key_of
from core.makam.trust import Held, measure_trust, right_candidate
from core.wording import counted

FEWEST = 5  # recordings of a makam; a makam with fewer is left out
FOLDS = 5
_COMPONENTS = 300
_PENALTIES = (0.3, 0.3, 0.1)  # of each makam's own weights, of the shared ones, of the bias
_STEPS = 80
_CUT_S, _CUT_WEIGHT = 15.0, 0.3  # each recording is also learned without its end, so that an end is no must
_CLIPS = (0.5, 0.2, 0.8)  # where the clips of a recording are: in its middle, near its beginning and its end


@dataclass(frozen=True, eq=False)
class Lesson:
    """A melody whose makam is known. karar_hz : NaN if it is not known; it is then estimated with the makam given."""

    name: str
    melody: Melody
    makam: str
    karar_hz: float = float("nan")


@dataclass(frozen=True, eq=False)
class View:
    """A melody, or a part of it, as numbers.

    rows : shape (candidates, numbers), float32.  right : the candidate that is the karar.  makam : index.
    weight : how much it counts in the learning.
    """

    rows: np.ndarray
    right: int
    makam: int = -1
    weight: float = 1.0


@dataclass(frozen=True, eq=False)
class Described:
    """A lesson as numbers. cut : without its end; None if the karar is no candidate then.  clips : parts of 30 s."""

    whole: View
    cut: View | None
    clips: tuple[View, ...]

    def changed(self, change: Callable[[View], View]) -> "Described":
        """Return the lesson with each of its views changed."""
        return Described(change(self.whole), self.cut and change(self.cut), tuple(change(clip) for clip in self.clips))


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
    used = [_of_makam(d, enough.index(k)) for k, d in zip(keys, described, strict=True) if d and k in enough]
    makams = tuple(_shown(key) for key in enough)
    basis = _basis(used)
    reduced = [lesson.changed(lambda view: replace(view, rows=basis.reduce(view.rows))) for lesson in used]
    whole, clip = _fit_both(reduced, len(makams))
    about = f"Learned from {counted(len(used), 'recording')} of {counted(len(makams), 'makam')}"
    return Learned(
        Templates(
            makams=makams,
            whole=basis.expand(*whole),
            clip=basis.expand(*clip),
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


def _of_makam(lesson: Described, makam: int) -> Described:
    return lesson.changed(lambda view: replace(view, makam=makam))


def describe_lesson(lesson: Lesson) -> Described | None:
    """Describe a lesson, still without the index of its makam; None if none of the candidates is its karar."""
    melody = lesson.melody
    karar = cents_of_hz(lesson.karar_hz) if lesson.karar_hz > 0 else karar_with_makam(melody, lesson.makam)
    whole = _view(melody, karar)
    if whole is None:
        return None
    cut = _view(_part(melody, 0, max(melody.duration_s - _CUT_S, melody.duration_s / 2)), karar)
    starts = [place * max(melody.duration_s - CLIP_S, 0) for place in _CLIPS]
    clips = [_view(_part(melody, start, start + CLIP_S), karar) for start in starts]
    return Described(whole, cut and replace(cut, weight=_CUT_WEIGHT), tuple(clip for clip in clips if clip))


def _part(melody: Melody, start_s: float, end_s: float) -> Melody:
    part = slice(round(start_s / melody.hop_s), round(end_s / melody.hop_s))
    return Melody(melody.cents[part], melody.confidence[part], melody.hop_s)


def _view(melody: Melody, karar_cents: float) -> View | None:
    """A melody as numbers; None if none of its candidates is the karar."""
    notes = steady_notes(melody)
    if len(notes) == 0:
        return None
    pitches = candidate_pitches(melody, notes)
    right = right_candidate(pitches, karar_cents)
    return View(describe(melody, notes, pitches).astype(np.float32), right) if right >= 0 else None


def _fit_both(lessons: Sequence[Described], makams: int) -> tuple[tuple[FloatArray, FloatArray], ...]:
    """Fit the weights for whole recordings and those for clips."""
    whole = [view for lesson in lessons for view in (lesson.whole, lesson.cut) if view]
    clips = [clip for lesson in lessons for clip in lesson.clips]
    return fit(whole, makams), fit(clips, makams)


def _trust(lessons: Sequence[Described], makams: int, seed: int) -> Trust:
    """Learn from four of five parts, and measure the trust on the fifth, five times."""
    from sklearn.model_selection import StratifiedKFold

    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    labels = [lesson.whole.makam for lesson in lessons]
    wholes, clips = [], []
    for others, left_out in folds.split(labels, labels):
        whole, clip = _fit_both([lessons[k] for k in others], makams)
        wholes += [_held(lessons[k].whole, *whole) for k in left_out]
        clips += [_held(view, *clip) for k in left_out for view in lessons[k].clips]
    return measure_trust(wholes, clips)


def _held(view: View, weights: FloatArray, bias: FloatArray) -> Held:
    return Held(view.rows @ weights.T + bias, view.right, view.makam)


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

    def expand(self, weights: FloatArray, bias: FloatArray) -> Weights:
        """Turn weights of components into weights of the full numbers."""
        full = weights @ self.components
        return Weights(full, bias - full @ self.middle)


def _basis(lessons: Sequence[Described]) -> Basis:
    """Find the main components of all candidates. They do not depend on the right answers."""
    from sklearn.decomposition import TruncatedSVD

    rows = np.concatenate(
        [lesson.whole.rows for lesson in lessons] + [c.rows for lesson in lessons for c in lesson.clips[:1]]
    )
    middle = rows.mean(axis=0)
    svd = TruncatedSVD(min(_COMPONENTS, min(rows.shape) - 1), n_iter=2, random_state=0).fit(rows - middle)
    return Basis(middle.astype(np.float64), svd.components_.astype(np.float64))


def fit(views: Sequence[View], makams: int) -> tuple[FloatArray, FloatArray]:
    """Fit the log-linear model: weights of shape (makams, numbers) and bias of shape (makams,).

    All weights are penalised. A part of them is shared by all makams: what makes any pitch a karar.
    """
    from scipy.optimize import minimize

    counts = np.array([len(view.rows) for view in views])
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    view_of = np.repeat(np.arange(counts.size), counts)
    right = starts + np.array([view.right for view in views])
    makam = np.array([view.makam for view in views])
    weight = np.array([view.weight for view in views], dtype=np.float32)
    rows = np.concatenate([view.rows for view in views]).astype(np.float32)
    size = rows.shape[1]

    def parts(values: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        return values[: makams * size].reshape(makams, size), values[makams * size : -makams], values[-makams:]

    def loss(values: FloatArray) -> tuple[float, FloatArray]:
        own, shared, bias = parts(values.astype(np.float32))
        scores = rows @ (own + shared).T + bias
        highest = np.maximum.reduceat(scores.max(axis=1), starts)
        shares = np.exp(scores - highest[view_of][:, None])
        sums = np.add.reduceat(shares.sum(axis=1), starts)
        value = (weight * (np.log(sums) + highest - scores[right, makam])).sum()
        shares /= sums[view_of][:, None]
        shares[right, makam] -= 1
        shares *= weight[view_of][:, None]
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

"""Melodies that are composed from the theory of the makams: what the shipped templates are learned from.

No recording is used. A composer that knows the scale, the güçlü, the seyir and the karar of a makam writes melodies;
performers play the degrees up to about a comma higher or lower, and every sixth recording fades out before its end.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from core.makam.learning import Lesson, View, describe_lesson, learn
from core.makam.melody import Melody
from core.makam.scores import compose
from core.makam.synthesis import true_melody
from core.makam.templates import Templates, Trust, Weights
from core.makam.theory import MAKAMS, Makam, key_of
from core.makam.trust import NEVER, Held, measure_trust
from core.makams import COMMAS

SOURCE = "from the theory, no recordings"
EACH = 24  # melodies of each makam
_SECONDS = (120.0, 240.0)
_VOICES = ("plucked", "bowed", "blown", "sung")
_SPREAD = 0.5  # commas: standard deviation of a performer's degrees
_ALSO = 0.4  # share of the melodies that use another perde of the makam in place of the nearest degree
_DESCENDS = 0.3  # share of the melodies of an ascending-descending makam that begin high
_FADES = 6  # every so many recordings end early
# Composed melodies are easier than recordings. So the trust is measured on other composed melodies whose performers
# deviate much more from the theory. Round numbers stand for what no composed melody can show.
_FAR, _TRIED = 1.6, 4  # commas: standard deviation of their degrees; melodies of each makam
_KARAR, _KARAR_CLIP = 0.9, 2.6  # least temperatures: the end of a composed melody is always its karar
_MOST, _FIRST = 0.7, 0.5  # no makam is more probable; about half of the first suggestions are right


def templates_of_theory() -> Templates:
    """Learn the shipped templates. The benchmark of the makams writes them with ``--ship``."""
    unknown = Trust(karar=1.0, karar_clip=1.0, makam=1.0, clear=NEVER)
    templates = learn(list(theory_lessons()), source=SOURCE, noun="composed piece", trust=unknown).templates
    return replace(templates, trust=trust_of_deviations(templates))


def trust_of_deviations(templates: Templates) -> Trust:
    """Measure the trust on melodies that deviate much from the theory. No suggestion counts as clear."""
    known = [key_of(name) for name in templates.makams]
    whole, clips = [], []
    for lesson in theory_lessons(_TRIED, seed=1, spread=_FAR):
        found = describe_lesson(lesson)
        if found is not None:
            makam = known.index(key_of(lesson.makam))
            whole.append(held(found.whole, templates.whole, makam))
            clips += [held(clip, templates.clip, makam) for clip in found.clips]
    found = measure_trust(whole, clips)
    karar, clip = max(found.karar, _KARAR), max(found.karar_clip, _KARAR_CLIP)
    return replace(found, karar=karar, karar_clip=clip, clear=NEVER, first=_FIRST, most=_MOST)


def held(view: View, weights: Weights, makam: int) -> Held:
    """Return a view with the scores of its candidates."""
    return Held(view.rows @ weights.of.T + weights.bias, view.right, makam)


def theory_lessons(each: int = EACH, *, seed: int = 0, spread: float = _SPREAD) -> Iterator[Lesson]:
    """Yield melodies of all makams of the theory, `each` of every makam.

    spread : standard deviation of the performers' degrees, in commas.
    """
    for key, makam in MAKAMS.items():
        random = np.random.default_rng([seed, *key.encode()])
        for k in range(each):
            karar_hz = 440 * 2.0 ** random.uniform(-1.6, -0.2)
            melody = _performed(makam, karar_hz, k + 1000 * seed, random, spread)
            yield Lesson(f"{makam.name} {k + 1}", melody, makam.name, karar_hz)


def _performed(makam: Makam, karar_hz: float, number: int, random: np.random.Generator, spread: float) -> Melody:
    """One melody of a makam, by a performer with a voice and degrees of its own."""
    guclu = str(random.choice(makam.guclu, p=_falling_weights(len(makam.guclu))))
    seyir = makam.seyir
    if seyir == "ascending-descending" and random.random() < _DESCENDS:
        seyir = "descending"
    composed = replace(makam, guclu=(guclu,), seyir=seyir)
    score = compose(composed, karar_hz, seconds=float(random.uniform(*_SECONDS)), seed=number)
    score = replace(score, commas=_as_played(makam, score.commas, random, spread))
    melody = true_melody(score, str(random.choice(_VOICES)), seed=number)
    if number % _FADES:
        return melody
    heard = round(0.94 * melody.cents.size)
    return Melody(melody.cents[:heard], melody.confidence[:heard], melody.hop_s)


def _as_played(
    makam: Makam, commas: tuple[float, ...], random: np.random.Generator, spread: float
) -> tuple[float, ...]:
    """The heights of a score as a performer plays them: other perdes of the makam, and degrees a little off."""
    degrees = np.array(makam.degrees, dtype=float)
    played = degrees.copy()
    for other in makam.also:
        if random.random() < _ALSO:
            played[1 + np.abs(degrees[1:] - other).argmin()] = other
    played[1:] += random.normal(0, spread, degrees.size - 1)
    heights = np.array(commas)
    sounding = ~np.isnan(heights)
    octave, within = np.divmod(heights[sounding], COMMAS)
    heights[sounding] = octave * COMMAS + played[np.searchsorted(degrees, within)]
    return tuple(heights.tolist())


def _falling_weights(count: int) -> np.ndarray:
    weights = 0.5 ** np.arange(count)
    return np.asarray(weights / weights.sum())

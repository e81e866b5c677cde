"""A map of clips by their explanations: clips that the model judges for the same reasons are close to each other.

Each clip is a point with 200 SHAP values (four emotions, 50 features). All of them are changes of a probability, so
they have one unit and are not scaled.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pandas as pd

from core.errors import ModelError

NEIGHBOURS = 10  # of each clip, for the share of neighbours that the map shows
TELLING = 3  # features that are named for each direction
_PERPLEXITY = 30.0  # of t-SNE: about the number of neighbours that it considers; scikit-learn's default
_LEAST = 4  # clips


Telling = tuple[tuple[str, str, float], ...]  # emotion, feature and weight


class Arrangement(StrEnum):
    """How the clips are placed on the map."""

    NEIGHBOURS = "neighbours"
    DIRECTIONS = "directions"


@dataclass(frozen=True, eq=False)
class ExplanationMap:
    """Places of clips on a map.

    Attributes
    ----------
    points : columns row, x, y; the distances have no unit.
    true_neighbours : mean share of the nearest clips on the map that are also nearest by all SHAP values, in [0, 1].
    shares : share of the variance of each direction, in [0, 1]; empty for neighbours, where directions mean nothing.
    telling : for each direction, the strongest features with their emotion and weight; empty for neighbours.
    """

    points: pd.DataFrame
    true_neighbours: float
    shares: tuple[float, ...] = ()
    telling: tuple[Telling, ...] = ()


def explanation_map(shap: pd.DataFrame, arrangement: Arrangement, *, seed: int = 0) -> ExplanationMap:
    """Place clips on a map by their SHAP values.

    Neighbours (t-SNE, van der Maaten & Hinton 2008) show best which clips are judged alike; distances between groups
    mean nothing. Directions are the first two principal components, which have a meaning of their own.

    Parameters
    ----------
    shap : columns row, emotion, feature, shap, from ``core.models.explanation.read_shap``.

    Raises
    ------
    ModelError
        There are too few clips for a map.
    """
    wide = shap.pivot_table(index="row", columns=["emotion", "feature"], values="shap", observed=True)
    if len(wide) < _LEAST:
        raise ModelError(f"A map needs at least {_LEAST} clips with explanations; there are {len(wide)}.")
    values = wide.to_numpy(dtype=float)
    if arrangement is Arrangement.NEIGHBOURS:
        return ExplanationMap(*_placed(wide.index, values, _by_neighbours(values, seed)))
    names = list(zip(*(wide.columns.get_level_values(k).astype(str) for k in ("emotion", "feature")), strict=True))
    places, shares, telling = _by_directions(values, names)
    return ExplanationMap(*_placed(wide.index, values, places), shares, telling)


def _placed(rows: pd.Index, values: np.ndarray, places: np.ndarray) -> tuple[pd.DataFrame, float]:
    points = pd.DataFrame({"row": rows.to_numpy(), "x": places[:, 0], "y": places[:, 1]})
    return points, _true_neighbours(values, places)


def _by_neighbours(values: np.ndarray, seed: int) -> np.ndarray:
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    if not np.ptp(values, axis=0).any():  # all clips have the same explanation
        return np.zeros((len(values), 2))
    perplexity = min(_PERPLEXITY, (len(values) - 1) / 3)
    place = TSNE(2, init="pca", perplexity=perplexity, random_state=seed)
    # Each of its 1000 small steps would wait for all threads: on a busy machine a minute instead of two seconds.
    with threadpool_limits(limits=1, user_api="openmp"):
        return np.asarray(place.fit_transform(values.astype(np.float32)), dtype=float)


def _by_directions(
    values: np.ndarray, names: list[tuple[str, str]]
) -> tuple[np.ndarray, tuple[float, ...], tuple[Telling, ...]]:
    left, size, right = np.linalg.svd(values - values.mean(axis=0), full_matrices=False)
    signs = np.sign(right[np.arange(2), np.abs(right[:2]).argmax(axis=1)])  # the largest weight is positive
    total = float((size**2).sum())
    shares = tuple(float(s**2) / total if total else 0.0 for s in size[:2])
    telling = tuple(
        tuple((*names[k], float(weights[k])) for k in np.argsort(-np.abs(weights), kind="stable")[:TELLING])
        for weights in right[:2] * signs[:, None]
    )
    return left[:, :2] * size[:2] * signs, shares, telling


def _true_neighbours(values: np.ndarray, places: np.ndarray) -> float:
    near = [_nearest(table) for table in (values, places)]
    return float(np.mean([len(np.intersect1d(a, b)) / len(a) for a, b in zip(*near, strict=True)]))


def _nearest(table: np.ndarray) -> np.ndarray:
    """Numbers of the nearest rows of each row, shape (n, k)."""
    squares = (table**2).sum(axis=1)
    distances = squares[:, None] + squares[None] - 2 * table @ table.T
    np.fill_diagonal(distances, np.inf)
    return np.argsort(distances, axis=1, kind="stable")[:, : min(NEIGHBOURS, len(table) - 1)]

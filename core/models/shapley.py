"""Shapley values, sampled over random orders of the features, each used forwards and backwards.

The arithmetic of the permutation explainer of the shap library (Lundberg & Lee 2017; Mitchell et al. 2022), and with
the same seed the same orders; a test compares the two. The library compiles parts of itself in every process, which
takes four seconds, and asks the model once for each order.
"""

from collections.abc import Callable

import numpy as np

Function = Callable[[np.ndarray], np.ndarray]  # rows, shape (n, m), to outputs, shape (n, k)

CHUNK = 20_000  # rows in one call of the model, which limits the memory to 8 MB a copy


def shapley(
    proba: Function, x: np.ndarray, background: np.ndarray, *, orders: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Compute the Shapley values of clips.

    Parameters
    ----------
    proba : function of the model, shape (n, m) -> (n, k).
    x : clips, shape (n, m); NaN is treated like any other value.
    background : typical clips, shape (b, m).
    orders : number of random orders of the features.

    Returns
    -------
    Contributions, shape (n, m, k), and base values (mean output over the background), shape (k,). Together they add up
    to ``proba(x)`` for any number of orders. The same seed gives the same values.
    """
    rng = np.random.RandomState(seed)  # noqa: NPY002  (the library's generator: stored explanations stay the same)
    explained = [_explain_row(proba, row, background, orders, rng) for row in x]
    return np.array([values for values, _ in explained]), explained[0][1]


def in_chunks(proba: Function, rows: np.ndarray) -> np.ndarray:
    """Call the function with at most ``CHUNK`` rows at a time."""
    return np.concatenate([proba(rows[i : i + CHUNK]) for i in range(0, len(rows), CHUNK)])


def _explain_row(
    proba: Function, x: np.ndarray, background: np.ndarray, orders: int, rng: np.random.RandomState
) -> tuple[np.ndarray, np.ndarray]:
    """Contributions, shape (m, k), and base values, shape (k,), of one clip."""
    other = (background != x) & ~(np.isnan(background) & np.isnan(x))  # where a typical clip differs from this clip
    varying = np.flatnonzero(other.any(axis=0))
    taken = []
    for _ in range(orders):
        rng.shuffle(varying)  # each order is a shuffle of the order before, as in the library
        taken.append(varying.copy())
    rows, places = _rows(x, background, other, taken)
    outputs = in_chunks(proba, rows)
    values = np.zeros((len(x), outputs.shape[1]))
    for order, place in zip(taken, places, strict=True):
        worth = outputs[place].mean(axis=1)  # of each step: mean over the typical clips
        steps, size = np.diff(worth, axis=0), len(order)
        values[order] += steps[:size] - steps[size:]
    return values / (2 * orders), outputs[: len(background)].mean(axis=0)


def _rows(
    x: np.ndarray, background: np.ndarray, other: np.ndarray, orders: list[np.ndarray]
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return the rows that the model is asked about, none twice in a row, and their places.

    In the steps of an order, the clip's values are copied into the typical clips one feature after the other, and then
    taken out again one after the other. A step changes only typical clips whose value differs from the clip's.

    Returns
    -------
    Rows, shape (r, m): the typical clips, the clip itself, and then what the steps make of them. For each order, the
    row of each step and typical clip, shape (2 * size + 1, b).
    """
    typical = len(background)
    rows, places, used = [background, x[None]], [], typical + 1
    for order in orders:
        size = len(order)
        place = np.empty((2 * size + 1, typical), np.int64)
        place[0] = np.arange(typical)
        now = background.copy()
        for step in range(1, 2 * size + 1):
            feature, puts_in = order[(step - 1) % size], step <= size
            now[:, feature] = x[feature] if puts_in else background[:, feature]
            if step == size:
                place[step] = typical
            elif step == 2 * size:
                place[step] = place[0]
            else:
                # From the clip itself, every typical clip that the step leaves alone is still the clip.
                changed = np.flatnonzero(other[:, feature])
                place[step] = place[step - 1]
                place[step, changed] = used + np.arange(len(changed))
                rows.append(now[changed])
                used += len(changed)
        places.append(place)
    return np.concatenate(rows), places

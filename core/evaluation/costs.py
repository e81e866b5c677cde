"""What the errors of a model cost: a price for each confusion, a price for a review, and what a threshold saves.

All functions use a *table of predictions* as in ``core.evaluation.metrics``: each clip is predicted by models that were
not trained on it. A clip whose highest probability reaches the threshold is accepted with that emotion, and costs the
price of its confusion (0 when the emotion is right). Any other clip is reviewed by a person, and costs the price of a
review. The unit of all prices is free: the user chooses what "1" stands for.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.errors import TableError
from core.schema import ALL, EMOTIONS, PROBA

PER = 1000  # clips that a cost is given for
THRESHOLDS = np.round(np.arange(0.25, 1.0001, 0.01), 2)  # 0.25 accepts all clips
RESAMPLES = 500
FOLDS = 10  # of recordings, to choose and to measure a threshold on different ones
# Share of use that is lost for each 10 points of error among the accepted answers: from, to. Product specification.
LOST_USE = (0.10, 0.15)

_N = len(EMOTIONS)


@dataclass(frozen=True, eq=False)
class Impact:
    """Costs of a model under given prices.

    Attributes
    ----------
    curve : one row for each of ``THRESHOLDS``: threshold, cost, low, high (95 % interval), errors, reviews (the two
        parts of cost), accepted (share of the clips), wrong (share of the accepted clips; NaN when none is accepted).
        Costs are for ``PER`` clips.
    best : threshold with the lowest cost; the lowest of them when several are equal.
    """

    curve: pd.DataFrame
    best: float

    def at(self, threshold: float) -> pd.Series:
        """Return the row of the curve that is nearest to a threshold."""
        return self.curve.iloc[int((self.curve["threshold"] - threshold).abs().argmin())]


def impact(
    predictions: pd.DataFrame,
    prices: np.ndarray,
    *,
    review: float,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Impact:
    """Return the cost of 1,000 clips for each threshold, with 95 % intervals (bootstrap of recordings).

    Parameters
    ----------
    prices : shape (4, 4), not negative, 0 on the diagonal: price of a clip of the row's emotion that is accepted as the
        column's emotion.
    review : price of one review, not negative.

    Raises
    ------
    TableError
        When a price is negative or missing, or there is no prediction.
    """
    _check(predictions, prices, review)
    costs, accepted, errors, wrong = _by_clip(predictions, prices, review)
    drawn = _drawn(predictions, costs, resamples=resamples, seed=seed)
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    share = accepted.mean(axis=0)
    with np.errstate(invalid="ignore"):
        wrong_share = np.where(share > 0, wrong.mean(axis=0) / share, np.nan)
    curve = pd.DataFrame(
        {
            "threshold": THRESHOLDS,
            "cost": PER * costs.mean(axis=0),
            "low": PER * low,
            "high": PER * high,
            "errors": PER * errors.mean(axis=0),
            "reviews": PER * review * (1 - share),
            "accepted": share,
            "wrong": wrong_share,
        }
    )
    return Impact(curve, float(curve["threshold"].iloc[int(curve["cost"].round(9).argmin())]))


def costs_by_emotion(predictions: pd.DataFrame, prices: np.ndarray, *, review: float, threshold: float) -> pd.DataFrame:
    """Return what the clips of each emotion cost at a threshold.

    Returns one row for each emotion and one for "all": emotion, clips (share of all clips), errors and reviews (parts
    of the cost of ``PER`` clips of any emotion), dearest (the accepted emotion that costs most; "" without errors).
    """
    _check(predictions, prices, review)
    proba = predictions[list(PROBA)].to_numpy(dtype=float)
    y = pd.Categorical(predictions["y"], categories=list(EMOTIONS)).codes
    best, called = proba.max(axis=1), proba.argmax(axis=1)
    accepted = _accepted(best, np.array([threshold]))[:, 0]
    cost = np.where(accepted, prices[y, called], 0.0)
    lines = []
    for emotion in (ALL, *EMOTIONS):
        here = np.ones(len(y), bool) if emotion == ALL else y == EMOTIONS.index(emotion)
        by = np.bincount(called[here], weights=cost[here], minlength=_N)
        dearest = EMOTIONS[int(by.argmax())] if by.max() > 0 and emotion != ALL else ""
        reviewed = (here & ~accepted).sum()
        lines.append((emotion, here.mean(), PER * cost[here].sum() / len(y), PER * review * reviewed / len(y), dearest))
    return pd.DataFrame(lines, columns=["emotion", "clips", "errors", "reviews", "dearest"])


def break_even_review(predictions: pd.DataFrame, prices: np.ndarray, *, threshold: float) -> float:
    """Return the highest price of a review at which reviews below the threshold still pay.

    It is the mean price of the errors that these reviews prevent. NaN when the threshold sends no clip to review.
    """
    _check(predictions, prices, 0.0)
    proba = predictions[list(PROBA)].to_numpy(dtype=float)
    y = pd.Categorical(predictions["y"], categories=list(EMOTIONS)).codes
    reviewed = ~_accepted(proba.max(axis=1), np.array([threshold]))[:, 0]
    return float(prices[y, proba.argmax(axis=1)][reviewed].mean()) if reviewed.any() else float("nan")


def paired_saving(
    before: pd.DataFrame,
    after: pd.DataFrame,
    prices: np.ndarray,
    *,
    review: float,
    threshold: float,
    after_threshold: float | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[float, float, float]:
    """Return what a second way saves for ``PER`` clips: value, and low and high of its 95 % interval.

    before, after : predictions of both models for the same clips, or twice those of one model. Negative: the second way
    costs more. Each prediction has its own cost, as in ``impact``; a clip with several predictions counts with the mean
    of their costs.  after_threshold : of the second way, by default the same.

    Raises
    ------
    TableError
        When the two tables are not about the same clips.
    """
    limits = threshold, threshold if after_threshold is None else after_threshold
    a, b = (_cost_of_rows(table, prices, review, at) for table, at in zip((before, after), limits, strict=True))
    if not a.index.equals(b.index):
        raise TableError("The two models were measured on different clips, so their costs cannot be compared.")
    saved = (a - b).to_numpy()[:, None]
    clips = before.drop_duplicates("row").sort_values("row")
    drawn = _drawn(clips, saved, resamples=resamples, seed=seed)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(PER * saved.mean()), float(PER * low), float(PER * high)


def cost_of_choosing(predictions: pd.DataFrame, prices: np.ndarray, *, review: float, folds: int = FOLDS) -> float:
    """Return the cost of ``PER`` clips when the cheapest threshold is chosen on other recordings than it is used on.

    ``Impact.best`` is chosen and measured on the same clips, so its cost is too low. Here the recordings are in folds;
    the threshold for each fold is the cheapest one of all other folds.
    """
    _check(predictions, prices, review)
    costs = _by_clip(predictions, prices, review)[0]
    fold = np.random.default_rng(0).permutation(_recordings(predictions).max() + 1) % folds
    of_row = fold[_recordings(predictions)]
    total = 0.0
    for k in np.unique(of_row):
        here = of_row == k
        others = costs[~here] if not here.all() else costs
        total += costs[here, int(others.mean(axis=0).round(12).argmin())].sum()
    return PER * total / len(costs)


def costs_by_slice(
    predictions: pd.DataFrame,
    slices: pd.Series,
    prices: np.ndarray,
    *,
    review: float,
    threshold: float,
    other: pd.DataFrame | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> pd.DataFrame:
    """Return what ``PER`` clips of each slice cost at a threshold.

    Parameters
    ----------
    slices : name of the slice of each clip; the index is the row of the clip. NaN: in no slice. The categories of a
        categorical give the order.
    other : predictions of a second model for the same clips.

    Returns
    -------
    One row for each slice with a clip: slice, clips (number), cost, low, high (95 % interval; bootstrap of recordings),
    errors, reviews (the two parts of the cost), accepted (share), wrong (share of the accepted clips; NaN without one);
    with a second model also saved, saved_low and saved_high, as in ``paired_saving``.
    """
    _check(predictions, prices, review)
    of_row = predictions["row"].map(slices)
    at = int(np.abs(THRESHOLDS - threshold).argmin())
    cost, accepted, errors, wrong = (part[:, at] for part in _by_clip(predictions, prices, review))
    lines = []
    for name in slices.astype("category").cat.categories:
        here = (of_row == name).to_numpy()
        if not here.any():
            continue
        part = predictions[here]
        drawn = _drawn(part, cost[here][:, None], resamples=resamples, seed=seed)
        low, high = PER * np.quantile(drawn, [0.025, 0.975])
        share = accepted[here].mean()
        parts = PER * errors[here].mean(), PER * review * (1 - share)
        wrong_share = wrong[here].mean() / share if share > 0 else np.nan
        clips = part["row"].nunique()
        saved: tuple[float, ...] = ()
        if other is not None:
            both = part, other[other["row"].isin(part["row"])]
            saved = paired_saving(*both, prices, review=review, threshold=threshold, resamples=resamples, seed=seed)
        lines.append((name, clips, PER * cost[here].mean(), low, high, *parts, share, wrong_share, *saved))
    names = ["slice", "clips", "cost", "low", "high", "errors", "reviews", "accepted", "wrong"]
    return pd.DataFrame(lines, columns=names if other is None else [*names, "saved", "saved_low", "saved_high"])


def thirds(values: pd.Series) -> pd.Series:
    """Return the third of each value: "low", "middle" or "high" with its limits; NaN stays without a third.

    Values that are equal are in one third, so the thirds can have different sizes.
    """
    low, high = values.quantile([1 / 3, 2 / 3])
    names = [f"low: to {low:.3g}", f"middle: {low:.3g} to {high:.3g}", f"high: from {high:.3g}"]
    place = np.select([values <= low, values <= high], names[:2], names[2])
    return pd.Series(pd.Categorical(place, categories=names, ordered=True), index=values.index).where(values.notna())


def saving_of_labels(errors: float, *, macro_f1: float, gain: float) -> float:
    """Return what a rise of macro-F1 saves, if the cost of errors falls in proportion to 1 - macro-F1.

    errors : cost of errors now.  macro_f1, gain : in [0, 1].
    """
    return errors * gain / (1 - macro_f1) if macro_f1 < 1 else 0.0


def lost_use(wrong: float, rates: tuple[float, float] = LOST_USE) -> tuple[float, float]:
    """Return the range of the share of use that errors cost, in [0, 1].

    wrong : share of wrong accepted answers; NaN without an accepted answer, which costs no use.  rates : share of use
    that is lost for each 10 points of error, from and to.
    """
    low, high = (0.0 if np.isnan(wrong) else min(1.0, rate * wrong / 0.10) for rate in rates)
    return low, high


def _check(predictions: pd.DataFrame, prices: np.ndarray, review: float) -> None:
    missing = [c for c in ("row", "y", *PROBA) if c not in predictions.columns]
    if missing or predictions.empty:
        raise TableError(f"A table of predictions needs rows and the column {missing[0] if missing else 'row'}.")
    if prices.shape != (_N, _N) or not np.isfinite(prices).all() or (prices < 0).any() or not 0 <= review < np.inf:
        raise TableError("Each price must be a number that is not negative. Fill in all cells of the table of prices.")


def _accepted(best: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    return best[:, None] >= thresholds[None, :]


def _by_clip(
    predictions: pd.DataFrame, prices: np.ndarray, review: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Cost, accepted, cost of the error, wrong: each of shape (rows, thresholds)."""
    proba = predictions[list(PROBA)].to_numpy(dtype=float)
    y = pd.Categorical(predictions["y"], categories=list(EMOTIONS)).codes
    called = proba.argmax(axis=1)  # ties in the order of the schema, as in decide()
    accepted = _accepted(proba.max(axis=1), THRESHOLDS)
    errors = accepted * prices[y, called][:, None]
    return errors + review * ~accepted, accepted, errors, accepted & (called != y)[:, None]


def _cost_of_rows(predictions: pd.DataFrame, prices: np.ndarray, review: float, threshold: float) -> pd.Series:
    """Mean cost of each clip at a threshold; the index is its row and its emotion, in ascending order."""
    _check(predictions, prices, review)
    at = int(np.abs(THRESHOLDS - threshold).argmin())
    cost = predictions[["row", "y"]].assign(cost=_by_clip(predictions, prices, review)[0][:, at])
    return cost.groupby(["row", "y"], sort=True, observed=True)["cost"].mean()


def _drawn(predictions: pd.DataFrame, values: np.ndarray, *, resamples: int, seed: int) -> np.ndarray:
    """Means of the columns of values in resamples of recordings, shape (resamples, columns)."""
    codes = _recordings(predictions)
    count = int(codes.max()) + 1
    sums = np.zeros((count, values.shape[1]))
    np.add.at(sums, codes, values)
    sizes = np.bincount(codes, minlength=count)
    weights = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), resamples)
    return np.asarray(weights @ sums / (weights @ sizes)[:, None])


def _recordings(predictions: pd.DataFrame) -> np.ndarray:
    """Number of the recording of each prediction, from 0."""
    named = predictions["group"] if "group" in predictions else predictions["row"]
    return np.asarray(np.unique(named.to_numpy(), return_inverse=True)[1])

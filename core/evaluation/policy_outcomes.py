"""Apply a policy to clips with known emotions: share of clips with an answer, and share of right answers.

All functions use a *table of predictions* as in ``core.evaluation.metrics``. They apply the rule of
``core.models.policy.decide`` to whole tables; the tests check that both give the same decisions.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from core.errors import TableError
from core.evaluation.metrics import share_interval
from core.models.policy import Policy, conformal_floors
from core.schema import ALL, EMOTIONS, PROBA

ACTIONS = ("accept", "choose", "review")
FOLDS = 5  # parts of the clips; the floors for each part are learned on the other four
RESAMPLES = 500
STEPS = (0.75, 0.80, 0.85, 0.90, 0.95)  # thresholds that a policy by emotion can have
RIGHT = 0.90  # share of right answers that a policy by emotion asks for, for each accepted emotion


def outcomes(predictions: pd.DataFrame, policy: Policy) -> pd.DataFrame:
    """Decision of the policy for each row of the table.

    Returns row, repeat, group, y, action, size (number of offered emotions, 0 for a review; for a conformal policy the
    size of the set), holds (y is among these emotions) and top2 (y is one of the two most probable).
    """
    _check(predictions)
    proba = predictions[list(PROBA)].to_numpy(dtype=float)
    floors = np.broadcast_to(policy.floors, proba.shape) if policy.kind == "conformal" else None
    return _outcomes(predictions, policy, floors)


def conformal_outcomes(
    predictions: pd.DataFrame, *, coverage: float, folds: int = FOLDS, seed: int = 0
) -> pd.DataFrame:
    """Cross-validated decisions of a conformal policy. Columns as in ``outcomes``.

    The clips (or recordings, with the column ``group``) are split into ``folds`` parts. The floors for each part are
    learned on the other parts.
    """
    _check(predictions)
    table = predictions.assign(repeat=predictions.get("repeat", 0))
    group = table["group"] if "group" in table else table["row"]
    names = np.sort(group.unique())
    part = pd.Series(np.random.default_rng(seed).permutation(len(names)) % folds, index=names)
    own = group.map(part).to_numpy()
    proba = table[list(PROBA)].to_numpy(dtype=float)
    floors = np.zeros_like(proba)
    for repeat in table["repeat"].unique():
        here = (table["repeat"] == repeat).to_numpy()
        for k in range(folds):
            learn = here & (own != k)
            learned = conformal_floors(table.loc[learn, "y"].tolist(), proba[learn], coverage=coverage)
            floors[here & (own == k)] = learned
    return _outcomes(table, Policy(kind="conformal", coverage=coverage, floors=(0.0,) * len(EMOTIONS)), floors)


def _check(predictions: pd.DataFrame) -> None:
    missing = [c for c in ("row", "y", *PROBA) if c not in predictions.columns]
    if missing or predictions.empty:
        raise TableError(f"A table of predictions needs rows and the column {missing[0] if missing else 'row'}.")


def _outcomes(predictions: pd.DataFrame, policy: Policy, floors: np.ndarray | None) -> pd.DataFrame:
    proba = predictions[list(PROBA)].to_numpy(dtype=float)
    ranked = np.argsort(-proba, axis=1, kind="stable")  # ties in the order of the schema, as in decide()
    y = pd.Categorical(predictions["y"], categories=list(EMOTIONS)).codes
    lines = np.arange(len(y))
    rank = np.argsort(ranked, axis=1)[lines, y]
    if floors is None:
        best = np.take_along_axis(proba, ranked, axis=1)
        limits = np.array([policy.limit(emotion) for emotion in EMOTIONS])[ranked[:, 0]]
        size = np.select([best[:, 0] >= limits, best[:, :2].sum(axis=1) >= policy.pair_threshold], [1, 2], default=0)
        holds = rank < size
    else:
        kept = proba >= floors
        size, holds = kept.sum(axis=1), kept[lines, y]
    table = pd.DataFrame(
        {
            "row": predictions["row"].to_numpy(),
            "repeat": predictions["repeat"].to_numpy() if "repeat" in predictions else 0,
            "y": predictions["y"].to_numpy(),
            "action": np.select([size == 1, size == 2], ACTIONS[:2], default=ACTIONS[2]),
            "size": size,
            "holds": holds,
            "top2": rank < 2,
        }
    )
    table.insert(2, "group", predictions["group"].to_numpy() if "group" in predictions else table["row"])
    return table


def summarise(decided: pd.DataFrame, *, resamples: int = RESAMPLES, seed: int = 0) -> pd.DataFrame:
    """Measures of the decisions over all clips and for each emotion, with 95 % intervals (bootstrap of recordings).

    decided : from ``outcomes``.
    Returns measure, emotion, value, low, high; NaN when there are no such clips. Measures: accept, choose, review
    (shares of the clips); accuracy (share of accepted clips with the right emotion); pair (share of pairs that include
    the right emotion); top2_rest (share of clips without an accepted emotion whose emotion is one of the two most
    probable); held (share of clips whose set includes the right emotion); size (mean size of the set).
    """
    flags, codes = _flags(decided)
    weights = _weights(int(codes.max()) + 1, resamples=resamples, seed=seed)
    parts = []
    for emotion in (ALL, *EMOTIONS):
        here = flags if emotion == ALL else flags.where(decided["y"] == emotion, 0.0)
        recordings = here.groupby(codes).sum().gt(0).sum()
        parts.append(_ratios(_drawn_sums(here, codes, weights), emotion, recordings))
    return pd.concat(parts, ignore_index=True)


def _flags(decided: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray]:
    """What each row counts for, and the number of its recording."""
    flags = pd.DataFrame({a: decided["action"] == a for a in ACTIONS}).astype(float)
    flags["one"] = 1.0
    flags["accepted_right"] = flags["accept"] * decided["holds"]
    flags["pair_right"] = flags["choose"] * decided["holds"]
    flags["rest"] = 1 - flags["accept"]
    flags["rest_top2"] = flags["rest"] * decided["top2"]
    flags["held"], flags["size"] = decided["holds"].astype(float), decided["size"].astype(float)
    return flags, np.unique(decided["group"].to_numpy(), return_inverse=True)[1]


def _weights(groups: int, *, resamples: int, seed: int) -> np.ndarray:
    """How often each recording counts: once in the first row, then in each resample."""
    draws = np.random.default_rng(seed).multinomial(groups, np.full(groups, 1 / groups), resamples)
    return np.vstack([np.ones(groups), draws])


def _drawn_sums(flags: pd.DataFrame, codes: np.ndarray, weights: np.ndarray) -> pd.DataFrame:
    sums = flags.groupby(codes).sum().reindex(range(weights.shape[1]), fill_value=0.0)
    return pd.DataFrame(weights @ sums.to_numpy(), columns=sums.columns)


def paired_shares(
    before: pd.DataFrame, after: pd.DataFrame, *, resamples: int = RESAMPLES, seed: int = 0
) -> pd.DataFrame:
    """Difference of two models in the shares of accepted clips and of right answers (paired bootstrap of recordings).

    before, after : from ``outcomes``, for the same clips.
    Returns measure (accept, accuracy), value (of the second model), difference (second minus first), low, high.
    """
    drawn = []
    for decided in (before, after):
        flags, codes = _flags(decided)
        sums = _drawn_sums(flags, codes, _weights(int(codes.max()) + 1, resamples=resamples, seed=seed))
        drawn.append({m: (sums[a] / sums[b].where(sums[b] > 0)).to_numpy() for m, (a, b) in _RATIOS.items()})
    lines = []
    for measure in ("accept", "accuracy"):
        difference = drawn[1][measure] - drawn[0][measure]
        known = difference[1:][np.isfinite(difference[1:])]
        low, high = np.quantile(known, [0.025, 0.975]) if known.size else (np.nan, np.nan)
        lines.append((measure, drawn[1][measure][0], difference[0], low, high))
    return pd.DataFrame(lines, columns=["measure", "value", "difference", "low", "high"])


_RATIOS: dict[str, tuple[str, str]] = {
    "accept": ("accept", "one"),
    "choose": ("choose", "one"),
    "review": ("review", "one"),
    "accuracy": ("accepted_right", "accept"),
    "pair": ("pair_right", "choose"),
    "top2_rest": ("rest_top2", "rest"),
    "held": ("held", "one"),
    "size": ("size", "one"),
}


def _ratios(sums: pd.DataFrame, emotion: str, recordings: pd.Series) -> pd.DataFrame:
    """Measures of one emotion. The first row of sums holds the real clips, the other rows are resamples.

    A share whose resamples are all equal, such as 20 of 20, has the Wilson interval for its number of recordings.

    recordings : for each column of sums, the number of recordings that count in it.
    """
    lines = []
    for measure, (above, below) in _RATIOS.items():
        values = (sums[above] / sums[below].where(sums[below] > 0)).to_numpy()
        known = values[1:][np.isfinite(values[1:])]
        low, high = np.quantile(known, [0.025, 0.975]) if known.size and np.isfinite(values[0]) else (np.nan, np.nan)
        if low == high and measure != "size":
            low, high = share_interval(values[0] * recordings[below], recordings[below])
        lines.append((measure, emotion, values[0], low, high))
    return pd.DataFrame(lines, columns=["measure", "emotion", "value", "low", "high"])


def called_outcomes(
    predictions: pd.DataFrame, policy: Policy, *, resamples: int = RESAMPLES, seed: int = 0
) -> pd.DataFrame:
    """How often each accepted emotion is right, with 95 % intervals (bootstrap of recordings).

    Returns one row for each emotion and one for "all": emotion, threshold (NaN for "all"), accepted (share of all
    clips that are accepted with this emotion), right, low, high (share of these that are right; NaN for no clips).
    """
    done = outcomes(predictions, policy)
    called = np.array(EMOTIONS)[predictions[list(PROBA)].to_numpy(dtype=float).argmax(axis=1)]
    groups, codes = np.unique(done["group"].to_numpy(), return_inverse=True)
    draws = np.random.default_rng(seed).multinomial(len(groups), np.full(len(groups), 1 / len(groups)), resamples)
    accepted, lines = (done["action"] == "accept").to_numpy(), []
    for emotion in (ALL, *EMOTIONS):
        here = accepted & ((called == emotion) | (emotion == ALL))
        above, below = (np.bincount(codes, here & part, minlength=len(groups)) for part in (done["holds"], here))
        right = low = high = np.nan
        if below.sum():
            right, sums = above.sum() / below.sum(), draws @ below
            low, high = np.quantile((draws @ above)[sums > 0] / sums[sums > 0], [0.025, 0.975])
            if low == high:
                recordings = int((below > 0).sum())
                low, high = share_interval(right * recordings, recordings)
        threshold = np.nan if emotion == ALL else policy.limit(emotion)
        lines.append((emotion, threshold, float(here.mean()), right, low, high))
    return pd.DataFrame(lines, columns=["emotion", "threshold", "accepted", "right", "low", "high"])


def policy_by_emotion(predictions: pd.DataFrame, *, right: float = RIGHT) -> Policy:
    """Threshold policy that asks more for emotions that are often wrong.

    Each emotion gets the lowest of ``STEPS`` at which at least the share ``right`` of its accepted clips is right. When
    no step is enough, it gets the step with the highest share. The same predictions choose the step and measure the
    share, so the true share is a little lower.
    """
    _check(predictions)
    proba = predictions[list(PROBA)].to_numpy(dtype=float)
    best, called = proba.max(axis=1), proba.argmax(axis=1)
    y = pd.Categorical(predictions["y"], categories=list(EMOTIONS)).codes
    limits = []
    for k in range(len(EMOTIONS)):
        hits = {step: y[(called == k) & (best >= step)] == k for step in STEPS}
        shares = {step: float(hit.mean()) for step, hit in hits.items() if hit.size}
        enough = [step for step, share in shares.items() if share >= right]
        limits.append(enough[0] if enough else max(shares, key=lambda step: shares[step], default=STEPS[-1]))
    return Policy(thresholds=tuple(limits))


def wide_summary(table: pd.DataFrame) -> pd.DataFrame:
    """Values of ``summarise`` with one row for each emotion ("all" first) and one column for each measure."""
    by = table.pivot_table(index="emotion", columns="measure", values="value", sort=False, dropna=False)
    return by.rename_axis(columns=None).reset_index()


def set_sizes(decided: pd.DataFrame, *, names: Sequence[str] = ("none", "1", "2", "3", "4")) -> pd.DataFrame:
    """Share of each set size, for each emotion and for "all"."""
    by = pd.concat([decided, decided.assign(y=ALL)])
    counts = pd.crosstab(by["y"], by["size"].clip(0, 4), normalize="index").reindex(columns=range(5), fill_value=0.0)
    counts = counts.reindex([*(e for e in EMOTIONS if e in counts.index), ALL])
    return counts.set_axis(list(names), axis=1).rename_axis("emotion").reset_index()

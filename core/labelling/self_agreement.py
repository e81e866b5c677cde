"""Agreement of each rater with their own earlier answers, from clips that a task asked twice, and with other raters.

The functions take feedback tables (``store.feedback_table``) and return tables; they do not access the store.
"""

import numpy as np
import pandas as pd

from core.labelling.agreement import of_raters, people, votes
from core.store import REPEAT

_RESAMPLES = 2000
COLUMNS = (
    "rater",
    "twice",
    "same",
    "with_self",
    "self_low",
    "self_high",
    "clips",
    "with_others",
    "others_low",
    "others_high",
)


def repeated(feedback: pd.DataFrame) -> pd.DataFrame:
    """The two answers of each rater about each clip that a task asked twice: task_id, clip_id, rater, first, second.

    Only pairs of two emotions. In each turn the latest answer that was not taken back counts. An answer that the rater
    changed later outside of the task does not replace the answer of the first turn.
    """
    said = feedback[feedback["task_id"].notna() & feedback["kind"].isin(["answer", REPEAT])]
    said = said[~said["undone"].astype(bool) & ~said["deleted"].astype(bool) & of_raters(said)]
    said = said.assign(rater=people(said)).sort_values("feedback_id")
    key = ["task_id", "clip_id", "rater"]
    latest = said.drop_duplicates([*key, "turn"], keep="last")
    latest = latest[latest["label"].notna()]
    first, second = (latest[latest["turn"].eq(turn)].set_index(key)["label"] for turn in (1, 2))
    return pd.concat({"first": first, "second": second}, axis=1, join="inner").reset_index()


def by_rater(feedback: pd.DataFrame) -> pd.DataFrame:
    """Agreement of each rater with their own earlier answers and with others, a row per rater.

    Returns
    -------
    Columns: rater; twice (clips answered twice), same (equal answers among them), with_self (their share), self_low,
    self_high (95 %, Wilson); clips (clips that another rater answered too), with_others (share of equal answers among
    the pairs with another rater), others_low, others_high (95 %, bootstrap over clips). NaN without clips.
    """
    pairs, table = repeated(feedback), votes(feedback)
    names = sorted({*pairs["rater"], *map(str, table.columns)})
    rows = []
    for rater in names:
        own = pairs[pairs["rater"].eq(rater)]
        same = int(own["first"].eq(own["second"]).sum())
        agreeing, met = _meetings(table, rater)
        rows.append(
            (rater, len(own), same, *_share(same, len(own)), len(met), *_share_of_pairs(agreeing, met)),
        )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _share(part: int, whole: int) -> tuple[float, float, float]:
    """A share with its 95 % interval (Wilson); NaN of nothing."""
    from scipy.stats import binomtest

    if not whole:
        return float("nan"), float("nan"), float("nan")
    interval = binomtest(part, whole).proportion_ci(method="wilson")
    return part / whole, float(interval.low), float(interval.high)


def _meetings(table: pd.DataFrame, rater: str) -> tuple[np.ndarray, np.ndarray]:
    """For each clip that this rater and others answered: equal answers of others, and all answers of others."""
    if rater not in table:
        return np.zeros(0), np.zeros(0)
    said = table[table[rater].notna()]
    others = said.drop(columns=rater)
    agreeing, met = others.eq(said[rater], axis=0).sum(axis=1).to_numpy(), others.notna().sum(axis=1).to_numpy()
    return agreeing[met > 0], met[met > 0]


def _share_of_pairs(agreeing: np.ndarray, met: np.ndarray, *, seed: int = 0) -> tuple[float, float, float]:
    """Share of agreeing pairs with its 95 % interval (bootstrap over clips).

    agreeing, met : shape (clips,). Clips with the same numbers are interchangeable, as in ``agreement``.
    """
    if not met.size:
        return float("nan"), float("nan"), float("nan")
    kinds, often = np.unique(np.column_stack([agreeing, met]), axis=0, return_counts=True)
    share = float(agreeing.sum() / met.sum())
    if met.size < 2:
        return share, float("nan"), float("nan")
    drawn = np.random.default_rng(seed).multinomial(met.size, often / met.size, size=_RESAMPLES)
    sums = drawn @ kinds
    low, high = np.quantile(sums[:, 0] / sums[:, 1], [0.025, 0.975])
    return share, float(low), float(high)

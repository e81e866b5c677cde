"""Significance tests for paired comparisons of models."""

from collections.abc import Iterable, Mapping
from itertools import combinations

import numpy as np
import pandas as pd

from core.evaluation.metrics import LEVEL, RESAMPLES, interval, resampled
from core.evaluation.results import ModelRef, Protocol, make_result, require_comparable
from core.pvalues import holm
from core.schema import ALL

NO_DIFFERENCE = "no evidence of a difference"
ESTABLISHED = "established"
ON_THESE_CLIPS = "better on clips like these, not established for other trainings"


def findings_of_intervals(table: pd.DataFrame) -> pd.Series:
    """Finding for each row from its interval alone (columns low and high): established if the interval has no zero."""
    sure = (table["low"] > 0) | (table["high"] < 0)
    return sure.map({True: ESTABLISHED, False: NO_DIFFERENCE})


def findings(table: pd.DataFrame, *, p: str = "p_holm") -> pd.Series:
    """What each comparison found: ESTABLISHED, ON_THESE_CLIPS or NO_DIFFERENCE.

    The p-value includes the effect of other training clips; the interval only that of other test clips. So an interval
    can exclude zero while the p-value, corrected for a family of comparisons, does not establish the difference.

    table : columns low, high and the corrected p.
    """
    excludes_zero = (table["low"] > 0) | (table["high"] < 0)
    found = np.select([table[p] < 1 - LEVEL, excludes_zero], [ESTABLISHED, ON_THESE_CLIPS], NO_DIFFERENCE)
    return pd.Series(found, index=table.index)


def corrected_t(differences: np.ndarray, *, test_share: float) -> tuple[float, float]:
    """Corrected resampled t-test (Nadeau & Bengio 2003): t and two-sided p of paired differences over folds.

    The variance is corrected for the overlap of the training sets.
    test_share : number of test clips divided by the number of training clips in a fold.
    """
    from scipy.stats import t as student

    d = np.asarray(differences, dtype=float)
    spread = np.sqrt((1 / len(d) + test_share) * d.var(ddof=1))
    if spread == 0:
        return (0.0, 1.0) if d.mean() == 0 else (float(np.sign(d.mean()) * np.inf), 0.0)
    t = float(d.mean() / spread)
    return t, float(2 * student.sf(abs(t), len(d) - 1))


def compare(
    predictions: Mapping[str, pd.DataFrame],
    folds: pd.DataFrame,
    *,
    pairs: Iterable[tuple[str, str]] | None = None,
    measure: str = "macro_f1",
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> pd.DataFrame:
    """Compare pairs of models on the repeats and folds that both have.

    Parameters
    ----------
    predictions : model -> table of predictions, all of the same clips.
    folds : columns model, repeat, fold, train, test (numbers of clips) and the measure.
    pairs : pairs (a, b); default: all pairs.
    measure : figure to compare.

    Returns
    -------
    Columns a, b, difference (a minus b, mean over folds), low, high (group bootstrap of the clips), t, p (corrected
    resampled t-test), p_holm (p corrected for the number of pairs) and verdict (at 5 %, by p_holm).

    Raises
    ------
    ModelError
        The clips of two compared models differ.
    """
    by_model = {name: part.set_index(["repeat", "fold"]) for name, part in folds.groupby("model")}
    drawn: dict[tuple[str, tuple[int, ...]], np.ndarray] = {}
    results = {
        name: make_result(table, model=ModelRef(name), protocol=Protocol.CROSS_VALIDATED, published="")
        for name, table in predictions.items()
    }

    def resamples_of(name: str, repeats: tuple[int, ...]) -> np.ndarray:
        if (name, repeats) not in drawn:
            table = predictions[name]
            shared = table[table["repeat"].isin(repeats)]
            drawn[name, repeats] = resampled(shared, resamples=resamples, seed=seed)[measure, ALL]
        return drawn[name, repeats]

    lines = []
    for a, b in pairs or combinations(predictions, 2):
        require_comparable(results[a], results[b])
        both = by_model[a].merge(by_model[b], left_index=True, right_index=True, suffixes=("", "_b"))
        repeats = tuple(sorted({int(repeat) for repeat, _ in both.index}))
        d = (both[measure] - both[f"{measure}_b"]).to_numpy()
        t, p = corrected_t(d, test_share=float((both["test"] / both["train"]).mean()))
        low, high = interval(float(d.mean()), resamples_of(a, repeats) - resamples_of(b, repeats))
        lines.append((a, b, float(d.mean()), low, high, t, p))
    table = pd.DataFrame(lines, columns=["a", "b", "difference", "low", "high", "t", "p"])
    table["p_holm"] = holm(table["p"].to_numpy())
    better = np.where(table["difference"] > 0, table["a"], table["b"])
    table["verdict"] = np.where(table["p_holm"] < 1 - LEVEL, [f"{name} is better" for name in better], NO_DIFFERENCE)
    return table

"""How good the models were on clips that people labelled after they were scored, over time.

The figures have company, because alone they mislead. People are asked first about clips on which the model is unsure,
so macro-F1 on these clips is low even for a good model: beside it stands what the probabilities of the same clips
promise. The calibration error (ECE) of a perfect model is above 0 with few clips: beside it stands that value.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.evaluation.metrics import BINS, divide, interval, share_interval
from core.features import EXTRACTOR
from core.labelling.truth import raters_needed, stored_truth
from core.monitoring.health import folded, namer
from core.monitoring.periods import Period
from core.schema import EMOTIONS, PROBA
from core.store import Store
from core.store.event_figures import begin_of_period
from core.store.scored_and_labelled import answered_predictions

LEAST = 20  # labelled recordings; with fewer, F1 is too uncertain to be shown
DRAWS = 400
_K = len(EMOTIONS)
_AT_ONCE = 2000  # clips of one simulation step


def labelled_predictions(store: Store, period: Period) -> pd.DataFrame:
    """Return the predictions of the period with the label that people agreed on later, one of each recording and model.

    Columns as in ``answered_predictions``, and y (the label).
    """
    truth = stored_truth(store, raters_needed=raters_needed(store))["label"].dropna()
    table = answered_predictions(store, period.since, period.until, extractor=EXTRACTOR)
    table = table.assign(y=table["clip_id"].map(truth.astype(str)))
    table = table[table["y"].isin(EMOTIONS)]
    return table.drop_duplicates(["recording", "model_version"], ignore_index=True)


def needed_words(raters: int) -> str:
    """The sentence that says what F1 needs. raters : so many must agree on a clip."""
    agree = "One rater must answer" if raters == 1 else f"{raters} raters must agree"
    return f"{agree} for a clip to have a label, and F1 needs at least {LEAST} labels."


def quality_over_time(labelled: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Return the figures of each model in each step, oldest first, then those of each model in the whole period.

    The rows of the whole period have no ``period``. Other columns: model_version, clips, f1, f1_low, f1_high,
    promised, promised_low (macro-F1 that the probabilities promise: mean and 2.5 % quantile), f1_<emotion> with
    _low and _high, accuracy, accuracy_low, accuracy_high, ece, ece_perfect, ece_perfect_p95. Figures of fewer than
    ``LEAST`` recordings are NaN.
    """
    days = labelled["at"].dt.floor("h" if period.step == "hour" else "D")
    begin = begin_of_period(days, period.step)
    rows = []
    for (moment, version), part in labelled.groupby([begin, labelled["model_version"]], sort=True):
        rows.append({"period": moment, "model_version": version, **figures(part)})
    for version, part in labelled.groupby("model_version", sort=False):
        rows.append({"period": pd.NaT, "model_version": version, **figures(part)})
    columns = ["period", "model_version", *_COLUMNS]
    table = pd.DataFrame(rows, columns=columns)
    return table.assign(period=pd.to_datetime(table["period"], utc=True))


def figures(labelled: pd.DataFrame) -> dict[str, float]:
    """Return the figures of labelled predictions, as ``quality_over_time`` describes them."""
    n = len(labelled)
    if n < LEAST:
        return dict.fromkeys(_COLUMNS, np.nan) | {"clips": n}
    guesses = _guesses(labelled)
    cells = np.bincount(guesses.y * _K + guesses.guess, minlength=_K * _K)
    rng = np.random.default_rng(0)
    macro, each = _f1(cells[None, :])
    drawn_macro, drawn_each = _f1(rng.multinomial(n, cells / n, size=1000))
    promised_f1, perfect_ece = _promised(guesses, rng)
    low, high = _bounded(float(macro[0]), drawn_macro)
    found = {
        "clips": n,
        "f1": float(macro[0]),
        "f1_low": low,
        "f1_high": high,
        "promised": float(promised_f1.mean()),
        "promised_low": float(np.quantile(promised_f1, 0.025)),
    }
    for k, emotion in enumerate(EMOTIONS):
        low, high = _bounded(float(each[0, k]), drawn_each[:, k])
        found |= {f"f1_{emotion}": float(each[0, k]), f"f1_{emotion}_low": low, f"f1_{emotion}_high": high}
    right = int((guesses.y == guesses.guess).sum())
    low, high = share_interval(right, n)
    found |= {"accuracy": right / n, "accuracy_low": low, "accuracy_high": high}
    hits = np.bincount(guesses.bins, weights=guesses.y == guesses.guess, minlength=BINS)
    ece = np.abs(_confidence_sums(guesses) - hits).sum() / n
    return found | {
        "ece": float(ece),
        "ece_perfect": float(perfect_ece.mean()),
        "ece_perfect_p95": float(np.quantile(perfect_ece, 0.95)),
    }


_COLUMNS = (
    *("clips", "f1", "f1_low", "f1_high", "promised", "promised_low"),
    *(f"f1_{emotion}{end}" for emotion in EMOTIONS for end in ("", "_low", "_high")),
    *("accuracy", "accuracy_low", "accuracy_high", "ece", "ece_perfect", "ece_perfect_p95"),
)


@dataclass(frozen=True, eq=False)
class _Guesses:
    """Labelled predictions as arrays, shape (n,) each: codes of the emotions, the bin of the confidence."""

    y: np.ndarray
    guess: np.ndarray
    confidence: np.ndarray
    bins: np.ndarray
    proba: np.ndarray  # shape (n, 4)


def _guesses(labelled: pd.DataFrame) -> _Guesses:
    proba = labelled[list(PROBA)].to_numpy(dtype=float)
    proba = proba / proba.sum(axis=1, keepdims=True)
    confidence = proba.max(axis=1)
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    return _Guesses(
        pd.Index(EMOTIONS).get_indexer(pd.Index(labelled["y"])), proba.argmax(axis=1), confidence, bins, proba
    )


def _f1(cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Macro-F1, shape (b,), and F1 of each emotion, shape (b, 4), of confusion matrices, shape (b, 16).

    Emotions that are neither labelled nor predicted do not count for macro-F1.
    """
    matrix = cells.reshape(-1, _K, _K).astype(float)
    both = matrix.sum(axis=2) + matrix.sum(axis=1)
    each = divide(2 * np.diagonal(matrix, axis1=1, axis2=2), both)
    return each.sum(axis=1) / np.maximum((both > 0).sum(axis=1), 1), each


def _bounded(value: float, drawn: np.ndarray) -> tuple[float, float]:
    if np.ptp(drawn) < 1e-12:  # all draws are equal: the bootstrap says nothing about the width
        return np.nan, np.nan
    low, high = interval(value, drawn)
    return max(low, 0.0), min(high, 1.0)


def _confidence_sums(guesses: _Guesses) -> np.ndarray:
    return np.bincount(guesses.bins, weights=guesses.confidence, minlength=BINS)


def _promised(guesses: _Guesses, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Macro-F1 and ECE in each of ``DRAWS`` worlds in which the labels follow the probabilities, shape (DRAWS,)."""
    n = len(guesses.y)
    cells, hits = np.zeros(DRAWS * _K * _K), np.zeros(DRAWS * BINS)
    worlds = np.arange(DRAWS)[:, None]
    for start in range(0, n, _AT_ONCE):
        some = np.s_[start : start + _AT_ONCE]
        upto = guesses.proba[some].cumsum(axis=1)[:, :-1]
        y = (rng.random((DRAWS, len(upto), 1)) > upto).sum(axis=2)
        cell = (worlds * _K + y) * _K + guesses.guess[some]
        cells += np.bincount(cell.ravel(), minlength=len(cells))
        right = (y == guesses.guess[some]).astype(float)
        bins = worlds * BINS + guesses.bins[some]
        hits += np.bincount(bins.ravel(), weights=right.ravel(), minlength=len(hits))
    macro, _ = _f1(cells.reshape(DRAWS, -1))
    ece = np.abs(_confidence_sums(guesses) - hits.reshape(DRAWS, BINS)).sum(axis=1) / n
    return macro, ece


def right_by_slice(labelled: pd.DataFrame, by: str) -> pd.DataFrame:
    """Return how often the guess was right in each slice, the largest first.

    Columns: slice, labelled, right (share), right_low, right_high, promised (mean of the highest probability).
    by : one of ``core.monitoring.health.SLICES``.
    """
    names = labelled[by].map(namer(by, labelled.groupby(by).size()))
    guesses = _guesses(labelled)
    table = pd.DataFrame(
        {"slice": names, "right": guesses.y == guesses.guess, "promised": guesses.confidence}, index=labelled.index
    )
    found = table.groupby("slice").agg(labelled=("right", "size"), hits=("right", "sum"), promised=("promised", "mean"))
    ends = [share_interval(k, n) for k, n in zip(found["hits"], found["labelled"], strict=True)]
    found[["right_low", "right_high"]] = np.array(ends, dtype=float).reshape(-1, 2)
    found["right"] = found["hits"] / found["labelled"]
    columns = ["slice", "labelled", "right", "right_low", "right_high", "promised"]
    return found.reset_index().sort_values("labelled", ascending=False, ignore_index=True)[columns]


def with_right(slices: pd.DataFrame, right: pd.DataFrame) -> pd.DataFrame:
    """Return the slices of ``core.monitoring.health.slices`` with the figures of ``right_by_slice`` beside them.

    The most frequent spelling names a slice, so the two tables can spell one makam differently. A slice without
    labelled clips has 0 in *labelled*, and NaN in the other columns.
    """
    both = slices.assign(_key=slices["slice"].map(folded)).merge(
        right.assign(_key=right["slice"].map(folded)).drop(columns="slice"), on="_key", how="left"
    )
    return both.drop(columns="_key").assign(labelled=both["labelled"].fillna(0).astype(int))

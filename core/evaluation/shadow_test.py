"""Shadow test: compare champion and challenger on the labelled clips that both have scored."""

from bisect import bisect_left
from dataclasses import dataclass
from math import ceil, exp, inf, log

import pandas as pd

from core.schema import SYNTHETIC

ALPHA = 0.05  # chance of a wrong verdict between two equal models, valid for any number of looks at the data
MOST_LABELS = 100_000  # labels; a verdict that needs more labels is not predicted


def compare_guesses(predictions: pd.DataFrame, truth: pd.DataFrame, *, champion: str, challenger: str) -> pd.DataFrame:
    """Table of the guesses of two models on all clips that both have scored, index clip_id.

    Parameters
    ----------
    predictions : columns of ``store.guesses_table``; synthetic clips are ignored.
    truth : ground truth, from ``ground_truth``.
    champion, challenger : model versions.

    Returns
    -------
    Columns file_name, champion, challenger (the guesses), differ, label, champion_right, challenger_right (False
    without a label).
    """
    predictions = predictions[predictions["origin"].ne(SYNTHETIC)]
    newest = predictions.sort_values("prediction_id").drop_duplicates(["clip_id", "model_version"], keep="last")
    sides = {v: newest[newest["model_version"].eq(v)].set_index("clip_id") for v in (champion, challenger)}
    both = sides[champion].index[sides[champion].index.isin(sides[challenger].index)].sort_values()
    first, second = (sides[v].loc[both, "guess"] for v in (champion, challenger))
    label = truth["label"].reindex(both)
    table = {"file_name": sides[champion].loc[both, "file_name"], "champion": first, "challenger": second}
    return pd.DataFrame(
        {
            **table,
            "differ": first != second,
            "label": label,
            "champion_right": first == label,
            "challenger_right": second == label,
        }
    )


@dataclass(frozen=True)
class ShadowVerdict:
    """Result of the shadow test.

    Attributes
    ----------
    labelled : number of clips with a label.
    recordings : number of recordings of these clips.
    only_champion, only_challenger : number of recordings with more right guesses by this model.
    p : exact McNemar test, valid for a single look at the data.
    evidence : odds against "both models are equally good", valid for any number of looks. A verdict is reached at
        1 / ALPHA.
    better : ``"champion"``, ``"challenger"`` or None = undecided.
    more_labels : estimated number of further labels until a verdict; None = not predictable.
    """

    labelled: int
    recordings: int
    only_champion: int
    only_challenger: int
    p: float
    evidence: float
    better: str | None
    more_labels: int | None


def sequential_verdict(table: pd.DataFrame, recording: pd.Series, *, alpha: float = ALPHA) -> ShadowVerdict:
    """Sequential McNemar test on the labelled rows of the table of both models' guesses.

    A recording counts for the model with more right guesses on its clips. If both models are equally good, each such
    recording is a fair coin, whatever its number of clips. The evidence is the likelihood ratio of a coin of unknown
    bias (uniform prior) to a fair coin. For equal models the ratio is a martingale, so the chance that it ever exceeds
    1 / alpha is at most alpha (Ville's inequality).

    Parameters
    ----------
    recording : clip_id -> name or number of the recording, only for test clips without leakage or selection bias
        (`core.training.status`).
    alpha : chance of a wrong verdict between equal models.
    """
    from scipy.stats import binomtest

    known = table[table["label"].notna() & table.index.isin(recording.index)]
    ahead = known["challenger_right"].astype(int) - known["champion_right"].astype(int)
    net = ahead.groupby(recording.reindex(known.index).to_numpy()).sum()
    b, c = int((net < 0).sum()), int((net > 0).sum())
    weight = _log_evidence(b, c)
    decided = weight >= -log(alpha)
    return ShadowVerdict(
        labelled=len(known),
        recordings=len(net),
        only_champion=b,
        only_challenger=c,
        p=float(binomtest(b, b + c).pvalue) if b + c else 1.0,
        evidence=exp(weight) if weight < 700 else inf,  # exp(710) is too large for a float
        better=("champion" if b > c else "challenger") if decided else None,
        more_labels=0 if decided else _more_labels(b, c, len(known), alpha),
    )


def _log_evidence(b: float, c: float) -> float:
    """ln of 2^(b+c) B(b+1, c+1)."""
    from scipy.special import betaln

    return float((b + c) * log(2) + betaln(b + 1, c + 1))


def _more_labels(b: int, c: int, labelled: int, alpha: float) -> int | None:
    """Number of further labels until a verdict, if the models keep differing at the same rates."""
    if b == c:
        return None

    def enough(further: int) -> bool:
        growth = 1 + further / (b + c)
        return _log_evidence(b * growth, c * growth) >= -log(alpha)

    further = bisect_left(range(MOST_LABELS), True, key=enough)
    more = ceil(further * labelled / (b + c))
    return more if more < MOST_LABELS else None

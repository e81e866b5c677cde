"""Two models side by side on the same clips, and which of them is better as far as the labels can tell."""

from bisect import bisect_left
from dataclasses import dataclass
from math import ceil, exp, inf, log

import pandas as pd

ALPHA = 0.05  # chance of a wrong verdict between two equal models, however often one looks
FARTHEST = 100_000  # labels; beyond this a verdict is not foreseen


def shadow_verdict(predictions: pd.DataFrame, truth: pd.DataFrame, *, champion: str, challenger: str) -> pd.DataFrame:
    """Two models side by side on the clips of music that both have scored, index clip_id.

    predictions : the columns of ``store.predictions_table``; synthetic clips are left out.  truth : from
    ``ground_truth``.  champion, challenger : model versions. Columns: file_name, champion, challenger (their guesses),
    differ, label, champion_right, challenger_right (False where there is no label).
    """
    predictions = predictions[predictions["origin"].ne("demo")]
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
class Verdict:
    """Which of two models is better, as far as the labels can tell.

    labelled : clips with a label.  recordings : to which these belong.  only_champion, only_challenger : recordings of
    which this one has more clips right.
    p : exact McNemar test, valid if one looks once.  evidence : odds against "both are equally good" that hold however
    often one looks; the verdict falls when they reach 1 / ALPHA.
    better : ``"champion"``, ``"challenger"`` or None = undecided.
    more_labels : about how many more would decide if things go on as they are; None = not foreseeable.
    """

    labelled: int
    recordings: int
    only_champion: int
    only_challenger: int
    p: float
    evidence: float
    better: str | None
    more_labels: int | None


def verdict(table: pd.DataFrame, recording: pd.Series, *, alpha: float = ALPHA) -> Verdict:
    """Sequential McNemar test on the labelled rows of ``shadow()``.

    recording : clip_id -> name or number of its recording, for the clips that prove something: music of which neither
    model has learned, and which was not chosen by the doubt of one of them (see ``standing.proof``).
    A recording tells the two apart when one has more of its clips right; if both are equally good, each is a fair coin,
    whatever number of clips it has. The evidence is the likelihood ratio of a coin of unknown bias (uniform prior) to a
    fair one, a martingale under equality, so that it passes 1 / alpha at any time with a chance of at most alpha
    (Ville's inequality).
    """
    from scipy.stats import binomtest

    known = table[table["label"].notna() & table.index.isin(recording.index)]
    ahead = known["challenger_right"].astype(int) - known["champion_right"].astype(int)
    net = ahead.groupby(recording.reindex(known.index).to_numpy()).sum()
    b, c = int((net < 0).sum()), int((net > 0).sum())
    weight = _log_evidence(b, c)
    decided = weight >= -log(alpha)
    return Verdict(
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
    """Labels until the evidence is enough, if telling clips come and fall to either side as often as so far."""
    if b == c:
        return None

    def enough(telling: int) -> bool:
        grown = 1 + telling / (b + c)
        return _log_evidence(b * grown, c * grown) >= -log(alpha)

    telling = bisect_left(range(FARTHEST), True, key=enough)
    more = ceil(telling * labelled / (b + c))
    return more if more < FARTHEST else None

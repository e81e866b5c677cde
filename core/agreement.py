"""What people agree on: ground truth, agreement of raters, and how a model's guess sways them.

Feedback tables in (the columns of ``store.feedback_table``), tables out. Nothing here reads or writes anything.
"""

import hashlib
from itertools import combinations

import numpy as np
import pandas as pd

from core.schema import EMOTIONS

RATERS_NEEDED = 2  # agreeing raters before an answer may train a model; 1 where one person labels alone
HIDDEN_SHARE = 0.15  # of the clips whose guess is hidden unasked, so that its pull can be measured
_RESAMPLES = 2000
_PERSON = ["clip_id", "rater", "verified"]  # the same name with and without a login is not the same person
STATUSES = ("agreed", "adjudicated", "disputed", "open", "skipped")


def of_music(feedback: pd.DataFrame) -> pd.DataFrame:
    """Without what was said of synthetic clips: that is practice, never ground truth, and trains no model."""
    return feedback[feedback["origin"].ne("demo")]


def current_answers(feedback: pd.DataFrame) -> pd.DataFrame:
    """The rows that stand: the latest answer of each rater on each clip, and the latest adjudication of a clip.

    An answer that was taken back gives way to the same person's answer before it. Deleted clips are left out.
    """
    said = feedback[feedback["kind"].ne("undo") & ~feedback["deleted"].astype(bool)]
    said = said[~said["feedback_id"].isin(feedback["target_id"].dropna())].sort_values("feedback_id")
    settles = said["kind"].eq("adjudication")
    latest = [
        said[~settles].drop_duplicates(_PERSON, keep="last"),
        said[settles].drop_duplicates("clip_id", keep="last"),
    ]
    return pd.concat(latest).sort_values("feedback_id").reset_index(drop=True)


def ground_truth(feedback: pd.DataFrame, *, raters_needed: int = RATERS_NEEDED) -> pd.DataFrame:
    """What each clip is, by the latest answer of each rater; a tie gives none. One row a clip, index clip_id.

    raters_needed : agreeing raters that make a label.
    Columns: label (NaN = none); status, one of ``STATUSES``: *agreed*, *adjudicated* (a marked third answer decides,
    also that it is none of the four), *disputed* (raters differ and nobody has won), *open* (too few answers),
    *skipped* (nobody named an emotion); votes, agreeing, skips: numbers of raters.
    """
    answers = current_answers(feedback)
    settled = answers[answers["kind"].eq("adjudication")].set_index("clip_id")["label"]
    answers = answers[answers["kind"].eq("answer")]
    counts = pd.crosstab(answers["clip_id"], answers["label"]).reindex(columns=list(EMOTIONS), fill_value=0)
    clips = pd.Index(answers["clip_id"].unique()).union(settled.index).rename("clip_id").astype("str")
    n = counts.reindex(clips, fill_value=0).to_numpy(dtype=int).reshape(-1, len(EMOTIONS))
    votes, best = n.sum(axis=1), n.max(axis=1)
    won = (best >= max(raters_needed, 1)) & ((n == best[:, None]).sum(axis=1) == 1)
    differ = (n > 0).sum(axis=1) > 1
    status = np.select([won, differ, votes > 0], ["agreed", "disputed", "open"], default="skipped")
    label = pd.Series(np.array(EMOTIONS, dtype=object)[n.argmax(axis=1)], index=clips).where(won)
    judged = clips.isin(settled.index)
    return pd.DataFrame(
        {
            "label": label.where(~judged, settled.reindex(clips)).astype("str"),
            "status": np.where(judged, "adjudicated", status).astype(str),
            "votes": votes,
            "agreeing": best,
            "skips": answers["clip_id"][answers["label"].isna()].value_counts().reindex(clips, fill_value=0).to_numpy(),
        },
        index=clips,
    )


def votes(feedback: pd.DataFrame) -> pd.DataFrame:
    """The labels that stand, one row a clip and one column a rater; NaN where the rater gave none.

    Adjudications are left out: they are given in the knowledge of the others.
    """
    answers = current_answers(feedback)
    answers = answers[answers["kind"].eq("answer") & answers["label"].notna()]
    people = answers["rater"].where(~answers["verified"].astype(bool), answers["rater"] + " (login)")
    return answers.assign(person=people).set_index(["clip_id", "person"])["label"].unstack()  # noqa: PD010 - text


def coincidences(table: pd.DataFrame) -> pd.DataFrame:
    """How often two raters gave these two labels to one clip; each clip weighs as much as it has answers.

    table : labels, clips by raters. Symmetric, labels by labels; the sum is the number of answers on clips with two or
    more. After Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability".
    """
    values, o = _coincidences(table)
    return pd.DataFrame(o.sum(axis=0), index=pd.Index(values), columns=pd.Index(values))


def _coincidences(table: pd.DataFrame) -> tuple[list[str], np.ndarray]:
    """The labels that occur, and the coincidence matrix of each clip with two answers or more: shape (clips, k, k)."""
    values = sorted(set(table.to_numpy(dtype=object)[table.notna().to_numpy(dtype=bool)]))
    n = np.stack([(table == v).to_numpy().sum(axis=1) for v in values], axis=1) if values else np.zeros((len(table), 0))
    n = n[n.sum(axis=1) >= 2].astype(float)
    pairs = n[:, :, None] * n[:, None, :] - n[:, :, None] * np.eye(len(values))
    return values, pairs / np.maximum(n.sum(axis=1) - 1, 1)[:, None, None]


def _alpha(o: np.ndarray) -> np.ndarray:
    """Alpha of coincidence matrices of shape (..., k, k); NaN where nothing could differ."""
    n_c = o.sum(axis=-1)
    n = n_c.sum(axis=-1)
    differing = n - np.trace(o, axis1=-2, axis2=-1)
    expected = n**2 - (n_c**2).sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(expected > 0, 1 - (n - 1) * differing / expected, np.nan)


def krippendorff_alpha(table: pd.DataFrame) -> float:
    """Krippendorff's alpha for labels without an order; 1 = full agreement, 0 = chance, below 0 = worse than chance.

    table : labels, clips by raters, NaN = no answer. NaN when no clip has two answers or only one label occurs.
    """
    values, o = _coincidences(table)
    return float(_alpha(o.sum(axis=0))) if values and len(o) else float("nan")


def alpha_interval(table: pd.DataFrame, *, seed: int = 0, level: float = 0.95) -> tuple[float, float]:
    """Interval of alpha by resampling clips; NaN when alpha is."""
    values, o = _coincidences(table)
    if not values or len(o) < 2:
        return float("nan"), float("nan")
    drawn = np.random.default_rng(seed).multinomial(len(o), np.full(len(o), 1 / len(o)), size=_RESAMPLES)
    alphas = _alpha(np.tensordot(drawn, o, axes=1))
    alphas = alphas[~np.isnan(alphas)]
    if not alphas.size:
        return float("nan"), float("nan")
    low, high = np.quantile(alphas, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Agreement in one row: raters, clips (with two answers or more), raw (share of agreeing pairs of answers), alpha,
    alpha_low, alpha_high (95 %)."""
    low, high = alpha_interval(table)
    answers = table.notna().sum(axis=1)
    row = {
        "raters": table.shape[1],
        "clips": int((answers >= 2).sum()),
        "raw": _raw(table),
        "alpha": krippendorff_alpha(table),
        "alpha_low": low,
        "alpha_high": high,
    }
    return pd.DataFrame([row])


def _raw(table: pd.DataFrame) -> float:
    """Share of agreeing pairs among all pairs of answers about the same clip."""
    n = np.stack([(table == emotion).to_numpy().sum(axis=1) for emotion in EMOTIONS], axis=1).astype(float)
    everything = n.sum(axis=1)
    pairs = (everything * (everything - 1)).sum()
    return float((n * (n - 1)).sum() / pairs) if pairs else float("nan")


def by_emotion(table: pd.DataFrame) -> pd.DataFrame:
    """Agreement an emotion, one row each, index emotion.

    answers : how often it was given on clips with two answers or more.
    agreement : when one rater says it, the chance that another says it too.
    alpha : Krippendorff's alpha of "this emotion or another".
    mistaken_for : what the others say instead most often, empty when nothing.
    """
    o = coincidences(table).reindex(index=EMOTIONS, columns=EMOTIONS, fill_value=0.0).to_numpy()
    rows = []
    for k, emotion in enumerate(EMOTIONS):
        given, others = o[k].sum(), np.delete(o[k], k)
        rows.append(
            {
                "emotion": emotion,
                "answers": given,
                "agreement": o[k, k] / given if given else np.nan,
                "alpha": krippendorff_alpha((table == emotion).astype(str).where(table.notna())),
                "mistaken_for": np.delete(EMOTIONS, k)[others.argmax()] if others.max() > 0 else "",
            }
        )
    return pd.DataFrame(rows).set_index("emotion")


def by_pair(table: pd.DataFrame) -> pd.DataFrame:
    """Agreement of each two raters who met on a clip: rater_a, rater_b, clips, raw, kappa (Cohen 1960).

    Kappa is NaN where both always said the same one label: then nothing can be told from chance.
    """
    from sklearn.metrics import cohen_kappa_score

    rows = []
    for a, b in combinations(table.columns, 2):
        both = table[[a, b]].dropna()
        if both.empty:
            continue
        varied = len(set(both[a]) | set(both[b])) > 1
        rows.append(
            {
                "rater_a": a,
                "rater_b": b,
                "clips": len(both),
                "raw": float((both[a] == both[b]).mean()),
                "kappa": float(cohen_kappa_score(both[a], both[b])) if varied else np.nan,
            }
        )
    return pd.DataFrame(rows, columns=["rater_a", "rater_b", "clips", "raw", "kappa"])


def hides_guess(clip_id: str, rater: str, *, share: float = HIDDEN_SHARE) -> bool:
    """Whether the model's guess is hidden from this rater at this clip: like a coin, but the same after a reload."""
    digest = hashlib.sha256(f"{rater}\n{clip_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64


def anchoring(feedback: pd.DataFrame) -> pd.DataFrame:
    """How much a shown guess sways people: agreement with the guess when shown against when hidden at random.

    One row for all and one a rater: who, shown, shown_agree, hidden, hidden_agree (numbers of answers), effect
    (difference of the shares), low, high (95 %, Newcombe 1998, method 10). First answers of the label page only:
    elsewhere, or when the rater chose to hide it, no coin decided what was shown.
    """
    asked = feedback[feedback["kind"].eq("answer") & feedback["source"].eq("label") & feedback["label"].notna()]
    asked = asked[asked["display"].isin(["shown", "hidden at random"]) & asked["guess"].notna()]
    asked = asked.sort_values("feedback_id").drop_duplicates(_PERSON)
    shown = asked["display"].eq("shown")
    same = asked["label"].eq(asked["shown_label"].where(shown, asked["guess"]))
    people = asked["rater"].where(~asked["verified"].astype(bool), asked["rater"] + " (login)")
    parts = [("everyone", pd.Series(True, index=asked.index)), *((p, people.eq(p)) for p in sorted(people.unique()))]
    rows = []
    for who, part in parts:
        a, n = int((same & shown & part).sum()), int((shown & part).sum())
        b, m = int((same & ~shown & part).sum()), int((~shown & part).sum())
        effect, low, high = _difference(a, n, b, m)
        rows.append((who, n, a, m, b, effect, low, high))
    columns = ["who", "shown", "shown_agree", "hidden", "hidden_agree", "effect", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


def _difference(a: int, n: int, b: int, m: int) -> tuple[float, float, float]:
    """a/n - b/m with its 95 % interval from the Wilson intervals of both; NaN without answers on a side."""
    from scipy.stats import binomtest

    if not n or not m:
        return float("nan"), float("nan"), float("nan")
    p, q = a / n, b / m
    first, second = binomtest(a, n).proportion_ci(method="wilson"), binomtest(b, m).proportion_ci(method="wilson")
    low = p - q - float(np.hypot(p - first.low, second.high - q))
    high = p - q + float(np.hypot(first.high - p, q - second.low))
    return p - q, low, high

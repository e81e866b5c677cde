"""Ground truth, inter-rater agreement, and the anchoring effect of the model's guess.

The functions take feedback tables (``store.feedback_table``) and return tables; they do not access the store.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.labelling.raters import person
from core.labelling.raters import shown as shown_name
from core.schema import EMOTIONS, SYNTHETIC
from core.store.answer_log import category

RATERS_NEEDED = 2  # agreeing raters before an answer may train a model; 1 where one person labels alone
HIDDEN_SHARE = 0.15  # share of clips with a hidden guess, to measure the anchoring effect
RELIABLE, TENTATIVE = 0.8, 0.667  # alpha from which labels are reliable, or good enough for tentative conclusions
ALPHA_WORDS = (
    "Krippendorff's alpha: 1 is full agreement, 0 is agreement by chance. Labels count as reliable from "
    f"{RELIABLE:g}, and as good enough for tentative conclusions from {TENTATIVE:g} (Krippendorff 2004). Emotions in "
    "music rarely reach this."
)
_RESAMPLES = 2000
STATUSES = ("agreed", "adjudicated", "disputed", "open", "skipped")


def of_music(feedback: pd.DataFrame) -> pd.DataFrame:
    """Feedback without synthetic clips, which are for practice and never become ground truth."""
    return feedback[feedback["origin"].ne(SYNTHETIC)]


def current_answers(feedback: pd.DataFrame) -> pd.DataFrame:
    """Answers that count: the latest answer of each person for each clip, and the latest adjudication of each clip.

    All people without a name count as one person, because they cannot be distinguished. After an undo, the person's
    previous answer counts again. A second answer in a task (``store.REPEAT``) is a measurement and never counts.
    Deleted clips are left out, and answers of people who do not count as raters: once a login was configured, only
    people who logged in count.
    """
    undone = feedback["feedback_id"].isin(feedback["target_id"].dropna())
    counts = feedback["kind"].isin(["answer", "adjudication"]) & ~feedback["deleted"].astype(bool) & of_raters(feedback)
    said = feedback[counts & ~undone]
    if not said["feedback_id"].is_monotonic_increasing:
        said = said.sort_values("feedback_id")
    settles = said["kind"].eq("adjudication").to_numpy()
    whose = np.where(settles, 0, 1 + _person_numbers(said))  # a settlement belongs to nobody
    earlier = _pairs(said, whose).duplicated(keep="last").to_numpy()
    return said[~earlier].reset_index(drop=True)


def of_raters(feedback: pd.DataFrame) -> pd.Series:
    """Whether each answer comes from a person who counts as a rater; tables without this column have only raters."""
    return feedback["counts"].astype(bool) if "counts" in feedback else pd.Series(True, index=feedback.index)


@dataclass(frozen=True)
class Counts:
    """Numbers of answers that count (`current_answers`): one answer of a person about a clip, however often changed.

    answers : emotions and skips.  skips : those without an emotion.  settlements : clips that an analyst settled.
    people : persons with an answer or a settlement.
    """

    answers: int
    skips: int
    settlements: int
    people: int


def count_answers(feedback: pd.DataFrame) -> Counts:
    """Count the answers that count now. feedback : all rows, of one person or of several."""
    current = current_answers(feedback)
    settles = current["kind"].eq("adjudication")
    skips = int((~settles & current["label"].isna()).sum())
    return Counts(int((~settles).sum()), skips, int(settles.sum()), int(people(current).nunique()))


def _person_numbers(answers: pd.DataFrame) -> np.ndarray:
    """The number of the person of each answer: people with equal counted names, from 0."""
    names = pd.factorize(_each(person, answers))[0].astype(np.int64)
    return 2 * names + answers["verified"].to_numpy(dtype=bool)


def _pairs(answers: pd.DataFrame, whose: np.ndarray) -> pd.Series:
    """One number for each clip and person. whose : number of the person of each answer."""
    clip = pd.factorize(answers["clip_id"])[0].astype(np.int64)
    return pd.Series(clip * (int(whose.max(initial=0)) + 1) + whose)


def people(answers: pd.DataFrame) -> pd.Series:
    """Display name of the rater of each answer, unique per person."""
    return _each(lambda rater, verified: shown_name(person(rater, verified), verified), answers).astype("str")


def _each(name: Callable[[str, bool], str], answers: pd.DataFrame) -> pd.Series:
    """A name for the rater of each answer, as a category. name : of rater and verified; asked once for each of them."""
    numbers, raters = pd.factorize(answers["rater"])
    found = np.array([(name(str(r), False), name(str(r), True)) for r in raters], dtype=object).reshape(-1, 2)
    which = answers["verified"].to_numpy(dtype=bool).astype(int)
    values, codes = np.unique(found.astype(str), return_inverse=True)
    text = category(codes.reshape(found.shape)[numbers, which], [str(value) for value in values])
    return pd.Series(text, index=answers.index, name="rater")


def ground_truth(feedback: pd.DataFrame, *, raters_needed: int = RATERS_NEEDED) -> pd.DataFrame:
    """Majority label of each clip from the latest answer of each rater; a tie gives no label. Index: clip_id.

    raters_needed : number of agreeing raters required for a label.
    Columns: label (NaN = none); status, one of ``STATUSES``: *agreed*, *adjudicated* (an analyst's
    answer decides, including "none of the four"), *disputed* (raters disagree without a majority), *open* (too few
    answers), *skipped* (no rater chose an emotion); votes, agreeing, skips: numbers of raters.
    """
    answers = current_answers(feedback)
    decided = answers[answers["kind"].eq("adjudication")]
    settled = pd.Series(decided["label"].astype(object).to_numpy(), index=decided["clip_id"].astype("str"))
    answers = answers[answers["kind"].eq("answer")]
    clip, ids = pd.factorize(answers["clip_id"])
    ids = pd.Index(ids).astype("str")
    clips = ids.union(settled.index).rename("clip_id")
    place = clips.get_indexer(ids)[clip] if len(ids) else clip
    said = _emotion_numbers(answers["label"])
    n = _tally(place[said >= 0], said[said >= 0], (len(clips), len(EMOTIONS)))
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
            "skips": np.bincount(place[said < 0], minlength=len(clips)),
        },
        index=clips,
    )


def _emotion_numbers(labels: pd.Series) -> np.ndarray:
    """The number of each label in ``EMOTIONS``, -1 for none."""
    codes, values = pd.factorize(labels)
    return np.append(pd.Index(EMOTIONS).get_indexer(pd.Index(values, dtype=object)), -1)[codes]


def _tally(rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """How often each pair of row and column number occurs: shape ``shape``."""
    return np.bincount(rows * shape[1] + columns, minlength=shape[0] * shape[1]).reshape(shape)


def votes(feedback: pd.DataFrame) -> pd.DataFrame:
    """Labels that count: one row per clip, one column per person (see `people`); NaN if the person gave no label.

    Adjudications are left out, because the analyst saw the other answers.
    """
    answers = current_answers(feedback)
    answers = answers[answers["kind"].eq("answer") & answers["label"].notna()]
    clips, ids = _sorted_numbers(answers["clip_id"])
    persons, names = _sorted_numbers(people(answers))
    said = np.full((len(ids), len(names)), np.nan, dtype=object)
    said[clips, persons] = answers["label"].astype(object).to_numpy()
    return pd.DataFrame(said, index=ids.rename("clip_id"), columns=names.rename("person"), dtype="str")


def _sorted_numbers(texts: pd.Series) -> tuple[np.ndarray, pd.Index]:
    """The number of each text among the distinct texts, and these in their order."""
    codes, values = pd.factorize(texts)
    distinct = pd.Index(values).astype("str")
    order = distinct.argsort()
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    return place[codes], distinct[order]


def _codes(table: pd.DataFrame) -> tuple[list[str], np.ndarray]:
    """The labels that occur, sorted, and the number of each answer among them: shape of the table, -1 = no answer."""
    numbers, values = pd.factorize(table.to_numpy(dtype=object).ravel(), sort=True)
    return [str(value) for value in values], numbers.reshape(table.shape)


def _counts(values: list[str], codes: np.ndarray) -> np.ndarray:
    """How many raters gave each label to each clip: shape (clips, labels)."""
    rows, raters = np.nonzero(codes >= 0)
    return _tally(rows, codes[rows, raters], (len(codes), len(values)))


def _coincidences(counts: np.ndarray) -> np.ndarray:
    """The coincidence matrix of each clip with two answers or more: shape (clips, k, k). counts : shape (clips, k)."""
    n = counts[counts.sum(axis=1) >= 2].astype(float)
    pairs = n[:, :, None] * n[:, None, :] - n[:, :, None] * np.eye(n.shape[1])
    return pairs / np.maximum(n.sum(axis=1) - 1, 1)[:, None, None]


def _alpha(o: np.ndarray) -> np.ndarray:
    """Alpha of coincidence matrices of shape (..., k, k); NaN where nothing could differ."""
    n_c = o.sum(axis=-1)
    n = n_c.sum(axis=-1)
    differing = n - np.trace(o, axis1=-2, axis2=-1)
    expected = n**2 - (n_c**2).sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(expected > 0, 1 - (n - 1) * differing / expected, np.nan)


def _alpha_of(counts: np.ndarray) -> float:
    """Krippendorff's alpha for labels without an order: 1 = full agreement, 0 = chance, below 0 = worse than chance.

    counts : shape (clips, k). NaN when no clip has two answers, or when only one label occurs.
    After Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability".
    """
    return float(_alpha(_coincidences(counts).sum(axis=0)))


def _interval_of(counts: np.ndarray, *, seed: int = 0, level: float = 0.95) -> tuple[float, float]:
    """Bootstrap interval of alpha over clips.

    Clips with the same counts are interchangeable, so a multinomial draw over distinct counts replaces drawing clip by
    clip: the same distribution with far less work.
    """
    kinds, often = np.unique(counts[counts.sum(axis=1) >= 2], axis=0, return_counts=True)
    clips = int(often.sum())
    if clips < 2:
        return float("nan"), float("nan")
    drawn = np.random.default_rng(seed).multinomial(clips, often / clips, size=_RESAMPLES)
    alphas = _alpha(np.tensordot(drawn, _coincidences(kinds), axes=1))
    alphas = alphas[~np.isnan(alphas)]
    if not alphas.size:
        return float("nan"), float("nan")
    low, high = np.quantile(alphas, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Agreement in one row: raters, clips (with two answers or more), raw (share of agreeing pairs of answers), alpha,
    alpha_low, alpha_high (95 %)."""
    counts = _counts(*_codes(table))
    low, high = _interval_of(counts)
    row = {
        "raters": table.shape[1],
        "clips": int((counts.sum(axis=1) >= 2).sum()),
        "raw": _raw(counts),
        "alpha": _alpha_of(counts),
        "alpha_low": low,
        "alpha_high": high,
    }
    return pd.DataFrame([row])


def _raw(counts: np.ndarray) -> float:
    """Share of agreeing pairs among all pairs of answers about the same clip."""
    everything = counts.sum(axis=1)
    pairs = (everything * (everything - 1)).sum()
    return float((counts * (counts - 1)).sum() / pairs) if pairs else float("nan")


def by_emotion(table: pd.DataFrame) -> pd.DataFrame:
    """Agreement per emotion; index: emotion.

    Returns
    -------
    Columns: answers (number of answers on clips with two or more answers), agreement (probability that another rater
    gives this emotion if one rater does), alpha (Krippendorff's alpha of this emotion against the rest), mistaken_for
    (the most frequent other answer, empty if there is none).
    """
    values, codes = _codes(table)
    counts = pd.DataFrame(_counts(values, codes), columns=pd.Index(values)).reindex(columns=EMOTIONS, fill_value=0)
    n = counts.to_numpy()
    o = _coincidences(n).sum(axis=0)
    rows = []
    for k, emotion in enumerate(EMOTIONS):
        given, others = o[k].sum(), np.delete(o[k], k)
        rows.append(
            {
                "emotion": emotion,
                "answers": given,
                "agreement": o[k, k] / given if given else np.nan,
                "alpha": _alpha_of(np.column_stack([n[:, k], n.sum(axis=1) - n[:, k]])),
                "mistaken_for": np.delete(EMOTIONS, k)[others.argmax()] if others.max() > 0 else "",
            }
        )
    return pd.DataFrame(rows).set_index("emotion")


def by_pair(table: pd.DataFrame) -> pd.DataFrame:
    """Agreement of each two raters who met on a clip: rater_a, rater_b, clips, raw, kappa (Cohen 1960).

    Kappa is NaN if both raters always gave the same single label: chance agreement is then 1.
    """
    first, second, met = _meetings(*_codes(table))
    n, same = met.sum(axis=(1, 2)), np.trace(met, axis1=1, axis2=2)
    by_chance = (met.sum(axis=2) * met.sum(axis=1)).sum(axis=1) / n
    with np.errstate(divide="ignore", invalid="ignore"):
        kappa = np.where(n > by_chance, 1 - (n - same) / (n - by_chance), np.nan)
    raters = table.columns.to_numpy()
    return pd.DataFrame(
        {"rater_a": raters[first], "rater_b": raters[second], "clips": n, "raw": same / n, "kappa": kappa}
    )


def _meetings(values: list[str], codes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The numbers of each two raters who met on a clip, and how often they gave which labels: shape (pairs, k, k).

    One product of a sparse matrix counts all pairs at once: its columns are "this rater said this".
    """
    from scipy.sparse import csr_array

    rows, raters = np.nonzero(codes >= 0)
    k, number = max(len(values), 1), codes.shape[1]
    ones = np.ones(len(rows), dtype=np.int64)
    said = csr_array((ones, (rows, raters * k + codes[rows, raters])), shape=(len(codes), number * k))
    product = (said.T @ said).tocoo()
    (a, v), (b, w) = np.divmod(product.row, k), np.divmod(product.col, k)
    once = a < b
    pairs, place = np.unique(a[once].astype(np.int64) * number + b[once], return_inverse=True)
    met = np.zeros((len(pairs), k, k), dtype=np.int64)
    met[place, v[once], w[once]] = product.data[once]
    return pairs // max(number, 1), pairs % max(number, 1), met


def hides_guess(clip_id: str, rater: str, *, share: float = HIDDEN_SHARE) -> bool:
    """Return True if the guess is hidden from this rater for this clip: random, but stable after a reload."""
    digest = hashlib.sha256(f"{rater}\n{clip_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64


def anchoring(feedback: pd.DataFrame) -> pd.DataFrame:
    """Anchoring effect: agreement with the guess when it is shown, minus agreement when it is hidden at random.

    One row for everyone and one per rater: who, shown, shown_agree, hidden, hidden_agree (numbers of answers), effect
    (difference of the shares), low, high (95 %, Newcombe 1998, method 10). First answers of the label page only:
    elsewhere, or when the rater chose to hide the guess, the display was not random.
    """
    asked = feedback[feedback["kind"].eq("answer") & feedback["source"].eq("label") & feedback["label"].notna()]
    asked = asked[asked["display"].isin(["shown", "hidden at random"]) & asked["guess"].notna()]
    asked = asked[of_raters(asked)].sort_values("feedback_id")
    asked = asked[~_pairs(asked, _person_numbers(asked)).duplicated().to_numpy()]
    shown = asked["display"].eq("shown")
    same = asked["label"].eq(asked["shown_label"].where(shown, asked["guess"]))
    who = people(asked)
    parts = [("everyone", pd.Series(True, index=asked.index)), *((p, who.eq(p)) for p in sorted(who.unique()))]
    rows = []
    for name, part in parts:
        a, n = int((same & shown & part).sum()), int((shown & part).sum())
        b, m = int((same & ~shown & part).sum()), int((~shown & part).sum())
        effect, low, high = _difference(a, n, b, m)
        rows.append((name, n, a, m, b, effect, low, high))
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

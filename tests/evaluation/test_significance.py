"""What may be said: a difference only where there is one, criteria met or open, the price of closing the gap."""

import numpy as np
import pandas as pd
import pytest

from core import pvalues
from core.errors import ModelError
from core.evaluation import class_gap, significance
from core.evaluation.metrics import scores
from core.schema import EMOTIONS, PROBA


def made(n=200, *, strength, seed, repeats=2, folds=5) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A table of predictions, and the folds that it came from."""
    rng = np.random.default_rng(seed)
    y = np.tile(EMOTIONS, n // 4)
    tables, lines = [], []
    for repeat in range(repeats):
        odds = np.exp(rng.normal(size=(n, 4)) + strength * np.eye(4)[np.tile(range(4), n // 4)])
        table = pd.DataFrame(odds / odds.sum(axis=1, keepdims=True), columns=list(PROBA))
        tables.append(table.assign(row=np.arange(n), repeat=repeat, y=y, group=np.arange(n)))
        for fold in range(folds):
            part = tables[-1].iloc[fold * n // folds : (fold + 1) * n // folds]
            f1 = scores(part, resamples=0).query("measure == 'macro_f1'")["value"].iloc[0]
            lines.append({"repeat": repeat, "fold": fold, "train": n * 4 // 5, "test": n // 5, "macro_f1": f1})
    return pd.concat(tables, ignore_index=True), pd.DataFrame(lines)


def compared(**strengths):
    both = {name: made(strength=strength, seed=i) for i, (name, strength) in enumerate(strengths.items())}
    folds = pd.concat([f.assign(model=name) for name, (_, f) in both.items()])
    return significance.compare({name: table for name, (table, _) in both.items()}, folds)


def test_the_corrected_t_by_hand():
    """d = 1, 2, 3: mean 2, variance 1, k = 3, test over train 1/4: t = 2 / sqrt(1/3 + 1/4)."""
    t, p = significance.corrected_t(np.array([1.0, 2.0, 3.0]), test_share=0.25)
    assert t == pytest.approx(2 / np.sqrt(7 / 12))
    assert p == pytest.approx(0.1199, abs=1e-3)
    assert significance.corrected_t(np.zeros(5), test_share=0.25) == (0.0, 1.0)


def test_the_correction_asks_for_more_than_the_plain_t():
    d = np.random.default_rng(0).normal(0.5, 1, 50)
    plain = d.mean() / np.sqrt(d.var(ddof=1) / 50)
    assert significance.corrected_t(d, test_share=0.25)[0] == pytest.approx(plain / np.sqrt(1 + 50 / 4))


def test_holm_by_hand():
    assert pvalues.holm(np.array([0.01, 0.04, 0.03])).tolist() == pytest.approx([0.03, 0.06, 0.06])
    assert pvalues.holm(np.array([0.9, 0.8])).tolist() == [1, 1]


def test_a_model_is_no_better_than_itself():
    table, folds = made(strength=1.0, seed=0)
    both = pd.concat([folds.assign(model="a"), folds.assign(model="b")])
    line = significance.compare({"a": table, "b": table}, both).iloc[0]
    assert line[["difference", "low", "high"]].tolist() == pytest.approx([0, 0, 0])
    assert line["verdict"] == significance.NO_DIFFERENCE


def test_equal_models_with_other_luck_are_not_told_apart():
    assert compared(a=1.0, b=1.0).iloc[0]["verdict"] == significance.NO_DIFFERENCE


def test_a_clear_difference_is_said_whoever_comes_first():
    for strengths, name in (({"a": 3.0, "b": 0.5}, "a"), ({"a": 0.5, "b": 3.0}, "b")):
        line = compared(**strengths).iloc[0]
        assert line["verdict"] == f"{name} is better"
        assert np.sign(line["difference"]) == (1 if name == "a" else -1)
        assert line["low"] < line["difference"] < line["high"]


def test_all_pairs_or_those_asked_for_on_the_repeats_that_both_have():
    (a, fa), (b, fb), (c, fc) = (made(strength=1.0, seed=i) for i in range(3))
    folds = pd.concat([fa.assign(model="a"), fb.assign(model="b"), fc[fc["repeat"] == 0].assign(model="c")])
    predictions = {"a": a, "b": b, "c": c[c["repeat"] == 0]}
    every = significance.compare(predictions, folds)
    assert list(zip(every["a"], every["b"], strict=True)) == [("a", "b"), ("a", "c"), ("b", "c")]
    one = significance.compare(predictions, folds, pairs=[("c", "a")]).iloc[0]
    first = fa["repeat"] == 0
    expected = fc[fc["repeat"] == 0]["macro_f1"].mean() - fa[first]["macro_f1"].mean()
    assert one["difference"] == pytest.approx(expected)


def lopsided() -> pd.DataFrame:
    """Angry is always right; sad is called relax whenever the two are close, which a bias puts right."""
    y = np.repeat(EMOTIONS, 10)
    proba = np.full((40, 4), 0.02)
    proba[np.arange(40), np.repeat(range(4), 10)] = 0.94
    proba[30:36] = [0.02, 0.02, 0.50, 0.46]
    return pd.DataFrame(proba, columns=list(PROBA)).assign(row=np.arange(40), y=y)


def test_the_price_of_a_gap_that_a_bias_closes():
    before, after = class_gap.gap_price(lopsided()).to_dict("records")
    assert before["class_gap"] == pytest.approx(1 - 4 / 7)  # sad: precision 1, recall 0.4
    assert after["class_gap"] == 0
    assert after["macro_f1"] == 1
    assert after["bias_sad"] > after["bias_relax"]


def test_a_gap_that_no_bias_closes_is_reported_as_it_stays():
    """Half of sad looks exactly like relax and nothing else: only calling all of them wrong would be even."""
    proba = lopsided()
    proba.loc[20:35, list(PROBA)] = [0.001, 0.001, 0.5, 0.498]
    before, after = class_gap.gap_price(proba, target=0.0).to_dict("records")
    assert 0 < after["class_gap"] <= before["class_gap"]


def test_models_of_different_clips_are_not_compared():
    table, folds = made(strength=1, seed=0)
    other = table.assign(y=table["y"].iloc[::-1].to_numpy())
    both = pd.concat([folds.assign(model=name) for name in "ab"])
    with pytest.raises(ModelError, match="they are for different clips"):
        significance.compare({"a": table, "b": other}, both)


def test_one_model_against_each_is_a_family_of_its_own():
    pairs = pd.DataFrame(
        {
            "a": ["x", "x", "y"],
            "b": ["y", "z", "z"],
            "difference": [0.1, 0.2, 0.05],
            "low": [0.02, 0.1, -0.1],
            "high": [0.2, 0.3, 0.2],
            "p": [0.03, 0.001, 0.9],
            "p_holm": [0.06, 0.003, 0.9],
        }
    )
    of_y = significance.against_each(pairs, "y").set_index("name")
    assert of_y.loc["x", ["difference", "low", "high"]].tolist() == [-0.1, -0.2, -0.02]
    assert of_y["p_corrected"].to_dict() == {"z": 0.9, "x": 0.06}  # 2 times 0.03: two comparisons, not three
    of_x = significance.against_each(pairs, "x").set_index("name")
    assert of_x["p_corrected"].to_dict() == {"y": 0.03, "z": 0.002}

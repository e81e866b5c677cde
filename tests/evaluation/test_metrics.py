"""Figures: analytic truths, scikit-learn's own figures, and intervals that mean what they say."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest
from sklearn import metrics

from core.errors import TableError
from core.evaluation.metrics import (
    BINS,
    _measure,
    as_arrays,
    confusion,
    confusion_cell,
    figure,
    perfect_ece,
    precision_recall,
    reliability,
    risk_coverage,
    roc,
    scores,
    share_interval,
)
from core.schema import ALL, COLUMNS, EMOTIONS, PROBA
from core.training.folds import noisy


def predictions(y, proba, *, repeat=0, group=None) -> pd.DataFrame:
    table = pd.DataFrame(np.asarray(proba, dtype=float), columns=list(PROBA))
    table.insert(0, "row", np.arange(len(table)))
    table.insert(1, "repeat", repeat)
    table["y"] = list(y)
    table["group"] = table["row"] if group is None else group
    return table


def one_hot(y) -> np.ndarray:
    return np.array([[float(e == label) for e in EMOTIONS] for label in y])


def random_predictions(n=200, repeats=1, seed=0) -> pd.DataFrame:
    """Probabilities that know something of the label."""
    rng = np.random.default_rng(seed)
    y = rng.choice(list(EMOTIONS), n, p=[0.4, 0.3, 0.2, 0.1])
    tables = []
    for repeat in range(repeats):
        strength = np.exp(rng.normal(size=(n, 4)) + 1.5 * one_hot(y))
        tables.append(predictions(y, strength / strength.sum(axis=1, keepdims=True), repeat=repeat))
    return pd.concat(tables, ignore_index=True)


def value(table: pd.DataFrame, measure: str, emotion: str = ALL) -> float:
    return float(figure(table, measure, emotion)["value"])


def test_perfect_predictions():
    y = list(EMOTIONS) * 5
    table = scores(predictions(y, one_hot(y)), resamples=0)
    for measure in ("accuracy", "macro_f1", "weighted_f1", "macro_precision", "macro_recall", "macro_auc", "top2"):
        assert value(table, measure) == 1
    for measure in ("ece", "ece_adaptive", "brier", "class_gap"):
        assert value(table, measure) == 0
    assert value(table, "log_loss") == pytest.approx(0, abs=1e-12)


def test_uniform_predictions():
    """Every emotion equally likely: the first one is called, nothing is ranked, and the confidence is right."""
    table = scores(predictions(list(EMOTIONS) * 5, np.full((20, 4), 0.25)), resamples=0)
    assert value(table, "accuracy") == 0.25
    assert value(table, "log_loss") == pytest.approx(np.log(4))
    assert value(table, "brier") == pytest.approx(0.75**2 + 3 * 0.25**2)
    assert value(table, "macro_auc") == 0.5
    assert value(table, "ece") == pytest.approx(0)
    assert value(table, "macro_f1") == pytest.approx(0.4 / 4)  # angry: precision 1/4, recall 1
    assert value(table, "class_gap") == pytest.approx(0.4)


def test_known_calibration_error():
    """Ten clips at 0.7 of which six are right, ten at 0.9 of which nine are: |0.6 - 0.7| / 2."""
    y = ["angry"] * 6 + ["sad"] * 4 + ["angry"] * 9 + ["sad"]
    p = [0.7] * 10 + [0.9] * 10
    proba = np.column_stack([p, *[(1 - np.array(p)) / 3] * 3])
    table = scores(predictions(y, proba), resamples=0)
    assert value(table, "ece") == pytest.approx(0.05)


def test_adaptive_bins_have_equal_counts():
    table = reliability(random_predictions(300), adaptive=True)
    assert len(table) == BINS
    assert set(table["count"]) == {300 / BINS}


def test_figures_are_those_of_scikit_learn():
    table = random_predictions(repeats=3)
    ours = scores(table, resamples=0)
    expected: dict[tuple[str, str], list[float]] = {}
    for _, part in table.groupby("repeat"):
        y, proba = part["y"].to_numpy(), part[list(PROBA)].to_numpy()
        guess = np.array(EMOTIONS)[proba.argmax(axis=1)]
        per = metrics.precision_recall_fscore_support(y, guess, labels=list(EMOTIONS))
        found = {
            ("accuracy", ALL): metrics.accuracy_score(y, guess),
            ("macro_f1", ALL): metrics.f1_score(y, guess, average="macro"),
            ("weighted_f1", ALL): metrics.f1_score(y, guess, average="weighted"),
            ("macro_precision", ALL): metrics.precision_score(y, guess, average="macro"),
            ("macro_recall", ALL): metrics.recall_score(y, guess, average="macro"),
            ("macro_auc", ALL): metrics.roc_auc_score(y, proba, multi_class="ovr"),
            ("top2", ALL): metrics.top_k_accuracy_score(y, proba, k=2, labels=list(EMOTIONS)),
            ("log_loss", ALL): metrics.log_loss(y, proba),
            ("brier", ALL): metrics.brier_score_loss(y, proba),
        }
        for name, values in zip(("precision", "recall", "f1", "support"), per, strict=True):
            found |= {(name, e): v for e, v in zip(EMOTIONS, values, strict=True)}
        found |= {("auc", e): metrics.roc_auc_score(y == e, proba[:, k]) for k, e in enumerate(EMOTIONS)}
        for key, figure_ in found.items():
            expected.setdefault(key, []).append(figure_)
    for (measure, emotion), values in expected.items():
        assert value(ours, measure, emotion) == pytest.approx(np.mean(values)), (measure, emotion)


def test_a_resample_is_the_figures_of_the_drawn_clips():
    """Weights stand for clips that were drawn several times or not at all."""
    p = as_arrays(random_predictions(60))
    counts = np.random.default_rng(1).integers(0, 3, 60)
    drawn = np.repeat(np.arange(60), counts)
    weighted = _measure(p.y, p.proba[0], counts[None, :].astype(float))
    repeated = _measure(p.y[drawn], p.proba[0][drawn], np.ones((1, len(drawn))))
    for key, values in weighted.items():
        if key[0] != "ece_adaptive":  # its bins are those of the whole table
            assert values[0] == pytest.approx(repeated[key][0]), key


def test_the_interval_of_a_proportion():
    """For accuracy the bootstrap must come to the textbook's standard error."""
    table = random_predictions(400)
    line = figure(scores(table), "accuracy")
    half = 1.96 * np.sqrt(line["value"] * (1 - line["value"]) / 400)
    assert (line["high"] - line["low"]) / 2 == pytest.approx(half, rel=0.1)
    assert (line["high"] + line["low"]) / 2 == pytest.approx(line["value"], abs=0.01)


def test_copies_of_a_recording_add_no_certainty():
    single = random_predictions(150)
    twice = pd.concat([single, single.assign(row=single["row"] + 150)], ignore_index=True)

    def width(table):
        return float(np.diff(figure(scores(table, resamples=2000), "macro_f1")[["low", "high"]].astype(float))[0])

    assert width(twice) == pytest.approx(width(single), rel=0.1)
    assert width(twice.assign(group=twice["row"])) < 0.8 * width(single)


def test_repeats_are_averaged_and_share_their_clips():
    table = random_predictions(100, repeats=2)
    both = scores(table, resamples=0)
    each = [scores(part, resamples=0) for _, part in table.groupby("repeat")]
    np.testing.assert_allclose(both["value"], np.mean([e["value"] for e in each], axis=0))
    same = pd.concat([table[table["repeat"] == 0].assign(repeat=r) for r in range(3)])
    pd.testing.assert_frame_equal(scores(same), scores(table[table["repeat"] == 0]))


def test_where_the_bootstrap_says_nothing_a_share_has_its_wilson_interval():
    y = list(EMOTIONS) * 30  # each resample has clips of each emotion
    table = scores(predictions(y, one_hot(y)), resamples=50)
    line = figure(table, "accuracy")
    expected = binomtest(120, 120).proportion_ci(method="wilson")
    assert (line["value"], line["high"]) == (1, 1)
    assert line["low"] == pytest.approx(expected.low)
    assert np.isnan(figure(table, "macro_f1")["low"])


@pytest.mark.parametrize(("hits", "of"), [(0, 59), (59, 59), (1, 17), (30, 59)])
def test_the_interval_of_a_share_is_wilsons(hits, of):
    expected = binomtest(hits, of).proportion_ci(method="wilson")
    assert share_interval(hits, of) == pytest.approx((expected.low, expected.high))


def test_the_same_seed_gives_the_same_interval():
    table = random_predictions(80)
    pd.testing.assert_frame_equal(scores(table, seed=3), scores(table, seed=3))
    assert not scores(table, seed=3)["low"].equals(scores(table, seed=4)["low"])


def test_perfect_calibration_on_few_clips_is_not_zero():
    few, many = (perfect_ece(random_predictions(n)).set_index("measure")["expected"]["ece"] for n in (300, 30_000))
    assert few > 0.03
    assert many < 0.01


def test_repeats_do_not_average_out_the_chance_in_the_labels():
    """Ten equal repeats say no more about the labels than one: they share them."""
    one = random_predictions(300)
    ten = pd.concat([one.assign(repeat=k) for k in range(10)])
    pd.testing.assert_frame_equal(perfect_ece(ten), perfect_ece(one))


def test_labels_drawn_from_the_probabilities_look_calibrated():
    table = random_predictions(2000)
    rng = np.random.default_rng(5)
    y = [rng.choice(list(EMOTIONS), p=p) for p in table[list(PROBA)].to_numpy()]
    calibrated = table.assign(y=y)
    limit = perfect_ece(calibrated).set_index("measure")["p95"]["ece"]
    assert value(scores(calibrated, resamples=0), "ece") <= limit
    assert value(scores(table, resamples=0), "ece") > limit


def test_confusion_counts_every_clip_once():
    table = random_predictions(200, repeats=2)
    long = confusion(table)
    assert long["count"].sum() == pytest.approx(200)
    assert long.groupby("y")["share"].sum().tolist() == pytest.approx([1] * 4)
    right = long[long["y"] == long["predicted"]]["count"].sum() / 200
    assert right == pytest.approx(value(scores(table, resamples=0), "accuracy"))


def test_the_clips_of_a_cell():
    table = random_predictions(200, repeats=2)
    clips = confusion_cell(table, y="angry", predicted="sad")
    counted = confusion(table).set_index(["y", "predicted"])["count"]
    assert clips["share"].sum() == pytest.approx(counted["angry", "sad"])
    assert set(table.set_index("row").loc[clips["row"], "y"]) == {"angry"}
    assert clips["share"].is_monotonic_decreasing


def test_reliability_of_the_known_table():
    y = ["angry"] * 6 + ["sad"] * 4
    table = reliability(predictions(y, [[0.7, 0.1, 0.1, 0.1]] * 10))
    assert len(table) == 1
    assert table.loc[0, ["count", "confidence", "accuracy"]].tolist() == pytest.approx([10, 0.7, 0.6])
    assert table.loc[0, ["low", "high"]].tolist() == pytest.approx([0.3127, 0.8318], abs=1e-4)  # Wilson, 6 of 10


def test_risk_and_coverage():
    table = random_predictions(200, repeats=2)
    curve = risk_coverage(table).set_index("threshold")
    everything = scores(table, resamples=0)
    assert curve.loc[0.25, "coverage"] == 1
    assert curve.loc[0.25, "accuracy"] == pytest.approx(value(everything, "accuracy"))
    assert np.isnan(curve.loc[0.25, "top2_rest"])
    assert curve.loc[1.0, "coverage"] == 0
    assert curve.loc[1.0, "top2_rest"] == pytest.approx(value(everything, "top2"))
    assert curve["coverage"].is_monotonic_decreasing
    sure = table[table[list(PROBA)].max(axis=1) >= 0.6]
    guess = sure[list(PROBA)].to_numpy().argmax(axis=1)
    assert curve.loc[0.6, "accuracy"] == pytest.approx(np.mean(np.array(EMOTIONS)[guess] == sure["y"]))


def test_the_area_under_the_curve_is_the_auc():
    table = random_predictions(300)
    ours = scores(table, resamples=0)
    for emotion, curve in roc(table, points=2001).groupby("emotion"):
        area = np.trapezoid(curve["true_positive_rate"], curve["false_positive_rate"])
        assert area == pytest.approx(value(ours, "auc", str(emotion)), abs=2e-3)


def test_precision_at_full_recall_is_at_least_the_share():
    table = random_predictions(300)
    curve = precision_recall(table).set_index(["emotion", "recall"])["precision"]
    for emotion in EMOTIONS:
        assert curve[emotion, 0.0] == 1
        assert curve[emotion, 1.0] >= (table["y"] == emotion).mean()
        assert curve[emotion].is_monotonic_decreasing


def test_noise_has_the_size_it_says():
    X = pd.DataFrame(np.full((2000, 50), 10.0), columns=list(COLUMNS))
    X.iloc[0, 0] = np.nan
    shaken = noisy(X, share=0.05, seed=0)
    assert np.nanstd(shaken.to_numpy()) == pytest.approx(0.5, rel=0.02)
    assert np.isnan(shaken.iloc[0, 0])
    pd.testing.assert_frame_equal(noisy(X, share=0.0, seed=0), X)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="p_sad"), "p_sad"),
        (lambda t: t.iloc[:0], "needs rows"),
        (lambda t: t.drop(index=0), "exactly once"),
        (lambda t: pd.concat([t, t]), "exactly once"),
        (lambda t: t.assign(p_sad=t["p_sad"] + 0.1), "sum to 1"),
        (lambda t: t.assign(y="bored"), "one of angry, happy, relax, sad"),
    ],
)
def test_what_is_no_table_of_predictions_is_refused(change, message):
    with pytest.raises(TableError, match=message):
        scores(change(random_predictions(20, repeats=2)))

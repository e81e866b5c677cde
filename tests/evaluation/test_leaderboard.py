"""Results arranged for reading: order, intervals, verdicts in words, and the class gap."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core import schema
from core.errors import ModelError
from core.evaluation import leaderboard, metrics, run_files, significance
from core.pvalues import holm
from core.schema import ALL, EMOTIONS

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDS = [(repeat, fold) for repeat in range(4) for fold in range(5)]


def predictions(right: float, *, seed: int, n: int = 80, repeats: int = 4) -> pd.DataFrame:
    """A model that is right about that share of clips, with p = 0.7 for what it says."""
    rng = np.random.default_rng(seed)
    parts = []
    for repeat in range(repeats):
        y = np.arange(n) % 4
        said = np.where(rng.random(n) < right, y, (y + rng.integers(1, 4, n)) % 4)
        proba = np.full((n, 4), 0.1)
        proba[np.arange(n), said] = 0.7
        part = pd.DataFrame(proba, columns=list(schema.PROBA)).assign(row=np.arange(n), repeat=repeat)
        parts.append(part.assign(fold=np.arange(n) % 5))
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def found() -> run_files.Comparison:
    """Three models: good, as good, bad; and a tuned one that was tried on other repeats only."""
    tables = {"good": predictions(0.9, seed=1), "alike": predictions(0.9, seed=2), "bad": predictions(0.4, seed=3)}
    tables["bad_tuned"] = predictions(0.5, seed=4).assign(repeat=lambda t: t["repeat"] + 10)
    rows = pd.DataFrame({"row": range(80), "y": [EMOTIONS[i % 4] for i in range(80)], "group": range(80)})
    known = {m: t.merge(rows, on="row") for m, t in tables.items()}
    rng = np.random.default_rng(0)
    level = {"good": 0.9, "alike": 0.9, "bad": 0.4, "bad_tuned": 0.5}
    folds = pd.DataFrame(
        {"model": m, "repeat": r + 10 * (m == "bad_tuned"), "fold": f, "train": 64, "test": 16}
        | {"macro_f1": level[m] + 0.03 * rng.standard_normal()}
        for m in level
        for r, f in FOLDS
    )
    scored = [metrics.scores(t, resamples=50).assign(model=m) for m, t in known.items()]
    scores = pd.concat(scored)[["model", "measure", "emotion", "value", "low", "high"]]
    times = pd.DataFrame(
        [(m, k, v, v, v) for m, v in (("good", 3.0), ("alike", 2.0), ("bad", 1.0)) for k in leaderboard.TIMES],
        columns=["model", "measure", "value", "low", "high"],
    )
    pairs = significance.compare({m: known[m] for m in ("good", "bad")}, folds, resamples=50)
    about = {
        "champion": "good",
        "labels_of": {"good": "Good", "alike": "Alike", "bad": "Bad", "bad_tuned": "Bad, tuned"},
        "revision": "0123456789ab+changes",
        "created_at": "2031-02-03T04:05:06+00:00",
    }
    stored = pd.concat(t.assign(model=m) for m, t in tables.items())
    return run_files.Comparison(
        about,
        rows.assign(held_out=False),
        stored,
        stored.iloc[:0],
        {"scores": scores, "held_out_scores": scores[scores["model"] != "alike"], "timings": times, "folds": folds}
        | {"pairs": pairs},
    )


def test_the_board_has_a_line_a_model_and_a_column_a_figure(found: run_files.Comparison) -> None:
    board = leaderboard.model_table(found)
    assert list(board["model"].iloc[-2:]) == ["Bad, tuned", "Bad"]
    assert list(board["settings"].iloc[-2:]) == ["tuned", "as given"]
    assert board["macro_f1"].is_monotonic_decreasing
    by_emotion = board[[f"f1_{e}" for e in EMOTIONS]].mean(axis=1)
    assert by_emotion.to_numpy() == pytest.approx(board["macro_f1"].to_numpy())
    assert set(leaderboard.model_table(found, held_out=True)["name"]) == {"good", "bad", "bad_tuned"}


def test_what_is_good_stands_on_top_whichever_end_that_is(found: run_files.Comparison) -> None:
    assert leaderboard.ranking(found, "macro_f1")["value"].is_monotonic_decreasing
    assert leaderboard.ranking(found, "log_loss")["value"].is_monotonic_increasing
    assert leaderboard.ranking(found, "train_s")["model"].to_list() == ["Bad", "Alike", "Good"]


def test_intervals_over_folds_hold_nine_of_ten_folds(found: run_files.Comparison) -> None:
    table = leaderboard.ranking(found, "macro_f1", over="folds").set_index("name")
    folds = found.tables["folds"].query("model == 'good'")["macro_f1"]
    assert folds.between(table.loc["good", "low"], table.loc["good", "high"]).mean() == pytest.approx(0.9)
    assert leaderboard.ranking(found, "ece", over="folds")["low"].isna().all()  # not kept for each fold


def test_a_verdict_names_the_better_model_in_either_order(found: run_files.Comparison) -> None:
    one, other = leaderboard.compare_pair(found, "good", "bad"), leaderboard.compare_pair(found, "bad", "good")
    assert one.words == other.words == "Good is better than Bad"
    assert (other.difference, other.low, other.high) == (-one.difference, -one.high, -one.low)
    assert one.low < one.difference < one.high
    assert one.p_corrected == one.p  # the family has one pair
    assert one.family == "Good against each of the other 1 models"


def test_equal_models_show_no_evidence_of_a_difference(found: run_files.Comparison) -> None:
    result = leaderboard.compare_pair(found, "good", "alike")
    assert result.words == "There is no evidence of a difference between Good and Alike"
    assert result.p > 0.05
    assert result.family == "this pair alone, not corrected"


def test_the_correction_covers_the_comparisons_of_the_question(found: run_files.Comparison) -> None:
    lines = [("good", "bad", 0.02), ("good", "alike", 0.03), ("alike", "bad", 0.2)]
    pairs = pd.DataFrame(lines, columns=["a", "b", "p"]).assign(difference=0.1, low=0.01, high=0.2, t=1.0)
    pairs["p_holm"] = holm(pairs["p"].to_numpy())
    made = replace(found, tables=found.tables | {"pairs": pairs})
    one = leaderboard.compare_pair(made, "good", "bad")
    every = leaderboard.compare_pair(made, "good", "bad", question=leaderboard.ALL_PAIRS)
    assert (one.p, one.p_corrected, every.p_corrected) == pytest.approx((0.02, 0.04, 0.06))
    assert one.finding == significance.ESTABLISHED
    assert every.finding == significance.ON_THESE_CLIPS
    assert every.words.startswith("Good is better than Bad on clips like these")
    assert every.family == "all 3 pairs of models"


def test_an_interval_without_zero_is_never_no_evidence() -> None:
    table = pd.DataFrame({"low": [0.1, 0.1, -0.1, -0.3], "high": [0.2, 0.2, 0.1, -0.1], "p_holm": [0.01, 0.5, 0.5, 1]})
    assert significance.findings(table).tolist() == [
        significance.ESTABLISHED,
        significance.ON_THESE_CLIPS,
        significance.NO_DIFFERENCE,
        significance.ON_THESE_CLIPS,
    ]


def test_what_cannot_be_compared_is_refused_in_words(found: run_files.Comparison) -> None:
    with pytest.raises(ModelError, match="two different models"):
        leaderboard.compare_pair(found, "good", "good")
    with pytest.raises(ModelError, match="no fold in common"):
        leaderboard.compare_pair(found, "good", "bad_tuned")


def test_against_all_turns_every_pair_to_the_chosen_side(found: run_files.Comparison) -> None:
    good, bad = leaderboard.comparisons_of(found, "good"), leaderboard.comparisons_of(found, "bad")
    assert (good["name"].to_list(), bad["name"].to_list()) == (["bad"], ["good"])
    assert good["difference"][0] == -bad["difference"][0] > 0
    assert bad["low"][0] < bad["difference"][0] < bad["high"][0] < 0
    assert (good["finding"] == significance.ESTABLISHED).all()


def test_each_emotion_has_its_figures_and_the_gap_is_theirs(found: run_files.Comparison) -> None:
    table = leaderboard.per_class(found, "bad")
    assert table["emotion"].to_list() == list(EMOTIONS)
    assert table["support"].to_list() == [20, 20, 20, 20]
    assert ((table["f1_low"] <= table["f1"]) & (table["f1"] <= table["f1_high"])).all()
    gap = leaderboard.class_gap(found, "bad")
    assert gap.value >= table["f1"].max() - table["f1"].min() - 1e-9  # mean of the repeats' gaps
    assert table.set_index("emotion")["f1"].idxmin() in gap.words
    of_table = f"{table['f1'].max() - table['f1'].min():.3f}"  # what a reader computes from the download
    assert of_table in gap.words
    assert ("mean of the repeats" in gap.words) == (of_table != f"{gap.value:.3f}")


@pytest.mark.parametrize(
    ("low", "high", "words"), [(0.01, 0.08, "meets"), (0.11, 0.3, "does not meet"), (0.05, 0.2, "too few clips")]
)
def test_the_gap_is_judged_by_its_whole_interval(
    found: run_files.Comparison, low: float, high: float, words: str
) -> None:
    scores = found.tables["scores"].copy()
    scores.loc[scores["measure"] == "class_gap", ["value", "low", "high"]] = [(low + high) / 2, low, high]
    changed = run_files.Comparison(found.about, found.rows, found.out_of_fold, found.held_out, dict(found.tables))
    changed.tables["scores"] = scores
    assert words in leaderboard.class_gap(changed, "good").words


def test_downloads_carry_model_day_and_revision(found: run_files.Comparison) -> None:
    assert leaderboard.download_name(found, "good") == "good-2031-02-03-0123456"


def test_names_of_figures_are_those_of_evaluate() -> None:
    table = predictions(0.5, seed=0).assign(y="sad")
    scores = metrics.scores(table, resamples=0)
    measured = scores.loc[scores["emotion"] == ALL, "measure"]
    assert set(leaderboard.MEASURES) == set(measured)
    assert set(leaderboard.PER_EMOTION) == set(metrics.PER_EMOTION)

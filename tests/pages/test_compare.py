"""The Compare page: every view on the committed results, verdicts that match the run, and what is said without it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from core.evaluation.criteria import check_criteria
from core.evaluation.stored_evaluation import read_evaluation
from core.models.description import describe_model_in_use
from core.pvalues import holm
from core.settings import Settings

ROOT = Path(__file__).resolve().parent.parent.parent
RESULTS = ROOT / "models" / "comparison"
VIEWS = ("Leaderboard", "Pairs", "Emotions", "Curves", "Tuning", "Ablations", "Criteria", "Model card")


def said(elements: object) -> str:
    return "\n".join(str(e.value) for e in elements)


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data_dir: Path) -> Path:
    """A copy of the committed models that a test may damage."""
    copy = tmp_path / "models"
    shutil.copytree(ROOT / "models", copy)
    monkeypatch.setenv("TME_MODELS_DIR", str(copy))
    return copy


def test_every_view_and_every_curve_opens_from_its_address(open_page: Callable[..., AppTest]) -> None:
    for view in VIEWS:
        page = open_page("compare", view=view)
        assert not page.exception, view
        assert not page.error, view
        assert page.session_state["view"] == view
    for curve in ("ROC", "Precision and recall", "Calibration", "Learning", "Noise"):
        page = open_page("compare", view="Curves", curve=curve)
        assert not page.exception, curve
        assert page.dataframe, curve


def test_the_leaderboard_has_all_figures_of_all_models(open_page: Callable[..., AppTest]) -> None:
    page = open_page("compare")
    main, more = (table.value for table in page.dataframe[-2:])
    board = main.merge(more, on="model")
    assert len(board) == len(main) == len(more)
    about, scores = json.loads((RESULTS / "about.json").read_text()), pd.read_csv(RESULTS / "scores.csv")
    assert set(board["model"]) == set(about["labels_of"].values())
    forest = scores[(scores["model"] == "random_forest") & (scores["emotion"] == "all")].set_index("measure")["value"]
    line = board.set_index("model").loc["Random forest"]
    wanted = ("accuracy", "macro_f1", "weighted_f1", "macro_precision", "macro_recall", "macro_auc", "log_loss", "ece")
    assert {m: line[m] for m in wanted} == pytest.approx({m: forest[m] for m in wanted})
    assert line[["f1_angry", "f1_happy", "f1_relax", "f1_sad"]].mean() == pytest.approx(forest["macro_f1"], abs=1e-5)
    assert line["train_s"] > 0
    assert board["macro_f1"].is_monotonic_decreasing


def test_the_ranking_follows_figure_part_and_interval(open_page: Callable[..., AppTest]) -> None:
    page = open_page("compare")
    first = page.dataframe[0].value
    assert (first["low"] <= first["value"]).all()
    page = page.selectbox(key="figure").select("ece").run()
    assert page.dataframe[0].value["value"].is_monotonic_increasing  # low is good
    page = page.segmented_control(key="part").set_value("held_out").run()
    held = pd.read_csv(RESULTS / "held_out_scores.csv")
    wanted = held[(held["measure"] == "ece") & (held["emotion"] == "all")]["value"].min()
    assert page.dataframe[0].value["value"].iloc[0] == pytest.approx(wanted)
    page = page.selectbox(key="figure").select("train_s").run()
    assert "not measured on the held-out part" in said(page.info)


def test_any_two_models_get_the_verdict_of_the_run_in_either_order(open_page: Callable[..., AppTest]) -> None:
    names = json.loads((RESULTS / "about.json").read_text())["labels_of"]
    pairs = pd.read_csv(RESULTS / "pairs.csv")
    page = open_page("compare", view="Pairs")
    for one in (pairs.sort_values("p_holm").iloc[0], pairs.sort_values("p_holm").iloc[-1]):
        for a, b, sign in ((one["a"], one["b"], 1), (one["b"], one["a"], -1)):
            page = page.selectbox(key="a").select(a).run()
            page = page.selectbox(key="b").select(b).run()
            assert not page.exception
            text = said(page.markdown)
            assert page.metric[0].value == f"{sign * one['difference']:+.3f}"
            family = pairs[(pairs["a"] == a) | (pairs["b"] == a)]
            p = dict(zip(family.index, holm(family["p"].to_numpy()), strict=True))[one.name]
            assert float(page.metric[1].value.removeprefix("< ")) == pytest.approx(max(one["p"], 0.001), rel=0.05)
            assert float(page.metric[2].value.removeprefix("< ")) == pytest.approx(max(p, 0.001), rel=0.05)
            assert f"against each of the other {len(family)} models" in said(page.caption)
            if p < 0.05 or one["low"] > 0 or one["high"] < 0:
                better = one["a"] if one["difference"] > 0 else one["b"]
                assert f"{names[better]} is better than" in text
            else:
                assert "There is no evidence of a difference between" in text


def test_a_pair_that_the_run_did_not_compare_is_compared_now(open_page: Callable[..., AppTest]) -> None:
    page = open_page("compare", view="Pairs")
    page = page.selectbox(key="a").select("svm_rbf_tuned").run()
    page = page.selectbox(key="b").select("random_forest_tuned").run()
    assert not page.exception
    assert "not corrected" in said(page.caption)
    folds = pd.read_csv(RESULTS / "folds.csv").pivot_table(index=["repeat", "fold"], columns="model", values="macro_f1")
    difference = (folds["svm_rbf_tuned"] - folds["random_forest_tuned"]).mean()
    assert page.metric[0].value == f"{difference:+.3f}"


def test_criteria_and_evaluation_table_are_those_of_the_model_in_use(open_page: Callable[..., AppTest]) -> None:
    page = open_page("compare", view="Criteria")
    model = describe_model_in_use(Settings())
    evaluation = read_evaluation(model, Settings())
    table = page.table[0].value.set_index("name")
    for check in check_criteria(evaluation):
        assert table.loc[check.name, "verdict"].endswith(check.verdict)
        assert table.loc[check.name, "figure (95 % interval)"] == check.text
    assert list(table.columns[:3]) == ["verdict", "figure (95 % interval)", "target"]  # a phone shows these
    assert "Equal emotions have a price" in said(page.caption)
    notes = said(page.caption).replace("\\", "")
    assert "Measured on held-out clips of the table (−6 dB, −12 dB, −20 dB)." in notes
    assert "python -m core stability FOLDER" in notes
    assert model.version in said(page.markdown).replace("\\", "")
    rows = page.dataframe[0].value.set_index("row")
    assert rows.loc["Headline", "macro_f1"] == evaluation.figure("macro_f1").text
    assert rows.loc["Held out", "macro_f1"] == evaluation.figure("macro_f1", row="held_out").text


def test_without_results_the_page_says_how_to_get_them(open_page: Callable[..., AppTest], models: Path) -> None:
    shutil.rmtree(models / "comparison")
    page = open_page("compare")
    assert not page.exception
    assert "python \\-m core train" in said(page.info)


def test_damaged_results_get_a_sentence(open_page: Callable[..., AppTest], models: Path) -> None:
    (models / "comparison" / "out_of_fold.parquet").write_bytes(b"PAR1 cut short")
    page = open_page("compare")
    assert not page.exception
    assert "cannot be read" in said(page.info)


def test_what_a_quick_run_leaves_out_is_an_empty_state(open_page: Callable[..., AppTest], models: Path) -> None:
    for name in ("tuned_against_default", "ablations", "learning_curve"):
        (models / "comparison" / f"{name}.csv").unlink()
    for address in ({"view": "Tuning"}, {"view": "Ablations"}, {"view": "Curves", "curve": "Learning"}):
        page = open_page("compare", **address)
        assert not page.exception
        assert "quick training run does not include this" in said(page.info)

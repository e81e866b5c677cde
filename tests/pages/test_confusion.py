"""The Confusion page: a matrix that adds up, the clips of a cell, and one place where the cell is kept."""

from collections.abc import Callable
from pathlib import Path

import labelled
import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from core import store
from core.evaluation import label_doubts, run_files
from core.models.description import describe_model_in_use
from core.schema import EMOTIONS
from core.settings import Settings
from pages.views.models import doubt_views

ROOT = Path(__file__).resolve().parent.parent.parent
RESULTS = ROOT / "models" / "comparison"


@pytest.fixture(scope="module")
def found() -> run_files.Comparison:
    return run_files.read_run(RESULTS)


@pytest.fixture
def confused(
    open_page: Callable[..., AppTest], table_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., AppTest]:
    """The page with the published table at hand."""
    monkeypatch.setenv("TME_TABLE", str(table_path))
    return lambda **address: open_page("confusion", **address)


def said(elements: object) -> str:
    return "\n".join(str(e.value) for e in elements)


def first_repeat(found: run_files.Comparison, model: str, true: str, called: str) -> set[int]:
    """Rows of a cell in any repeat, by hand."""
    table = found.predictions(model)
    wins = table[[f"p_{e}" for e in EMOTIONS]].idxmax(axis=1).str.removeprefix("p_")
    return set(table.loc[(table["y"] == true) & (wins == called), "row"])


def test_the_matrix_holds_every_development_clip_once(
    confused: Callable[..., AppTest], found: run_files.Comparison
) -> None:
    page = confused()
    assert not page.exception
    matrix = page.dataframe[0].value
    development = found.rows[~found.rows["held_out"]]
    by_true = matrix.groupby("y")["count"].sum().to_dict()
    assert by_true == pytest.approx(development["y"].value_counts().to_dict())
    assert "Click a cell" in said(page.info)


@pytest.mark.parametrize(("true", "called"), [("sad", "relax"), ("happy", "happy")])
def test_a_cell_lists_its_clips_with_values_of_the_table(
    confused: Callable[..., AppTest], found: run_files.Comparison, published: pd.DataFrame, true: str, called: str
) -> None:
    page = confused(true=true, called=called)
    assert not page.exception
    clips = page.dataframe[1].value
    assert set(clips["row"]) == first_repeat(found, found.champion, true, called)
    assert (published.loc[clips["row"], "Class"] == true).all()
    shown = clips.set_index("row")["_RMSenergy_Mean"]
    assert shown.to_dict() == pytest.approx(published.loc[clips["row"], "_RMSenergy_Mean"].to_dict())


def test_another_model_forgets_the_cell_of_the_one_before(confused: Callable[..., AppTest]) -> None:
    page = confused(true="sad", called="relax")
    page = page.selectbox(key="model").select("knn").run()
    assert page.session_state["true"] is None
    assert "Click a cell" in said(page.info)
    page = page.pills(key="true").set_value("angry").run()
    assert "Click a cell" in said(page.info)  # one of the two is no cell
    page = page.pills(key="called").set_value("sad").run()
    assert "angry predicted as" in said(page.header)
    page = page.segmented_control(key="part").set_value("held_out").run()
    assert page.session_state["called"] is None


def test_an_empty_cell_says_so(confused: Callable[..., AppTest], found: run_files.Comparison) -> None:
    page = confused(part="held_out")
    for model in range(len(page.selectbox(key="model").options)):  # the first model with an empty cell
        page = page.selectbox(key="model").select_index(model).run()
        matrix = page.dataframe[0].value
        if (matrix["count"] == 0).any():
            break
    none = matrix[matrix["count"] == 0].iloc[0]
    page = page.pills(key="true").set_value(none["y"]).run()
    page = page.pills(key="called").set_value(none["predicted"]).run()
    assert not page.exception
    assert "No clip is in this cell" in said(page.info)


def test_each_emotion_and_the_gap_are_those_of_the_run(confused: Callable[..., AppTest]) -> None:
    page = confused(model="Random forest")
    scores = pd.read_csv(RESULTS / "scores.csv").query("model == 'random_forest'")
    gap = scores.set_index("measure").loc["class_gap"]
    assert f"is {gap['value']:.3f} ({gap['low']:.3f} to {gap['high']:.3f})" in said(page.markdown)
    assert "criterion of at most 0.10" in said(page.markdown)
    table = next(d.value for d in page.dataframe if "F1" in d.value.columns).set_index("emotion")
    sad = scores[scores["emotion"] == "sad"].set_index("measure")
    assert table.loc["● sad", "F1"].startswith(f"{sad.loc['f1', 'value']:.2f}")
    assert table.loc["● sad", "Clips"] == sad.loc["support", "value"]


def test_without_the_table_clips_are_listed_without_values(
    open_page: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TME_TABLE", raising=False)
    page = open_page("confusion", true="sad", called="relax")
    assert not page.exception
    assert "not available" in said(page.caption)
    assert "_RMSenergy_Mean" not in page.dataframe[1].value


def test_without_results_the_page_says_how_to_get_them(
    open_page: Callable[..., AppTest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TME_MODELS_DIR", str(tmp_path / "none"))
    page = open_page("confusion")
    assert not page.exception
    assert "python \\-m core train" in said(page.info)


def test_labels_to_check_are_those_of_core(confused, found):
    page = confused()
    assert not page.exception
    listed = next(d.value for d in page.dataframe if "doubt" in d.value.columns)
    expected = label_doubts.doubtful_labels(found.predictions(found.champion))
    assert listed["row"].tolist() == expected["row"].tolist()
    assert f"contradict {len(expected)} labels" in said(page.caption)


def test_an_analyst_sees_the_labels_of_people_that_the_model_contradicts(confused, data_dir):
    db = store.open_store(f"sqlite:///{data_dir / 'feedback.db'}")
    music = labelled.music(2)
    labelled.keep_clips(db, music, path="clips/x")
    proba = np.array([[0.91 if e == y else 0.03 for e in EMOTIONS] for y in music["Class"]])
    proba[0] = np.roll(proba[0], 1)
    labelled.predict(db, music, proba, version=describe_model_in_use(Settings()).version)
    labelled.answer(db, music)
    page = confused()
    assert "An analyst also sees here" in said(page.caption)
    store.set_role(db, "Cem", "analyst")
    page = confused(as_person="Cem")
    assert not page.exception
    listed = next(d.value for d in page.dataframe if "file_name" in d.value.columns)
    assert listed["file_name"].tolist() == [f"{music.index[0][:7]}.wav"]
    button = next(b for b in page.button if b.key == "task_check")
    assert button.disabled  # nothing is chosen yet
    store.close_store(db)


@pytest.mark.parametrize(
    ("agreed", "words"), [(0, "No labels that raters agreed on yet"), (12, "none of the 12 labels")]
)
def test_no_doubtful_label_of_people_is_no_praise_when_there_is_no_label(agreed: int, words: str) -> None:
    assert words in doubt_views.none_in_words(agreed)

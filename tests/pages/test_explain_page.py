"""The Explain page: every view of the stored explanations, with and without the table that they belong to."""

from types import SimpleNamespace

import mood_library
import numpy as np
import pandas as pd
import pytest

from core import store
from core.evaluation import run_files
from core.evaluation.clip_errors import clip_errors
from core.features import EXTRACTOR
from core.models import explanation
from core.models.description import describe_model_in_use
from core.models.prediction import predict, probabilities
from core.pipeline.serving import serve
from core.schema import COLUMNS, EMOTIONS, LABEL, FeatureVector
from core.settings import ROOT, Settings
from core.wording import percent
from pages.shared import entering, show
from pages.views.models import explain_clip, explain_stored

VIEWS = ["Overall", "Every clip", "Map", "One feature", "Two features", "One clip", "Check"]


@pytest.fixture
def with_table(table_path, monkeypatch):
    monkeypatch.setenv("TME_TABLE", str(table_path))
    return table_path


def numbers(page, column):
    """The table of the page that has a column."""
    return next(d.value for d in page.dataframe if column in d.value.columns)


def test_every_view_opens_and_draws(open_page, with_table):
    checks = {"Overall": check_importance, "Map": check_map, "One clip": check_rows, "Check": check_other_model}
    for view in VIEWS:
        page = open_page("explain", view=view)
        assert not page.exception, view
        assert not page.error, view
        assert page.get("plotly_chart"), view
        checks.get(view, lambda page: None)(page)


def check_importance(page):
    """The strongest feature comes first in the numbers; one emotion can stand alone."""
    shap = explanation.read_shap(ROOT / "models" / "comparison" / "shap" / "blend.parquet")
    first = explanation.importance(shap, per_emotion=True).iloc[0]
    assert numbers(page, "feature")["importance"].iloc[0] == pytest.approx(first["importance"])
    page.button_group(key="importance_for").set_value("sad").run()
    assert set(numbers(page, "feature")["emotion"]) == {"sad"}


def check_map(page):
    """The map lists the clips that are wrong, with a link to their reasons."""
    run = run_files.read_run(ROOT / "models" / "comparison")
    errors = [clip_errors(run.predictions(run.champion, held_out=part)) for part in (False, True)]
    wrong = {row for table in errors for row in table.loc[table["wrong"] > 0, "row"]}
    listed = numbers(page, "why")
    assert set(listed["row"]) == wrong
    assert listed["why"].iloc[0] == f"explain?view=One%20clip&model=Blend%20of%20four&row={listed['row'].iloc[0]}"
    every = page.toggle(key="only_errors").set_value(False).run()
    assert len(numbers(every, "why")) == len(run.rows)


def check_rows(page):
    """Each row of the table has its own reasons."""
    before = numbers(page, "shap")
    page.selectbox(key="row").select_index(5).run()
    after = numbers(page, "shap")
    assert not page.exception
    assert len(after) == 50 * len(EMOTIONS)
    assert (before["shap"].to_numpy() != after["shap"].to_numpy()).any()


def check_other_model(page):
    """What asks the model itself is offered for the model in use only."""
    assert any("Rank correlation" in caption.value for caption in page.caption)
    page.selectbox(key="model").select_index(1).run()
    assert not page.exception
    assert "only the model in use" in page.info[0].value


def test_without_the_table_it_says_what_is_missing(open_page, monkeypatch):
    monkeypatch.delenv("TME_TABLE", raising=False)
    for view in ("Check", "One feature", "Two features"):
        page = open_page("explain", view=view)
        assert not page.exception
        assert "not available" in page.info[0].value
        assert any("the table is not available" in info.value for info in page.info[1:]), view
        assert not page.get("plotly_chart"), view
    page = open_page("explain", view="Every clip")
    assert page.get("plotly_chart")
    dots = next(d.value for d in page.dataframe if "place" in d.value.columns)
    assert dots["place"].isna().all()


def test_a_link_leads_to_one_row_whose_steps_start_at_the_named_base_and_add_up(open_page, with_table, monkeypatch):
    files: dict[str, object] = {}
    monkeypatch.setattr(
        show.st, "download_button", lambda label, data, *, file_name, **more: files.update({file_name: data})
    )
    page = open_page("explain", view="One clip", row="12")
    assert page.selectbox(key="row").value == 12
    assert "Row 12 is" in page.caption[0].value
    served = serve(Settings())
    table = pd.read_csv(with_table)
    [probability] = probabilities(served.model, table.loc[[12], list(COLUMNS)])
    label = table.loc[12, LABEL]
    assert page.segmented_control(key="emotion_of_12").value == label
    own = numbers(page, "shap")
    own = own[own["emotion"] == label]
    end = probability[EMOTIONS.index(label)]
    assert own["base"].iloc[0] + own["shap"].sum() == pytest.approx(end, abs=1e-6)
    words = " ".join(c.value for c in page.caption)
    assert f"Base value: {percent(own['base'].iloc[0])}" in words
    assert f"add up to {percent(end)}" in words
    version = describe_model_in_use(Settings()).version  # a download names the model as all other pages do
    [name] = [name for name in files if name.endswith(".csv")]
    assert name.endswith(f"_model-{version}.csv")
    assert f"# model: {version}\n" in files[name].decode("utf-8-sig")
    page = page.selectbox(key="model").select_index(1).run()  # of a model that is not in use, the steps are changes
    assert not page.exception
    assert "is not stored for this model" in " ".join(c.value for c in page.caption)
    assert not page.info


def test_a_link_to_a_row_without_reasons_says_so(open_page, with_table):
    page = open_page("explain", view="One clip", row="999")
    assert not page.exception
    [warning] = [w.value for w in page.warning if "Row 999" in w.value]
    assert "has no reasons" in warning
    assert f"Row {page.selectbox(key='row').value} is shown instead" in warning
    assert explain_clip.unknown_row("12", [0, 12]) == ""
    assert explain_clip.unknown_row(None, [0, 12]) == ""


def test_without_a_training_run_it_says_how_to_make_one(open_page, monkeypatch, tmp_path):
    monkeypatch.setenv("TME_MODELS_DIR", str(tmp_path / "none"))
    page = open_page("explain")
    assert not page.exception
    assert "python -m core train" in page.info[0].value.replace("\\", "")


def test_a_clip_of_a_library_has_its_own_reasons(open_page, with_table, data_dir):
    opened = store.open_store(f"sqlite:///{data_dir / 'feedback.db'}")
    (clip_id, *_) = mood_library.stored(opened, data_dir / "music", each=1)
    page = open_page("explain", view="One clip", clip=clip_id)
    assert not page.exception
    assert "Ezgi 0" in " ".join(m.value for m in page.markdown)
    numbers = next(d.value for d in page.dataframe if "shap" in d.value.columns)
    served = serve(Settings())
    vector = FeatureVector(
        clip_id, EXTRACTOR, store.features_of(opened, [clip_id], extractor=EXTRACTOR).iloc[0].to_numpy()
    )
    happy = numbers[numbers["emotion"] == "happy"]
    (prediction,) = predict(served.model, [vector])
    assert happy["base"].iloc[0] + happy["shap"].sum() == pytest.approx(prediction.proba["happy"], abs=1e-9)
    page.button(key="rows_instead").click().run()
    assert page.selectbox(key="row")


def test_a_clip_that_no_library_has_is_a_sentence(open_page, with_table):
    for clip_id in ("0" * 64, "<b>'; DROP TABLE clips"):
        page = open_page("explain", view="One clip", clip=clip_id)
        assert not page.exception
        assert "No library has the clip of this address" in page.warning[0].value


def test_the_clip_of_an_address_is_bounded_before_a_database_sees_it(monkeypatch):
    asked = []
    monkeypatch.setattr(entering.st, "query_params", {"clip": "a\x00\ud800b" + "c" * 999})
    monkeypatch.setattr(explain_stored, "show_stored_clip", asked.append)
    explain_clip.one_clip(None)
    assert asked == ["a b" + "c" * (entering.LONGEST - 4)]


def test_reasons_are_computed_again_when_a_clip_has_other_values(monkeypatch):
    monkeypatch.setattr(explanation, "explain_clip", lambda model, vector, *_, **__: pd.DataFrame([vector.values]))
    served = SimpleNamespace(model=None, background=None)
    values = np.full(50, np.nan)
    found = []
    for rms in (0.1, 0.2):
        values[0] = rms
        vector = FeatureVector("a", EXTRACTOR, values.copy())
        found.append(explain_stored._explained("v", vector, _served=served).iloc[0, 0])
    assert found == [0.1, 0.2]

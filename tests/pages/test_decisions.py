"""The Decisions page: what the sliders say is what is shown and what Predict uses; deep links and the stored policy."""

import json
import shutil

import pytest
from bundles import reseal

from core.evaluation import policy_outcomes
from core.evaluation.run_files import read_run
from core.evaluation.stored_evaluation import headline_result
from core.models import registry
from core.models.description import read_description
from core.models.policy import Policy
from core.settings import ROOT, Settings
from core.wording import tenth_percent, whole_percent


def metric(page, label: str) -> str:
    return next(m.value for m in page.metric if m.label == label)


def shown(page) -> str:
    return "\n".join(str(e.value) for kind in (page.caption, page.markdown) for e in kind)


@pytest.fixture(scope="module")
def known():
    """Predictions of the headline of the committed model."""
    model = read_description(ROOT / "models" / "champion", "models/champion")
    return headline_result(model, Settings()).predictions


def test_it_opens_with_the_stored_policy_and_the_slider_moves_the_figures_and_the_policy_of_all_pages(open_page, known):
    page = open_page("decisions")
    assert not page.exception
    assert page.slider(key="policy_threshold").value == 0.75
    done = policy_outcomes.outcomes(known, Policy())
    assert metric(page, "Accepted") == whole_percent((done["action"] == "accept").mean())
    page.slider(key="policy_threshold").set_value(0.9).run()
    assert not page.exception
    done = policy_outcomes.outcomes(known, Policy(threshold=0.9))
    accepted = done[done["action"] == "accept"]
    assert metric(page, "Accepted") == whole_percent(len(accepted) / len(done))
    assert metric(page, "Right if accepted") == whole_percent(accepted["holds"].mean())
    assert page.session_state["policy"] == Policy(threshold=0.9)
    page.switch_page("pages/predict.py").run()
    assert "an emotion is accepted from a probability of 90 %" in shown(page)
    page.switch_page("pages/decisions.py").run()
    assert page.slider(key="policy_threshold").value == 0.9


def test_the_stored_policy_comes_back(open_page):
    page = open_page("decisions", threshold="0.60", pair="0.90")
    assert page.slider(key="policy_pair").value == 0.9
    next(b for b in page.button if b.label == "Back to the stored policy").click().run()
    assert page.session_state["policy"] == Policy()
    assert page.slider(key="policy_threshold").value == 0.75


def test_a_conformal_policy_keeps_its_promise_and_says_its_floors(open_page):
    page = open_page("decisions", view="Sets")
    page.button_group(key="policy_kind").set_value("conformal").run()
    assert not page.exception
    policy = page.session_state["policy"]
    assert policy.kind == "conformal"
    assert len(policy.floors) == 4
    held = next(d.value for d in page.dataframe if "right one is among them" in d.value.columns)
    assert held["right one is among them"].iloc[0] == pytest.approx(100 * policy.coverage, abs=5)
    assert policy.threshold == 0.75  # kept for the way back


def test_a_link_to_a_conformal_policy_takes_the_learned_floors(open_page):
    page = open_page("predict", kind="conformal")
    stored = json.loads((ROOT / "models" / "champion" / "policy.json").read_text())["conformal"]
    assert page.session_state["policy"].floors == tuple(stored["floors"])


def test_every_view_opens_under_both_policies(open_page):
    for kind in ("threshold", "conformal"):
        for view in ("Risk and coverage", "Each emotion", "Sets", "Reliability", "The badge"):
            page = open_page("decisions", view=view, kind=kind)
            assert not page.exception, (view, kind)
            assert not page.error, (view, kind)
    reference = json.loads((ROOT / "models" / "champion" / "reference.json").read_text())
    assert metric(page, "False alarms") == tenth_percent(reference["false_alarms"])


def test_extremes_are_no_error(open_page):
    page = open_page("decisions")
    page.slider(key="policy_threshold").set_value(1.0)
    page.slider(key="policy_pair").set_value(1.0).run()
    assert not page.exception
    assert metric(page, "Right if accepted") in ("none", "100 %")


def test_without_a_training_run_it_says_so(open_page, monkeypatch, tmp_path):
    monkeypatch.setenv("TME_MODELS_DIR", str(tmp_path / "none"))
    page = open_page("decisions")
    assert not page.exception
    assert "python -m core train" in page.error[0].value.replace("\\", "")


def test_a_model_that_labels_trained_is_shown_on_its_own_clips(open_page, data_dir, monkeypatch):
    models = Settings().models_dir
    folder = shutil.copytree(models / "champion", data_dir / "promoted")
    metrics = json.loads((folder / "metrics.json").read_text())
    metrics["run"]["created_at"] = "2030-01-01T00:00:00+00:00"
    (folder / "metrics.json").write_text(json.dumps(metrics))
    run = read_run(models / "comparison")
    own = run.out_of_fold[run.out_of_fold["model"] == run.champion]
    own.drop(columns=["model", "fold"]).to_csv(folder / "out_of_fold.csv", index=False)
    run.rows.to_csv(folder / "rows.csv", index=False)
    files = [path.name for path in folder.iterdir() if path.name != "manifest.json"]
    reseal(folder, version="blend-new", created_at="2030-01-01T00:00:00+00:00", sha256=dict.fromkeys(files, ""))
    monkeypatch.setattr(
        registry, "find", lambda alias, *, settings: {"champion": registry.RegisteredModel("3", folder)}.get(alias)
    )
    page = open_page("decisions")
    assert not page.exception
    assert not page.error
    assert any("blend-new" in caption.value for caption in page.caption)
    for name in ("compare", "confusion", "explain"):
        page = open_page(name)
        assert not page.exception
        assert "blend-new" in page.warning[0].value.replace("\\", "")


def test_a_limit_for_each_emotion_with_its_price(open_page, known):
    page = open_page("decisions", view="Each emotion")
    assert any("The price:" in c.value for c in page.caption)
    page.toggle(key="policy_by_emotion").set_value(True).run()
    assert not page.exception
    policy = page.session_state["policy"]
    assert policy.thresholds[3] > 0.75  # sad
    done = policy_outcomes.called_outcomes(known, policy).set_index("emotion")
    table = next(d.value for d in page.dataframe if "limit by emotion" in d.value.columns)
    right = 100 * done.loc[["angry", "happy", "relax", "sad"], "right"]  # the column shows percents
    assert table["right then"].tolist() == pytest.approx(right.tolist())
    shown_share = float(metric(page, "Accepted").removesuffix(" %"))
    assert shown_share == pytest.approx(100 * done.loc["all", "accepted"], abs=0.501)  # a whole percent
    page.switch_page("pages/predict.py").run()
    assert f"sad from {whole_percent(policy.thresholds[3])}" in shown(page)
    page.switch_page("pages/decisions.py").run()
    page.toggle(key="policy_by_emotion").set_value(False).run()
    assert page.session_state["policy"] == Policy()

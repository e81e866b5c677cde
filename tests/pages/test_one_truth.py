"""Every page speaks of the same model and shows the figures of its evaluation table.

One small installation is looked at three times: after a training (a challenger waits), after its promotion with a
written reason, and after the rollback. Each figure is computed again with scikit-learn from the downloaded CSV.
"""

import io
from dataclasses import replace
from unittest.mock import patch

import labelled
import numpy as np
import pandas as pd
import pytest
import streamlit as st
from sklearn.metrics import accuracy_score, f1_score

from core import store
from core.access import Person
from core.dataset import loading
from core.evaluation.run_files import read_run
from core.evaluation.stored_evaluation import is_winner, read_evaluation
from core.models import registry
from core.models.description import describe_alias, describe_model_in_use, training_words
from core.schema import EMOTIONS, PROBA
from core.settings import Settings
from core.source_note import without_header
from core.training import candidates, promotion, retraining, sign_off, speed
from core.training.publish import publish_run
from core.wording import whole_percent
from tests.small_training import in_one_process, small_run, small_table

REASON = "The labels of our own recordings matter more to us."


@pytest.fixture
def installation(data_dir, monkeypatch):
    """A committed model, labels of two raters, and a challenger that was trained on them."""
    monkeypatch.setenv("TME_MODELS_DIR", str(data_dir / "models"))
    monkeypatch.setattr(speed, "CLIPS", 2)
    monkeypatch.setattr(speed, "SECONDS", 5.0)
    settings, table = Settings(), replace(small_table(), synthetic=False)
    for module in (loading, retraining):
        monkeypatch.setattr(module, "load_table", lambda *_, **__: table)
    publish_run(replace(small_run()[0], synthetic=False), table, settings.models_dir, speed=True)
    db = store.open_store(settings.database)
    music = labelled.music(6)
    labelled.keep_clips(db, music)
    labelled.answer(db, music)
    with patch.object(candidates, "TREES", 10), in_one_process():
        retraining.train_challenger(db, settings, progress=lambda *_: None, repeats=1, by="Cem")
    yield settings
    store.close_store(db)


@pytest.fixture
def downloads(monkeypatch):
    """Content of the downloads of the page that was opened last, by label."""
    found, button = {}, st.download_button

    def recorded(label, data, *rest, **given):
        found[label] = data
        return button(label, data, *rest, **given)

    monkeypatch.setattr(st, "download_button", recorded)
    return found


def text(page) -> str:
    kinds = (page.error, page.warning, page.info, page.success, page.markdown, page.caption, page.metric)
    return "\n".join(str(element.value) for kind in kinds for element in kind).replace("\\", "")


def as_csv(data) -> pd.DataFrame:
    content = (data() if callable(data) else data).decode("utf-8-sig")
    return pd.read_csv(io.StringIO(without_header(content)))


def again(predictions: pd.DataFrame) -> dict[str, float]:
    """Figures from labels and probabilities alone, mean over the repeats."""
    lines = []
    for _, part in predictions.groupby("repeat"):
        proba, y = part[list(PROBA)].to_numpy(), part["y"].to_numpy()
        proba = proba / proba.sum(axis=1, keepdims=True)
        called, sure = np.array(EMOTIONS)[proba.argmax(axis=1)], proba.max(axis=1)
        f1 = f1_score(y, called, average=None, labels=list(EMOTIONS))
        bins = np.minimum((sure * 15).astype(int), 14)
        gaps = [abs((sure - (called == y))[bins == b].sum()) for b in range(15)]
        line = {"macro_f1": f1.mean(), "accuracy": accuracy_score(y, called), "class_gap": np.ptp(f1)}
        lines.append(line | {"ece": sum(gaps) / len(y), "accepted": (sure >= 0.75).mean()})
    return pd.DataFrame(lines).mean().to_dict()


def check_pages(open_page, settings, downloads) -> dict[str, float]:
    """Compare all pages with the evaluation table of the model in use; return the headline, computed again."""
    model = describe_model_in_use(settings)
    table = read_evaluation(model, settings)
    comparison = read_run(settings.comparison_dir)
    winner = is_winner(model, comparison)
    headline = table.figure("macro_f1")

    page = open_page("compare", view="Criteria")
    assert not page.exception
    assert model.version in text(page)
    figures, predictions = (as_csv(downloads[k]) for k in ("All figures (CSV)", "Predictions behind them (CSV)"))
    for row, part in predictions.groupby("part"):
        for measure, value in again(part).items():
            line = figures[(figures["row"] == row) & (figures["measure"] == measure) & (figures["emotion"] == "all")]
            assert line["value"].item() == pytest.approx(value, abs=2e-5), (row, measure)
            assert line["clips"].item() == part["clip"].nunique()
            assert line["protocol"].item() == part["protocol"].iloc[0]
    shown = page.dataframe[0].value.set_index("row")
    assert shown.loc["Headline", "macro_f1"] == headline.text
    report = downloads["Sign-off report (HTML)"]().decode()
    assert model.version in report
    assert headline.text in report

    card = open_page("compare", view="Model card")
    assert model.version in text(card)
    assert headline.text in model.card
    assert text(card).count(headline.text) >= 2  # above the card and in it

    home = open_page("home")
    assert model.version in text(home)
    assert training_words(model) in text(home)
    assert [m.value for m in home.metric][:2] == [f"{table.figure(m).value:.3f}" for m in ("macro_f1", "accuracy")]
    assert headline.origin in text(home)

    decisions = open_page("decisions")
    assert f"{model.version} ({headline.origin})" in text(decisions)
    accepted = next(m.value for m in decisions.metric if m.label == "Accepted")
    assert accepted == whole_percent(table.figure("accepted").value)
    reliability = text(open_page("decisions", view="Reliability"))
    assert f"Calibration error (ECE, 15 bins): {table.figure('ece').text}" in reliability

    for name in ("compare", "confusion", "explain"):
        warned = [w.value.replace("\\", "") for w in open_page(name).warning]
        assert any(model.version in w for w in warned) == (not winner), name
    if winner:
        tables = [d.value for d in open_page("compare").dataframe]
        board = next(t for t in tables if {"model", "macro_f1"} <= set(t.columns)).set_index("model")
        assert board.loc[comparison.labels_of[comparison.champion], "macro_f1"] == pytest.approx(
            headline.value, abs=1e-5
        )

    learning = open_page("learning", view="Champion and challenger")
    learning.text_input(key="who_name").input("Cem")
    next(b for b in learning.button if b.label == "Start").click().run()
    role = [b for b in learning.button if b.label == "Work as an analyst"]
    if role:
        role[0].click().run()
    assert not learning.exception
    challenger = describe_alias("challenger", settings=settings)
    if challenger is not None:
        for one in (model, challenger):
            assert one.version in text(learning)
            assert f"Macro-F1 {read_evaluation(one, settings).figure('macro_f1').text}" in text(learning)
    return again(predictions[predictions["part"] == "development"])


def test_pages_agree_after_training_promotion_and_rollback(open_page, installation, downloads):
    settings = installation
    before = describe_model_in_use(settings)
    first = check_pages(open_page, settings, downloads)
    challenger = describe_alias("challenger", settings=settings)
    result = promotion.promote(settings, by=Person.machine_owner("Cem"), reason=REASON)
    assert promotion.is_promoted(result, REASON), result.reason
    assert describe_model_in_use(settings).version == challenger.version
    second = check_pages(open_page, settings, downloads)

    history = registry.history(settings=settings).iloc[0]
    assert history["headline_macro_f1"] == pytest.approx(second["macro_f1"], abs=2e-5)
    assert history["decisions"].endswith(f"promoted by Cem: {REASON}")
    report = sign_off.sign_off_html(sign_off.sign_off(settings, in_use=True)).decode()
    assert f"with this reason: {REASON}" in report
    assert "promoted by Cem" in report

    registry.rollback(settings=settings, by=Person.machine_owner("Cem"))
    assert describe_model_in_use(settings).version == before.version
    assert check_pages(open_page, settings, downloads) == first

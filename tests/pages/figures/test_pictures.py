"""Pictures of the figures: each form is a file of its kind, with the source line, and no kind is left out."""

import io

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from PIL import Image

from core.dataset import exploration, stand_in
from core.dataset.open_tables import grouping
from core.evaluation import leaderboard, run_files
from core.settings import ROOT
from pages.figures import clips, dataset, models, pictures, style
from pages.figures.pictures import draw_picture

SOURCE = "Turkish Music Emotion: pairs"


@pytest.fixture(scope="module")
def figures() -> dict[str, go.Figure]:
    frame = stand_in.sample(n_per_class=20)
    groups = grouping(frame)
    seen = exploration.project(frame, groups)
    run = run_files.read_run(ROOT / "models" / "comparison")
    steps = pd.DataFrame({"name": ["Tempo", "Roughness"], "shown": ["1", "2"], "shap": [0.2, -0.1]})
    importance = pd.DataFrame({"feature": ["a", "a", "b"], "emotion": ["sad", "happy", "sad"], "importance": [1, 2, 3]})
    return {
        "violin": style.by_group(frame, "_Tempo_Mean", groups),
        "box": style.by_group(frame, "_Tempo_Mean", groups, kind="box"),
        "points": style.by_group(frame, "_Tempo_Mean", groups, kind="strip"),
        "balance": dataset.group_balance(exploration.group_balance(frame)),
        "effects": dataset.effects(exploration.feature_tests(frame).head(15), name="Kruskal"),
        "correlation": dataset.correlation_map(exploration.correlations(frame), name="x"),
        "map": dataset.projection(seen.points, x="pc1", y="pc2", shares=seen.explained[:2]),
        "outliers": dataset.outlier_map(exploration.outliers(frame, limit=2.5), limit=2.5),
        "pairs": models.differences(leaderboard.comparisons_of(run, run.champion), title="Pairs", axis="difference"),
        "ranking": models.ranking(leaderboard.ranking(run, "macro_f1"), name="F1", champion=run.champion),
        "steps": clips.waterfall(steps, base=0.25, emotion="sad"),
        "importance": clips.importance(importance, title="t"),
        "probabilities": style.probabilities(pd.Series({"sad": 0.7, "happy": 0.3}), threshold=0.5),
        "waveform": style.waveform(np.arange(5.0), -np.ones(5), np.ones(5)),
    }


def test_every_figure_can_be_drawn(figures: dict[str, go.Figure], monkeypatch: pytest.MonkeyPatch) -> None:
    assert Image.open(io.BytesIO(draw_picture(figures["probabilities"], "png", SOURCE))).width == 1600
    monkeypatch.setattr(pictures, "_DPI", 40)
    for name, figure in figures.items():
        drawn = Image.open(io.BytesIO(draw_picture(figure, "png", SOURCE)))
        assert drawn.width == 320, name
        assert len(drawn.convert("RGB").getcolors(maxcolors=10**6) or []) > 10, name


def test_vector_forms_are_files_of_their_kind_with_the_text_of_the_figure(figures: dict[str, go.Figure]) -> None:
    assert draw_picture(figures["map"], "pdf", SOURCE).startswith(b"%PDF")
    svg = draw_picture(figures["map"], "svg", SOURCE).decode()
    assert "<svg" in svg
    assert f"<dc:title>{SOURCE}</dc:title>" in svg


def test_rows_have_the_same_order_as_on_the_page(figures: dict[str, go.Figure]) -> None:
    svg = draw_picture(figures["ranking"], "svg", SOURCE).decode()
    order = list(figures["ranking"].layout.yaxis.categoryarray)  # from below; an SVG is written from below, too
    found = [svg.index(f"<!-- {name} -->") for name in (order[0], order[-1])]
    assert found == sorted(found)


def test_a_mark_changes_the_picture(figures: dict[str, go.Figure]) -> None:
    plain, marked = (draw_picture(figures["balance"], "svg", SOURCE, mark) for mark in ("", "synthetic"))
    assert b"<!-- synthetic -->" in marked
    assert b"<!-- synthetic -->" not in plain


def test_a_kind_of_trace_that_no_page_uses_is_refused() -> None:
    with pytest.raises(ValueError, match="'pie' cannot be drawn"):
        draw_picture(go.Figure(go.Pie(values=[1])), "png", SOURCE)


def test_the_limit_is_written_above_the_bars():
    figure = style.probabilities(pd.Series({"angry": 0.9, "sad": 0.1}), threshold=0.75)
    (note,) = figure.layout.annotations
    assert (note.text, note.yref, note.y, note.yanchor) == ("accept from 75 %", "y domain", 1.0, "bottom")

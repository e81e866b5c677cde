"""The figures of Monitoring: drawn as pictures too, and readable without colours."""

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pages.figures import monitoring as figures
from pages.figures import pictures
from pages.figures.pictures import draw_picture

STEPS = [f"{day:02d} Nov" for day in range(1, 7)]
TABLE = pd.DataFrame(
    {
        "step": STEPS,
        "scored": [5, 0, 7, 8, 3, 9], "refused": [1, 0, 0, 2, 0, 1], "failed": [0, 0, 1, 0, 0, 0],
        "p50": [0.5, np.nan, 0.4, 0.5, 0.6, 0.5], "p95": [1.5, np.nan, 1.4, 1.9, 2.2, 1.5],
        "p95_low": [1.2, np.nan, np.nan, 1.5, 1.8, 1.2], "p95_high": [1.8, np.nan, np.nan, 2.1, 2.9, 1.9],
        "unsure": [0.4, np.nan, 0.5, 0.4, 0.3, 0.4], "low": [0.2, np.nan, 0.3, 0.2, 0.1, 0.2],
        "high": [0.6, np.nan, 0.7, 0.6, 0.5, 0.6], "clips": [5, 0, 7, 8, 3, 9],
        "share": [0.1, 0.1, 0.2, 0.1, 0.3, 0.1], "limit": [0.2] * 6,
    }
)  # fmt: skip
QUALITY = pd.DataFrame(
    {"step": STEPS[:2], "model_version": ["m-1", "m-2"], "f1": [0.6, 0.7], "f1_low": [0.5, 0.6],
     "f1_high": [0.7, 0.8], "promised": [0.65, 0.6], "clips": [30, 40]}
)  # fmt: skip
FEATURES = pd.DataFrame({"feature": ["_Tempo_Mean", "_Roughness_Mean"], "ks": [0.4, 0.05], "drifted": [True, False]})
SLICES = pd.DataFrame(
    {"slice": ["Hicaz", "Rast"], "share": [0.5, 0.2], "low": [0.4, 0.1], "high": [0.6, 0.4], "n": [9, 8]}
)


@pytest.fixture(scope="module")
def drawn():
    changes = pd.DataFrame({"step": STEPS[1:2], "words": ["m-2 promoted"]})
    return {
        "traffic": figures.stacked(TABLE, ["scored", "refused", "failed"], title="t"),
        "shares": figures.stacked(TABLE, ["scored", "refused", "failed"], title="t", share=True),
        "speed": figures.speed(TABLE, limit_s=2.0),
        "unsure": figures.share_line(TABLE, "unsure", title="t", name="unsure"),
        "quality": figures.quality(QUALITY, changes, steps=STEPS),
        "quality without changes": figures.quality(QUALITY, changes.iloc[:0], steps=STEPS),
        "drift": figures.drift(FEATURES, least_effect=0.1),
        "drift over time": figures.drift_over_time(TABLE),
        "slices": figures.by_slice(SLICES, "share", "low", "high", title="t", axis="share"),
    }


def test_every_figure_can_be_drawn_as_a_picture(drawn, monkeypatch):
    monkeypatch.setattr(pictures, "_DPI", 40)
    for name, figure in drawn.items():
        picture = Image.open(io.BytesIO(draw_picture(figure, "png", "source")))
        assert len(picture.convert("RGB").getcolors(maxcolors=10**6) or []) > 10, name


def test_no_two_traces_differ_in_colour_alone(drawn):
    for name, figure in drawn.items():
        looks = [
            t.marker.pattern.shape if t.type == "bar" else (t.marker.symbol, t.line.dash, t.mode, t.fill)
            for t in figure.data
        ]
        assert len(set(looks)) == len(looks), name


def test_shares_of_a_step_add_up_and_an_empty_step_has_none(drawn):
    heights = np.array([trace.y for trace in drawn["shares"].data], dtype=float)
    assert np.nansum(heights, axis=0).tolist() == pytest.approx([1, 0, 1, 1, 1, 1])


def test_the_changes_of_the_model_are_marked(drawn):
    marks = [trace for trace in drawn["quality"].data if trace.name == "the model was changed"]
    assert [list(mark.x) for mark in marks] == [STEPS[1:2]]
    assert list(drawn["quality"].layout.xaxis.categoryarray) == STEPS


def test_names_from_tags_are_short_and_no_markup():
    table = SLICES.assign(slice=["<b>Hicaz</b>", "x" * 300])
    axis = figures.by_slice(table, "share", "low", "high", title="t", axis="share").layout.yaxis
    assert axis.ticktext[0] == "&lt;b&gt;Hicaz&lt;/b&gt;"
    assert list(axis.tickvals) == ["&lt;b&gt;Hicaz&lt;/b&gt;", "x" * 300]
    assert len(axis.ticktext[1]) == 33

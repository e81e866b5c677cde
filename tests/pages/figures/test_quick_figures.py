"""The figures that are built without plotly's checks: the checks find nothing, and the common style is the same."""

import json

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from pages.figures import clips, style

PROBA = pd.Series({"angry": 0.1, "happy": 0.2, "relax": 0.3, "sad": 0.4})
STEPS = pd.DataFrame({"name": list("abc"), "shown": list("123"), "shap": [0.1, -0.05, 0.02]})


@pytest.mark.parametrize(
    "figure",
    [
        style.probabilities(PROBA),
        style.probabilities(PROBA, threshold=0.4),
        style.probabilities(PROBA, threshold=0.75),
        style.waveform(*[np.arange(60.0)] * 3),
        clips.waterfall(STEPS, base=0.25, emotion="sad"),
        clips.waterfall(STEPS, base=None, emotion="sad"),
    ],
)
def test_plotly_accepts_the_figure_and_changes_nothing(figure):
    checked = go.Figure(figure.to_dict())  # raises ValueError for a property that plotly does not know
    assert json.loads(checked.to_json()) == json.loads(figure.to_json())


def test_a_quick_figure_has_the_style_of_the_others():
    trace, axis = go.Bar(x=[1], y=[2]), {"title": {"text": "time"}}
    quick = style.quick_figure([trace], xaxis=axis, yaxis={}, title="A", height=240)
    other = style.apply_style(go.Figure(trace), title="A", height=240).update_xaxes(title="time")
    assert json.loads(quick.to_json()) == json.loads(other.to_json())


def test_figures_do_not_share_what_a_page_changes():
    first, second = (style.waveform(*[np.arange(60.0)] * 3) for _ in range(2))
    first.update_layout(height=96, margin={"l": 0}).update_xaxes(visible=False)
    assert (second.layout.height, second.layout.margin.l, second.layout.xaxis.visible) == (200, 8, None)

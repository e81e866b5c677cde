"""Figures draw what they are given: ends of a waterfall, gaps of silence, quantiles of a box, and no changed input."""

import numpy as np
import pandas as pd
import pytest

from core import plots_clip, plots_decisions
from core.plots import COLOURS
from core.schema import EMOTIONS

STEPS = pd.DataFrame({"name": ["Tempo", "Roughness"], "shown": ["112 bpm", "3"], "shap": [0.3, -0.1]})


def test_a_waterfall_leads_from_the_base_to_the_sum():
    (bars,) = plots_clip.waterfall(STEPS, base=0.25, emotion="sad").data
    assert list(bars.y) == ["average clip", "Tempo", "Roughness", "this clip"]
    assert list(bars.measure) == ["absolute", "relative", "relative", "total"]
    assert list(bars.text) == ["25%", "+30.0%", "-10.0%", "45%"]


def test_without_a_base_changes_are_drawn_from_nothing():
    figure = plots_clip.waterfall(STEPS.assign(shap=[0.3, -0.0001]), base=None, emotion="sad")
    assert list(figure.data[0].text) == ["0%", "+30.0%", "0%", "+30.0%"]  # no "-0.0%"
    assert "+30 points" in figure.layout.title.text


def windows() -> pd.DataFrame:
    table = pd.DataFrame({"start_s": [0, 30, 60], "end_s": [30, 60, 90]}, dtype=float)
    return table.assign(angry=[0.1, np.nan, 0.7], happy=0.1, relax=0.1, sad=[0.7, np.nan, 0.1])


def test_silence_is_a_gap_in_the_mood():
    figure = plots_clip.mood(windows(), marked=(60.0, 90.0))
    assert [t.name for t in figure.data] == list(EMOTIONS)
    assert np.isnan(figure.data[0].y[1])
    assert figure.data[0].connectgaps is not True
    assert list(figure.data[0].x) == [15, 45, 75]
    assert len({t.marker.symbol for t in figure.data}) == 4  # told apart without colour
    assert (figure.layout.shapes[0].x0, figure.layout.shapes[0].x1) == (60, 90)


def test_hours_have_few_marks_and_they_are_round():
    long = pd.DataFrame({"start_s": [0.0], "end_s": [5400.0]}).assign(**dict.fromkeys(EMOTIONS, 0.25))
    marks = plots_clip.mood(long).layout.xaxis.tickvals
    assert len(marks) <= 9
    assert set(np.diff(marks)) == {900}


@pytest.mark.parametrize(("seconds", "words"), [(0, "0:00"), (59.6, "1:00"), (187, "3:07"), (3600, "60:00")])
def test_times_as_on_a_clock(seconds, words):
    assert plots_clip.clock(seconds) == words


def test_boxes_are_the_stored_quantiles():
    q = np.linspace(0, 1, 21)
    curves = pd.concat([pd.DataFrame({"emotion": e, "q": q, "value": 100 * q + i}) for i, e in enumerate(EMOTIONS)])
    figure = plots_clip.place(curves, 70.0, column="_Tempo_Mean")
    box = next(b for b in figure.data if "angry" in b.y[0])
    assert (box.q1[0], box.median[0], box.q3[0]) == (25, 50, 75)
    assert figure.layout.shapes[0].x0 == 70
    assert not plots_clip.place(curves, np.nan, column="_Tempo_Mean").layout.shapes  # nothing measured, no mark


def test_bars_side_by_side_keep_the_emotions_colours():
    table = pd.DataFrame({"as measured": [0.1, 0.2, 0.3, 0.4], "what if": 0.25}, index=list(EMOTIONS))
    figure = plots_clip.beside(table)
    assert {t.name for t in figure.data} == {"as measured", "what if"}
    assert list(figure.data[0].marker.color) == [COLOURS[e] for e in EMOTIONS[::-1]]


def test_the_chosen_policy_is_on_the_figure():
    curve = pd.DataFrame({"threshold": [0.5, 0.9], "coverage": [0.9, 0.4], "accuracy": [0.85, 0.97]})
    figure = plots_decisions.risk_coverage(curve, mark="from 90%", coverage=0.4, accuracy=0.97)
    assert (figure.data[1].x[0], figure.data[1].y[0]) == (0.4, 0.97)


def test_no_figure_changes_its_table():
    table = windows()
    before = table.copy()
    plots_clip.mood(table)
    pd.testing.assert_frame_equal(table, before)

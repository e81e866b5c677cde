"""Figures draw what they are given: ends of a waterfall, gaps of silence, quantiles of a box, and no changed input."""

import numpy as np
import pandas as pd

from core.schema import EMOTIONS
from pages.figures import audio, clips, decisions
from pages.figures.style import COLOURS

STEPS = pd.DataFrame({"name": ["Tempo", "Roughness"], "shown": ["112 bpm", "3"], "shap": [0.3, -0.1]})


def test_a_waterfall_leads_from_the_base_to_the_sum():
    (bars,) = clips.waterfall(STEPS, base=0.25, emotion="sad").data
    assert list(bars.y) == ["average clip", "Tempo", "Roughness", "this clip"]
    assert list(bars.measure) == ["absolute", "relative", "relative", "total"]
    assert list(bars.text) == ["25.0 %", "+30.0", "-10.0", "45.0 %"]


def test_without_a_base_changes_are_drawn_from_nothing():
    figure = clips.waterfall(STEPS.assign(shap=[0.3, -0.0001]), base=None, emotion="sad")
    assert list(figure.data[0].text) == ["0", "+30.0", "0", "+30.0"]  # no "-0.0"
    assert "+30 points" in figure.layout.title.text


def test_each_beat_is_a_line_as_high_as_the_waveform():
    times, low, high = np.array([0.0, 0.5]), np.array([-0.4, -0.2]), np.array([0.3, 0.1])
    figure = audio.waveform_with_beats(times, low, high, np.array([0.1, 0.6]))
    lines = figure.data[-1]
    np.testing.assert_equal(lines.x, [0.1, 0.1, np.nan, 0.6, 0.6, np.nan])
    np.testing.assert_equal(lines.y, [-0.4, 0.4, np.nan, -0.4, 0.4, np.nan])


def test_a_spectrogram_of_notes_names_each_c_and_g():
    notes = ["C4", "C4 +33 ct", "C♯4", "G4", "A4", "C5"]
    figure = audio.note_spectrogram(np.arange(2.0), notes, np.full((6, 2), -80, np.int8))
    assert list(figure.data[0].y) == notes
    assert list(figure.layout.yaxis.tickvals) == ["C4", "G4", "C5"]


def test_a_mel_spectrogram_names_round_frequencies_at_their_bands():
    hz = np.array([190.0, 480.0, 1010.0, 1900.0, 2600.0])
    figure = audio.mel_spectrogram(np.arange(2.0), hz, np.full((5, 2), -80, np.int8))
    assert dict(zip(figure.layout.yaxis.tickvals, figure.layout.yaxis.ticktext, strict=True)) == {
        "190 Hz": "200",
        "480 Hz": "500",
        "1,010 Hz": "1,000",
        "1,900 Hz": "2,000",
    }


def windows() -> pd.DataFrame:
    table = pd.DataFrame({"start_s": [0, 30, 60], "end_s": [30, 60, 90]}, dtype=float)
    return table.assign(angry=[0.1, np.nan, 0.7], happy=0.1, relax=0.1, sad=[0.7, np.nan, 0.1])


def test_silence_is_a_gap_in_the_mood():
    figure = audio.mood(windows(), marked=(60.0, 90.0))
    assert [t.name for t in figure.data] == list(EMOTIONS)
    assert np.isnan(figure.data[0].y[1])
    assert figure.data[0].connectgaps is not True
    assert list(figure.data[0].x) == [15, 45, 75]
    assert len({t.marker.symbol for t in figure.data}) == 4  # told apart without colour
    assert (figure.layout.shapes[0].x0, figure.layout.shapes[0].x1) == (60, 90)


def test_hours_have_few_marks_and_they_are_round():
    long = pd.DataFrame({"start_s": [0.0], "end_s": [5400.0]}).assign(**dict.fromkeys(EMOTIONS, 0.25))
    marks = audio.mood(long).layout.xaxis.tickvals
    assert len(marks) <= 9
    assert set(np.diff(marks)) == {900}


def test_boxes_are_the_stored_quantiles():
    q = np.linspace(0, 1, 21)
    curves = pd.concat([pd.DataFrame({"emotion": e, "q": q, "value": 100 * q + i}) for i, e in enumerate(EMOTIONS)])
    figure = clips.place(curves, 70.0, column="_Tempo_Mean")
    box = next(b for b in figure.data if "angry" in b.y[0])
    assert (box.q1[0], box.median[0], box.q3[0]) == (25, 50, 75)
    assert figure.layout.shapes[0].x0 == 70
    assert not clips.place(curves, np.nan, column="_Tempo_Mean").layout.shapes  # nothing measured, no mark


def test_bars_side_by_side_keep_the_emotions_colours():
    table = pd.DataFrame({"as measured": [0.1, 0.2, 0.3, 0.4], "what if": 0.25}, index=list(EMOTIONS))
    figure = clips.two_clips(table)
    assert {t.name for t in figure.data} == {"as measured", "what if"}
    assert list(figure.data[0].marker.color) == [COLOURS[e] for e in EMOTIONS[::-1]]


def test_the_chosen_policy_is_on_the_figure():
    curve = pd.DataFrame({"threshold": [0.5, 0.9], "coverage": [0.9, 0.4], "accuracy": [0.85, 0.97]})
    figure = decisions.risk_coverage(curve, mark="from 90 %", coverage=0.4, accuracy=0.97)
    assert (figure.data[1].x[0], figure.data[1].y[0]) == (0.4, 0.97)


def test_no_figure_changes_its_table():
    table = windows()
    before = table.copy()
    audio.mood(table)
    pd.testing.assert_frame_equal(table, before)

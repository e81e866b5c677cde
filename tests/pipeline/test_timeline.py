"""Windows over a long recording, one answer for all, and the steadiest stretch."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import AudioError, CoreError
from core.models.policy import Policy
from core.pipeline.timeline import (
    ScoredWindow,
    decide_overall,
    overall,
    steadiest,
    timeline_table,
    warnings,
    with_words,
)
from core.records import Remark, RemarkKind
from core.schema import EMOTIONS
from core.windows import LONGEST_RECORDING_S, spans

SILENT = Remark(RemarkKind.NOT_SCORED, "silent")


def only(emotion: str, p: float) -> dict[str, float]:
    return {e: p if e == emotion else (1 - p) / 3 for e in EMOTIONS}


@given(st.floats(0.5, 20_000), st.floats(30, 60), st.floats(1, 30))
def test_windows_cover_the_recording_and_stay_inside(duration, length, hop):
    found = spans(duration, length_s=length, hop_s=hop)
    assert found[0][0] == 0
    assert duration - 1 <= found[-1][1] <= duration + 1e-6
    assert all(end - start == pytest.approx(min(length, duration)) for start, end in found)
    assert all(0 < b[0] - a[0] <= hop + 1e-6 for a, b in zip(found, found[1:], strict=False))


def test_windows_by_hand():
    assert spans(75.0) == [(0, 30), (15, 45), (30, 60), (45, 75)]
    assert spans(70.0)[-1] == (40.0, 70.0)  # the last one ends with the recording
    assert spans(60.5)[-1] == (30.0, 60.0)  # half a second is no window
    assert spans(12.0) == [(0, 12.0)]


@pytest.mark.parametrize(("length", "hop"), [(29, 15), (61, 15), (30, 0.5), (30, 31), (float("nan"), 15)])
def test_other_windows_are_refused(length, hop):
    with pytest.raises(CoreError, match="second"):
        spans(100, length_s=length, hop_s=hop)


@pytest.mark.parametrize("duration", [LONGEST_RECORDING_S + 1, 2**36 / 44_100, float("inf"), float("nan")])
def test_a_length_that_no_recording_has_is_refused(duration):
    with pytest.raises(AudioError, match="hours; the limit is 6 hours"):
        spans(duration, hop_s=5)
    assert len(spans(LONGEST_RECORDING_S, hop_s=5)) == 4315


def test_mean_and_vote_may_differ():
    table = timeline_table(
        [
            ScoredWindow(0, 30, only("sad", 0.45)),
            ScoredWindow(15, 45, only("sad", 0.45)),
            ScoredWindow(30, 60, only("happy", 1.0)),
        ]
    )
    mean, vote = overall(table), overall(table, "vote")
    assert (mean.label, vote.label) == ("happy", "sad")
    assert mean.shares["happy"] == pytest.approx((1 + 2 * 0.55 / 3) / 3)
    assert vote.shares == {"angry": 0, "happy": pytest.approx(1 / 3), "relax": 0, "sad": pytest.approx(2 / 3)}
    tie = overall(table.iloc[1:], "vote")
    assert tie.label == "happy"  # one each: the surer one


def test_the_answer_for_a_recording_follows_the_decision_policy():
    odd = Remark(RemarkKind.UNLIKE, "its tempo is 999 bpm")

    def decided(*windows, how="mean"):
        found = [ScoredWindow(15.0 * k, 15.0 * k + 30, *window) for k, window in enumerate(windows)]
        table = timeline_table([*found, ScoredWindow(600, 630, None, SILENT)])
        return decide_overall(table, overall(table, how), Policy())

    sure, unsure = only("sad", 0.9), only("sad", 0.4)
    assert decided((sure,), (sure,)).label == "sad"
    assert decided((unsure,), (unsure,)).action == "review"
    two = {"angry": 0.0, "happy": 0.0, "relax": 0.4, "sad": 0.6}
    assert decided((two,)).candidates == ("sad", "relax")
    assert decided((sure,), (sure,), (sure, odd)).label == "sad"
    review = decided((sure,), (sure, odd))
    assert (review.action, review.reason) == (
        "review",
        "Needs review: 1 of 2 windows are unlike the music that this model was trained on. A person has to listen.",
    )
    close = {"angry": 0.0, "happy": 0.49, "relax": 0.0, "sad": 0.51}
    windows = [(close,), (close,), (only("happy", 1.0),)]
    policy = Policy(threshold=0.6)
    table = timeline_table([ScoredWindow(30.0 * k, 30.0 * k + 30, *window) for k, window in enumerate(windows)])
    assert decide_overall(table, overall(table), policy).label == "happy"
    assert decide_overall(table, overall(table, "vote"), policy).candidates == ("sad", "happy")


def test_a_recording_without_music_is_a_sentence():
    table = timeline_table([ScoredWindow(0, 30, None, SILENT)])
    with pytest.raises(AudioError, match="No part of this recording"):
        overall(table)
    assert steadiest(table, "sad") is None


def test_the_steadiest_stretch_is_where_the_mood_holds_before_and_after():
    p = [0.2, 0.99, 0.2, 0.8, 0.8, 0.8, 0.2]  # one bright moment, then a calm passage
    table = timeline_table([ScoredWindow(15.0 * k, 15.0 * k + 30, only("relax", v)) for k, v in enumerate(p)])
    found = steadiest(table, "relax")
    assert (found.start_s, found.end_s) == (60, 90)
    assert (found.lowest, found.mean, found.fits) == (pytest.approx(0.8), pytest.approx(0.8), True)
    angry = steadiest(table, "angry")
    assert not angry.fits  # offered, but it is nowhere the strongest


def test_silence_is_not_steady_and_long_windows_hold_short_stretches():
    table = timeline_table(
        [
            ScoredWindow(0, 60, only("sad", 0.9)),
            ScoredWindow(60, 120, None, SILENT),
            ScoredWindow(120, 180, only("sad", 0.6)),
        ]
    )
    found = steadiest(table, "sad")
    assert (found.start_s, found.end_s, found.lowest) == (0, 30, pytest.approx(0.9))
    short = steadiest(timeline_table([ScoredWindow(0, 12, only("sad", 0.7))]), "sad")
    assert (short.start_s, short.end_s, short.fits) == (0, 12, True)


def test_what_is_suspicious_about_the_audio_is_one_sentence_for_each_kind():
    cut, coarse = Remark(RemarkKind.CUT, "The file may be cut."), Remark(RemarkKind.EIGHT_BIT, "8-bit audio.")
    clipped = [Remark(RemarkKind.CLIPPING, "The recording is clipped.")]
    silent = ScoredWindow(60.0, 90.0, None)
    windows = [ScoredWindow(30.0 * k, 30.0 * k + 30, only("sad", 0.7), audio=(cut, coarse)) for k in range(3)]
    windows[1:] = [replace(window, audio=(*window.audio, *clipped)) for window in windows[1:]]
    assert warnings(windows) == [
        "The file may be cut.",
        "The recording is clipped. (2 of 3 windows, the first from 0:30)",
    ]
    assert warnings([silent]) == []


def test_the_kind_of_a_remark_stands_beside_its_text_in_the_order_of_time():
    odd = Remark(RemarkKind.UNLIKE, "its tempo is 999 bpm, above the usual 60 to 180")
    table = timeline_table([ScoredWindow(30, 60, None, SILENT), ScoredWindow(0, 30, only("sad", 0.7), odd)])
    assert table["start_s"].tolist() == [0, 30]
    assert table["remark"].tolist() == [odd.text, "silent"]
    assert table["remark_kind"].tolist() == [RemarkKind.UNLIKE, RemarkKind.NOT_SCORED]


def test_a_named_mood_replaces_the_models_in_its_window_only():
    unlike = Remark(RemarkKind.UNLIKE, "unlike the training music")
    table = timeline_table([ScoredWindow(30 * k, 30 * k + 30, only("angry", 0.9), unlike) for k in range(3)])
    named = with_words(table, {1: "relax"})
    assert named.loc[1, [f"p_{e}" for e in EMOTIONS]].tolist() == [float(e == "relax") for e in EMOTIONS]
    assert named.loc[1, ["remark", "remark_kind"]].tolist() == ["", ""]
    assert named.drop(index=1).equals(table.drop(index=1))
    assert table.loc[1, "p_angry"] == 0.9  # the model's table stays
    best = steadiest(named, "relax")
    assert best is not None
    assert (best.start_s, best.lowest) == (30.0, 1.0)
    assert with_words(table, {}).equals(table)

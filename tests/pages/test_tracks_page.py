"""The Whole tracks page: windows, mood over time, the steadiest stretch, silence, bad files, stopping and going on."""

import io
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import sqlalchemy as sa

from core import store
from core.audio import synthetic
from core.audio.decoding import Clip
from core.models.policy import Policy
from core.pipeline import measure
from core.schema import SR, FeatureVector
from core.store.schema import clip_owners
from core.windows import spans
from pages.views.clips import timeline, track_run

GOLDEN = Path(__file__).resolve().parent.parent / "golden"


def flac(*parts: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, np.concatenate(parts), SR, format="FLAC")
    return buffer.getvalue()


@pytest.fixture(autouse=True)
def short_parts_measured(monkeypatch) -> None:
    """Measure the three loudest seconds of a window: the page shows the windows, whatever their features are."""
    extract = measure.extract

    def of_a_part(clip: Clip) -> FeatureVector:
        start = max(0, min(int(np.abs(clip.y).argmax()), clip.y.size - 3 * SR))
        part = Clip(f"three seconds of {clip.clip_id}", clip.y[start : start + 3 * SR], clip.sr)
        return replace(extract(part), clip_id=clip.clip_id)

    monkeypatch.setattr(measure, "extract", of_a_part)


@pytest.fixture(scope="module")
def long() -> bytes:
    """35 s of one character, 65 s of silence, 35 s of another."""
    first, second = (synthetic.render(synthetic.DEMOS[c], seconds=35) for c in ("angry", "sad"))
    return flac(first, np.zeros(65 * SR), second)


def upload(page, data: bytes, name: str = "long.flac"):
    return page.file_uploader[0].set_value((name, data, "audio/flac")).run()


def shown(page) -> str:
    kinds = (page.error, page.warning, page.info, page.success, page.caption, page.header)
    return "\n".join(str(e.value) for kind in kinds for e in kind).replace("\\", "")


def origins(page) -> set[str]:
    return {window.result.file.origin for window in page.session_state[timeline.RUN].windows}


def windows(page):
    return next(d.value for d in page.dataframe if "start_s" in d.value.columns)


def test_without_a_recording_it_says_what_to_do(open_page):
    page = open_page("tracks")
    assert not page.exception
    assert "Choose a recording" in shown(page)


def test_a_recording_becomes_a_mood_over_time_by_mean_or_vote_in_windows_of_any_length(open_page, data_dir, long):
    page = upload(open_page("tracks", hop="30"), long)
    assert not page.exception
    assert not page.error
    table = windows(page)
    cut = spans(135, hop_s=30)
    assert table[["start_s", "end_s"]].to_records(index=False).tolist() == cut
    assert table["sad"].isna().tolist() == [a >= 35 and b <= 100 for a, b in cut]
    assert "Windows without music that can be scored" in shown(page)
    opened = store.open_store(f"sqlite:///{data_dir / 'feedback.db'}")
    assert store.clips_table(opened).empty
    assert store.predictions_table(opened).empty
    assert "Nothing of the recording is stored unless you answer" in shown(page)
    assert page.get("plotly_chart")
    assert page.get("audio")
    # Synthetic clips are unlike the training music: they are shown, and none of them is recommended.
    assert "Check their moods by listening" in " ".join(w.value for w in page.warning)
    assert not page.success
    page.button_group(key="how").set_value("vote").run()
    assert "vote of the windows" in shown(page)
    page.button_group(key="wanted").set_value("happy").run()
    assert not page.exception
    assert "★ happy" in shown(page)
    page.slider(key="length").set_value(60).run()  # longer windows are fewer
    assert not page.exception
    assert len(windows(page)) == len(spans(135, length_s=60, hop_s=30)) < len(cut)


def test_a_word_about_a_window_belongs_to_the_window(open_page, data_dir, long):
    page = upload(open_page("tracks", hop="30"), long)
    opened = store.open_store(f"sqlite:///{data_dir / 'feedback.db'}")
    field = next(group for group in page.button_group if str(group.key).startswith("say_"))
    field.set_value("sad").run()
    assert not page.exception
    (row,) = store.feedback_table(opened).to_dict("records")
    assert (row["label"], row["display"]) == ("sad", "shown")
    assert "@0.000+30" in row["clip_id"]
    assert [row["prediction_id"]] == store.predictions_table(opened)["prediction_id"].tolist()
    assert store.clips_table(opened)["clip_id"].tolist() == [row["clip_id"]]
    with opened.engine.connect() as connection:
        assert connection.execute(sa.select(clip_owners.c.clip_id)).scalars().all() == [row["clip_id"]]
    assert "People named the mood of 1 window: 0:00 to 0:30 ● sad." in shown(page)
    table = windows(page)
    assert table["sad"].iloc[0] == 1.0
    assert table["whose_word"].iloc[:2].tolist() == ["own", "model"]


def test_a_silent_recording_gets_a_sentence(open_page):
    page = upload(open_page("tracks"), flac(np.zeros(65 * SR)))
    assert not page.exception
    assert "No part of this recording holds music" in shown(page)


def test_remarks_on_the_audio_are_below_the_headline(open_page):
    first = synthetic.render(synthetic.DEMOS["angry"], seconds=35)
    second = synthetic.render(synthetic.DEMOS["sad"], seconds=35)
    page = upload(open_page("tracks", hop="30"), flac(0.5 * first, np.clip(30 * second, -1, 1)))
    assert not page.exception
    assert "The recording is clipped: its peaks are cut off" in shown(page)
    assert "windows, the first from" in shown(page)


def test_what_is_no_audio_gets_a_sentence_and_nothing_is_stored(open_page, data_dir):
    page = upload(open_page("tracks"), b"no audio at all", "x.wav")
    assert not page.exception
    assert "not audio" in page.error[0].value
    assert store.clips_table(store.open_store(f"sqlite:///{data_dir / 'feedback.db'}")).empty


def test_an_upload_that_is_called_demo_is_an_upload_and_the_demo_is_none(open_page, monkeypatch):
    page = upload(open_page("tracks"), (GOLDEN / "arpeggio_6s.flac").read_bytes(), "my demo recording.flac")
    assert not page.exception
    assert origins(page) == {"upload"}
    monkeypatch.setattr(synthetic, "medley", lambda: synthetic.render(synthetic.DEMOS["sad"], seconds=3))
    timeline._demo.clear()
    page = open_page("tracks")
    page.checkbox(key="track_demo").check().run()
    assert not page.exception
    assert origins(page) == {"demo"}
    timeline._demo.clear()


def test_a_recording_of_too_many_windows_gets_a_sentence(open_page, data_dir, monkeypatch):
    monkeypatch.setattr("core.windows.LONGEST_RECORDING_S", 6.0)
    page = upload(open_page("tracks"), (GOLDEN / "arpeggio_6s.flac").read_bytes())
    assert not page.exception
    assert "Cut out a part" in shown(page)
    assert store.clips_table(store.open_store(f"sqlite:///{data_dir / 'feedback.db'}")).empty


def test_stopping_keeps_what_was_heard_and_the_rest_is_done_and_there_again_after_a_visit_elsewhere(open_page, long):
    page = upload(open_page("tracks", hop="30"), long)
    run = page.session_state[timeline.RUN]
    total = len(run.windows)
    del run.windows[2:]
    run.stopped = True
    page.run()
    assert f"Stopped after 2 of {total} windows" in shown(page)
    assert len(windows(page)) == 2
    next(b for b in page.button if b.label == "Go on").click().run()
    assert not page.exception
    assert len(windows(page)) == total
    headline = page.header[0].value
    page.switch_page("pages/predict.py").run()
    page.switch_page("pages/tracks.py").run()
    assert not page.exception
    assert "The result of **long.flac** from before" in shown(page)
    assert page.header[0].value == headline
    assert len(windows(page)) == total
    assert "Choose the file again to hear" not in shown(page)  # the section that was shown is still here
    page.button(key="close_track").click().run()
    assert "Choose a recording of a minute or more" in shown(page)


def test_the_time_in_the_line_is_no_time_of_the_work(monkeypatch):
    now_s, began_s = [100.0], []

    def after_others(task, **_):
        now_s[0] += 60
        return task()

    def score_source(*_, started, **__):
        began_s.append(started)
        return SimpleNamespace(decided="decided")

    monkeypatch.setattr(track_run, "time", SimpleNamespace(perf_counter=lambda: now_s[0]))
    monkeypatch.setattr(track_run.waiting, "result", after_others)
    monkeypatch.setattr(track_run.scoring, "score_source", score_source)
    monkeypatch.setattr(track_run.cached, "store", lambda: None)
    run, source = SimpleNamespace(answer=None), SimpleNamespace(digest="a")
    served = SimpleNamespace(model=SimpleNamespace(version="v"))
    assert track_run.answer_for_the_file(run, source, served, Policy()) == "decided"
    assert began_s == [160.0]

"""The Predict page: every source of a clip, bad files, answers that are stored once, and the policy of the address."""

import io
import json
import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile
from answers import stored_answers
from streamlit.testing.v1 import AppTest

from core import store, wording
from core.audio import beats
from core.audio.decoding import content_hash
from core.features import EXTRACTOR
from core.labelling.truth import stored_truth
from core.models.description import describe_model_in_use
from core.models.policy import Policy
from core.models.reference import ALL, LEVELS
from core.pipeline import serving
from core.schema import COLUMNS, SR, readable
from core.settings import Settings
from pages.shared import show
from pages.shared.entering import policy as parse
from pages.shared.policy import address

pytestmark = pytest.mark.xdist_group("explainer")  # one worker loads and compiles it, which takes eight seconds
GOLDEN = Path(__file__).resolve().parent.parent / "golden"


@cache
def clip() -> bytes:
    """A golden clip that is quick to measure."""
    return (GOLDEN / "arpeggio_6s.flac").read_bytes()


def wav(y: np.ndarray, sr: int = SR, subtype: str = "PCM_16") -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, y, sr, format="WAV", subtype=subtype)
    return buffer.getvalue()


def mp3() -> bytes:
    buffer = io.BytesIO()
    y = 0.3 * np.sin(2 * np.pi * 440 * np.arange(3 * SR) / SR)
    soundfile.write(buffer, y, SR, format="MP3")
    return buffer.getvalue()


def stored(data_dir: Path) -> store.Store:
    return store.open_store(f"sqlite:///{data_dir / 'feedback.db'}")


def upload(page: AppTest, data: bytes, name: str) -> AppTest:
    return page.file_uploader[0].set_value((name, data, "audio/wav")).run()


def press(page: AppTest, label: str) -> AppTest:
    return next(b for b in page.button if b.label.startswith(label)).click().run()


def say(page: AppTest, emotion: str) -> AppTest:
    return next(b for b in page.button if (b.key or "").startswith(f"say_{emotion}_")).click().run()


def enter(page: AppTest, name: str) -> AppTest:
    return page.text_input(key="who_name").input(name).run()


def shown(page: AppTest) -> str:
    """All sentences on the page."""
    kinds = (page.error, page.warning, page.info, page.success, page.markdown, page.caption, page.header)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def test_without_a_clip_it_says_what_to_do_and_a_policy_that_is_none_is_named(open_page):
    page = open_page("predict", threshold="many")
    assert not page.exception
    assert "Choose a clip" in page.info[0].value
    assert "not used" in page.warning[0].value
    assert page.session_state["policy"] == Policy()


def test_an_upload_is_decided_and_explained_and_nothing_of_it_is_stored(open_page, data_dir, monkeypatch):
    files: dict[str, object] = {}
    monkeypatch.setattr(
        show.st, "download_button", lambda label, data, *, file_name, **more: files.update({file_name: data})
    )
    page = upload(open_page("predict"), clip(), "arpeggio_6s.flac")
    assert not page.exception
    assert not page.error
    assert store.clips_table(stored(data_dir)).empty
    assert store.predictions_table(stored(data_dir)).empty
    assert not list(data_dir.rglob("*.flac"))
    assert "Nothing of this clip is stored" in shown(page)
    assert "In words" in shown(page)
    (table,) = [d.value for d in page.dataframe if len(d.value) == 50]
    assert {"value", "unit", "angry", "happy", "relax", "sad", "distribution"} <= set(table.columns)
    header = page.session_state["source_note"].header("features")  # of the downloads
    model = page.session_state["clip_result"].scored.prediction.model_version
    for line in (
        f"model: {model}",
        f"extractor: {EXTRACTOR}",
        "table: arpeggio_6s.flac",
        f"data: {content_hash(clip())}",
    ):
        assert f"# {line}\n" in header
    for what in ("features_", "reasons_"):
        [name] = [name for name in files if name.startswith(what)]
        lines = files[name].decode("utf-8-sig").splitlines()
        assert "# table: arpeggio_6s.flac" in lines
        assert f"# model: {describe_model_in_use(Settings()).version}" in lines
        assert f"# extractor: {EXTRACTOR}" in lines


def test_a_clip_is_shared_once_and_deleted_with_all_that_belongs_to_it(open_page, data_dir):
    page = press(upload(open_page("predict"), clip(), "arpeggio_6s.flac"), "Share this clip")
    assert not page.exception
    (row,) = store.predictions_table(stored(data_dir)).to_dict("records")
    assert row["file_name"] == "arpeggio_6s.flac"
    assert row["origin"] == "upload"
    assert sum(row[f"p_{e}"] for e in ("angry", "happy", "relax", "sad")) == pytest.approx(1)
    assert Policy.from_json(row["policy"]) == Policy()
    assert len(list(data_dir.rglob("*.flac"))) == 1
    assert "raters can hear and label it" in shown(page)
    page = press(page, "Yes")  # nothing is stored twice
    assert len(store.predictions_table(stored(data_dir))) == 1
    assert len(store.feedback_table(stored(data_dir))) == 1
    assert "also those that you gave on Moods" in shown(page)  # it asks first
    page = press(page, "Delete it for ever")
    assert not page.exception
    assert "Your clip is deleted." in shown(page)
    assert not page.header  # it also leaves the screen, with its explanation
    for table in (store.clips_table, store.predictions_table, store.feedback_table):
        assert table(stored(data_dir)).empty
    assert not list(data_dir.rglob("*.flac"))


def test_a_stored_clip_of_an_earlier_visit_is_listed_and_deleted(open_page, data_dir):
    page = enter(upload(open_page("predict"), clip(), "a.flac"), "Ayşe")
    page = press(press(page, "Yes"), "Close")
    page = open_page("predict")
    assert "Your stored clips" not in {e.label for e in page.expander}  # another session, and not yet known by name
    page.session_state["who"] = "Ayşe"
    page.run()
    assert page.selectbox(key="own_clip").options[0].startswith("a.flac, without sound, ")
    press(page, "Delete it for ever")
    assert store.clips_table(stored(data_dir)).empty


def test_pictures_and_what_if_come_when_one_opens_them_and_survive_a_visit_elsewhere(open_page, monkeypatch):
    """What librosa finds is in ``tests/audio/test_beats.py``; here it finds half the tempo of the clip."""
    name = "![x](evil.example) <b onclick=a()>$1$ :red[a] **b** `c`.flac"
    page = upload(open_page("predict"), clip(), name)
    title = page.header[0].value
    assert re.sub(r"\\(.)", r"\1", title) == name  # literally, once the backslashes have done their work
    for mark in "![]()<>$:*`":
        assert len(re.findall(rf"\\{re.escape(mark)}", title)) == name.count(mark), mark
    assert not page.slider
    assert "The tempo feature is" not in shown(page)
    bpm = page.session_state["clip_result"].scored.vector.values[COLUMNS.index("_Tempo_Mean")]
    heard = beats.Beats(np.arange(0, 6, 120 / bpm), bpm / 2, 0.01)
    monkeypatch.setattr(beats, "track_beats", lambda clip: heard)
    page.session_state["what_if"] = True
    page.toggle(key="clip_beats").set_value(True)
    page.toggle(key="clip_spectrogram").set_value(True).run()
    assert not page.exception
    assert len(page.slider) == 4
    assert "how the model works and not how music works" in shown(page)
    assert "The bands follow the pitch resolution of the ear" in shown(page)
    tempi = f"The tempo feature is {bpm:.0f} bpm. A second method (librosa) finds {bpm / 2:.0f} bpm: the same pulse"
    assert tempi in shown(page)
    page.button_group(key="spectrogram_scale").set_value("notes").run()
    assert not page.exception
    assert "named by the nearest note" in shown(page)
    page.switch_page("pages/decisions.py").run()
    page.switch_page("pages/predict.py").run()
    assert page.header[0].value == title
    page = press(page, "Close")
    assert not page.header


def test_a_recording_from_the_microphone(open_page, data_dir):
    page = open_page("predict")
    page.button_group(key="clip_source").set_value("record").run()
    assert page.audio_input[0].sample_rate == SR
    y = 0.2 * np.random.default_rng(0).standard_normal(2 * SR)
    page.audio_input[0].set_value(("recording.wav", wav(np.clip(y, -1, 1)), "audio/wav")).run()
    assert not page.exception
    assert "so little audio is not reliable" in shown(page)
    press(page, "Share this clip")
    assert store.predictions_table(stored(data_dir))["origin"].tolist() == ["recording"]


def test_a_demo_clip_says_that_it_is_synthetic(open_page, data_dir):
    page = open_page("predict")
    page.button_group(key="clip_source").set_value("demo").run()
    page.button_group(key="clip_demo_0").set_value("angry").run()
    assert not page.exception
    assert not [b for b in page.button if b.key == "share_clip"]
    press(page, "Yes")
    (row,) = store.predictions_table(stored(data_dir)).to_dict("records")
    assert row["origin"] == "demo"
    assert "synthetic" in row["file_name"]


BAD = {
    "not audio": (b"hello, this is a letter and no sound " * 40, "letter.wav", "not audio"),
    "a document": (b"%PDF-1.7" + bytes(100), "scan.pdf", "is a PDF document"),
    "empty": (b"", "nothing.wav", "is empty"),
    "zero length": (wav(np.zeros(0)), "zero.wav", "length is zero"),
    "silent": (wav(np.zeros(SR)), "quiet.wav", "silent"),
    "0.2 s": (wav(0.5 * np.ones(SR // 5)), "blip.wav", r"at least 0\.5 s"),
    "NaN": (wav(np.full(SR, np.nan), subtype="FLOAT"), "nan.wav", "not numbers"),
    "cut MP3": (mp3()[:-3000], "cut.mp3", "truncated"),
    "foreign name": (wav(np.zeros(SR)), "../../x.wav", "silent"),
}


def test_a_phone_recording_is_scored_and_what_is_odd_about_a_file_is_said(open_page):
    cases = Path(__file__).parent.parent / "audio_cases"
    page = upload(open_page("predict"), (cases / "F07_phone.m4a").read_bytes(), "Voice 001.m4a")
    assert not page.exception
    assert not page.error
    page = upload(open_page("predict"), (cases / "F10_cut_at_a_page.ogg").read_bytes(), "take.ogg")
    assert any("it may be cut" in warning.value for warning in page.warning)


def test_a_bad_file_gets_a_sentence_and_nothing_is_stored(open_page, data_dir):
    page = open_page("predict")
    for data, name, expected in BAD.values():
        page = upload(page, data, name)
        assert not page.exception, name
        (error,) = page.error
        assert re.search(expected, error.value.replace("\\", "")), name
        assert "Traceback" not in error.value
        assert ".." not in error.value.replace("\\", "")
    assert store.clips_table(stored(data_dir)).empty
    assert store.predictions_table(stored(data_dir)).empty
    page = upload(page, clip(), "good.flac")
    assert not page.error
    assert "good" in page.header[0].value


def test_a_file_larger_than_allowed_is_refused_unread(open_page, data_dir, monkeypatch):
    monkeypatch.setenv("TME_MAX_UPLOAD_MB", "0.1")
    page = upload(open_page("predict"), wav(0.1 * np.random.default_rng(1).uniform(-1, 1, 2 * SR)), "big.wav")
    assert "at most 0.1 MB" in page.error[0].value.replace("\\", "")
    assert store.clips_table(stored(data_dir)).empty


def test_an_answer_is_stored_at_once_and_only_once(open_page, data_dir):
    page = enter(upload(open_page("predict"), clip(), "a.flac"), "Ayşe")
    next(t for t in page.text_input if t.key.startswith("note_")).set_value("slow; 'DROP TABLE feedback' --")
    page = press(page, "Yes")
    (said,) = store.predictions_table(stored(data_dir)).to_dict("records")
    page = press(page, "Yes")  # sent twice
    assert not page.exception
    (row,) = store.feedback_table(stored(data_dir)).to_dict("records")
    assert row["label"] == row["shown_label"] == said["guess"]
    assert row["rater"] == "Ayşe"
    assert row["comment"].startswith("slow; 'DROP")
    assert row["prediction_id"] == said["prediction_id"]
    assert "Stored" in shown(page)


def test_another_answer_is_another_row_and_undo_takes_the_newest_back(open_page, data_dir):
    page = upload(open_page("predict"), clip(), "a.flac")
    page = press(page, "Yes")
    page = press(page, "No, ")
    assert len(store.feedback_table(stored(data_dir))) == 2
    page = press(page, "Undo")
    table = store.feedback_table(stored(data_dir))
    assert not page.exception
    assert f"Your other answer, **{wording.with_sign(table['label'][0])}**, counts now" in shown(page)
    assert table["kind"].tolist() == ["answer", "answer", "undo"]
    assert table["undone"].tolist() == [False, True, False]
    page = press(page, "Yes")  # an answer after an undo counts
    assert len(store.feedback_table(stored(data_dir))) == 4
    assert table["rater"].str.startswith("anonymous ").all()


def test_undo_takes_back_the_answer_on_the_screen_and_no_other(open_page, data_dir):
    page = upload(open_page("predict"), clip(), "a.flac")
    page = press(enter(page, "Ayşe"), "Yes")
    db = stored(data_dir)
    store.add_clip(db, "c2", file_name="b.wav", duration_s=30, sr=SR)
    store.add_feedback(db, token=store.new_token(), rater="Ayşe", label="sad", clip_id="c2")  # later, elsewhere
    page = press(page, "Undo")
    assert not page.exception
    assert stored_answers(db)["clip_id"].tolist() == ["c2"]
    assert "You have no answer for this clip now" in shown(page)


def test_the_limits_of_the_usual_are_called_what_they_are(open_page):
    y = 0.9 * np.sign(np.sin(2 * np.pi * 5000 * np.arange(6 * SR) / SR))
    page = upload(open_page("predict"), wav(y), "square.wav")
    unusual = next(d for d in page.dataframe if {"low", "high"} <= set(d.value.columns))
    helps = {name: column.get("help") for name, column in json.loads(unusual.proto.columns).items()}
    reference = serving.serve(Settings()).reference
    first = unusual.value.iloc[0]
    column = next(c for c in COLUMNS if readable(c) == first["feature"])
    known = reference.quantiles[ALL][COLUMNS.index(column)]
    assert np.interp([first["low"], first["high"]], known, LEVELS) == pytest.approx([0.05, 0.95])
    assert helps["low"].startswith("5 % of the training clips")
    assert helps["high"].startswith("95 % of the training clips")


def test_two_people_without_a_name_are_two_in_the_trail_and_one_voice(open_page, data_dir):
    for _ in range(2):
        press(upload(open_page("predict"), clip(), "a.flac"), "Yes")
    table = store.feedback_table(stored(data_dir))
    assert table["prediction_id"].nunique() == 1
    assert table["rater"].nunique() == 2
    assert stored_truth(stored(data_dir))[["status", "votes"]].to_numpy().tolist() == [["open", 1]]


def test_a_name_in_use_is_asked_about_before_anything_counts_under_it(open_page, data_dir):
    page = press(upload(open_page("predict"), clip(), "a.flac"), "Share this clip")
    db = stored(data_dir)
    (said,) = store.predictions_table(db).to_dict("records")
    store.add_feedback(db, token=store.new_token(), rater="Ece", label="sad", clip_id=said["clip_id"])
    page = enter(page, "ECE")
    assert "**Ece** has answered here before" in shown(page)
    page = say(page, "angry")
    assert "First confirm your name" in shown(page)
    assert store.feedback_table(db)["label"].tolist() == ["sad"]
    page = say(press(page, "No, use another name"), "angry")
    assert store.feedback_table(db)["rater"].str.startswith("anonymous ").tolist() == [False, True]
    page = say(press(enter(page, "ece"), "Yes, I am Ece"), "happy")
    assert stored_answers(db)[["rater", "label"]].to_numpy().tolist() == [["Ece", "happy"]]
    assert "without a name was taken back" in shown(page)
    assert not page.exception


def test_a_name_that_is_none_is_a_sentence_and_one_that_was_typed_and_not_sent_off_counts(open_page, data_dir):
    page = enter(upload(open_page("predict"), clip(), "a.flac"), "Anonymous")
    assert "for people without a name" in shown(page)
    page = press(page, "Yes")
    assert store.feedback_table(stored(data_dir))["rater"].str.startswith("anonymous ").all()
    page = upload(open_page("predict"), clip(), "a.flac")
    page.text_input(key="who_name").input("Ayşe")
    press(page, "Yes")
    assert store.feedback_table(stored(data_dir))["rater"].tolist()[1:] == ["Ayşe"]


def test_the_name_of_the_label_page_is_that_of_this_page(open_page, data_dir):
    page = open_page("label")
    page.text_input(key="who_name").input("Ayşe")
    page = press(page, "Start")
    page = upload(page.switch_page("pages/predict.py").run(), clip(), "a.flac")
    assert not [t for t in page.text_input if t.key == "who_name"]
    page = press(page, "Yes")
    assert store.feedback_table(stored(data_dir))["rater"].tolist() == ["Ayşe"]
    page = say(press(page, "I am someone else"), "angry")
    assert store.feedback_table(stored(data_dir))["rater"].str.startswith("anonymous ").tolist() == [False, True]


def test_the_policy_of_the_address_decides(open_page, data_dir):
    page = upload(open_page("predict", threshold="0.99", pair="1.00"), clip(), "a.flac")
    assert not page.exception
    press(page, "Share this clip")
    row = store.predictions_table(stored(data_dir)).iloc[0]
    assert Policy.from_json(row["policy"]) == Policy(threshold=0.99, pair_threshold=1.0)
    assert len(json.loads(row["candidates"])) != 1
    page.session_state["policy"] = Policy(threshold=0.25)  # another policy decides the same clip again
    page.run()
    table = store.predictions_table(stored(data_dir))
    assert len(table) == 2
    assert table["p_sad"].nunique() == 1


def test_a_broken_database_costs_the_answer_and_not_the_prediction(open_page, data_dir):
    (data_dir / "feedback.db").write_bytes(b"this is no database " * 100)
    page = upload(open_page("predict"), clip(), "a.flac")
    assert not page.exception
    assert any("damaged" in e.value for e in page.error)
    assert "You cannot answer" in shown(page)
    assert "In words" in shown(page)


def test_addresses_of_policies_go_there_and_back():
    for policy in (Policy(threshold=0.6, pair_threshold=0.8), Policy(kind="conformal", floors=(0.1, 0.2, 0.3, 0.4))):
        assert parse(address(policy), {}) == policy
    learned = Policy(kind="conformal", coverage=0.8, floors=(0.1, 0.2, 0.3, 0.4))
    assert parse({"kind": "conformal"}, {"conformal": learned}) == learned


def test_how_firm_an_answer_is_on_demand(open_page, monkeypatch):
    from core.audio import changes, decoding
    from core.pipeline import stability

    def three_levels(clip):
        for gain_db in changes.GAINS_DB:
            quiet = decoding.Clip("quiet", clip.y * 10 ** (gain_db / 20), clip.sr)
            yield changes.ChangedClip(changes.gain_name(gain_db), quiet)

    monkeypatch.setattr(stability, "small_changes", three_levels)
    page = upload(open_page("predict"), clip(), "a.flac")
    assert not any("small changes leave" in m.value for m in page.markdown)
    page = press(page, "How firm")
    assert not page.exception
    assert any("**Firm: 3 of 3** small changes leave this answer as it is." in m.value for m in page.markdown)
    assert not any(b.label.startswith("How firm") for b in page.run().button)  # the result stays


def test_a_policy_by_emotion_in_the_address():
    policy = parse({"threshold": "0.75", "thresholds": "0.75,0.8,0.75,0.9"}, {})
    assert policy == Policy(thresholds=(0.75, 0.8, 0.75, 0.9))
    assert parse(address(policy), {}) == policy

"""The Playlists page: a list or a path is proposed, one piece is vetoed, files and a sheet are taken along."""

import hashlib
import html
import io
import zipfile
from datetime import time
from pathlib import Path

import pandas as pd
import pytest
import streamlit as st
from streamlit.elements.lib import policies

from core import store
from core.evaluation.accepted_moods import accepted_right_sentence
from core.evaluation.stored_evaluation import read_evaluation
from core.models.description import describe_model_in_use
from core.models.policy import Policy, decide
from core.models.prediction import Prediction
from core.playlists import one_mood
from core.playlists.by_hand import Change, Kind
from core.records import LibraryEntry, LibraryFile, MeasuredClip, Window
from core.schema import FeatureVector
from core.settings import Settings
from core.source_note import without_header
from core.wording import with_sign
from pages.views.library.playlist_address import address_to_restore
from tests import mood_library
from tests.mood_library import EXTRACTOR, downloads, stored


@pytest.fixture
def hashes(data_dir: Path) -> list[str]:
    """A library of 24 pieces that pass for two minutes each; piece k has the title Ezgi k."""
    opened = store.open_store(f"sqlite:///{data_dir / 'feedback.db'}")
    return stored(opened, data_dir / "müzik", each=6, said_s=120.0)


def shown(page) -> str:
    kinds = (page.error, page.warning, page.info, page.success, page.caption, page.markdown, page.header)
    return "\n".join(str(e.value) for kind in kinds for e in kind).replace("\\", "")


def listed(page) -> list[str]:
    """The first lines of the pieces."""
    lines = [str(m.value).replace("\\", "").split("  \n")[0] for m in page.markdown]
    return [line.strip("*") for line in lines if line.startswith("**") and line[2].isdigit()]


def test_without_a_library_it_says_what_to_do(open_page):
    page = open_page("playlists")
    assert not page.exception
    assert "No library has been scored yet" in shown(page)


def test_a_playlist_of_a_mood(open_page, hashes):
    page = open_page("playlists")
    assert not page.exception
    assert len(listed(page)) == 4  # all that are accepted as relax
    assert "too small for 30:00" in shown(page)
    assert "is right in" not in shown(page)  # no accuracy of another model than the one in use
    for number in (2, 3):  # there is one player
        page.button(key=f"play_{number}").click().run()
        assert not page.exception
        assert len(page.get("audio")) == 1
    page.button_group(key="mood").set_value("sad").run()
    assert "Sad, 30 minutes" in shown(page)
    page.button_group(key="standings_mood").set_value(["accepted", "between two"]).run()
    assert len(listed(page)) == 6
    page.button_group(key="standings_mood").set_value([]).run()
    assert not page.exception
    assert "Choose at least one kind of pieces" in shown(page)


def test_pieces_that_need_review_stay_chosen_for_the_other_kind_of_list(open_page, hashes, monkeypatch):
    monkeypatch.setattr(policies, "_shown_default_value_warning", False)  # Streamlit shows it once a process
    page = open_page("playlists")
    page.button_group(key="standings_mood").set_value(["accepted", "needs review"]).run()
    page.button_group(key="kind").set_value("iso").run()
    assert page.button_group(key="standings_iso").value == ["accepted", "between two", "needs review"]
    page.button_group(key="standings_iso").set_value(["accepted", "between two"]).run()
    page.button_group(key="kind").set_value("mood").run()
    assert page.button_group(key="standings_mood").value == ["accepted"]
    assert not page.exception
    assert policies._shown_default_value_warning is False


def test_an_iso_path_by_its_address(open_page, hashes):
    page = open_page("playlists", kind="Iso path", minutes_iso="15", seed="3")
    assert not page.exception
    text = shown(page)
    assert "sad → relax → happy, 15 minutes" in text
    assert "**Step 1**: wanted 100 % ● sad" in text
    assert [m.label for m in page.metric] == ["Pieces", "Length", "Steps", "Weak places"]
    first = listed(page)
    again = open_page("playlists", kind="Iso path", minutes_iso="15", seed="3")
    assert listed(again) == first
    again.query_params["view"] = "Picture"
    again.run()
    assert not again.exception
    assert len(again.get("plotly_chart")) == 2


def test_the_way_is_chosen_where_there_are_two(open_page, hashes):
    page = open_page("playlists", kind="Iso path", minutes_iso="15")
    page.button_group(key="over_sad_happy").set_value("angry").run()
    assert not page.exception
    assert "sad → angry → happy" in shown(page)
    page.button_group(key="goal").set_value("relax").run()
    assert not page.exception
    assert "sad → relax, 15 minutes" in shown(page)


def test_the_list_comes_back_with_the_page_by_the_menu(open_page, hashes):
    page = open_page("playlists", mood=with_sign("sad"), minutes_mood="5")
    page.button(key="veto_1").click().run()
    left, changes = listed(page), page.query_params["changes"]
    page.query_params.clear()
    page.switch_page("pages/home.py").run()
    page.switch_page("pages/playlists.py").run()
    assert not page.exception
    assert listed(page) == left
    assert "Sad, 5 minutes" in shown(page)
    assert page.query_params["changes"] == changes


@pytest.mark.parametrize(
    ("now", "changes", "wanted"),
    [
        ({}, (), {"mood": ["sad"]}),
        ({}, (Change(Kind.VETO, "ab12"),), {"mood": ["sad"], "changes": ["veto.ab12"]}),
        ({"client": "2"}, (), {}),
    ],
)
def test_the_last_address_comes_back_only_without_another_one(now, changes, wanted):
    last = {"mood": ["sad"], "client": ["1"], "changes": ["veto.cd34"]}
    assert address_to_restore(now, last, changes) == wanted


def test_an_address_with_300_vetoes_opens(open_page, hashes):
    page = open_page("playlists", changes=",".join([f"veto.{hashes[2][:10]}", *(f"veto.{k:010x}" for k in range(299))]))
    assert not page.exception
    assert "Undo the last change (100 so far)" in [button.label for button in page.button]
    assert len(listed(page)) == 4


def test_a_veto_changes_one_piece_and_can_be_undone(open_page, hashes):
    page = open_page("playlists", minutes_mood="5")
    before = listed(page)
    assert len(before) == 3
    page.button(key="veto_2").click().run()
    assert not page.exception
    after = listed(page)
    assert [a == b for a, b in zip(after, before, strict=True)] == [True, False, True]
    vetoed = hashes[int(before[1].split()[-1])]
    address = page.query_params["changes"]
    assert address in (f"veto.{vetoed[:10]}", [f"veto.{vetoed[:10]}"])
    for record in ({"changes": f"veto.{vetoed[:10]}"}, {"veto": vetoed[:10]}):  # the second as in version 0.2
        assert listed(open_page("playlists", minutes_mood="5", **record)) == after
    page.button(key="hand_undo").click().run()
    assert listed(page) == before
    assert "changes" not in page.query_params


def say(page, piece: str, mood: str | None, *, number: int = 0):
    """Click a mood for a piece. number : of the own answer that counts."""
    field = page.button_group(key=f"say_{piece}_{number}")
    return field.set_value(mood).run()


def test_a_word_counts_at_once_and_is_taken_back_by_the_same_click(open_page, hashes, data_dir):
    page = open_page("playlists", mood="▲ angry")
    before = listed(page)
    piece = hashes[0]  # the model is sure of angry
    say(page, piece, "relax")
    assert not page.exception
    assert len(listed(page)) == len(before) - 1
    assert "Stored: ■ relax for Şirin 0 - Ezgi 0" in shown(page)
    assert "Whose word: 1 piece yours, 0 agreed by people, 23 the model's." in shown(page)
    page.button_group(key="mood").set_value("relax").run()
    assert "■ relax, your word; the model: angry 88.0 %, accepted" in shown(page)
    page.toggle(key="model_only").set_value(True).run()
    assert "your word" not in shown(page)
    page.toggle(key="model_only").set_value(False).run()
    (row,) = store.feedback_table(store.open_store(f"sqlite:///{data_dir / 'feedback.db'}")).to_dict("records")
    assert (row["clip_id"], row["display"], row["shown_label"]) == (piece, "shown", "angry")
    page.button(key="undo_answer_heard").click().run()
    assert "Taken back: your answer for Şirin 0 - Ezgi 0" in shown(page)
    page.button_group(key="mood").set_value("angry").run()
    assert listed(page) == before


def test_people_who_differ_leave_the_mood_to_the_model(open_page, hashes, data_dir):
    opened = store.open_store(f"sqlite:///{data_dir / 'feedback.db'}")
    for rater, label in (("Ayşe", "relax"), ("Ece", "sad")):
        store.add_feedback(opened, token=store.new_token(), rater=rater, label=label, clip_id=hashes[0])
    page = open_page("playlists", mood="▲ angry")
    assert any("Ezgi 0" in line for line in listed(page))
    assert "People differ about 1 piece." in shown(page)
    store.add_feedback(opened, token=store.new_token(), rater="Can", label="relax", clip_id=hashes[0])
    page = open_page("playlists", mood="▲ angry")
    assert not any("Ezgi 0" in line for line in listed(page))
    page.button_group(key="mood").set_value("relax").run()
    assert "■ relax, people agree; the model: angry 88.0 %, accepted" in shown(page)


def test_never_is_one_click_and_is_undone_in_the_list(open_page, hashes):
    page = open_page("playlists")
    before = listed(page)
    page.button(key="never_1").click().run()
    assert not page.exception
    assert len(listed(page)) == len(before) - 1
    assert "1 of 24 pieces is left out: on the list of what no playlist uses." in shown(page)
    (off,) = [b for b in page.button if b.key.startswith("never_off_")]
    off.click().run()
    assert listed(page) == before
    field = page.selectbox(key="never_folder")
    field.set_value(field.options[0]).run()
    page.button(key="never_folder_put").click().run()
    assert not page.exception
    assert "No usable piece of the library is relax" in shown(page)
    (off,) = [b for b in page.button if b.key.startswith("never_off_")]  # also reached without a playlist
    off.click().run()
    assert listed(page) == before


def test_a_veto_without_another_piece_says_so_and_changes_nothing(open_page, hashes):
    page = open_page("playlists")
    before = listed(page)
    page.button(key="veto_1").click().run()
    assert not page.exception
    assert "No other piece of the library fits here" in shown(page)
    assert listed(page) == before


def test_a_piece_is_chosen_pinned_and_stays_in_the_next_list(open_page, hashes):
    page = open_page("playlists", minutes_mood="5")
    page.button(key="hand_open_2").click().run()
    take = next(button for button in page.button if str(button.key).startswith("hand_take_"))
    ref = str(take.key).removeprefix("hand_take_")
    taken = f"Ezgi {next(k for k, piece in enumerate(hashes) if piece.startswith(ref))}"
    take.click().run()
    assert listed(page)[1].endswith(taken)
    assert "pinned" in shown(page)
    page.number_input(key="seed").set_value(3).run()  # another list
    assert not page.exception
    assert any(line.endswith(taken) for line in listed(page))
    assert f"pin.{ref}.50" in str(page.query_params["changes"])


def test_a_piece_of_another_mood_is_found_and_added_once(open_page, hashes):
    page = open_page("playlists", minutes_mood="5")
    before = listed(page)
    page.text_input(key="add_words").set_value("ezgi 11").run()  # sad, between two
    (add,) = [button for button in page.button if str(button.key).startswith("hand_add_")]
    add.click().run()
    assert not page.exception
    assert len(listed(page)) == len(before) + 1
    assert any(line.endswith("Ezgi 11") for line in listed(page))
    assert "No piece that can be played has these words, or it is in the list already" in shown(page)
    page.button(key="hand_undo").click().run()
    assert listed(page) == before


def test_lengths_that_no_piece_has_are_a_sentence(open_page, hashes):
    page = open_page("playlists", kind="Iso path")
    page.slider(key="lengths").set_range(3.0, 5.0).run()
    assert not page.exception
    assert "The library has no usable piece for: sad, relax, happy" in shown(page)
    assert "the length is not 3:00 to 5:00, as you asked" in shown(page)


def test_the_minutes_of_each_mood_make_the_length(open_page, hashes):
    page = open_page("playlists", kind="Iso path", shape="minutes for each mood", goal="■ relax", minutes_of_sad="5")
    page.number_input(key="minutes_of_relax").set_value(6).run()
    assert not page.exception
    assert "sad → relax, 11 minutes" in shown(page)
    assert page.number_input(key="minutes_iso").disabled


def test_a_file_with_one_channel_is_made_softer(open_page, hashes, data_dir, monkeypatch):
    """Piece k has -20 - k % 6 LUFS, and plays from both loudspeakers."""
    got = downloads(monkeypatch)
    open_page("playlists", view="Files", level="-20")
    written = next(data for name, data in got.items() if name.endswith(".csv"))()
    table = pd.read_csv(io.StringIO(without_header(written.decode("utf-8-sig"))))
    number = table["title"].str.split().str[-1].astype(int)
    assert (table["gain_db"] - number % 6).to_numpy() == pytest.approx(-3.0103, abs=1e-3)


def test_a_mood_without_pieces_and_an_empty_filter(open_page, hashes):
    page = open_page("playlists", words="00 calgi")
    assert not page.exception
    assert "No usable piece of the library is relax" in shown(page)
    page.text_input(key="words").set_value("nothing of the kind").run()
    assert "No piece matches the filter. Widen it" in shown(page)


def test_files_and_levelled_copies(open_page, hashes, data_dir):
    page = open_page("playlists", view="Files", level="-23")
    assert not page.exception
    assert [b.proto.label for b in page.get("download_button")] == ["M3U8", "XSPF", "CSV"]
    page.button(key="render").click().run()
    assert not page.exception
    assert "4 copies" in shown(page)
    (folder,) = (data_dir / "playlists").iterdir()
    assert len(list(folder.glob("*.flac"))) == 4
    assert {p.name for p in folder.glob("playlist.*")} == {"playlist.m3u8", "playlist.xspf", "playlist.csv"}
    page.button_group(key="form").set_value("WAV").run()
    assert "4 copies" not in shown(page)  # those are FLAC


def test_copies_of_a_file_that_is_gone_are_a_sentence(open_page, hashes, data_dir):
    page = open_page("playlists", view="Files")
    for path in (data_dir / "müzik").iterdir():
        path.unlink()
    page.button(key="render").click().run()
    assert not page.exception
    assert "the file was moved or is damaged" in shown(page)


def test_the_session_sheet(open_page, hashes, monkeypatch):
    got = downloads(monkeypatch)
    page = open_page("playlists", view="Session sheet")
    page.text_input(key="sheet_client").set_value("A. <b>").run()
    page.text_input(key="sheet_goal").set_value("Rest").run()
    page.time_input(key="sheet_begins").set_value(time(14, 30)).run()
    assert not page.exception
    assert [b.proto.label for b in page.get("download_button")] == ["Session sheet"]
    (name,) = {name for name in got if name.startswith("session-sheet_relax-30-minutes")}
    text = got[name]().decode()
    assert "<dd>A. &lt;b&gt;</dd>" in text
    assert "<dd>Rest</dd>" in text
    assert "14:30:00" in text
    assert "14:32:00" in text  # the second piece
    assert text.count("The model hears 88.0 % relax (accepted)") == len(listed(open_page("playlists"))) == 4


def test_what_was_typed_for_the_sheet_outlives_other_views_and_goes_into_the_zip(
    open_page, hashes, monkeypatch, tmp_path
):
    got = downloads(monkeypatch)
    page = open_page("playlists", view="Session sheet")
    page.text_input(key="sheet_client").set_value("Client 7").run()
    page.text_area(key="sheet_notes").set_value("Window side").run()
    page.query_params["view"] = "Files"
    page.run()
    page.button(key="render").click().run()
    assert not page.exception
    assert not page.text_input.values or all(t.key != "sheet_client" for t in page.text_input)  # not drawn now
    (name,) = {name for name in got if name.endswith(".zip")}
    with got[name]() as file, zipfile.ZipFile(file) as archive:
        text = archive.read("session-sheet.html").decode()
    assert "<dd>Client 7</dd>" in text
    assert "<dd>Window side</dd>" in text
    assert "the copies include the gain" in text
    page.query_params["view"] = "Session sheet"
    page.run()
    assert page.text_input(key="sheet_client").value == "Client 7"
    assert page.text_area(key="sheet_notes").value == "Window side"


def test_the_accuracy_of_accepted_moods_is_that_of_the_model_that_scored_the_pieces(open_page, data_dir, monkeypatch):
    model = describe_model_in_use(Settings())
    stored(store.open_store(f"sqlite:///{data_dir / 'feedback.db'}"), data_dir / "müzik", model=model.version)
    line = accepted_right_sentence(read_evaluation(model, Settings()), ["relax"])
    assert 'an accepted "relax" is right in' in line
    assert line in shown(open_page("playlists"))
    got = downloads(monkeypatch)
    open_page("playlists", view="Session sheet")
    (name,) = {name for name in got if name.startswith("session-sheet")}
    assert line in html.unescape(got[name]().decode())


# --- what is left out, and what is not done twice


def test_files_that_are_gone_and_recordings_that_are_there_twice_are_left_out_and_said(open_page, data_dir):
    opened = store.open_store(f"sqlite:///{data_dir / 'feedback.db'}")
    hashes = stored(opened, data_dir / "müzik", each=6, said_s=120.0)
    again(opened, hashes[2], data_dir / "müzik" / "copy.flac")
    page = open_page("playlists")
    assert not page.exception
    assert "1 of 25 pieces is left out: the same recording as another piece, by the sound." in shown(page)
    assert len(listed(page)) == 4
    sorted((data_dir / "müzik").iterdir())[6].unlink()  # a relaxed one
    st.cache_resource.clear()  # as after a minute
    page = open_page("playlists")
    assert "left out: the file is missing or was changed" in shown(page)
    assert len(listed(page)) == 3


def again(opened, piece: str, path: Path) -> None:
    """Another file of the same recording: other bytes, a name that tells nothing, nearly the same features."""
    mood_library.tone(path, 321, seconds=14.0)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    features = store.features_table(opened, EXTRACTOR, clip_ids=[piece])
    values = features.iloc[0].to_numpy() * 1.0001
    part = MeasuredClip(FeatureVector(digest, EXTRACTOR, values), 0.0, 14.0, -20.0, 22_050, 300_000, 120.0)
    windows = (Window(0.0, 14.0, digest),)
    size = path.stat().st_size
    file = LibraryFile(str(path), "excerpt", size, "s", "scored", "", EXTRACTOR, digest, 14.0, windows)
    store.save_files(opened, [LibraryEntry(file, (part,), {"title": "copy"})])
    prediction = Prediction(digest, "model-1", EXTRACTOR, {"angry": 0.02, "happy": 0.02, "relax": 0.86, "sad": 0.1})
    store.save_predictions(opened, [(prediction, decide(prediction, Policy()))], policy=Policy())


def test_a_click_on_the_player_chooses_no_pieces_again(open_page, hashes, monkeypatch):
    calls = []
    real = one_mood.build_one_mood
    monkeypatch.setattr(one_mood, "build_one_mood", lambda *a, **k: (calls.append(1), real(*a, **k))[1])
    page = open_page("playlists", minutes_mood="5")
    page.button(key="play_2").click().run()
    page.slider(key="level").set_value(-20).run()
    page.button(key="veto_2").click().run()
    page.button(key="hand_undo").click().run()
    assert not page.exception
    assert len(calls) == 1
    page.number_input(key="seed").set_value(1).run()
    assert len(calls) == 2

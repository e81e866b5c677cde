"""The Library page: choosing, starting, progress that survives a reload, results to filter, and what was not scored."""

import shutil
import time

import libraries
import numpy as np
import pandas as pd
import pytest
import soundfile
import streamlit as st
from owner import OWNER

from core import store
from core.audio import synthetic
from core.errors import CoreError
from core.library import places
from core.library.results import TYPES
from core.pipeline import jobs
from core.records import MUSIC_TAGS
from core.schema import SR
from core.settings import Settings
from pages.shared import login, who
from pages.views.library import run_results


@pytest.fixture
def opened(data_dir):
    db = store.open_store(f"sqlite:///{data_dir / 'feedback.db'}")
    yield db
    store.close_store(db)


@pytest.fixture
def launched(monkeypatch):
    """Commands that would have been started."""
    commands = []
    monkeypatch.setattr(jobs, "launch", lambda _store, name, command, **_: commands.append((name, command)))
    return commands


def said(page) -> str:
    kinds = (page.error, page.warning, page.info, page.success, page.caption, page.header)
    return "\n".join(str(e.value) for kind in kinds for e in kind).replace("\\", "")


def start(page, folder):
    page.text_input(key="library_folder").set_value(str(folder)).run()
    return page.button(key="library_start").click().run()


def test_without_results_it_says_what_to_do_and_nobody_is_asked_for_a_name(open_page):
    page = open_page("library")
    assert not page.exception
    assert "Choose a folder with music" in said(page)
    assert page.button(key="library_start")
    assert not page.text_input[0].key.startswith("who")


def test_a_folder_is_scored_in_the_background_and_the_results_are_shown(open_page, opened, data_dir, monkeypatch):
    monkeypatch.setenv("TME_WORKERS", "1")
    music = libraries.folder(data_dir / "music", 3)
    (music / "text.wav").write_text("no audio")
    soundfile.write(music / "relax.wav", synthetic.render(synthetic.DEMOS["relax"], seconds=6), SR)
    soundfile.write(music / "relax.flac", 0.5 * synthetic.render(synthetic.DEMOS["relax"], seconds=6), SR)
    page = start(open_page("library"), music)
    assert not page.exception
    deadline = time.monotonic() + 240
    while store.latest_job(opened, "library").state == "running":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert store.latest_job(opened, "library").state == "done", store.latest_job(opened, "library").message
    page = open_page("library")  # as after a reload
    assert not page.exception
    assert {m.label: m.value for m in page.metric} | {"Took": ""} == {
        **{"Files": "6", "Scored": "5", "Not scored": "1", "Copies": "1", "Took": ""},
    }
    refused, unlike, scored = (d.value for d in page.dataframe)
    assert set(unlike["file"]) == set(scored.loc[scored["answer"] == "review, unlike music", "file"])
    columns = list(run_results.COLUMNS)
    assert max(map(columns.index, MUSIC_TAGS)) < columns.index("decision_reason")  # on the screen without scrolling
    assert not set(unlike["file"]) & set(refused["file"])
    assert refused["file"].tolist() == ["text.wav"]
    assert refused["state"].tolist() == ["no usable audio"]
    assert "not audio" in refused["reason"].iloc[0]
    assert len(scored) == 5
    assert scored.set_index("file").loc["relax.flac", "same"] == "relax.wav"  # the higher bit rate is the original
    assert scored["percent"].is_monotonic_decreasing
    page.text_input(key="library_words").set_value("RELAX").run()
    assert set(page.dataframe[2].value["file"]) == {"relax.wav", "relax.flac"}
    page.slider(key="library_least").set_value(100).run()
    assert not page.exception
    assert "No file matches the filter" in said(page)
    assert page.text_input(key="library_folder").value == str(music)


def test_what_is_no_folder_gets_a_sentence_and_nothing_starts(open_page, launched):
    page = open_page("library")
    for folder, match in (("nowhere", "There is no folder"), ("s3://b/c", "command line"), ("", "Type the path")):
        page = start(page, folder)
        assert not page.exception
        assert match in said(page)
    assert launched == []


def test_only_the_folder_that_is_set_may_be_scored(open_page, launched, data_dir, monkeypatch):
    (data_dir / "music").mkdir()
    monkeypatch.setenv("TME_LIBRARY_DIR", str(data_dir / "music"))
    page = open_page("library")
    assert page.text_input(key="library_folder").value == str(data_dir / "music")
    page = start(page, data_dir)
    assert "cannot be used here" in said(page)
    assert launched == []
    start(page, data_dir / "music")
    ((_, command),) = launched
    assert command[command.index("--within") + 1] == str(data_dir / "music")  # no link leads the run out of it


def test_the_command_says_folder_policy_and_windows(open_page, launched, data_dir):
    (data_dir / "music").mkdir()
    page = open_page("library", threshold="0.6")
    page.toggle(key="library_whole").set_value(True).run()
    page.slider(key="library_length").set_value(40).run()
    page.slider(key="library_hop").set_value(20).run()
    page = start(page, data_dir / "music")
    assert not page.exception
    ((name, command),) = launched
    assert name == "library"
    assert command[:2] == ["score", str(data_dir / "music")]
    given = dict(zip(command[2::2], command[3::2], strict=True))
    assert given["--out"].startswith(str(data_dir / "library"))
    assert '"threshold": 0.6' in given["--policy"]
    assert (given["--window"], given["--hop"]) == ("40", "20")


def test_files_that_are_sent_are_kept_and_scored(open_page, launched, data_dir):
    page = open_page("library")
    page.button_group(key="library_source").set_value("files").run()
    sent = [("../a.wav", libraries.tiny(1), "audio/wav"), ("b.wav", libraries.tiny(2), "audio/wav")]
    page.file_uploader[0].set_value(sent).run()
    page.button(key="library_start").click().run()
    assert not page.exception
    ((_, command),) = launched
    kept = sorted(p for p in (data_dir / "library" / "uploads").rglob("*") if p.is_file())
    assert [p.name for p in kept] == ["a.wav", "b.wav"]
    assert command[1] == str(kept[0].parent)
    assert "--within" not in command
    assert not page.file_uploader[0].value  # empty again


def test_what_was_sent_is_told_with_its_size_and_removed_when_asked(open_page, data_dir):
    settings = Settings()
    first = places.save_uploads([("a.wav", bytes(1_500_000)), ("b.wav", b"1")], settings, by=OWNER)
    second = places.save_uploads([("c.wav", bytes(250_000))], settings, by=OWNER)
    (data_dir / "playlists/relax").mkdir(parents=True)
    (data_dir / "playlists/relax/1.flac").write_bytes(bytes(700_000))
    page = open_page("library")
    assert not page.exception
    assert f"Uploaded files: 3 files, 1.8 MB in {first.parent}" in said(page)
    assert f"Levelled copies of playlists: 1 file, 0.7 MB in {data_dir / 'playlists'}" in said(page)
    assert page.selectbox(key="library_upload").value == str(second)  # the newest
    page.selectbox(key="library_upload").set_value(str(first)).run()
    page.button(key="library_remove").click().run()
    assert not page.exception
    assert not first.exists()
    assert second.exists()
    assert f"Uploaded files: 1 file, 0.2 MB in {first.parent}" in said(page)


def test_where_a_login_is_configured_it_is_asked_for_and_only_analysts_remove_uploads(open_page, data_dir, monkeypatch):
    places.save_uploads([("a.wav", b"1")], Settings(), by=OWNER)
    people = [None]
    monkeypatch.setattr(login, "login_configured", lambda: True)
    monkeypatch.setattr(login, "is_logged_in", lambda: people[0] is not None)
    monkeypatch.setattr(who, "_logged_in", lambda _: people[0])
    monkeypatch.setattr(who, "_offer_login", lambda purpose: st.info("Please log in."))
    page = open_page("library")
    assert not page.exception
    assert "Please log in." in said(page)
    assert not [b for b in page.button if b.key == "library_start"]
    for role in ("therapist", "analyst"):
        people[0] = store.Rater("ece@example.org", True, role)
        page.run()
        assert not page.exception
        assert page.button(key="library_start")
        assert len([b for b in page.button if b.key == "library_remove"]) == (role == "analyst")


def test_without_files_nothing_starts(open_page, launched):
    page = open_page("library")
    page.button_group(key="library_source").set_value("tree").run()
    page.button(key="library_start").click().run()
    assert "No file was uploaded" in said(page)
    assert launched == []


def test_a_run_that_goes_on_is_shown_to_everybody_and_can_be_cancelled(open_page, opened):
    job = store.start_job(opened, "library")
    store.report_job(opened, job.job_id, 0.25, "250 of 1,000 files, 2.0 per second, 6 min left, 3 not scored")
    for _ in range(2):  # a reload changes nothing
        page = open_page("library")
        assert not page.exception
        (bar,) = page.get("progress")
        assert bar.proto.value == 25
        assert "250 of 1,000 files, 2.0 per second, 6 min left, 3 not scored" in bar.proto.text.replace("\\", "")
        assert page.button(key="library_start").disabled
    page.button(key="library_cancel").click().run()
    assert store.latest_job(opened, "library").cancel
    assert "Stopping" in said(page)


def test_a_run_that_ended_early_says_why_and_how_to_go_on(open_page, opened):
    for state, match in (
        ("failed", "ended early. The disk is full. The results so far are stored"),
        ("cancelled", "was cancelled at 25 %"),
    ):
        job = store.start_job(opened, "library")
        store.report_job(opened, job.job_id, 0.25)
        store.finish_job(opened, job.job_id, state=state, message="The disk is full.")
        page = open_page("library")
        assert not page.exception
        assert match in said(page)
        assert not page.button(key="library_start").disabled


@pytest.mark.parametrize("state", ["cancelled", "failed"])
def test_a_run_of_sent_files_goes_on_with_them_as_long_as_they_are_there(
    open_page, opened, launched, data_dir, monkeypatch, state
):
    (data_dir / "music").mkdir()
    monkeypatch.setenv("TME_LIBRARY_DIR", str(data_dir / "music"))  # what was sent is always allowed
    sent = places.save_uploads([("a.wav", libraries.tiny(1))], Settings(), by=OWNER)
    job = store.start_job(opened, "library")
    about = {"folder": str(sent), "window": 40.0, "hop": 20.0}
    store.finish_job(opened, job.job_id, state=state, message="The disk is full.", result=about)
    page = open_page("library")
    assert "start again" not in said(page)
    page.button(key="library_go_on").click().run()
    assert not page.exception
    ((name, command),) = launched
    assert (name, command[:2]) == ("library", ["score", str(sent)])
    assert command[-4:] == ["--window", "40", "--hop", "20"]
    assert command[command.index("--within") + 1] == str(Settings().uploads_dir)
    places.remove_upload(sent, Settings(), by=OWNER)
    page = open_page("library")
    assert not page.exception
    assert "The uploaded files no longer exist; upload them again to continue." in said(page)
    assert not [b for b in page.button if b.key == "library_go_on"]


def test_a_run_of_a_folder_goes_on_there_and_only_where_it_may_be_read(
    open_page, opened, launched, data_dir, monkeypatch
):
    (data_dir / "music").mkdir()
    job = store.start_job(opened, "library")
    about = {"folder": str(data_dir / "music"), "window": None, "hop": None}
    store.finish_job(opened, job.job_id, state="cancelled", result=about)
    open_page("library").button(key="library_go_on").click().run()
    ((_, command),) = launched
    assert command[1] == str(data_dir / "music")
    assert "--window" not in command
    (data_dir / "other").mkdir()
    monkeypatch.setenv("TME_LIBRARY_DIR", str(data_dir / "other"))
    page = open_page("library").button(key="library_go_on").click().run()
    assert "cannot be used here" in said(page)
    assert len(launched) == 1


def test_results_whose_file_is_gone_are_not_offered(open_page, opened, data_dir):
    job = store.start_job(opened, "library")
    gone = {"out": str(data_dir / "gone.parquet"), "folder": "x", "found": 1}
    store.finish_job(opened, job.job_id, result=gone)
    page = open_page("library")
    assert not page.exception
    assert "Choose a folder with music" in said(page)


def results(opened, data_dir, *states, **columns):
    """A finished run with a file in each state. columns : values of these columns, one a file."""
    rows = [
        dict.fromkeys(TYPES) | {"file": f"a*b {k}.wav", "path": f"x{k}", "state": state, "reason": "No audio."}
        for k, state in enumerate(states)
    ]
    table = pd.DataFrame(rows).assign(**columns)
    table = table.assign(**{c: table[c].fillna("").astype("str") for c, k in TYPES.items() if k == "str"})
    table = table.astype({c: k for c, k in TYPES.items() if k != "str"})
    table.to_parquet(data_dir / "out.parquet")
    said = {"out": str(data_dir / "out.parquet"), "folder": "a*b", "found": len(states), "measured": 1, "seconds": 1.0}
    job = store.start_job(opened, "library")
    known = {"scored": states.count("scored"), "plan": "excerpt", "model_version": "m"}
    store.finish_job(opened, job.job_id, result=said | known)


def test_results_and_uploads_are_found_after_the_data_folder_was_moved(open_page, opened, data_dir):
    results(opened, data_dir, "scored", guess="sad", confidence=0.9)
    table = places.new_results(Settings(), by=OWNER)
    shutil.move(data_dir / "out.parquet", table)
    old = "/srv/old/data/library"
    before = {"out": f"{old}/{table.name}", "folder": f"{old}/uploads/20260102-030405-000001"}
    known = store.latest_job(opened, "library").result
    job = store.start_job(opened, "library")
    store.finish_job(opened, job.job_id, result=known | before)
    page = open_page("library")
    assert not page.exception
    assert {m.label: m.value for m in page.metric}["Files"] == "1"
    assert "Uploaded files" in said(page)


def test_a_copy_by_bytes_and_by_sound_is_one_copy(open_page, opened, data_dir):
    same, near = ["", "a*b 0.wav", "", "a*b 0.wav"], ["", "a*b 0.wav", "a*b 0.wav", ""]
    results(
        opened, data_dir, *["scored"] * 4, same_content_as=same, near_duplicate_of=near, guess="sad", confidence=0.9
    )
    page = open_page("library")
    assert {m.label: m.value for m in page.metric}["Copies"] == "3"


def test_the_search_knows_turkish_letters(open_page, opened, data_dir):
    titles, artists = ["Işık", "Gül", "Akşam"], ["Özgür", "Ali", "Veli"]
    results(opened, data_dir, *["scored"] * 3, title=titles, artist=artists, guess="sad", confidence=0.9)
    page = open_page("library")
    for words in ("IŞIK", "isik", "ışık", "özgür IŞIK", "OZGUR"):
        page.text_input(key="library_words").set_value(words).run()
        assert not page.exception
        assert page.dataframe[0].value["title"].tolist() == ["Işık"], words


def test_a_word_about_a_result_counts_in_the_table_and_in_its_filter(open_page, opened, data_dir):
    piece = "c" * 64
    store.add_clip(opened, piece, file_name="a.wav", duration_s=30.0, sr=44_100)
    results(opened, data_dir, "scored", "scored", guess="sad", confidence=0.4, clip_id=[piece, "d" * 64])
    page = open_page("library")
    page.selectbox(key="library_heard").set_value(0).run()
    page.button_group(key=f"say_{piece}_0").set_value("happy").run()
    assert not page.exception
    assert page.dataframe[0].value[["mood", "said"]].values.tolist() == [
        ["★ happy", "your word; the model: sad"],
        ["● sad", "the model"],
    ]
    page.toggle(key="library_sure").set_value(True).run()
    assert page.dataframe[0].value["file"].tolist() == ["a*b 0.wav"]
    page.toggle(key="model_only").set_value(True).run()
    assert "No file matches the filter" in said(page)


def test_nothing_scored_is_no_empty_table(open_page, opened, data_dir):
    results(opened, data_dir, "refused")
    page = open_page("library")
    assert not page.exception
    (shown,) = page.dataframe
    assert shown.value["file"].tolist() == ["a*b 0.wav"]
    assert np.all(shown.value["reason"] == "No audio.")


def test_a_table_too_large_for_a_page_is_named_and_what_was_not_scored_is_shown(
    open_page, opened, data_dir, monkeypatch
):
    from pages.views.library import run_choice

    monkeypatch.setattr(run_choice, "MOST", 3)
    results(opened, data_dir, "scored", "refused", "scored", "scored")
    page = open_page("library")
    assert not page.exception
    (shown,) = page.dataframe
    assert shown.value["file"].tolist() == ["a*b 1.wav"]
    assert str(data_dir / "out.parquet") in said(page)


def test_an_upload_whose_run_cannot_start_leaves_nothing_and_stays_in_the_field(open_page, data_dir, monkeypatch):
    def refuse(*_, **__):
        raise CoreError("A library is being scored already.")

    monkeypatch.setattr(jobs, "launch", refuse)
    page = open_page("library")
    page.button_group(key="library_source").set_value("files").run()
    page.file_uploader[0].set_value([("a.wav", b"1", "audio/wav")]).run()
    page.button(key="library_start").click().run()
    assert "is being scored already" in said(page)
    assert places.uploads(Settings()) == []
    assert [file.name for file in page.file_uploader[0].value] == ["a.wav"]


def test_no_upload_is_removed_while_a_library_is_scored(open_page, opened, data_dir):
    places.save_uploads([("a.wav", b"1")], Settings(), by=OWNER)
    page = open_page("library")
    store.start_job(opened, "library")  # by somebody else, after this page was drawn
    page.button(key="library_remove").click().run()
    assert "Wait until the run has ended" in said(page)
    assert len(places.uploads(Settings())) == 1


def test_after_a_run_the_page_shows_that_run(open_page, opened, data_dir):
    for _ in range(2):
        results(opened, data_dir, "scored", guess="sad", confidence=0.9)
    page = open_page("library")
    (box,) = [s for s in page.selectbox if s.label == "Results of"]
    box.select_index(1).run()  # an earlier run
    results(opened, data_dir, "scored", "scored", guess="sad", confidence=0.9)
    page.run()
    assert {m.label: m.value for m in page.metric}["Files"] == "2"


def test_a_folder_is_scored_again_with_the_same_windows(open_page, opened, launched, data_dir):
    results(opened, data_dir, "scored", guess="sad", confidence=0.9)
    assert open_page("library").button(key="library_again").disabled  # its folder is gone
    (data_dir / "music").mkdir()
    known = store.latest_job(opened, "library").result | {"window": 40.0, "hop": 20.0}
    job = store.start_job(opened, "library")
    store.finish_job(opened, job.job_id, result=known | {"folder": str(data_dir / "music")})
    open_page("library").button(key="library_again").click().run()
    ((_, command),) = launched
    assert command[1] == str(data_dir / "music")
    assert command[-4:] == ["--window", "40", "--hop", "20"]


def test_a_folder_is_found_by_browsing_and_offered_again(open_page, opened, launched, data_dir):
    (data_dir / "music" / "Ney taksimi").mkdir(parents=True)
    page = open_page("library")
    page.text_input(key="library_folder").set_value(f' "{data_dir / "music"}" ').run()
    page.selectbox(key="library_browsed").select(str(data_dir / "music" / "Ney taksimi")).run()
    assert page.text_input(key="library_folder").value == str(data_dir / "music" / "Ney taksimi")
    page.button(key="library_start").click().run()
    assert not page.exception
    assert launched[0][1][1] == str(data_dir / "music" / "Ney taksimi")
    page.text_input(key="library_folder").set_value("").run()
    page.selectbox(key="library_last").select(str(data_dir / "music" / "Ney taksimi")).run()
    assert page.text_input(key="library_folder").value == str(data_dir / "music" / "Ney taksimi")

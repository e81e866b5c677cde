"""The Moods page: a library to filter, hear, map and compare; without one it says what to do."""

import io
import unicodedata
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from core import store
from core.audio.mood_tag import read_mood
from core.evaluation.accepted_moods import accepted_right_sentence
from core.evaluation.stored_evaluation import read_evaluation
from core.library import run
from core.models import description
from core.models.policy import Policy, decide
from core.models.prediction import Prediction
from core.pipeline import jobs
from core.playlists.circle import CIRCLE
from core.records import LibraryEntry, LibraryFile
from core.schema import EMOTIONS
from core.settings import Settings
from core.source_note import without_header
from pages.views.library import run_player
from tests.mood_library import EXTRACTOR, downloads, stored


@pytest.fixture
def opened(data_dir: Path):
    return store.open_store(f"sqlite:///{data_dir / 'feedback.db'}")


@pytest.fixture
def hashes(opened, data_dir) -> list[str]:
    """A library of twelve pieces with files."""
    return stored(opened, data_dir / "müzik", each=3)


def shown(page) -> str:
    kinds = (page.error, page.warning, page.info, page.success, page.caption, page.markdown)
    return "\n".join(str(e.value) for kind in kinds for e in kind).replace("\\", "")


def listed(page):
    return next(d.value for d in page.dataframe if "standing" in d.value.columns and "title" in d.value.columns)


def test_without_a_library_it_says_what_to_do(open_page):
    page = open_page("moods")
    assert not page.exception
    assert "No library has been scored yet" in shown(page)
    assert [b.label for b in page.button] == ["Make a small synthetic library"]
    assert not page.button[0].disabled


def test_the_synthetic_library_is_made_in_the_background(open_page, opened, monkeypatch):
    asked = []
    monkeypatch.setattr(jobs, "launch", lambda kept, name, command, **more: asked.append((name, command)))
    page = open_page("moods")
    page.button(key="make_demo").click().run()
    assert asked == [(run.JOB, ["demo-library"])]


def test_a_run_that_is_going_on_is_told(open_page, opened):
    store.start_job(opened, run.JOB, message="Making piece 3 of 24")
    page = open_page("moods")
    assert not page.exception
    assert page.button(key="make_demo").disabled


def test_the_list_and_filters_by_hand(open_page, hashes):
    page = open_page("moods")
    assert not page.exception
    table = listed(page)
    assert len(table) == 12
    assert table["confidence"].is_monotonic_decreasing
    assert "12 pieces, scored by model model-1" in shown(page)
    assert table["confidence"].max() == 88.0
    assert "synthetic" not in shown(page)
    page.button_group(key="emotions").set_value(["sad"]).run()
    assert set(listed(page)["emotion"]) == {"● sad"}
    page.slider(key="range_lufs").set_value((-22, -20)).run()
    assert listed(page)["lufs"].between(-22, -20).all()
    assert not page.exception


def test_an_accepted_piece_has_the_accuracy_of_its_mood(open_page, opened, data_dir):
    model = description.describe_model_in_use(Settings())
    hashes = stored(opened, data_dir / "müzik", each=3, model=model.version)
    page = open_page("moods")
    line = accepted_right_sentence(read_evaluation(model, Settings()), [CIRCLE[0]])
    assert "is right in" in line
    page.selectbox(key="piece").set_value(hashes[0]).run()
    assert line in shown(page)
    page.selectbox(key="piece").set_value(hashes[8]).run()  # between two moods
    assert "is right in" not in shown(page)


def test_sorted_by_title_in_the_turkish_alphabet(open_page, data_dir):
    """One of the names has its marks apart, as macOS writes them."""
    titles = ["Zil", "Şal", "İnce", "Ilık", "Çay", unicodedata.normalize("NFD", "Çam"), "Cam", "Sal", "Öz", "Oy"]
    opened = store.open_store(f"sqlite:///{data_dir / 'feedback.db'}")
    stored(opened, data_dir / "müzik", each=3, titles=titles)
    page = open_page("moods", sort="Title", order="rising")
    found = [unicodedata.normalize("NFC", t) for t in listed(page)["title"] if not t.startswith("Ezgi")]
    assert found == ["Cam", "Çam", "Çay", "Ilık", "İnce", "Oy", "Öz", "Sal", "Şal", "Zil"]
    page.button_group(key="order").set_value("falling").run()
    found = [unicodedata.normalize("NFC", t) for t in listed(page)["title"] if not t.startswith("Ezgi")]
    assert found[0] == "Zil"
    assert found[-1] == "Cam"


def test_a_filter_in_the_address(open_page, hashes):
    for address, left in (
        ({"words": "ISIK sirin"}, 12),
        ({"confidence": "60"}, 8),
        ({"standings": "between two"}, 4),
        ({"in_artist": "Şirin 2"}, 4),
        ({"words": "07 CALGI"}, 1),
    ):
        page = open_page("moods", **address)
        assert not page.exception, address
        assert len(listed(page)) == left, address
        assert (f"Filtered: {left} of 12 pieces" in shown(page)) == (left < 12), address


def test_words_search_artist_title_and_album_without_turkish_letters(open_page, hashes):
    page = open_page("moods", words="sirin EZGI 11 isik")
    assert not page.exception
    assert listed(page)["title"].tolist() == ["Ezgi 11"]
    page.text_input(key="words").set_value("nothing of the kind").run()
    assert not page.exception
    assert "No piece matches the filter. Widen it" in shown(page)


def test_the_download_has_all_pieces_and_is_made_when_it_is_asked_for(open_page, hashes, monkeypatch):
    monkeypatch.setattr("pages.views.library.mood_views.MOST_ROWS", 5)
    got = downloads(monkeypatch)
    page = open_page("moods")
    assert len(listed(page)) == 5
    assert "The first 5 of 12 pieces are shown; the download has all" in shown(page)
    (name,) = got
    data = got[name]()
    assert name.startswith("pieces_data-")
    assert data.startswith(b"\xef\xbb\xbf")  # so that spreadsheets show Turkish letters
    text = data.decode("utf-8-sig")
    assert text.startswith("# Turkish Music Emotion")
    table = pd.read_csv(io.StringIO(without_header(text)))
    assert set(table["content_hash"]) == set(hashes)
    assert table["confidence"].is_monotonic_decreasing


# --- whose answers, and which files


def test_decisions_are_those_of_the_policy_in_force(open_page, opened, data_dir):
    """Scored under a strict policy since; what counts is what this session goes by."""
    version = description.describe_model_in_use(Settings()).version
    stored(opened, data_dir / "müzik", each=3, model=version)
    strict = Policy(threshold=0.99, pair_threshold=0.995)
    said = store.library_table(opened)
    for row in said.to_dict("records"):
        prediction = Prediction(row["clip_id"], version, EXTRACTOR, {e: row[f"p_{e}"] for e in EMOTIONS})
        store.save_predictions(opened, [(prediction, decide(prediction, strict))], policy=strict)
    page = open_page("moods")
    assert listed(page)["standing"].value_counts().to_dict() == {"accepted": 8, "between two": 4}
    assert "policy in use: an emotion is accepted from a probability of 75 %" in shown(page)
    assert "by another policy" not in shown(page)
    page.session_state["policy"] = strict
    page.run()
    assert "accepted" not in set(listed(page)["standing"])
    assert "policy in use: an emotion is accepted from a probability of 99 %" in shown(page)
    page.session_state["policy"] = Policy(threshold=0.6)
    page.run()
    assert "12 of 12 pieces were decided by another policy. Score the library again" in shown(page)


def test_a_file_that_is_gone_or_another_one_is_left_out_and_counted(open_page, hashes, data_dir):
    files = sorted((data_dir / "müzik").iterdir())
    files[0].unlink()
    files[1].write_bytes(b"something else")
    page = open_page("moods")
    assert not page.exception
    assert "Pieces left out because the file is missing or has changed: 2 of 12" in shown(page)
    assert len(listed(page)) == 10


def test_files_that_were_moved_are_found_as_soon_as_the_library_was_scored_again(
    open_page, opened, hashes, data_dir, monkeypatch
):
    assert "left out" not in shown(open_page("moods"))
    (data_dir / "müzik").rename(data_dir / "taşındı")
    store.save_files(opened, [moved(file, data_dir / "taşındı") for file in of_files(opened)])
    store.finish_job(opened, store.start_job(opened, run.JOB).job_id)
    page = open_page("moods")
    assert "left out" not in shown(page)
    page.selectbox(key="piece").set_value(hashes[0]).run()
    assert len(page.get("audio")) == 1


def of_files(opened) -> list[LibraryFile]:
    places = store.library_places(opened, store.library_table(opened)["content_hash"].tolist())
    return list(store.known_files(opened, "excerpt", places["path"].tolist()).values())


def moved(file: LibraryFile, folder: Path) -> LibraryEntry:
    return LibraryEntry(replace(file, path=str(folder / Path(file.path).name)))


def test_a_piece_is_heard_and_there_is_one_player(open_page, hashes):
    page = open_page("moods")
    page.selectbox(key="piece").set_value(hashes[3]).run()
    assert not page.exception
    assert len(page.get("audio")) == 1
    assert "Ezgi 3" in shown(page)
    page.toggle(key="whole").set_value(True).run()
    assert len(page.get("audio")) == 1
    page.text_input(key="words").set_value("ezgi 5").run()
    assert not page.exception
    assert page.session_state["piece"] is None  # the filter took it away
    assert not page.get("audio")


def test_a_link_to_a_passage_plays_this_passage_of_this_piece(open_page, hashes):
    page = open_page("moods", hear=hashes[3], from_s="2", to_s="5")
    assert not page.exception
    (player,) = page.get("audio")
    assert (player.proto.start_time, player.proto.end_time, player.proto.autoplay) == (2, 5, True)
    assert f"hear={hashes[3]}&from_s=2&to_s=5" in page.code[0].value
    page.number_input(key="to_s").set_value(4).run()
    (player,) = page.get("audio")
    assert (player.proto.end_time, player.proto.autoplay) == (4, False)  # only the link plays at once
    page.number_input(key="to_s").set_value(1).run()
    assert "must end after its start" in shown(page)
    page.selectbox(key="piece").set_value(hashes[4]).run()  # another piece has no passage yet
    assert page.number_input(key="from_s").value == 0
    assert "must end after its start" not in shown(page)


def test_the_link_of_a_result_of_a_library_run_chooses_its_piece(open_page, opened, hashes, monkeypatch):
    links = {}
    monkeypatch.setattr(run_player.st, "page_link", lambda page, **given: links.update({page: given["query_params"]}))
    row = {"file": "a.wav", "path": "", "clip_id": "a", "content_hash": hashes[3], "start_s": 0.0, "end_s": 5.0}
    monkeypatch.setattr(run_player.cached, "store", lambda: opened)
    run_player.show_player(pd.Series(row))
    page = open_page("moods", **links["pages/moods.py"])
    assert page.selectbox(key="piece").value == hashes[3]
    assert "Ezgi 3" in shown(page)


def test_a_link_to_a_piece_that_is_gone_is_a_sentence(open_page, hashes):
    page = open_page("moods", hear="<b>")
    assert not page.exception
    assert "The piece of this link is not in the library" in shown(page)


def test_a_file_that_goes_meanwhile_is_a_sentence(open_page, hashes, data_dir):
    page = open_page("moods")
    for path in (data_dir / "müzik").iterdir():
        path.unlink()
    page.selectbox(key="piece").set_value(hashes[0]).run()
    assert not page.exception
    assert not page.get("audio")
    assert "no longer there" in shown(page)


def test_no_other_file_than_the_one_that_was_scored_is_played(open_page, hashes, data_dir):
    """Also not one of the same size, in the place of it."""
    page = open_page("moods")
    page.selectbox(key="piece").set_value(hashes[0]).run()
    page.toggle(key="whole").set_value(True).run()
    assert len(page.get("audio")) == 1
    first = sorted((data_dir / "müzik").iterdir())[0]
    first.write_bytes(bytes(first.stat().st_size))
    page.run()
    assert not page.exception
    assert not page.get("audio")
    assert "has changed since it was scored" in shown(page)


def test_every_view_opens_and_more_like_this(open_page, hashes):
    for view in ("Map", "Spread", "More like this"):
        page = open_page("moods", view=view)
        assert not page.exception, view
        assert not page.error, view
        assert bool(page.get("plotly_chart")) == (view != "More like this")
    assert "Choose a piece above" in shown(page)
    page.selectbox(key="piece").set_value(hashes[0]).run()
    table = listed(page)
    assert len(table) == 11
    assert table["distance"].is_monotonic_increasing
    page.button_group(key="emotions").set_value(["sad"]).run()
    assert not page.exception


def test_moods_by_album(open_page, hashes):
    page = open_page("moods", view="Spread", by="Album")
    table = next(d.value for d in page.dataframe if "group" in d.value.columns)
    assert table["group"].tolist() == ["Işık"]
    assert table[list(EMOTIONS)].to_numpy().tolist() == [[3, 3, 3, 3]]
    page.button_group(key="by").set_value("makam").run()
    assert "No piece has an entry for makam" in shown(page)


def test_what_is_known_of_a_piece_is_set_right(open_page, opened, hashes):
    page = open_page("moods")
    page.selectbox(key="piece").set_value(hashes[0]).run()
    page.text_input(key=f"makam_{hashes[0]}").input("Hicaz")
    page.text_input(key=f"year_{hashes[0]}").input("1987")
    page = next(b for b in page.button if b.label == "Save").click().run()
    assert not page.exception
    assert "Saved: year, makam." in shown(page)
    row = store.library_table(opened).set_index("content_hash").loc[hashes[0]]
    assert (row["makam"], row["year"]) == ("Hicaz", 1987)
    assert "Hicaz" in set(listed(page)["makam"])
    page.text_input(key=f"year_{hashes[0]}").input("long ago")
    page = next(b for b in page.button if b.label == "Save").click().run()
    assert "'long ago' is not a year" in shown(page)
    assert store.library_table(opened).set_index("content_hash").loc[hashes[0], "year"] == 1987


def test_what_sounds_alike_holds_each_recording_once(open_page, hashes, monkeypatch):
    first, second, third, fourth = hashes[:4]
    known = pd.Series(hashes, hashes)
    known[second], known[fourth] = first, third
    monkeypatch.setattr("pages.views.library.piece_filter.recordings", lambda found: known)
    page = open_page("moods", view="More like this")
    page.selectbox(key="piece").set_value(first).run()
    assert not page.exception
    near = next(d.value for d in page.dataframe if "distance" in d.value.columns)
    assert len(near) == 12 - 3
    assert second not in near.index
    assert len({third, fourth} & set(near.index)) == 1


def test_all_filters_are_cleared_also_those_of_the_address(open_page, hashes):
    address = {
        "words": "isik",
        "confidence": "60",
        "in_artist": "Şirin 2",
        "emotions": "sad",
        "range_lufs": ["-22", ""],
    }
    page = open_page("moods", **address)
    assert page.slider(key="range_lufs").value[0] == -22
    page.button(key="clear_filters").click().run()
    assert not page.exception
    assert len(listed(page)) == 12
    assert not {"words", "confidence", "in_artist", "emotions", "range_lufs"} & set(page.query_params)


def test_just_the_pieces_of_a_run_that_a_person_has_to_listen_to(open_page, hashes, monkeypatch):
    rows = pd.DataFrame({"state": "scored", "content_hash": hashes[:3], "unlike": ["speech", "", "noise"]})
    run = SimpleNamespace(rows=rows, job=SimpleNamespace(result={"folder": "/music/Ney"}))
    monkeypatch.setattr(
        "pages.views.library.run_pieces.results_of", lambda _store, number: run if number == 7 else None
    )
    page = open_page("moods", run="7", group="unlike")
    assert set(listed(page).index) == {hashes[0], hashes[2]}
    assert "Only the 2 pieces of Ney unlike the training music." in shown(page)
    page.button(key="all_pieces").click().run()
    assert len(listed(page)) == 12
    for number in ("8", "seven"):
        assert "All pieces are shown" in shown(open_page("moods", run=number))


def as_analyst(monkeypatch):
    """Without a login, writing into files needs the role of an analyst."""
    from core.access import Action, Person

    may = Person.may
    monkeypatch.setattr(Person, "may", lambda person, action: action is Action.TAG_FILES or may(person, action))


def flac_library(opened, data_dir) -> list[Path]:
    stored(opened, data_dir / "müzik", each=1)
    return sorted((data_dir / "müzik").iterdir())


def take_back(page) -> None:
    next(box for box in page.checkbox if box.label.startswith("Take back ")).check().run()
    page.button(key="tag_undo").click().run()
    assert not page.exception


def test_moods_are_written_into_tags_only_after_the_list_and_taken_back(open_page, opened, data_dir, monkeypatch):
    as_analyst(monkeypatch)
    paths = flac_library(opened, data_dir)
    before = [path.read_bytes() for path in paths]
    page = open_page("moods", view="Tags")
    assert not page.exception
    assert [path.read_bytes() for path in paths] == before
    page.button(key="tag_list").click().run()
    planned = next(d.value for d in page.dataframe if "New mood" in d.value.columns)
    assert set(planned["Mood now"]) == {"none"}
    assert set(planned["New mood"]) <= set(EMOTIONS)
    assert [path.read_bytes() for path in paths] == before
    assert set(planned["Whose word"]) == {"the model"}
    page.button(key="tag_write").click().run()
    assert "The mood was written into 4 files" in shown(page)
    tagged = [read_mood(path.read_bytes()) for path in paths]
    assert sorted(tagged) == sorted((mood,) for mood in planned["New mood"])
    assert len(listed(open_page("moods"))) == 4  # the library still knows its pieces
    one = open_page("moods", view="Tags", words="Ezgi 2")
    assert "3 tags of pieces that the filter does not show" in shown(one)
    assert one.button(key="tag_undo").disabled
    take_back(one)
    assert "The tag was taken back in 1 file." in shown(one)
    assert sum(read_mood(path.read_bytes()) == () for path in paths) == 1
    page.run()
    take_back(page)
    assert "The tag was taken back in 3 files" in shown(page)
    assert [path.read_bytes() for path in paths] == before


def test_without_the_right_nothing_is_offered(open_page, hashes):
    page = open_page("moods", view="Tags")
    assert not page.exception
    assert "Only therapists and analysts may write into files" in shown(page)
    assert not [b for b in page.button if (b.key or "").startswith("tag_")]

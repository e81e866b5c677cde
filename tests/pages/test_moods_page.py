"""The Moods page: a library to filter, hear, map and compare; without one it says what to do."""

from pathlib import Path

import pytest

from core import jobs, library, store
from core.schema import EMOTIONS
from tests.mood_library import stored


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
    assert "No music has been scored yet" in shown(page)
    assert [b.label for b in page.button] == ["Make a small synthetic library"]
    assert not page.button[0].disabled


def test_the_synthetic_library_is_made_in_the_background(open_page, opened, monkeypatch):
    asked = []
    monkeypatch.setattr(jobs, "launch", lambda kept, name, command, **more: asked.append((name, command)))
    page = open_page("moods")
    page.button(key="make_demo").click().run()
    assert asked == [(library.JOB, ["demo-library"])]


def test_a_run_that_is_going_on_is_told(open_page, opened):
    store.start_job(opened, library.JOB, message="Making piece 3 of 24")
    page = open_page("moods")
    assert not page.exception
    assert page.button(key="make_demo").disabled


def test_the_list(open_page, hashes):
    page = open_page("moods")
    assert not page.exception
    table = listed(page)
    assert len(table) == 12
    assert table["confidence"].is_monotonic_decreasing
    assert "12 pieces, scored by model model-1" in shown(page)
    assert "synthetic" not in shown(page)


def test_sorted_by_title_in_the_turkish_alphabet(open_page, hashes):
    page = open_page("moods", sort="Artist", order="rising")
    assert listed(page)["artist"].tolist() == ["Şirin 0"] * 4 + ["Şirin 1"] * 4 + ["Şirin 2"] * 4


@pytest.mark.parametrize(
    ("address", "left"),
    [
        ({"words": "ISIK sirin"}, 12),
        ({"confidence": "60"}, 8),
        ({"standings": "between two"}, 4),
        ({"in_artist": "Şirin 2"}, 4),
        ({"words": "07 CALGI"}, 1),
    ],
)
def test_a_filter_in_the_address(open_page, hashes, address, left):
    page = open_page("moods", **address)
    assert not page.exception
    assert len(listed(page)) == left
    assert (f"Filtered: {left} of 12 pieces" in shown(page)) == (left < 12)


def test_filters_by_hand(open_page, hashes):
    page = open_page("moods")
    page.button_group(key="emotions").set_value(["sad"]).run()
    assert set(listed(page)["emotion"]) == {"● sad"}
    page.slider(key="range_lufs").set_value((-22, -20)).run()
    assert listed(page)["lufs"].between(-22, -20).all()
    assert not page.exception


def test_an_empty_filter_is_a_sentence(open_page, hashes):
    page = open_page("moods", words="nothing of the kind")
    assert not page.exception
    assert "No piece is left. Widen the filter" in shown(page)


def test_of_a_huge_library_words_search_all(open_page, hashes, monkeypatch):
    monkeypatch.setattr("pages._mood_parts.MOST", 5)
    page = open_page("moods")
    assert "more than 5 scored parts; the first are shown" in shown(page)
    assert len(listed(page)) == 5
    page = open_page("moods", words="Ezgi 11")
    assert not page.exception
    assert listed(page)["title"].tolist() == ["Ezgi 11"]


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


def test_a_file_that_is_gone_is_a_sentence(open_page, hashes, data_dir):
    for path in (data_dir / "müzik").iterdir():
        path.unlink()
    page = open_page("moods")
    page.selectbox(key="piece").set_value(hashes[0]).run()
    assert not page.exception
    assert not page.get("audio")
    assert "no longer there" in shown(page)


@pytest.mark.parametrize("view", ["Map", "More like this", "Spread"])
def test_every_view_opens(open_page, hashes, view):
    page = open_page("moods", view=view)
    assert not page.exception
    assert not page.error
    assert bool(page.get("plotly_chart")) == (view != "More like this")


def test_more_like_this(open_page, hashes):
    page = open_page("moods", view="More like this")
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
    assert "No piece names its makam" in shown(page)

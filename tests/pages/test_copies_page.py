"""Page Same recordings: two files side by side; a person joins or parts them, and takes it back."""

from pathlib import Path

import pytest

from core import store
from core.library.copies import JOB
from core.pipeline import jobs
from tests.mood_library import stored


@pytest.fixture
def opened(data_dir: Path):
    return store.open_store(f"sqlite:///{data_dir / 'feedback.db'}")


@pytest.fixture
def hashes(opened, data_dir) -> list[str]:
    """A library of four pieces with files, of which two pairs were compared."""
    found = stored(opened, data_dir / "müzik", each=1, titles=("Ezgi [1]", "Ezgi 2"))
    figures = {"by": "chromaprint", "error": 0.021, "common_s": 118.0, "offset_s": 0.3}
    doubt = store.Link(found[0], found[1], "doubt", figures)
    store.replace_links(opened, [doubt, store.Link(found[2], found[3], "sure", figures)])
    return found


def shown(page) -> str:
    kinds = (page.error, page.warning, page.info, page.success, page.caption, page.markdown)
    return "\n".join(str(e.value) for kind in kinds for e in kind).replace("\\", "")


def test_a_pair_is_joined_and_parted_and_taken_back(open_page, opened, hashes):
    one, other = sorted(hashes[:2])
    page = open_page("copies")
    assert not page.exception
    assert "Ezgi [1]" in shown(page)
    assert "In 118 s that both have, 2.1 % of the fingerprint differs. The music begins 0.3 s later" in shown(page)
    assert len(page.get("audio")) == 2
    page.button(key="copies_say_one").click().run()
    assert store.same_recordings(opened).named == {
        hashes[2]: min(hashes[2:]),
        hashes[3]: min(hashes[2:]),
        one: one,
        other: one,
    }
    assert "are now one recording" in shown(page)
    assert "No pair waits for a decision" in shown(page)
    page = open_page("copies", copies_state="One recording")
    assert "Pair 1 of 2" in shown(page)
    assert "Decided by" in shown(page)
    page.button(key="copies_say_two").click().run()
    assert store.same_recordings(opened).name(other) == other
    page = open_page("copies", copies_state="Two recordings")
    page.button(key="copies_undo").click().run()
    assert store.same_recordings(opened).name(other) == one  # the word before counts again
    assert "is taken back" in shown(page)


def test_the_program_may_be_wrong_about_a_sure_pair(open_page, opened, hashes):
    page = open_page("copies", copies_state="One recording")
    page.button(key="copies_say_two").click().run()
    assert not store.same_recordings(opened)


def test_the_search_runs_in_the_background(open_page, opened, hashes, monkeypatch):
    asked = []
    monkeypatch.setattr(jobs, "launch", lambda kept, name, command, **more: asked.append((name, command)))
    page = open_page("copies")
    assert "Nobody has looked for copies yet" in shown(page)
    page.button(key="copies_search").click().run()
    assert asked == [(JOB, ["copies"])]


def test_without_a_library_it_says_what_to_do(open_page):
    assert "Score a folder on the page Library" in shown(open_page("copies"))

"""The Playlists page: a list or a path is proposed, one piece is vetoed, files and a sheet are taken along."""

from pathlib import Path

import pytest

from core import store
from tests.mood_library import stored


@pytest.fixture
def hashes(data_dir: Path) -> list[str]:
    """A library of 24 pieces that pass for two minutes each; piece k has the title Ezgi k."""
    opened = store.open_store(f"sqlite:///{data_dir / 'feedback.db'}")
    return stored(opened, data_dir / "müzik", each=6, said_s=120.0)


def shown(page) -> str:
    kinds = (page.error, page.warning, page.info, page.success, page.caption, page.markdown, page.subheader)
    return "\n".join(str(e.value) for kind in kinds for e in kind).replace("\\", "")


def listed(page) -> list[str]:
    """The first lines of the pieces."""
    lines = [str(m.value).replace("\\", "").split("  \n")[0] for m in page.markdown]
    return [line.strip("*") for line in lines if line.startswith("**") and line[2].isdigit()]


def test_without_a_library_it_says_what_to_do(open_page):
    page = open_page("playlists")
    assert not page.exception
    assert "No music has been scored yet" in shown(page)


def test_a_playlist_of_a_mood(open_page, hashes):
    page = open_page("playlists")
    assert not page.exception
    assert len(listed(page)) == 4  # all that are accepted as relax
    assert "too small for 30:00" in shown(page)
    page.button_group(key="mood").set_value("sad").run()
    assert "Sad, 30 minutes" in shown(page)
    page.button_group(key="standings_mood").set_value(["accepted", "between two"]).run()
    assert len(listed(page)) == 6


def test_an_iso_path_by_its_address(open_page, hashes):
    page = open_page("playlists", kind="Iso path", minutes_iso="15", seed="3")
    assert not page.exception
    text = shown(page)
    assert "sad → relax → happy, 15 minutes" in text
    assert "**Step 1**: wanted 100 % ● sad" in text
    assert [m.label for m in page.metric] == ["Pieces", "Length", "Steps", "Weak places"]
    first = listed(page)
    assert listed(open_page("playlists", kind="Iso path", minutes_iso="15", seed="3")) == first


def test_the_way_is_chosen_where_there_are_two(open_page, hashes):
    page = open_page("playlists", kind="Iso path", minutes_iso="15")
    page.button_group(key="over_sad_happy").set_value("angry").run()
    assert not page.exception
    assert "sad → angry → happy" in shown(page)
    page.button_group(key="goal").set_value("relax").run()
    assert not page.exception
    assert "sad → relax, 15 minutes" in shown(page)


def test_a_veto_changes_one_piece_and_can_be_undone(open_page, hashes):
    page = open_page("playlists", minutes_mood="5")
    before = listed(page)
    assert len(before) == 3
    page.button(key="veto_2").click().run()
    assert not page.exception
    after = listed(page)
    assert [a == b for a, b in zip(after, before, strict=True)] == [True, False, True]
    vetoed = hashes[int(before[1].split()[-1])]
    address = page.query_params["veto"]
    assert address in (vetoed[:10], [vetoed[:10]])
    again = open_page("playlists", minutes_mood="5", veto=vetoed[:10])
    assert listed(again) == after
    page.button(key="unveto").click().run()
    assert listed(page) == before
    assert "veto" not in page.query_params


def test_a_veto_without_another_piece_says_so_and_changes_nothing(open_page, hashes):
    page = open_page("playlists")
    before = listed(page)
    page.button(key="veto_1").click().run()
    assert not page.exception
    assert "No other piece of the library can take this place" in shown(page)
    assert listed(page) == before


def test_one_player(open_page, hashes):
    page = open_page("playlists")
    page.button(key="play_2").click().run()
    assert not page.exception
    assert len(page.get("audio")) == 1
    page.button(key="play_3").click().run()
    assert len(page.get("audio")) == 1


def test_nothing_may_be_played(open_page, hashes):
    page = open_page("playlists")
    page.button_group(key="standings_mood").set_value([]).run()
    assert not page.exception
    assert "Choose which pieces may be played" in shown(page)


def test_a_mood_without_pieces_and_an_empty_filter(open_page, hashes):
    page = open_page("playlists", words="00 calgi")
    assert not page.exception
    assert "No usable piece of the library is relax" in shown(page)
    page.text_input(key="words").set_value("nothing of the kind").run()
    assert "No piece is left. Widen the filter" in shown(page)


def test_the_picture(open_page, hashes):
    page = open_page("playlists", kind="Iso path", minutes_iso="15", view="Picture")
    assert not page.exception
    assert len(page.get("plotly_chart")) == 2


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
    assert "it was moved, or is damaged" in shown(page)


def test_the_session_sheet(open_page, hashes):
    page = open_page("playlists", view="Session sheet")
    page.text_input(key="sheet_client").set_value("A. <b>").run()
    assert not page.exception
    assert [b.proto.label for b in page.get("download_button")] == ["Session sheet"]

"""A file with hostile tags in a hostile folder, followed to every way out: pages, charts, files, copies and the log."""

import csv
import io
import json
import logging
import re
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import soundfile

from core import store
from core.access import Person, Role
from core.audio.tags import MAX_TAG_LENGTH, read_tags
from core.labelling import desk
from core.library import results
from core.library.results import Scorer
from core.models.policy import Policy
from core.playlists import one_mood
from core.playlists.client_lists import add_must_play
from core.playlists.pieces import STANDINGS, pieces_table
from core.playlists.playlist import Pool, usable_pieces
from core.playlists.sessions import new_session
from core.records import FoundFile, LibraryEntry, LibraryFile, Plan
from core.source_note import without_header
from core.spreadsheets import unescape_formula
from pages.views.label.desk_actions import SEAT
from tests.mood_library import downloads, stored

HTML = "<img src=x onerror=alert(1)>"
FILE = "file:" + "///"
TITLES = [
    f"=1+1;=cmd|' /C calc'!A0;{HTML}",
    f"{HTML}[link](javascript:alert(1)) **bold** $x$ :material/home: `code`",
    "\u202e\u2066evil\u202c\r\n#EXTINF:1,other\n../../etc/passwd\x1b[31m",
    "x" * 1_000_000,
]
FOLDER = f"=2+2;=cmd [a](b) {HTML.replace('/', '')}\n#EXTM3U"


@pytest.fixture(scope="module")
def titles(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The titles as they are read from files that hold the hostile ones."""
    known, folder = [], tmp_path_factory.mktemp("titles")
    for k, title in enumerate(TITLES):
        path = folder / f"{k}.flac"
        with soundfile.SoundFile(path, "w", 8000, 1) as file:
            file.title = title.replace("\x00", "")
            file.write(np.sin(np.arange(8000)))
        known.append(read_tags(path.read_bytes(), str(path))["title"])
    return known


@pytest.fixture
def library(data_dir: Path, titles: list[str]) -> list[str]:
    opened = store.open_store(f"sqlite:///{data_dir / 'feedback.db'}")
    stored(opened, data_dir / FOLDER, each=2, said_s=120.0, titles=titles)
    return titles


def texts(page) -> list[str]:
    """Markdown that a page draws. A text that is shown literally has a backslash before each sign of Markdown."""
    kinds = (page.error, page.warning, page.info, page.success, page.caption, page.markdown, page.header)
    drawn = [str(element.value) for kind in kinds for element in kind]
    drawn += [element.label for kind in (page.button, page.metric, page.expander) for element in kind]
    drawn += [block.proto.popover.label for block in page.main.get("popover")]
    return drawn + [bar.proto.text for bar in page.main.get("progress")]


def unescaped(text: str) -> str:
    """The text without what is shown literally."""
    return re.sub(r"\\.", "", text)


def test_a_tag_is_one_short_printable_line(titles):
    assert all(title.isprintable() and 0 < len(title) <= MAX_TAG_LENGTH for title in titles)
    assert titles[0].startswith("=1+1;=cmd")  # otherwise nothing is changed: the ways out protect themselves
    assert HTML in titles[1]


def test_the_playlists_page_shows_tags_as_text(open_page, library, caplog):
    caplog.set_level(logging.INFO)
    for view in ("Pieces", "Picture", "Files", "Session sheet"):
        page = open_page("playlists", view=view)
        check_page(page, caplog)
        assert page.metric  # a playlist is shown


def test_the_moods_page_shows_tags_as_text(open_page, library, caplog):
    caplog.set_level(logging.INFO)
    for view in ("List", "Map", "More like this", "Spread"):
        check_page(open_page("moods", view=view), caplog)


def test_a_stored_session_shows_tags_as_text_and_its_files_are_inert(open_page, library, data_dir, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    opened = store.open_store(f"sqlite:///{data_dir / 'feedback.db'}")
    table = pieces_table(store.library_table(opened))
    made = one_mood.build_one_mood(usable_pieces(table, standings=STANDINGS), "relax", 10)
    made = add_must_play(made, Pool(table, ()), table, list(table.index))
    ece = opened.asked_by(lambda: Person(Role.ANALYST, "Ece"))
    client = store.add_client(ece, "K-1")
    number = store.add_session(ece, client.id, new_session(made, policy="{}", notes=HTML), token="form-00001")
    store.note_stop(
        ece, number, store.read_session(ece, number).pieces[0], stopped_at=datetime(2026, 3, 12, tzinfo=UTC)
    )
    for piece_id, title in table["title"].items():
        store.set_client_piece(ece, client.id, piece_id, title=title, rule="never")
    files = downloads(monkeypatch)
    for address in ({"session": str(number)}, {"client": str(client.id)}):
        page = open_page("sessions", as_person="Ece", **address)
        check_page(page, caplog)
        assert len(page.tabs) == 3
    by_ending = {name.rsplit(".", 1)[1]: give() for name, give in files.items()}
    check_m3u8(by_ending["m3u8"].decode())
    check_html(by_ending["html"].decode())


def check_page(page, caplog) -> None:
    """No tag is Markdown, HTML or a line of the log."""
    assert not page.exception
    for text in texts(page):
        bare = unescaped(text)
        assert "<img" not in bare, text
        assert "[link]" not in bare, text
        assert "**bold" not in bare, text
        assert "\u202e" not in text, text
    for chart in page.get("plotly_chart"):
        assert "<img" not in json.dumps(json.loads(chart.proto.spec), ensure_ascii=False)
    assert not page.get("html") or all("<img" not in element.proto.body for element in page.get("html"))
    assert "onerror" not in caplog.text
    assert "\x1b" not in caplog.text


def test_every_file_that_leaves_is_inert(open_page, library, data_dir, monkeypatch):
    made = downloads(monkeypatch)
    page = open_page("playlists", kind="Iso path", minutes_iso="15", view="Files")
    page.button(key="render").click().run()
    assert not page.exception
    open_page("playlists", kind="Iso path", minutes_iso="15", view="Session sheet")
    by_ending = {name.rsplit(".", 1)[1]: give() for name, give in made.items()}
    assert set(by_ending) == {"m3u8", "xspf", "csv", "zip", "html"}
    check_m3u8(by_ending["m3u8"].decode())
    check_xspf(by_ending["xspf"])
    check_csv(by_ending["csv"], library)
    check_html(by_ending["html"].decode())
    check_zip(by_ending["zip"])


@pytest.fixture
def run(data_dir, library) -> list[str]:
    """A finished run over the library, with a file whose name is hostile and which was not scored; returns titles."""
    opened = store.open_store(f"sqlite:///{data_dir / 'feedback.db'}")
    folder, plan = data_dir / FOLDER, Plan()
    bad = folder / f"{HTML.replace('/', '')} [link](javascript:alert(1)) \u202e\n=1+1;=cmd.wav"
    store.save_files(opened, [LibraryEntry(refused(bad, f"{HTML} **bold**\n\u202e=1+1"))])
    found = [FoundFile(str(p), p.name, 1, "s") for p in [*sorted(folder.glob("*.flac")), bad]]
    out = data_dir / "results.parquet"
    results.export(str(out), [found], store=opened, plan=plan, scorer=Scorer("model-1", Policy()), near={})
    job = store.start_job(opened, "library")
    about = {"folder": str(folder), "out": str(out), "plan": plan.name, "model_version": "model-1", "skipped": {}}
    counts = {"found": len(found), "scored": len(found) - 1, "measured": 1, "seconds": 1.0}
    store.finish_job(opened, job.job_id, message=f"{HTML} [link](x)", result=about | counts)
    store.close_store(opened)
    return library


def refused(path: Path, why: str) -> LibraryFile:
    return LibraryFile(path=str(path), plan="excerpt", size=1, stamp="s", state="refused", reason=why)


def test_the_library_page_and_its_tables_show_tags_as_text(open_page, run, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    made = downloads(monkeypatch)
    page = open_page("library")
    check_page(page, caplog)
    not_scored, scored = page.dataframe[0].value, page.dataframe[-1].value
    assert set(run) <= set(scored["title"])
    assert HTML in not_scored["reason"].iloc[0]  # as text in a cell, where nothing is HTML or Markdown
    files = {name: give() for name, give in made.items() if name.endswith(".csv")}
    assert len(files) == 2
    for name, data in files.items():
        text = without_header(data.decode("utf-8-sig"))
        assert not re.search(r"(^|[;,\t\n])\"?[=+@]", text), name
        assert len(list(csv.DictReader(io.StringIO(text)))) == (1 if "not-scored" in name else len(scored))


def test_the_label_page_shows_tags_as_text(open_page, data_dir, library, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(desk, "TOO_FAST_S", 0.0)
    name = f"{HTML}[link](javascript:alert(1)) **bold** =1+1"
    page = open_page("label", rater=name)
    page.text_input(key="who_name").input(name)
    page = page.button(key="who_start").click().run()
    check_page(page, caplog)
    assert any("javascript" in text for text in texts(page))  # the name is shown, with a backslash before each sign
    token = page.session_state[SEAT].form.token
    page.text_input(key=f"comment_{token}").input(f"{HTML} **bold** \u202e")
    page = page.button(key=f"say_sad_{token[:8]}").click().run()
    check_page(page, caplog)
    for view in ("My answers", "At work"):
        page.session_state["view"] = view
        page = page.run()
        check_page(page, caplog)
    opened = store.open_store(f"sqlite:///{data_dir / 'feedback.db'}")
    assert HTML in store.feedback_table(opened)["comment"].iloc[0]
    store.close_store(opened)


def check_m3u8(text: str) -> None:
    lines = text.splitlines()
    names = [line for line in lines if not line.startswith("#")]
    assert names
    assert all(name.startswith(FILE) for name in names)  # the folder's name makes no line of its own
    assert lines.count("#EXTM3U") == 1
    assert not any(line.startswith("#EXTINF:1,other") for line in lines)


def check_xspf(data: bytes) -> None:
    root = ElementTree.fromstring(data)
    assert {element.tag.rpartition("}")[2] for element in root.iter()} <= {
        *("playlist", "title", "creator", "annotation", "trackList", "track", "location", "album", "trackNum"),
        "duration",
    }
    assert all(place.text.startswith(FILE) for place in root.iter("{http://xspf.org/ns/0/}location"))


def check_csv(data: bytes, titles: list[str]) -> None:
    text = data.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(without_header(text))))
    read = {unescape_formula(row["title"]) for row in rows}
    assert {title for title in read if not title.startswith("Ezgi")} <= set(titles)
    assert len(read & set(titles)) >= 2
    assert not re.search(r"(^|[;,\t\n])\"?[=+@]", text)


def check_html(page: str) -> None:
    assert "<img" not in page
    assert "<script" not in page
    assert "\u202e" not in page


def check_zip(data: object) -> None:
    content = data if isinstance(data, bytes) else data.read()
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        for name in file.namelist():
            assert "/" not in name.strip("/").partition("/")[2]
            assert not name.startswith(("/", "."))
            assert not set(name) & set('\\:*?"<>|\n\r\x1b\u202e'), name
            assert len(name.encode()) < 255
            if name.endswith(".flac"):
                sound = soundfile.SoundFile(io.BytesIO(file.read(name)))
                assert all(text.isprintable() for text in (sound.title, sound.artist, sound.album))
            elif name.endswith(".m3u8"):
                written = [x for x in file.read(name).decode().splitlines() if x and not x.startswith("#")]
                assert all("/" not in x for x in written)
            elif name.endswith(".html"):
                check_html(file.read(name).decode())

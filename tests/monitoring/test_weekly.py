"""The weekly report: plain numbers with their interval, in a file that hides nothing and runs nothing."""

from datetime import timedelta
from html.parser import HTMLParser

import pytest
from monitored import NOW, add_answers, add_clips, scored
from typer.testing import CliRunner

from core.__main__ import app
from core.monitoring import weekly
from core.monitoring.periods import week_named
from core.store import Event, EventKind, close_store, open_store, record_events

EVIL = "<script>alert(1)</script>"


class Cells(HTMLParser):
    """The rows of all tables as lists of texts, and the names of all tags."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.tags: set[str] = set()
        self.feed(page.decode())

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])

    def handle_data(self, data):
        if self.rows and data.strip():
            self.rows[-1].append(data.strip())

    def row(self, name):
        return next(row[1:] for row in self.rows if row and row[0] == name)


@pytest.fixture(scope="module")
def db(tmp_path_factory, migrated):
    opened = open_store(f"sqlite:///{tmp_path_factory.mktemp('weekly') / 'feedback.db'}")
    add_clips(opened, [{"id": f"c{k}", "p": (0.1, 0.1, 0.1, 0.7), "version": EVIL} for k in range(30)])
    add_answers(opened, [(f"c{k}", "sad" if k < 21 else "happy", NOW) for k in range(30)])
    record_events(
        opened,
        *(scored(1, decision="accept", label="sad", seconds=0.25) for _ in range(60)),
        *(scored(1, decision="review", seconds=3.0) for _ in range(40)),
        *(scored(7, decision="accept", label="sad") for _ in range(10)),
        Event(EventKind.FAILED, "api", at=NOW - timedelta(days=1)),
        Event(EventKind.PROMOTED, model_version=EVIL, at=NOW - timedelta(days=2)),
    )
    yield opened
    close_store(opened)


def made(db, week="2026-W48", now=NOW):
    return weekly.weekly_html(weekly.weekly_report(db, week_named(week, now), now=now))


def test_shares_stand_with_their_numbers_their_interval_and_the_week_before(db):
    cells = Cells(made(db))
    assert cells.row("Answered") == ["100 clips", "10 clips"]
    assert cells.row("Failed: the program's fault") == ["1 % (0 to 5 %), 1 of 101", "0 % (0 to 28 %), 0 of 10"]
    assert cells.row("A person must listen") == ["40 % (31 to 50 %), 40 of 100", "0 % (0 to 28 %), 0 of 10"]
    assert cells.row("Slower than 2 s")[0] == "40 % (31 to 50 %), 40 of 100"
    assert cells.row("● sad")[0] == "100 % (94 to 100 %), 60 of 60"


def test_quality_stands_beside_what_was_promised(db):
    labelled, f1, promised, ece = Cells(made(db)).row(EVIL)[:4]
    assert labelled == "30"
    assert f1.startswith("0.41 (")  # 21 of 30 sad are right, and no happy one is found
    assert promised.startswith("0.")
    assert "a perfect model 0." in ece


def test_texts_of_others_are_escaped(db):
    page = made(db)
    assert EVIL.encode() not in page
    assert "script" not in Cells(page).tags
    assert b"http" not in page  # no other files


def test_a_week_that_goes_on_says_so(db):
    assert b"The week is not over" in made(db)
    assert b"The week is not over" not in made(db, now=NOW + timedelta(days=9))


def test_an_empty_week_is_a_report_too(db):
    page = made(db, "2026-W01")
    assert b"No clip was answered in this week." in page
    assert Cells(page).row("Answered") == ["0 clips", "0 clips"]


def test_the_command_writes_the_file_and_a_bad_week_writes_none(db, tmp_path, monkeypatch):
    monkeypatch.setenv("TME_DATABASE_URL", f"sqlite:///{db.path}")
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["report", "--week", "2026-W47"])
    assert done.exit_code == 0, done.output
    assert "2026-W47: 10 clips were answered." in done.output
    assert b"Weekly report 2026-W47" in (tmp_path / "weekly-report-2026-W47.html").read_bytes()
    refused = CliRunner().invoke(app, ["report", "--week", "../x", "--output", "out.html"])
    assert "is not a week" in str(refused.exception)
    assert [path.name for path in tmp_path.iterdir()] == ["weekly-report-2026-W47.html"]

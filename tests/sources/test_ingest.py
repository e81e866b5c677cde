"""One run over a source: what is new, what changed, what is gone, and how a stopped run goes on."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import fsspec
import libraries
import pytest

from core.sources.folders import Folder
from core.sources.ingest import catalogue, ingest, is_due
from core.sources.protocol import Item, Licence, Page, PauseError, SourceError
from core.store import SourceState, source_state


@dataclass
class Listed:
    """A source that lists these pages. An error among them is raised."""

    pages: list = field(default_factory=list)
    name: str = "test:one"
    licence: Licence = Licence("CC0", "A note.")
    place: str = ""
    asked: list = field(default_factory=list)

    def list(self, after=""):
        self.asked.append(after)
        for k in range(int(after or 0), len(self.pages)):
            if isinstance(self.pages[k], Exception):
                raise self.pages[k]
            yield Page(self.pages[k], str(k + 1) if k + 1 < len(self.pages) else "")

    def fetch(self, item):
        raise AssertionError("nothing may be fetched")


def items(*numbers, **facts):
    return [Item(f"i{n}", {"title": f"Title {n}", **facts}) for n in numbers]


def counts(report):
    return report.listed, report.new, report.changed, report.unchanged


def test_only_what_is_new_or_changed_counts_as_such(opened):
    assert counts(ingest(Listed([items(1, 2)]), opened)) == (2, 2, 0, 0)
    assert counts(ingest(Listed([items(1, 2)]), opened)) == (2, 0, 0, 2)
    report = ingest(Listed([[*items(1), *items(2, year=1971), *items(3)]]), opened)
    assert counts(report) == (3, 1, 1, 1)
    table = catalogue(opened, Listed()).set_index("item")
    assert table.loc["i2", "year"] == 1971
    assert (table["changed_at"] > table["first_seen_at"]).tolist() == [False, True, False]
    assert table["licence"].tolist() == ["CC0"] * 3


def test_what_is_listed_twice_counts_once(opened):
    report = ingest(Listed([items(1, 1, 2), items(2, 3)]), opened)
    assert (counts(report), report.twice) == ((3, 3, 0, 0), 2)


def test_what_is_gone_stays(opened):
    ingest(Listed([items(1, 2)]), opened)
    report = ingest(Listed([items(2)]), opened)
    assert report.gone == 1
    assert "No longer listed: 1. They stay stored." in report.text
    assert catalogue(opened, Listed())["item"].tolist() == ["i1", "i2"]


def test_a_run_that_was_sent_away_goes_on_there(opened):
    source = Listed([items(1), PauseError("Come back later."), items(3)])
    report = ingest(source, opened)
    assert (counts(report), report.paused) == ((1, 1, 0, 0), "Come back later.")
    assert report.text.endswith("Come back later.")
    source.pages[1] = items(2)
    report = ingest(source, opened)
    assert (counts(report), report.gone, report.paused) == ((2, 2, 0, 0), 0, "")
    assert source.asked == ["", "1"]
    assert source_state(opened, source.name).after == ""


def test_a_place_that_the_service_no_longer_knows_is_forgotten(opened):
    source = Listed([items(1), PauseError("later")])
    ingest(source, opened)
    source.pages[1] = SourceError("unknown page token")
    with pytest.raises(SourceError):
        ingest(source, opened)
    source.pages[1] = items(2)
    assert counts(ingest(source, opened)) == (2, 1, 0, 1)
    assert source.asked == ["", "1", ""]


def test_a_page_that_cannot_be_read_loses_no_page_before_it(opened):
    with pytest.raises(SourceError, match="unknown"):
        ingest(Listed([items(1), SourceError("unknown form")]), opened)
    assert catalogue(opened, Listed())["item"].tolist() == ["i1"]


def test_a_place_in_a_list_of_last_week_says_nothing(opened, monkeypatch):
    source = Listed([items(1), PauseError("later")])
    ingest(source, opened)
    monkeypatch.setattr("core.sources.ingest.LONGEST_STOP", timedelta(0))
    ingest(source, opened)
    assert source.asked == ["", ""]


def test_a_source_that_lists_nothing_changes_nothing(opened):
    ingest(Listed([items(1)]), opened)
    with pytest.raises(SourceError, match="lists nothing"):
        ingest(Listed([[]]), opened)
    assert len(catalogue(opened, Listed())) == 1


def test_recordings_of_another_source_are_found_by_their_isrc(opened):
    ingest(Listed([items(1, isrc="TR-A01-71-00001")]), opened)
    report = ingest(Listed([[*items(5, isrc="tra017100001"), *items(6)]], name="test:other"), opened)
    assert report.elsewhere == 1
    assert "Known from another source, by ISRC: 1." in report.text


def test_data_that_may_not_be_stored_for_longer_are_removed(opened, monkeypatch):
    ingest(Listed([items(1)], name="youtube:playlist/a"), opened)
    ingest(Listed([items(1)], name="youtubers"), opened)
    in_a_month = datetime.now(UTC) + timedelta(days=31)
    monkeypatch.setattr("core.store.sources.now", lambda: in_a_month)
    report = ingest(Listed([items(1)]), opened)
    assert report.removed == 1
    assert len(catalogue(opened, Listed(name="youtube:playlist/a"))) == 0
    assert len(catalogue(opened, Listed(name="youtubers"))) == 1


def test_odd_characters_of_a_service_are_stored(opened):
    odd = Item("a\x00b", {"title": "nul \x00, half \ud83d, İ"}, licence="x\x00")
    assert ingest(Listed([[odd]]), opened).new == 1
    assert ingest(Listed([[odd]]), opened).unchanged == 1
    assert catalogue(opened, Listed())["title"].tolist() == ["nul \ufffd, half \ufffd, İ"]


@pytest.mark.parametrize(
    ("began", "ended", "due"), [(6.0, 5.9, False), (6.9, 6.8, True), (8.0, 7.9, True), (1.0, 1.2, True)]
)
def test_when_a_weekly_run_is_due(began, ended, due):
    now = datetime(2026, 11, 29, tzinfo=UTC)
    state = SourceState("", now - timedelta(days=began), now - timedelta(days=ended))
    assert is_due(state, now) is due


def test_the_first_run_is_due():
    assert is_due(None)
    assert is_due(SourceState("", datetime.now(UTC), None))


def test_files_of_a_folder_are_items_with_sound(opened, tmp_path):
    libraries.folder(tmp_path / "music", 2)
    report = ingest(Folder(str(tmp_path / "music")), opened)
    assert [file.name for file in report.files] == ["album 0/0000.wav", "album 1/0001.wav"]
    assert counts(report) == (2, 2, 0, 0)
    (tmp_path / "music" / "album 1" / "0001.wav").write_bytes(libraries.tiny(9))
    assert counts(ingest(Folder(str(tmp_path / "music")), opened)) == (2, 0, 1, 1)


def test_object_storage_is_listed_as_a_folder_is(opened):
    system = fsspec.filesystem("memory")
    system.pipe("/ingest/a/1.wav", b"1")
    system.pipe("/ingest/notes.txt", b"2")
    report = ingest(Folder("memory://ingest"), opened)
    assert [(file.name, file.path) for file in report.files] == [("a/1.wav", "memory:///ingest/a/1.wav")]
    assert (report.source, counts(report)) == ("memory://ingest", (1, 1, 0, 0))


def test_a_password_in_an_address_is_no_part_of_the_name():
    assert Folder("s3://key:geheim@bucket/music").name == "s3://bucket/music"


def test_a_key_in_the_query_of_a_web_address_is_no_part_of_the_name():
    assert Folder("https://me:geheim@server/a.mp3?key=geheim").name == "https://server/a.mp3"
    assert Folder("s3://bucket/what?.mp3").name == "s3://bucket/what?.mp3"  # in a bucket it is part of the name

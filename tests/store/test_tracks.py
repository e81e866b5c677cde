"""What people say of a track, on SQLite and on PostgreSQL: it stays when the library is scored again."""

import threading

import numpy as np
import pytest
import sqlalchemy as sa
from old_stores import old_store

from core import store
from core.errors import StoreError
from core.records import LibraryEntry, LibraryFile, MeasuredClip, Window
from core.schema import FeatureVector
from core.store.connection import read, write

TAGS = {"artist": "Neset Ertas", "title": "Gönül Dağı", "source": "/music", "genre": "Folk", "year": 1999}


def scored(opened, digest="a", *, windows=1, plan="excerpt", **tags):
    """A file of the library is scored, with what its tags say today."""
    ids = [f"{digest}{n} {plan}" for n in range(windows)]
    file = LibraryFile(
        f"/music/{digest}.wav", plan, 100, "s1", "scored", extractor="x", content_hash=digest, duration_s=180.0,
        windows=tuple(Window(0.0, 30.0, i) for i in ids),
    )  # fmt: skip
    measured = [MeasuredClip(FeatureVector(i, "x", np.full(50, np.nan)), 0.0, 30.0, None, 1, 1, 180.0) for i in ids]
    store.save_files(opened, [LibraryEntry(file, tuple(measured), {**TAGS, **tags})])
    return ids


def uploaded(opened, clip_id, **more):
    return store.add_clip(opened, clip_id, file_name=f"{clip_id}.wav", duration_s=30, sr=44100, **more)


def told(opened, *names):
    """clip_id -> these columns of its track."""
    return store.clips_table(opened).set_index("clip_id")[list(names)].T.to_dict("list")


def test_what_a_person_set_stays_when_the_library_is_scored_again(opened):
    (one,) = scored(opened)
    track = store.clips_table(opened).loc[0, "track_id"]
    said = {"artist": "Neşet Ertaş", "makam": "hüseyni", "usul": "", "genre": "", "year": 1970}
    assert store.set_track(opened, one, **said) == track
    names = ("artist", "title", "makam", "usul", "genre", "year", "album", "performer")
    as_set = ["Neşet Ertaş", "Gönül Dağı", "hüseyni", "", "", 1970, "", ""]
    assert told(opened, *names) == {one: as_set}
    scored(opened, usul="sofyan", makam="hicaz", year=2001, album="Türküler", performer="N. E.")
    assert told(opened, *names) == {one: [*as_set[:6], "Türküler", "N. E."]}  # nobody has said anything of these two
    assert store.clips_table(opened)["track_id"].nunique() == 1
    store.set_track(opened, one, album="Zahidem", usul="düyek")
    scored(opened, album="Türküler", usul="sofyan", year=2002)
    assert told(opened, *names)[one] == [*as_set[:3], "düyek", "", 1970, "Zahidem", "N. E."]


def test_two_recordings_with_the_same_artist_and_title_stay_two(opened):
    names = {"artist": "Necdet", "title": "Taksim"}
    first = {**names, "makam": "Hicaz", "usul": "serbest", "year": 1990, "album": "A", "performer": "Necdet (tanbur)"}
    second = {**names, "makam": "Rast", "usul": "Aksak", "year": 2001, "album": "B", "performer": "Ihsan (ney)"}
    for _ in range(2):  # also when both are scored again
        (one,) = scored(opened, "a", **first)
        (other,) = scored(opened, "b", **second)
        assert told(opened, *first) == {one: list(first.values()), other: list(second.values())}
    store.set_track(opened, one, makam="Hüzzam", title="Hüzzam Taksim")
    assert told(opened, "makam", "title") == {one: ["Hüzzam", "Hüzzam Taksim"], other: ["Rast", "Taksim"]}


def stored_tracks(opened):
    """Ids of all tracks in the database."""
    return read(opened, lambda c: c.execute(sa.text("SELECT id FROM tracks")).scalars().all())


def test_recordings_that_shared_a_track_before_have_one_each_after_the_upgrade(empty_url):
    old = old_store(empty_url, "0006")
    moment = "'2026-01-02T03:04:05.000000+00:00'"
    track = (
        "INSERT INTO tracks (id, artist, title, source, genre, year, makam, usul, performer, by_hand, created_at) "
        "VALUES ('{}', 'Necdet', 'Taksim', '/m', '', 2001, 'Rast', '', '', '[\"makam\"]', " + moment + ")"
    )
    row = (
        "INSERT INTO clips (id, content_hash, track_id, origin, file_name, start_s, duration_s, sr, created_at) "
        "VALUES ('{}', '{}', '{}', '{}', 'x.wav', 0, 30, 44100, " + moment + ")"
    )
    rows = [("a1", "a", "t", "library"), ("a2", "a", "t", "library"), ("b1", "b", "t", "upload")]
    rows += [("d1", "d", "demo", "demo")]
    statements = [track.format(name) for name in ("t", "demo", "of no clip")] + [row.format(*one) for one in rows]
    write(old, lambda c: [c.execute(sa.text(one)) for one in statements])
    store.close_store(old)
    opened = store.open_store(empty_url)
    tracks = store.clips_table(opened).set_index("clip_id")["track_id"].to_dict()
    assert tracks["a1"] == tracks["a2"] != tracks["b1"]
    assert tracks["d1"] == "demo"
    assert sorted(set(tracks.values()) | {"of no clip"}) == sorted(stored_tracks(opened))
    assert set(map(tuple, told(opened, "artist", "title", "makam", "year").values())) == {
        ("Necdet", "Taksim", "Rast", 2001)
    }
    scored(opened, "a", title="Hicaz Taksim", makam="Hicaz", year=1990)
    assert told(opened, "title", "makam", "year")["a2"] == ["Hicaz Taksim", "Rast", 1990]  # a person had set the makam
    store.set_track(opened, "b1", usul="serbest")
    assert told(opened, "title", "year", "usul")["b1"] == ["Taksim", 2001, "serbest"]
    assert told(opened, "usul")["a1"] == told(opened, "usul")["d1"] == [""]
    store.close_store(opened)


def test_all_windows_of_a_file_share_what_is_said_also_those_that_are_cut_later(opened):
    first, second = scored(opened, windows=2, plan="30/15")
    store.set_track(opened, second, makam="uşşak")
    (excerpt,) = scored(opened)
    (other,) = scored(opened, "b", title="Zahidem")
    found = told(opened, "makam")
    assert found == {first: ["uşşak"], second: ["uşşak"], excerpt: ["uşşak"], other: [""]}
    assert store.library_table(opened).empty  # nothing was predicted, and nothing broke


def test_a_clip_without_a_track_gets_one_of_its_own(opened):
    for clip_id, content in (("c1", "one"), ("c2", "one"), ("c3", "two")):
        uploaded(opened, clip_id, content_hash=content)
    track = store.set_track(opened, "c1", makam="rast")
    assert store.set_track(opened, "c3", makam="segâh") != track
    assert store.set_track(opened, "c2", title="Kalamış") == track
    assert told(opened, "makam", "title", "artist") == {
        "c1": ["rast", "Kalamış", ""],
        "c2": ["rast", "Kalamış", ""],
        "c3": ["segâh", "", ""],
    }
    named = store.add_track(opened, artist="", title="")
    uploaded(opened, "c1", track_id=named)  # as when the same file is found in a library
    assert told(opened, "makam")["c1"] == ["rast"]


@pytest.mark.parametrize(
    ("fields", "match"),
    [
        ({"makam": "x" * 301}, "The makam has 301 characters; the limit is 300"),
        ({"title": "a\x00b"}, "The title holds control characters"),
        ({"title": "a\nb"}, "The title holds control characters"),
        ({"album": "\ud800"}, "The album holds control characters"),
        ({"genre": 3}, "The genre must be a text, not 3"),
        ({"year": 999}, "999 is not a year from 1000 to 2100"),
        ({"year": 2101}, "2101 is not a year from 1000 to 2100"),
        ({"year": "nineteen"}, "'nineteen' is not a year"),
        ({"year": 1970.5}, "1970.5 is not a year"),
        ({"source": "/else"}, "'source' is not a known field of a track"),
        ({"id": "x"}, "'id' is not a known field of a track"),
    ],
)
def test_what_cannot_be_said_of_a_track_is_refused_whole(opened, fields, match):
    (one,) = scored(opened)
    with pytest.raises(StoreError, match=match):
        store.set_track(opened, one, performer="Neşet", **fields)
    with pytest.raises(StoreError, match="There is no clip ghost"):
        store.set_track(opened, "ghost", performer="Neşet")
    names = ("artist", "title", "source", "genre", "year", "makam", "performer")
    assert told(opened, *names) == {one: ["Neset Ertas", "Gönül Dağı", "/music", "Folk", 1999, "", ""]}


def test_the_limits_themselves_are_allowed_and_a_text_is_one_line(opened):
    (one,) = scored(opened)
    store.set_track(opened, one, makam="ş" * 300, year=np.int64(1000), title="  Go\u0308nu\u0308l\u200b  Dağı\u00a0 ")
    assert told(opened, "makam", "year", "title")[one] == ["ş" * 300, 1000, "Gönül Dağı"]
    store.set_track(opened, one, makam=None, year=2100)
    assert told(opened, "makam", "year")[one] == ["", 2100]
    store.set_track(opened, one, year="")
    assert np.isnan(store.clips_table(opened)["year"].astype(float).iloc[0])


AT_ONCE = [{"makam": "rast"}, {"usul": "düyek"}, {"album": "Zahidem"}, {"performer": "Neşet"}]


def test_of_people_at_once_nobody_is_forgotten(opened):
    (one,) = scored(opened)
    gate = threading.Barrier(len(AT_ONCE))
    threads = [
        threading.Thread(target=lambda said=said: (gate.wait(), store.set_track(opened, one, **said)))
        for said in AT_ONCE
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    scored(opened, makam="hicaz", usul="aksak", album="A", performer="P")
    assert told(opened, *(name for said in AT_ONCE for name in said))[one] == ["rast", "düyek", "Zahidem", "Neşet"]


def test_tracks_from_before_can_be_set_too(empty_url):
    old = old_store(empty_url, "0003")
    row = (
        "INSERT INTO tracks (id, artist, title, source, genre, year, makam, usul, performer, created_at) "
        "VALUES ('t', 'A', 'T', '', 'Folk', 1950, '', '', '', '2026-01-02T03:04:05.000000+00:00')"
    )
    write(old, lambda c: c.execute(sa.text(row)))
    store.close_store(old)
    opened = store.open_store(empty_url)
    uploaded(opened, "c1", track_id="t")
    assert store.set_track(opened, "c1", makam="rast") == "t"
    assert told(opened, "artist", "genre", "year", "makam") == {"c1": ["A", "Folk", 1950, "rast"]}
    assert read(opened, lambda c: c.execute(sa.text("SELECT by_hand FROM tracks")).scalar()) == '["makam"]'
    store.close_store(opened)


def test_a_list_fills_only_empty_fields_of_scored_files(opened):
    known = {"title": "From a list", "makam": "Hicaz\n" + "x" * 400, "year": 2001, "usul": "dü\x00yek", "isrc": "T"}
    assert store.fill_tracks(opened, {"/music/a.wav": known}) == 0
    (one,) = scored(opened)
    store.set_track(opened, one, usul="")
    assert store.fill_tracks(opened, {"/music/a.wav": known, "/music/b.wav": known}) == 1
    title, makam, year, usul = told(opened, "title", "makam", "year", "usul")[one]
    assert (title, year, usul) == ("Gönül Dağı", 1999, "")  # tags and people come first
    assert makam == "Hicaz " + "x" * 294


def test_a_year_of_a_list_that_is_none_is_left_out(opened):
    (one,) = scored(opened, year=None)
    store.fill_tracks(opened, {"/music/a.wav": {"year": 99, "album": "Türküler"}})
    assert told(opened, "album")[one] == ["Türküler"]
    assert store.clips_table(opened)["year"].isna().all()

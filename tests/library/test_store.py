"""Files of libraries in the store, on SQLite and on PostgreSQL."""

import hashlib
import json
from dataclasses import replace
from operator import methodcaller

import numpy as np
import pytest
import sqlalchemy as sa
from old_stores import old_store

from core import store
from core.errors import StoreError
from core.models.policy import Policy, decide
from core.models.prediction import Prediction
from core.records import LibraryEntry, LibraryFile, MeasuredClip, Remark, RemarkKind, Window
from core.schema import COLUMNS, EMOTIONS, FeatureVector
from core.store.connection import write

X = "x 1"  # an extractor
POLICY = Policy()


def entry(digest: str, *, path: str = "", plan: str = "excerpt", track=None, **more) -> LibraryEntry:
    vector = FeatureVector(digest, X, np.full(50, np.nan))
    file = LibraryFile(
        path or f"/music/{digest}.wav", plan, 100, "s1", "scored", extractor=X, content_hash=digest, duration_s=180.5,
        windows=(Window(75.0, 105.0, digest), Window(105.0, 135.0, None, "silent")),
        remarks=(Remark(RemarkKind.EIGHT_BIT, "8-bit audio."), Remark(RemarkKind.CUT, "Ş")),
    )  # fmt: skip
    return LibraryEntry(replace(file, **more), (MeasuredClip(vector, 75.0, 30.0, -18.5, 44100, 128000, 180.5),), track)


def said(db, digest, *, version="m1", policy=POLICY):
    prediction = Prediction(digest, version, X, dict(zip(EMOTIONS, (0.7, 0.1, 0.1, 0.1), strict=True)))
    return store.save_predictions(db, [(prediction, decide(prediction, policy))], policy=policy)


def test_a_file_comes_back_as_it_was_and_the_newest_outcome_counts(opened):
    one = entry("a" * 64)
    store.save_files(opened, [one])
    assert store.known_files(opened, "excerpt", [one.file.path, "/else"]) == {one.file.path: one.file}
    assert store.known_files(opened, "30/15", [one.file.path]) == {}
    gone = replace(one.file, state="unread", reason="It is gone.", content_hash=None, duration_s=None, windows=())
    store.save_files(opened, [LibraryEntry(gone)])
    assert store.known_files(opened, "excerpt", [one.file.path]) == {one.file.path: gone}
    assert len(store.clips_table(opened)) == 1


def test_windows_from_before_they_had_names_are_the_same_windows(empty_url):
    """More files than are upgraded together; some have no windows."""
    count = 2 * 500 + 1
    rows = [
        {
            **{"id": hashlib.sha256(f"excerpt\n/{k}.wav".encode()).hexdigest(), "path": f"/{k}.wav", "plan": "excerpt"},
            **{"size": 1, "stamp": "s", "state": "scored", "reason": "", "extractor": X, "remarks": "[]"},
            "windows": json.dumps([[0.0, 30.5, f"c{k}", ""], [15.0, 45.5, None, "Sessiz, ş"]] if k % 3 else []),
            "checked_at": "2026-11-26T03:04:05.000000+00:00",
        }
        for k in range(count)
    ]
    old = old_store(empty_url, "0006")
    table = sa.table("files", *map(sa.column, rows[0]))
    write(old, lambda c: c.execute(table.insert(), rows))
    store.close_store(old)
    db = store.open_store(empty_url)
    files = store.known_files(db, "excerpt", [row["path"] for row in rows])
    assert len(files) == count
    for k in range(count):
        windows = (Window(0.0, 30.5, f"c{k}"), Window(15.0, 45.5, None, "Sessiz, ş")) if k % 3 else ()
        assert files[f"/{k}.wav"].windows == windows
    store.close_store(db)


def test_sentences_of_an_earlier_version_are_remarks_without_a_known_kind(opened):
    one = entry("a" * 64)
    store.save_files(opened, [one])
    write(opened, lambda c: c.execute(sa.text("""UPDATE files SET remarks = '["8-bit audio."]'""")))
    (file,) = store.known_files(opened, "excerpt", [one.file.path]).values()
    assert file.remarks == (Remark(RemarkKind.EARLIER, "8-bit audio."),)


def test_only_mp3_and_ogg_of_an_earlier_version_are_measured_again(empty_url):
    names = ("a.mp3", "b.MP3", "c.ogg", "d.opus", "e.wav", "mp3.flac")
    old = old_store(empty_url, "0008")
    columns = (
        "id",
        "path",
        "plan",
        "size",
        "stamp",
        "state",
        "reason",
        "extractor",
        "content_hash",
        "windows",
        "remarks",
    )
    table = sa.table("files", *map(sa.column, (*columns, "checked_at")))
    rows = [
        dict(zip(columns, (name, f"/{name}", "excerpt", 1, "s", "scored", "", X, name, "[]", "[]"), strict=True))
        | {"checked_at": "2026-11-26T03:04:05.000000+00:00"}
        for name in names
    ]
    write(old, lambda c: c.execute(table.insert(), rows))
    store.close_store(old)
    db = store.open_store(empty_url)
    assert store.known_contents(db, "excerpt", X, sizes=[1], limit=10) == {"e.wav", "mp3.flac"}
    store.close_store(db)


def test_a_clip_that_is_another_part_of_its_file_now_is_measured_and_predicted_anew(opened):
    """Its answers stay, and so do the numbers of the earlier part, under another name."""
    one = entry("a" * 64)
    clip = one.clips[0]
    store.save_files(opened, [one])
    given = {"model_version": "m1", "extractor": X, "policy": POLICY}
    said(opened, clip.vector.clip_id)
    assert store.unpredicted(opened, [clip.vector.clip_id], **given).empty
    values = np.full(50, np.nan)
    values[0] = 0.25  # root mean square energy
    moved = replace(
        clip, vector=FeatureVector(clip.vector.clip_id, X, values), start_s=100.0, file_duration_s=230.0, channels=2
    )
    for _ in range(2):
        store.save_files(opened, [replace(one, clips=(moved,))])
        (row,) = store.clips_table(opened).to_dict("records")
        assert (row["start_s"], row["file_duration_s"], row["channels"]) == (100.0, 230.0, 2)
        assert store.features_table(opened, X).loc[clip.vector.clip_id, COLUMNS[0]] == values[0]
    assert store.load_features(opened, clip.vector.clip_id, X, part=(75.0, 30.0)) is None
    assert store.load_features(opened, clip.vector.clip_id, X, part=(100.0, 30.0)) is not None
    assert len(store.unpredicted(opened, [clip.vector.clip_id], **given)) == 1
    (was,) = store.predictions_table(opened)["extractor"]
    assert was.startswith(f"{X}, until 20")
    with pytest.raises(sa.exc.DBAPIError, match="is append-only"), opened.engine.begin() as c:
        c.execute(sa.text("UPDATE predictions SET extractor = extractor || ', until x', guess = 'sad'"))


def test_a_clip_from_before_channels_were_kept_gets_them_when_it_is_measured_again(opened):
    one = entry("a" * 64)
    store.save_files(opened, [one])
    assert store.clips_table(opened)["channels"].isna().all()
    store.save_files(opened, [replace(one, clips=(replace(one.clips[0], channels=2),))])
    assert store.clips_table(opened)["channels"].tolist() == [2]


def test_nothing_and_long_names_are_stored_too(opened):
    store.save_files(opened, [])
    long = entry("b" * 64, path="/" + "/".join(["Ş" * 60] * 30) + "/x.wav")
    store.save_files(opened, [long])
    assert store.known_files(opened, "excerpt", [long.file.path])[long.file.path] == long.file


def test_a_batch_is_stored_whole_or_not_at_all(opened):
    bad = entry("c" * 64)
    bad = replace(bad, clips=(replace(bad.clips[0], duration_s=-1.0),))
    with pytest.raises(StoreError, match="cannot start"):
        store.save_files(opened, [entry("a" * 64), bad])
    assert store.clips_table(opened).empty
    assert store.known_files(opened, "excerpt", ["/music/" + "a" * 64 + ".wav"]) == {}


def test_content_is_known_by_size_plan_and_extractor(opened):
    store.save_files(opened, [entry("a" * 64), entry("b" * 64, size=200), entry("c" * 64, plan="30/15")])
    store.save_files(opened, [entry("d" * 64, state="refused"), entry("e" * 64, extractor="x 2")])
    known = {"plan": "excerpt", "extractor": X, "limit": 10}
    assert store.known_contents(opened, sizes=[100, 100, 7], **known) == {"a" * 64}
    assert store.known_contents(opened, sizes=[100, 200], **known) == {"a" * 64, "b" * 64}
    assert len(store.known_contents(opened, sizes=[100, 200], **known | {"limit": 1})) == 1
    same = store.same_content(opened, "excerpt", X, ["a" * 64, "d" * 64])
    assert {digest: file.path for digest, file in same.items()} == {"a" * 64: f"/music/{'a' * 64}.wav"}


def test_content_stays_known_while_its_file_is_read_anew(opened):
    """And a file that is read for the first time knows nothing yet."""
    new = LibraryFile("/music/new.wav", "excerpt", 100, "", "begun", extractor=X)
    store.save_files(opened, [entry("a" * 64), LibraryEntry(new)])
    store.save_files(opened, [LibraryEntry(entry("a" * 64, state="begun", stamp="").file)])
    assert store.known_contents(opened, "excerpt", X, sizes=[100], limit=10) == {"a" * 64}
    assert store.same_content(opened, "excerpt", X, ["a" * 64])["a" * 64].windows[0].clip_id == "a" * 64


def test_copies_are_those_with_the_same_content_and_plan(opened):
    files = [entry("a" * 64, path=path) for path in ("/z.wav", "/a.wav")]
    store.save_files(opened, [*files, entry("a" * 64, path="/y.wav", plan="30/15"), entry("b" * 64)])
    assert store.copies_of(opened, "excerpt", ["a" * 64, "b" * 64]) == {"a" * 64: ["/a.wav", "/z.wav"]}
    assert len(store.clips_table(opened)) == 2


def test_only_clips_without_this_answer_are_unpredicted(opened):
    store.save_files(opened, [entry("a" * 64), entry("b" * 64)])
    said(opened, "a" * 64)
    ids, asked = ["a" * 64, "b" * 64, "c" * 64], {"model_version": "m1", "extractor": X, "policy": POLICY}
    missing = store.unpredicted(opened, ids, **asked)
    assert missing.index.tolist() == ["b" * 64]
    assert list(missing.columns) == list(COLUMNS)
    for other in ({"model_version": "m2"}, {"policy": Policy(threshold=0.5)}):
        assert set(store.unpredicted(opened, ids, **asked | other).index) == {"a" * 64, "b" * 64}
    assert store.unpredicted(opened, [], **asked).empty
    assert store.features_of(opened, ids, extractor=X).index.tolist() == ["a" * 64, "b" * 64]


def test_predictions_said_twice_at_once_are_one_row_and_unknown_clips_are_refused(opened):
    store.save_files(opened, [entry("a" * 64), entry("b" * 64)])
    p = {d: Prediction(d * 64, "m1", X, dict.fromkeys(EMOTIONS, 0.25)) for d in "abz"}
    both = [(p["b"], decide(p["b"], POLICY)), (p["a"], decide(p["a"], POLICY)), (p["b"], decide(p["b"], POLICY))]
    first = store.save_predictions(opened, both, policy=POLICY)
    assert first[0] == first[2] != first[1]
    assert store.save_predictions(opened, both[:2], policy=POLICY) == first[:2]
    assert store.save_predictions(opened, [], policy=POLICY) == []
    with pytest.raises(StoreError, match="There is no clip zzz"):
        store.save_predictions(opened, [*both, (p["z"], decide(p["z"], POLICY))], policy=Policy(threshold=0.1))
    assert len(store.predictions_table(opened)) == 2


def test_a_clip_is_told_with_its_track_its_answer_and_its_loudness(opened):
    track = {"artist": "Neşet Ertaş", "title": "Gönül Dağı", "source": "/music", "album": "Türküler", "year": 1970}
    store.save_files(opened, [entry("a" * 64, track=track), entry("b" * 64, track={"title": "b"})])
    said(opened, "a" * 64)
    asked = {"model_version": "m1", "extractor": X, "policy": POLICY}
    told = store.scored_clips(opened, ["b" * 64, "a" * 64, "c" * 64], **asked)
    assert set(told.index) == {"a" * 64, "b" * 64}
    row = told.loc["a" * 64]
    assert (row.artist, row.album, row.year, row.lufs, row.guess) == ("Neşet Ertaş", "Türküler", 1970, -18.5, "angry")
    assert np.isnan(told.loc["b" * 64, "p_sad"])
    assert store.scored_clips(opened, [], **asked).empty
    kept = store.library_table(opened, sort="lufs")
    assert (kept.loc[0, "album"], kept.loc[0, "lufs"], kept.loc[0, "file_duration_s"]) == ("Türküler", -18.5, 180.5)


def test_a_track_learns_more_and_forgets_nothing(opened):
    track = {"artist": "A", "title": "T", "source": "/music"}
    store.save_files(opened, [entry("a" * 64, track={**track, "album": "One", "year": 1970})])
    store.save_files(opened, [entry("a" * 64, track={**track, "genre": "Türkü"})])
    (row,) = store.clips_table(opened).itertuples()
    assert (row.album, row.genre, row.year) == ("One", "Türkü", 1970)


def test_a_clip_goes_where_its_file_went_and_a_deleted_one_stays_deleted(opened):
    store.save_files(opened, [entry("a" * 64)])
    store.move_clips(opened, {"a" * 64: "/new/place.flac"})
    (row,) = store.clips_table(opened).itertuples()
    assert (row.path, row.file_name) == ("/new/place.flac", "place.flac")
    store.delete_clip(opened, "a" * 64)
    store.save_files(opened, [entry("a" * 64)])
    assert store.clips_table(opened).empty


@pytest.mark.parametrize(
    ("title", "source", "moved"),
    [
        ("a", "/music", ("b c", "/new")),  # untagged: the file's name and its folder
        ("Gönül Dağı", "/music", ("Gönül Dağı", "/new")),  # of the tag
        ("Gönül Dağı", "a session", ("Gönül Dağı", "a session")),
    ],
)
def test_a_track_goes_with_its_file_as_far_as_the_place_had_said_it(opened, title, source, moved):
    track = {"artist": "Ertaş", "title": title, "source": source, "album": "Türküler"}
    store.save_files(opened, [entry(d * 64, path=f"/music/{d}.wav", track={**track}) for d in "a"])
    store.save_files(opened, [entry("z" * 64, path="/music/z.wav", track={**track})])  # of the same track
    store.move_clips(opened, {"a" * 64: "/new/b c.flac"})
    clips = store.clips_table(opened).set_index("clip_id")
    assert tuple(clips.loc["a" * 64, ["title", "source"]]) == moved
    assert tuple(clips.loc["a" * 64, ["artist", "album", "path"]]) == ("Ertaş", "Türküler", "/new/b c.flac")
    assert tuple(clips.loc["z" * 64, ["title", "source"]]) == (title, source)  # that file did not move


def test_what_a_person_said_of_a_track_goes_with_its_file_and_stays(opened):
    store.save_files(opened, [entry("a" * 64, path="/music/a.wav", track={"title": "a", "source": "/music"})])
    store.set_track(opened, "a" * 64, artist="Âşık Veysel", makam="Hüseynî")
    store.move_clips(opened, {"a" * 64: "/new/b.wav"})
    named = store.clips_table(opened).iloc[0]
    assert (named.title, named.source, named.artist, named.makam) == ("b", "/new", "Âşık Veysel", "Hüseynî")
    store.set_track(opened, "a" * 64, title="b")  # as it is called, and now by a person
    store.move_clips(opened, {"a" * 64: "/newer/c.wav"})
    named = store.clips_table(opened).iloc[0]
    assert (named.title, named.source, named.artist) == ("b", "/newer", "Âşık Veysel")


def test_files_are_forgotten_with_the_last_clip_of_their_content(opened):
    whole, other = entry("a" * 64, path="/up/1/a.wav"), entry("a" * 64, path="/up/2/same.wav")
    part = replace(whole.clips[0], vector=FeatureVector("a" * 64 + "@0.000+30", X, np.full(50, np.nan)))
    mine = entry("a" * 64, path="/music/a.wav")
    uploaded = methodcaller("startswith", "/up/")
    store.save_files(opened, [whole, other, mine, LibraryEntry(replace(whole.file, plan="30/15"), (part,))])
    store.delete_clip(opened, "a" * 64)
    assert store.forget_files(opened, "a" * 64, ours=uploaded) == []  # a part of it is still there
    store.delete_clip(opened, part.vector.clip_id)
    assert store.forget_files(opened, "a" * 64, ours=uploaded) == [
        "/up/1/a.wav",
        "/up/2/same.wav",
    ]
    assert store.clips_table(opened, deleted=True)["path"].isna().all()
    assert store.forget_files(opened, "b" * 64, ours=uploaded) == []


def test_the_good_ends_of_a_job_newest_first(opened):
    for state in ("done", "failed", "done"):
        job = store.start_job(opened, "library")
        store.report_job(opened, job.job_id, 0.5, "half", result={"half": True})
        assert store.latest_job(opened, "library").result == {"half": True}
        store.finish_job(opened, job.job_id, state=state, result={"n": job.job_id})
    other = store.start_job(opened, "retrain")
    store.finish_job(opened, other.job_id)
    found = store.done_jobs(opened, "library")
    assert [job.result["n"] for job in found] == [3, 1]
    assert len(store.done_jobs(opened, "library", limit=1)) == 1

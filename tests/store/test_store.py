"""The store on SQLite and on PostgreSQL: what goes in comes out, once, and what people said cannot be changed."""

import hashlib
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing, nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import mood_library
import numpy as np
import postgres
import pytest
import sqlalchemy as sa
from answers import stored_answers
from old_stores import old_answer, old_store

from core import store
from core.errors import StoreError
from core.labelling.agreement import people
from core.labelling.truth import settled_clips, stored_truth
from core.models.policy import Policy, decide
from core.models.prediction import Prediction, WindowGuess
from core.schema import COLUMNS, EMOTIONS, FeatureVector
from core.store.connection import connect, read, write
from core.store.schema import HEAD, UtcTime, feedback, metadata
from core.store.upgrade import head

ROOT = Path(__file__).resolve().parent.parent.parent


def clip(opened, clip_id="c1", **more):
    return store.add_clip(opened, clip_id, **{"file_name": f"{clip_id}.wav", "duration_s": 30.02, "sr": 44100, **more})


def old_label(opened):
    """A label that came with the clip c1, as version 0.2 could store it."""
    row = "INSERT INTO labels (clip_id, emotion, source, created_at) VALUES ('c1', 'sad', 'generator', :now)"
    write(opened, lambda c: c.execute(sa.text(row), {"now": "2026-01-02T03:04:05.000000+00:00"}))


def predicted(opened, clip_id="c1", *, p=(0.6, 0.2, 0.1, 0.1), version="m1", role="champion", policy=None):
    policy = policy or Policy()
    said = Prediction(clip_id, version, "x 1", dict(zip(EMOTIONS, p, strict=True)))
    return store.save_predictions(opened, [(said, decide(said, policy))], policy=policy, role=role)[0]


def answer(opened, rater="Ayşe", label="sad", clip_id="c1", **more):
    return store.add_feedback(opened, token=store.new_token(), rater=rater, label=label, clip_id=clip_id, **more)


def test_without_postgresql_tests_are_skipped_here_and_fail_in_ci(monkeypatch):
    monkeypatch.setattr(Path, "glob", lambda *_: iter(()))
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="apt-get install postgresql"):
        postgres.programs()
    monkeypatch.delenv("CI")
    with pytest.raises(pytest.skip.Exception, match="apt-get install postgresql"):
        postgres.programs()


# the schema and its migrations


def test_migrations_make_the_schema_that_the_code_expects(opened):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with opened.engine.connect() as c:
        assert compare_metadata(MigrationContext.configure(c, opts={"compare_type": False}), metadata) == []
        found = sa.inspect(c)
        for table in metadata.sorted_tables:
            columns = {x["name"]: (x["nullable"], str(x["type"])) for x in found.get_columns(table.name)}
            wanted = {x.name: (x.nullable, x.type.compile(c.dialect)) for x in table.columns}
            assert {n: null for n, (null, _) in columns.items()} == {n: null for n, (null, _) in wanted.items()}
            checks = {x["name"] for x in found.get_check_constraints(table.name)}
            assert checks == {x.name for x in table.constraints if isinstance(x, sa.CheckConstraint)}


def test_the_code_knows_the_newest_revision():
    assert head() == HEAD


def test_types_are_those_of_the_code(opened):
    """Numbers, texts and times are what the code says; times are real times where the database has them."""
    with opened.engine.connect() as c:
        types = {x["name"]: x["type"] for x in sa.inspect(c).get_columns("feedback")}
    moment = types["created_at"]
    assert getattr(moment, "timezone", None) is True if opened.path is None else isinstance(moment, sa.String)
    assert isinstance(types["verified"], sa.Boolean)


def test_no_moment_is_taken_for_one_of_this_machines_time_zone(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        kind, sqlite = UtcTime(), sa.dialects.sqlite.dialect()
        with pytest.raises(ValueError, match="has no time zone"):
            kind.process_bind_param(datetime(2026, 1, 2, 3), sqlite)
        tokyo = datetime(2026, 1, 2, 12, tzinfo=timezone(timedelta(hours=9)))
        assert kind.process_bind_param(tokyo, sqlite) == "2026-01-02T03:00:00.000000+00:00"
        for text in ("2026-01-02T03:00:00", "2026-01-02T12:00:00+09:00"):
            assert kind.process_result_value(text, sqlite) == datetime(2026, 1, 2, 3, tzinfo=UTC)
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.postgres
def test_opening_an_up_to_date_database_leaves_alembic_alone(migrated, tmp_path, postgres_server):
    urls = [f"sqlite:///{shutil.copy(migrated, tmp_path)}", postgres_server.new_store()]
    code = f"import sys; from core import store; [store.open_store(u) for u in {urls}]; print('alembic' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


# clips, features, predictions


def test_features_of_some_clips(opened, monkeypatch):
    monkeypatch.setattr("core.store.connection.IDS_AT_ONCE", 2)
    for i in range(5):
        clip(opened, f"c{i}")
        store.save_features(opened, FeatureVector(f"c{i}", "x 1", np.array([i / 10, *[np.nan] * 49])))
    found = store.features_table(opened, "x 1", clip_ids=["c4", "c0", "c3", "c3", "unknown"])
    assert found[COLUMNS[0]].to_dict() == {"c0": 0.0, "c3": 0.3, "c4": 0.4}
    store.delete_clip(opened, "c3")
    ids = ["c4", "c0", "c3", "c3", "unknown"]
    assert store.features_table(opened, "x 1", clip_ids=ids)[COLUMNS[0]].to_dict() == {"c0": 0.0, "c4": 0.4}
    assert store.features_of(opened, ids, extractor="x 1")[COLUMNS[0]].to_dict() == found[COLUMNS[0]].to_dict()
    asked = {"model_version": "m1", "extractor": "x 1", "policy": Policy()}
    for none in (
        store.features_table(opened, "x 1", clip_ids=[]),
        store.features_of(opened, [], extractor="x 1"),
        store.unpredicted(opened, [], **asked),
    ):
        assert list(none.columns) == list(COLUMNS)
        assert set(none.dtypes) == {np.dtype(float)}
    assert store.unpredicted(opened, ids, **asked).index.sort_values().tolist() == ["c0", "c3", "c4"]


def test_features_come_back_as_they_were(opened):
    clip(opened)
    values = np.linspace(0.1, 0.9, 50)
    values[COLUMNS.index("_Tempo_Mean")] = np.nan
    values[[i for i, c in enumerate(COLUMNS) if c == "_Spectralkurtosis_Mean"]] = 3.25
    store.save_features(opened, FeatureVector("c1", "x 1", values))
    store.save_features(opened, FeatureVector("c1", "x 1", values * 0 + np.nan))  # the first stays
    found = store.load_features(opened, "c1", "x 1")
    assert np.array_equal(found.values, values, equal_nan=True)
    assert store.load_features(opened, "c1", "x 2") is None
    table = store.features_table(opened, "x 1")
    assert list(table.columns) == list(COLUMNS)
    assert np.array_equal(table.loc["c1"].to_numpy(), values, equal_nan=True)
    nulls = sa.text('SELECT count(*) FROM features WHERE "_Tempo_Mean" IS NULL')
    assert read(opened, lambda c: c.execute(nulls).scalar()) == 1


def test_features_need_their_clip_and_are_stored_all_or_none(opened):
    clip(opened)
    unknown = np.full(50, np.nan)
    with pytest.raises(StoreError, match="no clip ghost"):
        store.save_features(opened, FeatureVector("c1", "x", unknown), FeatureVector("ghost", "x", unknown))
    assert store.load_features(opened, "c1", "x") is None


def test_a_clip_stored_again_fills_gaps_and_comes_back_from_deletion(opened):
    track = store.add_track(opened, artist="Münir Nurettin Selçuk", title="Kalamış", year=1950)
    clip(opened, file_name="ilk.wav")
    store.delete_clip(opened, "c1")
    assert store.clips_table(opened).empty
    assert store.clips_table(opened, deleted=True)["clip_id"].tolist() == ["c1"]
    clip(opened, file_name="ikinci.wav", path="kept/c1.wav", track_id=track)
    row = store.clips_table(opened).iloc[0]
    assert (row["file_name"], row["path"], row["artist"]) == ("ilk.wav", "kept/c1.wav", "Münir Nurettin Selçuk")


def test_a_track_learns_its_makam_later_and_forgets_nothing(opened):
    first = store.add_track(opened, artist="A", title="T", usul="aksak", year=1950)
    assert store.add_track(opened, artist=" A", title="T ", makam="hicaz") == first
    assert store.add_track(opened, artist="A", title="T") == first
    clip(opened, track_id=first)
    row = store.clips_table(opened).iloc[0]
    assert (row["makam"], row["usul"], row["year"]) == ("hicaz", "aksak", 1950)


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"clip_id": "  "}, "needs an id"),
        ({"duration_s": 0}, "last 0 s"),
        ({"start_s": float("nan")}, "start at nan"),
        ({"origin": "moon"}, "not a known origin of a clip"),
        ({"file_name": "a\x00b"}, "control characters"),
        ({"track_id": "none"}, "no track"),
    ],
)
def test_a_clip_that_is_none_is_refused(opened, given, match):
    with pytest.raises(StoreError, match=match):
        clip(opened, **given)
    assert store.clips_table(opened).empty


def test_a_prediction_said_again_is_one_row(opened):
    clip(opened)
    first = predicted(opened)
    assert predicted(opened) == first
    assert predicted(opened, policy=Policy(threshold=0.5)) != first
    assert predicted(opened, role="challenger", version="m2") != first
    table = store.predictions_table(opened)
    assert len(table) == 3
    row = table.iloc[0]
    assert (row["guess"], row["margin"], row["p_angry"]) == ("angry", pytest.approx(0.4), 0.6)
    assert table["decision"].isna().tolist() == [True, False, True]
    assert store.predictions_table(opened, latest=True, role="champion")["prediction_id"].tolist() == [table.iloc[1, 0]]


def test_empty_tables_have_their_columns_and_types(opened):
    empty, clips = store.feedback_table(opened), store.clips_table(opened)
    clip(opened)
    answer(opened)
    assert empty.dtypes.to_dict() == store.feedback_table(opened).dtypes.to_dict()
    assert clips.dtypes.to_dict() == store.clips_table(opened).dtypes.to_dict()


# answers


def test_an_answer_is_stored_as_it_was_given(opened):
    clip(opened, file_name="gönül dağı.flac")
    number = predicted(opened)
    comment = "'); DROP TABLE feedback; -- ağır, hüzünlü ığüşöç İ\nikinci satır"
    before = datetime.now(UTC)
    receipt = store.add_feedback(
        opened,
        token=store.new_token(),
        rater="  Ays\u0327e   Öz ",  # s and a cedilla apart, as some keyboards send it
        label="sad",
        prediction_id=number,
        display="shown",
        shown_label="angry",
        comment=comment,
        verified=True,
        source="predict",
    )
    (row,) = store.feedback_table(opened).to_dict("records")
    assert receipt == store.Receipt(row["feedback_id"], new=True)
    assert (row["rater"], row["comment"], row["file_name"]) == ("Ayşe Öz", comment, "gönül dağı.flac")
    assert (row["label"], row["shown_label"], row["guess"], row["model_version"]) == ("sad", "angry", "angry", "m1")
    assert (row["verified"], row["source"], row["kind"], row["undone"]) == (True, "predict", "answer", False)
    assert before - timedelta(seconds=1) < row["created_at"] < datetime.now(UTC) + timedelta(seconds=1)


GOOD = {"token": "a token of a form", "rater": "Ali", "label": "sad", "clip_id": "c1"}


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"label": "joy"}, "'joy' is not a known emotion.*angry, happy, relax, sad"),
        ({"label": None}, "either an emotion or a reason"),
        ({"skip_reason": "ambiguous"}, "either an emotion or a reason"),
        ({"label": None, "skip_reason": "bored"}, "not a known reason to skip"),
        ({"rater": " \t "}, "1 to 80 characters; this one has 0"),
        ({"rater": "x" * 81}, "this one has 81"),
        ({"rater": "A\x00li"}, "control characters"),
        ({"rater": "A\ud800li"}, "control characters"),
        ({"comment": "x" * 2001}, "2001 characters; the limit is 2000"),
        ({"comment": "\x00"}, "control characters"),
        ({"comment": "\udfff"}, "control characters"),
        ({"token": "short"}, "no token"),
        ({"clip_id": "ghost"}, "no clip ghost"),
        ({"clip_id": None}, "needs a clip"),
        ({"prediction_id": 999}, "no prediction 999"),
        ({"display": "shown"}, "Give the shown guess"),
        ({"display": "hidden at random", "shown_label": "sad"}, "Give the shown guess"),
        ({"display": "blinking"}, "not a known way to display"),
        ({"source": "fax"}, "not a known source of an answer"),
        ({"given_at": datetime(2026, 1, 1)}, "needs a time zone"),
    ],
)
def test_what_is_no_answer_is_refused_and_not_stored(opened, given, match):
    clip(opened)
    with pytest.raises(StoreError, match=match):
        store.add_feedback(opened, **{**GOOD, **given})
    assert store.feedback_table(opened).empty


def test_an_answer_from_elsewhere_keeps_its_time(opened):
    clip(opened)
    given = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=timezone(timedelta(hours=3)))
    store.add_feedback(opened, **{**GOOD, "given_at": given})
    assert store.feedback_table(opened).loc[0, "created_at"] == given


def test_the_limits_themselves_are_allowed(opened):
    clip(opened)
    store.add_feedback(opened, **{**GOOD, "rater": "ş" * 80, "comment": "ı" * 2000})
    assert store.feedback_table(opened).loc[0, "rater"] == "ş" * 80


def test_a_prediction_of_another_clip_is_refused(opened):
    clip(opened)
    clip(opened, "c2")
    number = predicted(opened, "c2")
    with pytest.raises(StoreError, match="about another clip"):
        store.add_feedback(opened, **GOOD, prediction_id=number)


def test_the_same_form_sent_twice_is_stored_once(opened):
    clip(opened)
    first = store.add_feedback(opened, **GOOD)
    again = store.add_feedback(opened, **GOOD)
    assert (again.feedback_id, again.new) == (first.feedback_id, False)
    with pytest.raises(StoreError, match="already sent with the answer 'sad'"):
        store.add_feedback(opened, **{**GOOD, "label": "happy"})
    assert store.feedback_table(opened)["label"].tolist() == ["sad"]


def test_many_answers_are_stored_all_or_none(opened):
    clip(opened)
    rows = [store.Answer(store.new_token(), "Ali", "sad", clip_id=c) for c in ("c1", "ghost")]
    with pytest.raises(StoreError, match="no clip ghost"):
        store.add_answers(opened, rows)
    assert store.feedback_table(opened).empty


def test_many_answers_take_few_statements_and_keep_their_order(opened):
    """Others wait while they are stored."""
    for name in ("c1", "c2", "c3"):
        clip(opened, name)
    store.delete_clip(opened, "c3")
    number = predicted(opened, "c2")
    about = [{"clip_id": "c1"}, {"prediction_id": number}, {"clip_id": "c3"}]
    forms = [store.Answer(f"form {n:04}", f"r{n}", "sad", **about[n % 3]) for n in range(2100)]
    store.add_answers(opened, forms[700:705])
    asked = []
    sa.event.listen(opened.engine, "before_cursor_execute", lambda c, cursor, statement, *_: asked.append(statement))
    receipts = store.add_answers(opened, [*forms, forms[0]])
    assert len(asked) < 20
    assert [r.new for r in receipts] == [*([True] * 700), *([False] * 5), *([True] * 1395), False]
    table = store.feedback_table(opened).set_index("feedback_id").loc[[r.feedback_id for r in receipts]]
    assert table["rater"].tolist() == [form.rater for form in [*forms, forms[0]]]
    assert table["clip_id"].tolist()[:3] == ["c1", "c2", "c3"]
    assert [bool(r.remark) for r in receipts[:3]] == [False, False, True]
    new = [r.feedback_id for r in receipts if r.new]
    assert new == sorted(new)


def test_two_answers_of_one_form_are_refused_with_all_that_came_with_them(opened):
    clip(opened)
    rows = [
        store.Answer(token, "Ali", label, clip_id="c1") for token, label in (("form one", "sad"), ("form two", "sad"))
    ]
    with pytest.raises(StoreError, match="already sent with the answer 'sad'"):
        store.add_answers(opened, [*rows, store.Answer("form one", "Ali", "happy", clip_id="c1")])
    assert store.feedback_table(opened).empty


@pytest.mark.parametrize("table", ["feedback", "predictions", "labels"])
def test_no_program_can_change_or_remove_what_was_said(opened, table):
    clip(opened)
    old_label(opened)
    store.add_feedback(opened, **GOOD, prediction_id=predicted(opened))
    statements = [f"UPDATE {table} SET clip_id = clip_id", f"DELETE FROM {table}"]
    if opened.path is None:
        statements.append(f"TRUNCATE {table} CASCADE")
    else:
        statements.append(f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}")
    for statement in statements:
        with pytest.raises(sa.exc.DBAPIError, match="is append-only"), opened.engine.begin() as c:
            c.execute(sa.text(statement))
    assert read(opened, lambda c: c.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar()) == 1


CLASHES = {  # what another program may try: the row that it copies, with these columns changed
    "the id": ({"token": "'b'", "source": "'b'", "policy": "'b'"}, "is append-only"),
    "the unique columns": ({"id": "NULL", "margin": "0", "label": "'sad'", "created_at": "'2001'"}, ""),
    "the undone answer": ({"id": "NULL", "token": "'b'"}, "is append-only"),
}


@pytest.mark.parametrize("verb", ["INSERT OR REPLACE", "REPLACE", "INSERT OR IGNORE", "INSERT"])
@pytest.mark.parametrize(
    ("table", "same"),
    [
        *((table, same) for table in ("labels", "predictions", "feedback") for same in list(CLASHES)[:2]),
        ("feedback", "the undone answer"),
    ],
)
def test_no_other_program_replaces_what_was_said(tmp_path, migrated, table, same, verb):
    """A connection as SQLite makes it, without a setting of ours."""
    path = Path(shutil.copy(migrated, tmp_path))
    opened = store.open_store(f"sqlite:///{path}")
    clip(opened)
    old_label(opened)
    store.add_feedback(opened, **GOOD, prediction_id=predicted(opened))
    if same == "the undone answer":
        undo(opened, rater="Ali")
    store.close_store(opened)
    changed, refusal = CLASHES[same]
    with closing(sqlite3.connect(path)) as other:
        names = [row[1] for row in other.execute(f"PRAGMA table_info({table})")]
        before = other.execute(f"SELECT * FROM {table}").fetchall()
        values = ", ".join(changed.get(n, f'"{n}"') for n in names)
        statement = f"{verb} INTO {table} SELECT {values} FROM {table} ORDER BY id DESC LIMIT 1"
        with pytest.raises(sqlite3.IntegrityError, match=refusal) if refusal else nullcontext():
            other.execute(statement)
        assert other.execute(f"SELECT * FROM {table}").fetchall() == before


def test_ours_are_told_what_is_there_already(opened):
    """The triggers pass over what is there; the functions answer with the row that stands, on both databases."""
    clip(opened)
    first = store.add_feedback(opened, **GOOD)
    assert store.add_feedback(opened, **GOOD) == store.Receipt(
        first.feedback_id, False, "This answer was already stored."
    )
    assert predicted(opened) == predicted(opened)
    assert read(opened, lambda c: c.execute(sa.text("SELECT count(*) FROM predictions")).scalar()) == 1


def test_the_database_itself_refuses_impossible_answers(opened):
    clip(opened)
    answer(opened)
    row = "kind, clip_id, display, rater, verified, source, comment, created_at, token"
    copy = f"INSERT INTO feedback ({row}) SELECT {row.replace('token', chr(39) + 'other' + chr(39))} FROM feedback"
    with pytest.raises(sa.exc.IntegrityError, match="one_answer"), opened.engine.begin() as c:
        c.execute(sa.text(copy))  # an answer that is neither an emotion nor a skip


def test_the_database_itself_refuses_rows_that_point_nowhere(opened):
    clip(opened)
    answer(opened)
    row = "kind, label, display, rater, verified, source, comment, created_at"
    for elsewhere in ("'ghost', NULL", "clip_id, 999"):
        copy = (
            f"INSERT INTO feedback ({row}, token, clip_id, prediction_id) SELECT {row}, 'x', {elsewhere} FROM feedback"
        )
        with pytest.raises(sa.exc.IntegrityError), opened.engine.begin() as c:
            c.execute(sa.text(copy))


# undo


def undo(opened, rater="Ayşe", **more):
    return store.undo(opened, token=store.new_token(), rater=rater, **more)


def until(true, *, seconds=30):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def standing(opened):
    return stored_answers(opened)[["clip_id", "rater", "label"]].to_numpy().tolist()


def test_undo_takes_back_the_newest_answer_and_then_the_one_before(opened, url):
    clip(opened)
    clip(opened, "c2")
    answer(opened, clip_id="c1", label="sad")
    answer(opened, clip_id="c1", label="happy")
    answer(opened, clip_id="c2", label="relax")
    undo(opened)
    store.close_store(opened)
    again = store.open_store(url)  # as after a reload
    assert standing(again) == [["c1", "Ayşe", "happy"]]
    undo(again)
    assert standing(again) == [["c1", "Ayşe", "sad"]]  # what was said before counts again
    undo(again)
    assert standing(again) == []
    assert undo(again) is None
    assert len(store.feedback_table(again)) == 6
    store.close_store(again)


def test_the_same_undo_sent_twice_takes_back_one_answer(opened):
    clip(opened)
    answer(opened, label="sad")
    answer(opened, label="happy")
    token = store.new_token()
    first, again = (store.undo(opened, token=token, rater="Ayşe") for _ in range(2))
    assert (first.new, again.new, first.feedback_id) == (True, False, again.feedback_id)
    assert standing(opened) == [["c1", "Ayşe", "sad"]]


def test_the_same_undo_sent_twice_at_once_is_told_so(opened):
    """Both are under way before either is stored: they wait for a third that holds the rater's rows."""
    clip(opened)
    for label in ("sad", "happy"):
        answer(opened, label=label)
    token, receipts = store.new_token(), []
    threads = [
        threading.Thread(target=lambda: receipts.append(store.undo(opened, token=token, rater="Ayşe")))
        for _ in range(2)
    ]
    with opened.engine.connect().execution_options(write=True) as holder, holder.begin():
        holder.execute(sa.select(feedback.c.id).order_by(feedback.c.id).limit(1).with_for_update())
        for thread in threads:
            thread.start()
        if opened.path is None:  # a writer to SQLite waits before it reads anything
            waiting = sa.text(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )
            until(lambda: read(opened, lambda c: c.execute(waiting).scalar()) == 2)
    for thread in threads:
        thread.join()
    assert sorted(receipt.new for receipt in receipts) == [False, True]
    assert len({receipt.feedback_id for receipt in receipts}) == 1
    assert {receipt.remark for receipt in receipts} == {"", "This undo was already stored."}
    assert standing(opened) == [["c1", "Ayşe", "sad"]]


def test_a_form_is_either_an_answer_or_an_undo(opened):
    clip(opened)
    answer(opened)
    store.add_feedback(opened, **GOOD | {"rater": "Ayşe"})
    with pytest.raises(StoreError, match="already sent with the answer 'sad'"):
        store.undo(opened, token=GOOD["token"], rater="Ayşe")
    token = store.new_token()
    store.undo(opened, token=token, rater="Ayşe")
    with pytest.raises(StoreError, match="has already undone an answer"):
        store.add_feedback(opened, **GOOD | {"rater": "Ayşe", "token": token})
    assert standing(opened) == [["c1", "Ayşe", "sad"]]


def test_undo_takes_only_what_was_said_on_that_page(opened):
    clip(opened)
    answer(opened, label="sad", source="label")
    for source in ("predict", "import"):
        answer(opened, label="happy", source=source)
    assert undo(opened, source="label").new
    assert undo(opened, source="label") is None
    with pytest.raises(StoreError, match="not a known source of an answer"):
        undo(opened, source="fax")
    table = store.feedback_table(opened)
    assert table.loc[table["undone"], "source"].tolist() == ["label"]
    assert [undo(opened).new for _ in range(2)] == [True, True]  # without a page: from anywhere, newest first
    table = store.feedback_table(opened)
    assert table.loc[table["kind"].eq("undo"), "source"].tolist() == ["label", "import", "predict"]
    assert undo(opened) is None


def test_a_settlement_is_taken_back_by_its_number_only(opened):
    clip(opened)
    answer(opened, label="sad")
    settled = answer(opened, label="relax", adjudication=True).feedback_id
    assert undo(opened).new
    assert undo(opened) is None
    assert stored_truth(opened)["status"].tolist() == ["adjudicated"]
    assert undo(opened, rater="Ali", feedback_id=settled) is None
    assert undo(opened, feedback_id=settled, source="predict") is None  # it was given elsewhere
    taken = undo(opened, feedback_id=settled)
    assert taken.new
    assert undo(opened, feedback_id=taken.feedback_id) is None  # an undo stands
    assert stored_truth(opened).empty


def test_nobody_takes_back_the_answer_of_another(opened):
    clip(opened)
    answer(opened, rater="Ayşe", verified=True)
    assert undo(opened, rater="Ali") is None
    assert undo(opened, rater="Ayşe") is None  # the same name without the login
    assert undo(opened, rater="Ayşe", verified=True).new


def test_undo_of_one_answer_leaves_all_others(opened):
    clip(opened)
    clip(opened, "c2")
    numbers = [answer(opened, label=label).feedback_id for label in ("sad", "happy")]
    for _ in range(store.UNDO_DEPTH):
        answer(opened, clip_id="c2", label="relax")
    assert undo(opened, rater="Ali", feedback_id=numbers[1]) is None  # not his
    assert undo(opened, feedback_id=numbers[1]).new
    assert undo(opened, feedback_id=numbers[1]) is None
    assert standing(opened) == [["c1", "Ayşe", "sad"], ["c2", "Ayşe", "relax"]]


def test_names_that_look_alike_are_one():
    seen = "Ayşe Öz"
    unseen = ("\u200bAyşe Öz", "Ay\u00adşe Öz", "\u202aAyşe Öz\u202c", "Ays\u0327e O\u0308z", "Ayşe\u2060 \ufeffÖz")
    assert {store.rater_name(name) for name in unseen} == {seen}
    assert store.rater_name("Ays\u200b\u0327e Öz") == seen  # composed once the letter between is gone
    with pytest.raises(StoreError, match="1 to 80"):
        store.rater_name("\u200b\u202e")


def test_undo_reaches_twenty_answers_back(opened):
    clip(opened)
    for _ in range(store.UNDO_DEPTH + 1):
        answer(opened)
    for n in range(store.UNDO_DEPTH):  # neither settlements nor answers from elsewhere count
        answer(opened, adjudication=n % 2 == 0, source="predict")
    assert all(undo(opened, source="label") for _ in range(store.UNDO_DEPTH))
    assert undo(opened, source="label") is None


def test_undos_at_the_same_moment_take_back_one_answer_each(opened):
    clip(opened)
    for n in range(10):
        answer(opened, comment=str(n))
    gate = threading.Barrier(6)
    threads = [threading.Thread(target=lambda: (gate.wait(), undo(opened))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    table = store.feedback_table(opened)
    assert table.loc[(table["kind"] == "answer") & ~table["undone"], "comment"].tolist() == ["0", "1", "2", "3"]


# settlements


def test_of_settlements_at_the_same_moment_by_people_who_saw_none_one_stands(opened):
    """Each of six analysts settles each of five clips, all at once."""
    gate, refused = threading.Barrier(6), []

    def settle(rater):
        for clip_id in "abcde":
            given = {"clip_id": clip_id, "label": "sad"}
            gate.wait()
            try:
                store.add_settlement(opened, store.Answer(store.new_token(), rater, **given), seen=None)
            except StoreError as error:
                refused.append(str(error))

    for clip_id in "abcde":
        clip(opened, clip_id)
    threads = [threading.Thread(target=settle, args=(f"analyst {n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    table = store.feedback_table(opened)
    assert sorted(table["clip_id"]) == list("abcde")
    assert set(table["kind"]) == {"adjudication"}
    assert set(refused) == {"Someone else settled this clip after you opened it. Look at it again."}
    assert len(refused) == 25


def test_a_settlement_of_a_clip_that_is_not_there_is_refused(opened):
    with pytest.raises(StoreError, match="clip"):
        store.add_settlement(
            opened, store.Answer(store.new_token(), "Boss", clip_id="c9", label="sad", adjudication=True), seen=None
        )
    assert store.feedback_table(opened).empty


# a clip deleted while it is being labelled


def test_an_answer_about_a_clip_deleted_meanwhile_is_kept_and_said_so(opened):
    clip(opened)
    number = predicted(opened)
    assert store.clips_to_label(opened, rater="Ayşe")["clip_id"].tolist() == ["c1"]
    store.delete_clip(opened, "c1")
    receipt = store.add_feedback(opened, token=store.new_token(), rater="Ayşe", label="sad", prediction_id=number)
    assert receipt.new
    assert "deleted while you listened" in receipt.remark
    row = store.feedback_table(opened).iloc[0]
    assert (row["label"], row["deleted"]) == ("sad", True)
    assert store.clips_to_label(opened, rater="Ali").empty
    assert stored_truth(opened, raters_needed=1).empty
    clip(opened)  # the clip comes back, and so does what was said of it
    assert stored_truth(opened, raters_needed=1)["label"].to_dict() == {"c1": "sad"}


# the queue


def test_the_queue_asks_first_where_models_differ_then_where_the_champion_is_unsure(opened):
    champion = {
        "sure": (0.9, 0.1, 0, 0),
        "unsure": (0.5, 0.4, 0.1, 0),
        "torn": (0.8, 0.2, 0, 0),
        "plain": (0.6, 0.4, 0, 0),
    }
    for name, p in champion.items():
        clip(opened, name)
        predicted(opened, name, p=p)
    predicted(opened, "torn", p=(0, 0, 0, 1), version="m2", role="challenger")
    predicted(opened, "sure", p=(0.7, 0.3, 0, 0), version="m2", role="challenger")
    clip(opened, "made", origin="demo")
    predicted(opened, "made")
    clip(opened, "unscored")
    queue = store.clips_to_label(opened, rater="Ayşe")
    assert queue["clip_id"].tolist() == ["torn", "unsure", "plain", "sure"]
    assert queue["differs"].tolist() == [True, False, False, False]
    assert queue.loc[0, "challenger_guess"] == "sad"
    answer(opened, clip_id="unsure")
    answer(opened, rater="Ali", clip_id="plain")
    assert store.clips_to_label(opened, rater="Ayşe")["clip_id"].tolist() == ["torn", "plain", "sure"]
    assert store.clips_to_label(opened, rater="Ali")["clip_id"].tolist() == ["torn", "unsure", "sure"]
    answer(opened, rater="Ali", clip_id="unsure")  # two agree: settled for everybody
    settled = settled_clips(stored_truth(opened))
    assert store.clips_to_label(opened, rater="Can", settled=settled)["clip_id"].tolist() == ["torn", "plain", "sure"]
    assert store.clips_to_label(opened, rater="Can", settled=settled, limit=2)["clip_id"].tolist() == ["torn", "plain"]
    assert not settled_clips(stored_truth(opened, raters_needed=3))
    assert store.clips_to_label(opened, rater="Can")["clip_id"].tolist()[1] == "unsure"
    undo(opened, rater="Ali")
    assert store.clips_to_label(opened, rater="Ali", limit=2)["clip_id"].tolist() == ["torn", "unsure"]
    assert store.clips_to_label(opened, rater="Ayşe", challenger="m3")["differs"].sum() == 0


def test_the_queue_asks_about_the_newest_prediction(opened):
    clip(opened)
    predicted(opened, version="m1")
    newest = predicted(opened, version="m2")
    assert store.clips_to_label(opened, rater="Ali")["prediction_id"].tolist() == [newest]
    assert store.clips_to_label(opened, rater="Ali", champion="m9")["prediction_id"].tolist() == [newest]


def test_the_model_in_use_counts_and_where_it_was_not_asked_the_newest(opened):
    for name in ("c1", "c2"):
        clip(opened, name)
        predicted(opened, name, version="m1", p=(0.6, 0.4, 0, 0))
    predicted(opened, "c1", version="m2", p=(0, 0, 0.3, 0.7))
    for version, expected in (("m1", ["m1", "m1"]), ("m2", ["m2", "m1"]), (None, ["m2", "m1"]), ("m3", ["m2", "m1"])):
        found = store.library_table(opened, model_version=version, origins=("upload",))
        assert found.sort_values("clip_id")["model_version"].tolist() == expected
        asked = store.clips_to_label(opened, rater="Ali", champion=version).set_index("clip_id")
        assert asked["guess"].to_dict() == {
            c: "angry" if v == "m1" else "sad" for c, v in zip(("c1", "c2"), expected, strict=True)
        }


def test_where_models_differ_the_order_favours_neither(opened):
    """By their ids, and not by the doubt of one of them."""
    margins = {"a": 0.5, "b": 0.1, "c": 0.9, "d": 0.3}
    for name, margin in margins.items():
        clip(opened, name)
        predicted(opened, name, p=((1 + margin) / 2, (1 - margin) / 2, 0, 0))
        predicted(opened, name, p=(0, 0, 0, 1), version="m2", role="challenger")
    clip(opened, "e")
    predicted(opened, "e", p=(0.5, 0.5, 0, 0))
    assert store.clips_to_label(opened, rater="Ali")["clip_id"].tolist() == ["a", "b", "c", "d", "e"]


# counts, people, settings, library


def test_counts_and_raters(opened):
    clip(opened)
    clip(opened, "c2")
    predicted(opened)
    answer(opened, rater="Ayşe")
    answer(opened, rater="Ayşe", clip_id="c2", label=None, skip_reason="ambiguous")
    answer(opened, rater="Ali", verified=True)
    undo(opened, rater="Ali", verified=True)
    store.sign_in(opened, "Zeki")
    standing = stored_answers(opened)
    assert (len(standing), standing["rater"].nunique(), standing["label"].notna().sum()) == (2, 1, 1)
    table = store.raters_table(opened).set_index("rater")
    assert table.loc["Ayşe", ["answers", "skips", "undone"]].tolist() == [1, 1, 0]
    assert table.loc["Ali", ["answers", "skips", "undone", "verified"]].tolist() == [0, 0, 1, True]
    assert table.loc["Zeki", ["answers", "role"]].tolist() == [0, "rater"]


def test_what_no_longer_stands_is_not_counted(opened):
    clip(opened)
    clip(opened, "c2")
    answer(opened, rater="Ayşe")
    answer(opened, rater="Ayşe", label="happy")  # replaces it
    answer(opened, rater="anonymous 1f3a9c")
    answer(opened, rater="anonymous 77aa00")
    answer(opened, rater="Ali", clip_id="c2")
    standing = stored_answers(opened)
    assert (len(standing), people(standing).nunique(), standing["clip_id"].nunique()) == (3, 3, 2)
    store.delete_clip(opened, "c2")
    standing = stored_answers(opened)
    assert (len(standing), people(standing).nunique(), standing["clip_id"].nunique()) == (2, 2, 1)


def test_the_mark_of_the_labels_changes_with_whatever_they_depend_on(opened):
    clip(opened)
    seen = {store.labels_cache_key(opened)}
    for number, change in enumerate(
        (
            lambda: clip(opened, "c2"),
            lambda: answer(opened),
            lambda: undo(opened),
            lambda: store.delete_clip(opened, "c2"),
            lambda: (clip(opened, "c2"), store.delete_clip(opened, "c2")),  # came back and went again
            lambda: store.sign_in(opened, "Zeki", verified=True),
        ),
        2,
    ):
        change()
        seen.add(store.labels_cache_key(opened))
        assert len(seen) == number
    assert store.labels_cache_key(opened) in seen


def test_a_role_stays_with_its_person(opened):
    assert store.sign_in(opened, "Ayşe").role == "rater"
    store.set_role(opened, "Ayşe", "analyst", verified=True)
    assert store.sign_in(opened, " Ayşe", verified=True).role == "analyst"
    assert store.sign_in(opened, "Ayşe").role == "rater"
    store.set_role(opened, "Ayşe", "therapist")
    assert store.sign_in(opened, "Ayşe").role == "therapist"
    with pytest.raises(StoreError, match="not a known role"):
        store.set_role(opened, "Ayşe", "king")


def test_the_windows_of_a_piece_and_its_row_of_the_table_come_back(opened):
    store.add_clip(opened, "c1", file_name="c1.wav", duration_s=60, sr=44100)
    proba = [dict.fromkeys(EMOTIONS, 0.1) | {emotion: 0.7} for emotion in ("sad", "relax")]
    windows = tuple(WindowGuess(f"c{k}", 5.0 * k, 5.0 * k + 30, p, unlike=bool(k)) for k, p in enumerate(proba))
    said = Prediction("c1", "m1", "x 1", dict.fromkeys(EMOTIONS, 0.1) | {"sad": 0.4, "relax": 0.4}, windows)
    store.save_predictions(opened, [(said, replace(decide(said, Policy()), unlike="speech"))], policy=Policy())
    row = store.predictions_table(opened).iloc[0]
    assert store.read_windows(row["windows"]) == windows
    assert row["unlike"] == "speech"
    link = {"row_key": "k", "same_rows": (7, 8), "distance": 0.5, "file_name": "Şarkı.wav", "extractor": "x 1"}
    for number in (5, 4):  # the second link of the same content replaces the first
        store.save_table_clip(opened, "c1", row=number, **link)
    table = store.table_clips_table(opened)
    assert table[["content_hash", "table_row", "same_rows", "file_name"]].values.tolist() == [
        ["c1", 4, "[7, 8]", "Şarkı.wav"]
    ]
    assert table["distance"].tolist() == [0.5]


def test_an_answer_that_was_planned_from_an_earlier_state_is_not_stored(opened):
    """The rater answered after the plan was made: that answer stays the newest one."""
    store.add_clip(opened, "c1", file_name="c1.wav", duration_s=30, sr=44100)
    planned = [store.Answer(store.new_token(), rater, "sad", clip_id="c1") for rater in ("Ayşe", "Mehmet")]
    store.add_feedback(opened, token=store.new_token(), rater="Ayşe", label="happy", clip_id="c1")
    receipts = store.add_planned_answers(opened, planned, [0, 0])
    assert [receipt is None for receipt in receipts] == [True, False]
    table = store.feedback_table(opened)
    assert table[["rater", "label"]].values.tolist() == [["Ayşe", "happy"], ["Mehmet", "sad"]]
    again = store.add_planned_answers(opened, planned, [0, 0])  # the same form, sent twice
    assert [receipt is None for receipt in again] == [True, False]
    assert len(store.feedback_table(opened)) == 2


def test_settings_are_kept(opened):
    assert store.get_setting(opened, "raters_needed", 2) == 2
    store.set_setting(opened, "raters_needed", 1)
    store.set_setting(opened, "raters_needed", {"n": 3})
    assert store.get_setting(opened, "raters_needed", 2) == {"n": 3}


def test_a_piece_that_a_person_brought_first_has_its_name_in_the_library(opened, tmp_path):
    mood_library.tone(tmp_path / "own.flac", 200, seconds=12.0)  # the first piece of the library
    digest = hashlib.sha256((tmp_path / "own.flac").read_bytes()).hexdigest()
    clip(opened, digest)
    assert store.library_clip_name(opened, digest) is None
    assert mood_library.stored(opened, tmp_path / "music", each=1)[0] == digest
    assert store.clips_table(opened).set_index("clip_id").loc[digest, "origin"] == "upload"
    assert store.library_clip_name(opened, digest) == "Ezgi 0"
    store.delete_clip(opened, digest)
    assert store.library_clip_name(opened, digest) is None


def test_the_library_is_found_by_mood_confidence_and_words(opened):
    track = store.add_track(opened, artist="Zeki Müren", title="Gitme", makam="nihavent")
    clip(opened, "c1", track_id=track)
    clip(opened, "c2", file_name="100%_pure.wav")
    clip(opened, "c3", file_name="1000 pure.wav")
    predicted(opened, "c1", p=(0.9, 0.1, 0, 0))
    predicted(opened, "c2", p=(0.6, 0.4, 0, 0))
    predicted(opened, "c3", p=(0, 0, 0.3, 0.7))

    def names(**given):
        return store.library_table(opened, origins=("upload",), **given)["clip_id"].tolist()

    assert names() == ["c1", "c3", "c2"]
    assert names(descending=False) == ["c2", "c3", "c1"]
    assert names(accepted=True) == ["c1"]
    assert names(min_confidence=0.65) == ["c1", "c3"]
    assert names(emotions=("sad",)) == ["c3"]
    assert names(emotions=()) == []
    assert names(search="müren") == ["c1"]
    assert names(search="0%_") == ["c2"]  # a per cent sign means itself
    assert names(search="' OR 1=1 --") == []
    assert names(sort="file_name; DROP TABLE clips") == ["c1", "c3", "c2"]
    assert names(sort="p_sad", limit=1, offset=1) in (["c1"], ["c2"])
    assert store.library_table(opened, origins=("upload",)).loc[0, "makam"] == "nihavent"
    assert store.library_table(opened).empty  # what a person uploaded is no piece of the library


# jobs


def test_a_job_runs_once_at_a_time_and_frees_its_place(opened, url):
    job = store.start_job(opened, "retrain", message="reading")
    assert store.report_job(opened, job.job_id, 0.4, "fold 2") is False
    with pytest.raises(StoreError, match="'retrain' is already running since .* 40 % done"):
        store.start_job(opened, "retrain")
    other = store.start_job(opened, "score")
    page = store.open_store(url)  # another session sees it
    seen = store.latest_job(page, "retrain")
    assert (seen.state, seen.progress, seen.message) == ("running", 0.4, "fold 2")
    store.cancel_job(page, job.job_id)
    store.close_store(page)
    assert store.report_job(opened, job.job_id, 0.5) is True
    assert store.report_job(opened, other.job_id, 0.5) is False
    ended = store.finish_job(opened, job.job_id, state="cancelled", result={"folds": 2})
    assert (ended.state, ended.result, ended.progress) == ("cancelled", {"folds": 2}, 0.5)
    again = store.start_job(opened, "retrain")
    assert store.finish_job(opened, again.job_id).progress == 1
    assert store.jobs_table(opened)["state"].tolist() == ["done", "running", "cancelled"]


def test_a_message_is_mended_and_not_refused(opened):
    job = store.start_job(opened, "retrain", message="x" * 1000)
    assert job.message == "x" * 1000
    for said, kept in ((" y" * 1000, "y " * 499 + "y…"), ("\udcff\x00", "\ufffd\ufffd"), ("", "")):
        store.report_job(opened, job.job_id, float("nan"), said)
        seen = store.latest_job(opened, "retrain")
        assert (seen.message, seen.progress) == (kept, 0.0)
    assert store.finish_job(opened, job.job_id, message="z" * 1001).message == "z" * 999 + "…"


def test_a_job_that_died_is_replaced_and_cannot_come_back(opened):
    dead = store.start_job(opened, "retrain")
    until(lambda: store.latest_job(opened, "retrain").silent(silence_s=0.01))
    new = store.start_job(opened, "retrain", silence_s=0.01)
    assert store.jobs_table(opened)["state"].tolist() == ["running", "lost"]
    with pytest.raises(StoreError, match="no heartbeat for too long"):
        store.report_job(opened, dead.job_id, 0.9)
    with pytest.raises(StoreError, match="end was not stored"):
        store.finish_job(opened, dead.job_id)
    assert store.latest_job(opened, "retrain") == new


def test_of_ten_starts_at_once_one_wins(opened):
    won, lost, gate = [], [], threading.Barrier(10)

    def start():
        gate.wait()
        try:
            won.append(store.start_job(opened, "retrain"))
        except StoreError as error:
            lost.append(str(error))

    threads = [threading.Thread(target=start) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(won), len(lost)) == (1, 9)


# addresses


@pytest.mark.parametrize(
    ("address", "match"),
    [
        ("nonsense", "is not valid"),
        ("mysql://u:geheim@h/d", "SQLite or PostgreSQL, not mysql"),
        ("sqlite://", "needs a file"),
        ("sqlite:///:memory:", "needs a file"),
    ],
)
def test_an_address_that_is_none_is_refused_without_showing_the_password(address, match):
    with pytest.raises(StoreError, match=match) as caught:
        store.open_store(address)
    assert "geheim" not in str(caught.value)


def test_an_upgrade_keeps_every_row_and_copies_the_file_first(empty_url):
    opened = old_store(empty_url, "0001")
    old_clip = (  # what the code stores today has columns that the old table lacks
        "INSERT INTO clips (id, content_hash, origin, file_name, start_s, duration_s, sr, created_at) "
        "VALUES ('c1', 'c1', 'upload', 'c1.wav', 0, 30.02, 44100, '2026-01-02T03:04:05.000000+00:00')"
    )
    write(opened, lambda c: c.execute(sa.text(old_clip)))
    old_label(opened)
    store.save_features(opened, FeatureVector("c1", "x", np.full(50, np.nan)))
    old_prediction = (
        "INSERT INTO predictions (clip_id, model_version, extractor, role, p_angry, p_happy, p_relax, p_sad, guess, "
        "margin, policy, decision, candidates, reason, created_at) VALUES ('c1', 'm1', 'x 1', 'champion', 0.6, 0.2, "
        "0.1, 0.1, 'angry', 0.4, '{}', NULL, '[]', 'Needs review.', '2026-01-02T03:04:05.000000+00:00')"
    )
    write(opened, lambda c: c.execute(sa.text(old_prediction)))
    old_answer(opened, "the answer")
    old_answer(opened, "its undo", undoes=1)
    tables = ("tracks", "clips", "labels", "features", "predictions", "feedback")

    with opened.engine.connect() as c:
        columns = {t: ", ".join(f'"{x["name"]}"' for x in sa.inspect(c).get_columns(t)) for t in tables}

    def everything(base):
        queries = [sa.text(f"SELECT {columns[t]} FROM {t} ORDER BY 1, 2") for t in tables]
        return [read(base, lambda c, q=q: list(c.execute(q))) for q in queries]

    before = everything(opened)
    store.close_store(opened)
    new = store.open_store(empty_url)
    assert everything(new) == before
    assert sum(map(len, before)) == 6
    (row,) = store.predictions_table(new).to_dict("records")
    assert store.read_windows(row["windows"]) == ()  # one window
    with pytest.raises(sa.exc.DBAPIError, match="append-only"):
        write(new, lambda c: c.execute(sa.text("DELETE FROM feedback")))
    if new.path is not None:
        (copy,) = store.backups(new.path)
        assert "before-upgrade-from-0001" in copy.name
        kept = connect(f"sqlite:///{copy}")
        assert everything(kept) == before
        store.close_store(kept)
    store.close_store(new)

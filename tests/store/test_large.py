"""Large stores: the log of answers says what the table says, questions use indexes, statements do not grow."""

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from core import store
from core.evaluation.shadow_test import compare_guesses
from core.labelling import agreement, queue
from core.labelling.truth import count_only_verified, latest_answers, own_latest, stored_truth
from core.models.policy import Policy, decide
from core.models.prediction import Prediction
from core.schema import EMOTIONS
from core.store import answers, clips, connection, schema
from core.store.schema import metadata
from tests.store.test_scale import filled

LISTED = 24  # clips
TABLES = set(metadata.tables)
SMALL = {  # few rows in any store
    *("jobs", "settings", "tasks", "raters", "clip_owners", "karar_words", "never_played", "recording_words"),
}


def put(opened, clips=LISTED, role="champion", seed=0):
    """Clips with random predictions."""
    rng = np.random.default_rng(seed)
    for n in range(clips):
        store.add_clip(opened, f"c{n:02d}", file_name=f"{n}.wav", duration_s=30, sr=44100, path=f"{n}.wav")
    proba = rng.dirichlet([0.5] * 4, clips)
    said = [
        Prediction(f"c{n:02d}", f"{role} {seed}", "x", dict(zip(EMOTIONS, proba[n].tolist(), strict=True)))
        for n in range(clips)
    ]
    store.save_predictions(opened, [(p, decide(p, Policy())) for p in said], policy=Policy(), role=role)


def talk(opened, number, seed):
    """Random answers of five people, one of them without a name, some taken back, some settled."""
    rng = np.random.default_rng(seed)
    for k in range(number):
        rater = ("Ayşe", "Can", "Ece", "anonymous 1", "anonymous")[rng.integers(5)]
        clip, what = f"c{rng.integers(LISTED):02d}", rng.random()
        if what < 0.15:
            store.undo(opened, token=store.new_token(), source="label", rater=rater, verified=False)
        elif what < 0.3:
            store.add_feedback(opened, token=f"skip {seed} {k}", rater=rater, clip_id=clip, skip_reason="bad audio")
        else:
            store.add_feedback(
                opened,
                token=f"answer {seed} {k}",
                rater=rater,
                verified=rater == "Can",
                clip_id=clip,
                label=EMOTIONS[rng.integers(4)],
                adjudication=what > 0.95,
                heard_s=None if k % 3 else 5.0,
            )


def assert_same(opened):
    """The log gives what the table gives, in values and in all that is computed from it."""
    whole, log = store.feedback_table(opened), store.answers_table(opened)
    for name in log.columns:
        left, right = (table[name].astype(object).where(table[name].notna(), None) for table in (whole, log))
        assert left.tolist() == right.tolist(), name
    for needed in (1, 2):
        truths = [agreement.ground_truth(table, raters_needed=needed) for table in (whole, log)]
        pd.testing.assert_frame_equal(*truths)
        pd.testing.assert_frame_equal(stored_truth(opened, raters_needed=needed), truths[0])
    pd.testing.assert_frame_equal(agreement.votes(whole), agreement.votes(log))
    assert agreement.count_answers(whole) == agreement.count_answers(log)


def test_the_log_of_answers_says_what_the_table_says_at_each_moment(opened):
    put(opened)
    assert_same(opened)
    for seed in range(3):
        talk(opened, 25, seed)
        assert_same(opened)
    store.delete_clip(opened, "c03")
    assert_same(opened)
    count_only_verified(opened, True)
    assert_same(opened)
    talk(opened, 20, 9)
    assert_same(opened)


def test_what_an_earlier_rule_said_about_answers_still_holds(opened):
    """The latest answer of each person, by the plain reading of the rule, one clip after the other."""
    put(opened)
    talk(opened, 150, 4)
    table = store.feedback_table(opened)
    undone = set(table["target_id"].dropna())
    latest = {}
    for row in table.sort_values("feedback_id").to_dict("records"):
        if row["kind"] == "undo" or row["feedback_id"] in undone:
            continue
        nameless = row["rater"].startswith("anonymous") and not row["verified"]
        who = (
            "settled" if row["kind"] == "adjudication" else ("anonymous" if nameless else row["rater"], row["verified"])
        )
        latest[row["clip_id"], who] = row["feedback_id"]
    assert agreement.current_answers(table)["feedback_id"].tolist() == sorted(latest.values())


@pytest.mark.parametrize("pair", [(), ("sad", "relax")])
def test_the_queue_is_in_the_order_that_its_rule_says(opened, pair):
    put(opened)
    put(opened, role="challenger", seed=1)
    talk(opened, 30, 2)
    given = {"champion": "champion 0", "challenger": "challenger 1"}
    found = store.clips_to_label(opened, rater="Ece", limit=LISTED, settled={"c01"}, pair=pair, **given)
    table = store.feedback_table(opened, rater="Ece", verified=False)
    answered = set(table.loc[table["kind"].ne("undo") & ~table["undone"], "clip_id"])
    both = {role: store.predictions_table(opened, role=role).set_index("clip_id") for role in store.ROLES}

    def place(clip):
        one = both["champion"].loc[clip]
        differs = one["guess"] != both["challenger"].loc[clip, "guess"]
        others = [one[f"p_{e}"] for e in EMOTIONS if e not in pair]
        between = bool(pair) and min(one[f"p_{e}"] for e in pair) >= max(others)
        return not differs, clip if differs else "", not between if pair else False, one["margin"]

    wanted = sorted((c for c in both["champion"].index if c not in answered | {"c01"}), key=place)
    assert found["clip_id"].tolist() == wanted
    assert answered
    assert store.clips_to_label(opened, rater="Ece", limit=3, pair=pair, **given)["clip_id"].tolist()[:1] == wanted[:1]


# --- plans and statements --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    folder = tmp_path_factory.mktemp("large")
    both = filled(folder, 40), filled(folder, 200)
    for one in both:
        desk(one)  # what is remembered is there
    yield both
    for one in both:
        store.close_store(one)


def asked(opened, question):
    """The statements of a question with their parameters."""
    statements = []

    def note(_connection, _cursor, statement, parameters, *_):
        statements.append((statement, parameters))

    sa.event.listen(opened.engine, "before_cursor_execute", note)
    question(opened)
    sa.event.remove(opened.engine, "before_cursor_execute", note)
    return statements


def desk(opened):
    return queue.desk(opened, rater="r0", verified=False)


QUESTIONS = {  # what a page asks at each click, and after each answer
    "label desk": desk,
    "one clip": lambda opened: store.queue_item(opened, "c1"),
    "answers about a clip": lambda opened: store.feedback_table(opened, rater="r0", verified=False, clip_id="c1"),
    "answers about clips": lambda opened: store.feedback_table(opened, clip_ids=["c1", "c2"]),
    "key of answers": store.answers_key,
    "key of words": store.words_cache_key,
    "key of the queue": store.labels_cache_key,
    "key of the library": store.library_cache_key,
    "state of the library": store.library_state,
    "places": lambda opened: store.library_places(opened, ["c1"]),
    "tasks of a rater": lambda opened: store.tasks_table(opened, rater="r0", verified=False),
    "what is never played": store.never_table,
}


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
def test_no_question_of_a_click_reads_a_whole_table(stores, question):
    opened = stores[0]
    scans: list[str] = []
    for statement, parameters in asked(opened, question):
        if not statement.lstrip().upper().startswith(("SELECT", "WITH")):
            continue
        with opened.engine.connect() as connection:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
        details = [line.detail for line in plan]
        scans += [text for text in details if text.startswith("SCAN") and " USING " not in text]
    assert {scan.split()[1] for scan in scans}.isdisjoint(TABLES - SMALL)


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
def test_five_times_the_clips_need_no_further_statement(stores, question):
    small, large = (len(asked(opened, question)) for opened in stores)
    assert small == large


def test_a_new_answer_is_read_alone(opened):
    put(opened)
    talk(opened, 20, 1)
    store.answers_table(opened)
    store.add_feedback(opened, token="one more answer", rater="r7", clip_id="c05", label="sad")
    read = [parameters for statement, parameters in asked(opened, store.answers_table) if "feedback.id >" in statement]
    assert len(read) == 1
    newest = store.feedback_table(opened, clip_id="c05")["feedback_id"].max()
    assert newest - 1 in (read[0].values() if isinstance(read[0], dict) else read[0])


@pytest.mark.parametrize("limit", [1, 5, 100])
def test_the_newest_recordings_count_each_content_and_each_track_once(opened, limit):
    """The rule on the whole table of clips: the last of each content, then the last of each track."""
    rng, moment = np.random.default_rng(1), pd.Timestamp("2026-01-01", tz="UTC")
    with opened.engine.begin() as c:
        c.execute(
            schema.tracks.insert(),
            [
                {
                    "id": f"t{k}",
                    "artist": "a",
                    "title": "b",
                    "source": "c",
                    "genre": "",
                    "makam": "",
                    "usul": "",
                    "performer": "",
                    "created_at": moment,
                }
                for k in range(8)
            ],
        )
        c.execute(
            schema.clips.insert(),
            [
                {
                    "id": f"{k:02d}", "content_hash": f"h{rng.integers(15)}", "file_name": "x", "duration_s": 1.0,
                    "sr": 1, "origin": ("library", "demo", "upload")[rng.integers(3)], "start_s": 0.0,
                    "track_id": f"t{rng.integers(8)}" if rng.random() < 0.7 else None,
                    "created_at": moment + pd.Timedelta(seconds=int(rng.integers(20))),
                    "deleted_at": moment if rng.random() < 0.1 else None,
                }
                for k in range(60)
            ],
        )  # fmt: skip
    table = store.clips_table(opened)
    table = table[table["origin"] != "demo"].assign(track_id=table["track_id"].fillna(table["content_hash"]))
    one_each = table.drop_duplicates("content_hash", keep="last").drop_duplicates("track_id", keep="last")
    expected = one_each["clip_id"].tolist()[::-1][:limit]
    assert len(expected) == min(limit, len(one_each))
    assert store.newest_recordings(opened, limit=limit) == expected


# --- what pages ask instead of whole tables ---------------------------------------------------------------------------


def say_about_guesses(opened, number, seed=5):
    """Random answers of the Label page about the guesses of two models; some saw the guess, some take answers back."""
    rng, every = np.random.default_rng(seed), store.predictions_table(opened)
    for k in range(number):
        one = every.iloc[int(rng.integers(len(every)))]
        display = ("shown", "hidden at random", "hidden by choice")[rng.integers(3)]
        rater = ("Ayşe", "Can", "anonymous 1")[rng.integers(3)]
        store.add_feedback(
            opened,
            token=f"about {seed} {k}",
            rater=rater,
            prediction_id=int(one["prediction_id"]),
            display=display,
            shown_label=str(one["guess"]) if display == "shown" else None,
            label=EMOTIONS[rng.integers(4)],
        )
        if k % 9 == 0:
            store.undo(opened, token=store.new_token(), source="label", rater=rater, verified=False)


def test_the_pull_of_the_guess_is_that_of_the_whole_table(opened):
    put(opened)
    talk(opened, 20, 3)
    assert agreement.anchoring(store.answers_about_guesses(opened)).loc[0, "shown"] == 0
    say_about_guesses(opened, 80)
    found = agreement.anchoring(store.answers_about_guesses(opened))
    pd.testing.assert_frame_equal(found, agreement.anchoring(store.feedback_table(opened)))
    assert found.loc[0, ["shown", "hidden"]].min() > 5


def test_the_guesses_of_two_models_are_those_of_the_whole_table(opened):
    put(opened)
    put(opened, clips=15, role="challenger", seed=1)
    put(opened, clips=5, seed=1)  # promoted: the same model in another role
    store.delete_clip(opened, "c02")
    store.add_clip(opened, "c03", file_name="3.wav", duration_s=30, sr=44100)
    versions = ("champion 0", "challenger 1")
    whole, found = store.predictions_table(opened), store.guesses_table(opened, versions=versions)
    truth = stored_truth(opened)
    both = [compare_guesses(table, truth, champion=versions[0], challenger=versions[1]) for table in (whole, found)]
    pd.testing.assert_frame_equal(*both)
    assert len(both[0]) == 14
    of_challenger = whole[whole["model_version"].eq("challenger 1") & whole["role"].eq("challenger")]
    first = store.first_predicted(opened, role="challenger", model_version="challenger 1")
    assert first == of_challenger["created_at"].min()
    assert store.first_predicted(opened, role="challenger", model_version="nobody") is None


def test_the_clips_answered_before_a_moment_are_those_of_the_whole_table(opened):
    put(opened)
    talk(opened, 30, 8)
    whole = store.feedback_table(opened)
    moment = whole["created_at"].iloc[20]
    early = whole[whole["kind"].ne("undo") & (whole["created_at"] < moment)]
    assert store.answered_before(opened, moment) == set(early["clip_id"])
    assert store.answered_before(opened, None) == set()


def test_the_newest_clips_and_a_search_in_them(opened):
    for number, name in enumerate(("Gül.mp3", "İstanbul gül.mp3", "ışık.mp3", "GÜL ışık.mp3")):
        store.add_clip(opened, f"c{number}", file_name=name, duration_s=30, sr=44100)
    store.delete_clip(opened, "c0")
    whole = store.clips_table(opened)
    table, number = store.newest_clips(opened, limit=2)
    pd.testing.assert_frame_equal(table, whole.tail(2).reset_index(drop=True))
    assert number == 3
    for search, ids in (("gul", ["c1", "c3"]), ("isik GUL", ["c3"]), ("deniz", [])):
        table, number = store.newest_clips(opened, limit=9, search=search)
        assert (table["clip_id"].tolist(), number) == (ids, len(ids))
    some = store.clips_table(opened, clip_ids=["c3", "c1", "unknown"])
    pd.testing.assert_frame_equal(some, whole[whole["clip_id"].isin(["c1", "c3"])].reset_index(drop=True))


def test_a_persons_newest_answers_are_those_of_the_whole_table(opened):
    put(opened)
    talk(opened, 90, 6)
    whole = store.feedback_table(opened, rater="Ece", verified=False)
    for limit in (3, 100):
        expected = latest_answers(whole).head(limit)
        found = own_latest(opened, rater="Ece", verified=False, limit=limit)
        pd.testing.assert_frame_equal(found, expected)
    assert len(expected) > 3


BOUNDED = {  # what a page lists at once
    "newest clips": lambda opened: store.newest_clips(opened, limit=5),
    "own answers": lambda opened: own_latest(opened, rater="r0", verified=False, limit=5),
    "last undo": lambda opened: queue.newest_undo(opened, rater="r0", verified=False),
    "early answers": lambda opened: store.answered_before(opened, pd.Timestamp("2000-01-01", tz="UTC")),
}


@pytest.mark.parametrize("question", BOUNDED.values(), ids=BOUNDED)
def test_five_times_the_clips_give_a_page_no_further_row(stores, question, monkeypatch):
    read: list[int] = []
    for module in (connection, answers, clips):
        real = module.frame

        def counted(*given, real=real):
            table = real(*given)
            read.append(len(table))
            return table

        monkeypatch.setattr(module, "frame", counted)
    numbers = []
    for opened in stores:
        desk(opened)
        read.clear()
        question(opened)
        numbers.append(sum(read))
    assert numbers[0] == numbers[1] <= 5


def test_a_long_table_is_made_in_parts(stores, monkeypatch):
    whole = [store.feedback_table(stores[1]), store.predictions_table(stores[1]), store.clips_table(stores[1])]
    monkeypatch.setattr(connection, "_ROWS_AT_ONCE", 7)
    parts = [store.feedback_table(stores[1]), store.predictions_table(stores[1]), store.clips_table(stores[1])]
    for one, other in zip(whole, parts, strict=True):
        pd.testing.assert_frame_equal(one, other)


def raters_by_the_whole_table(opened):
    """Name, login, answers, skips, rows taken back and time of the last answer of each person who answered."""
    whole = store.feedback_table(opened)
    said, found = whole[whole["kind"].isin(["answer", "adjudication"])], []
    for (name, login), rows in said.groupby(["rater", "verified"]):
        stands = rows[~rows["undone"]]
        numbers = (int(stands["label"].notna().sum()), int(stands["label"].isna().sum()), int(rows["undone"].sum()))
        found.append((name, login, *numbers, rows["created_at"].max()))
    return found


def test_the_raters_are_counted_as_in_the_whole_table(opened):
    columns = ["rater", "verified", "answers", "skips", "undone", "last_at"]
    assert store.raters_table(opened).empty
    put(opened)
    for seed in (1, 2):
        talk(opened, 60, seed)
        table = store.raters_table(opened)
        assert list(table[columns].itertuples(index=False, name=None)) == raters_by_the_whole_table(opened)
    early = pd.Timestamp("2020-01-01", tz="UTC").to_pydatetime()  # of a file of labels: older than the answers here
    store.add_feedback(
        opened, token="an old answer", rater="Ece", clip_id="c00", label="sad", source="import", given_at=early
    )
    table = store.raters_table(opened)
    assert list(table[columns].itertuples(index=False, name=None)) == raters_by_the_whole_table(opened)
    assert table["role"].eq("rater").all()

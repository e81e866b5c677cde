"""Whose answers a person may give, change, undo and see, and which of them count."""

import pytest

from core import store
from core.access import AccessError, Person, Role, Setting
from core.labelling import agreement, truth
from core.store import Answer


@pytest.fixture
def opened(tmp_path):
    opened = store.open_store(f"sqlite:///{tmp_path / 'feedback.db'}")
    store.add_clip(opened, "clip", file_name="clip.wav", duration_s=3, sr=22050)
    yield opened
    store.close_store(opened)


def as_person(opened, name, role=Role.RATER, *, verified=True, setting=Setting.LOGIN):
    person = Person(role, name, verified, session=f"{name:0<6}", setting=setting)
    return opened.asked_by(lambda: person)


def say(opened, rater, label="sad", *, verified=True, source="label", **more):
    token = f"token {rater} {label} {verified}"
    return store.add_feedback(
        opened, token=token, rater=rater, label=label, clip_id="clip", verified=verified, source=source, **more
    )


def test_nobody_answers_under_the_name_of_another(opened):
    for role in Role:
        with pytest.raises(AccessError, match="belongs to another person"):
            say(as_person(opened, "Can", role), "Ece", source="predict")
    with pytest.raises(AccessError, match="belongs to another person"):  # a login that a typed name does not have
        say(as_person(opened, "Ece", verified=False, setting=Setting.OPEN), "Ece")
    assert store.feedback_table(opened).empty


@pytest.mark.parametrize("role", Role)
def test_nobody_undoes_the_answer_of_another(opened, role):
    answer = say(as_person(opened, "Ece"), "Ece")
    can = as_person(opened, "Can", role)
    with pytest.raises(AccessError, match="belongs to another person"):
        store.undo(can, token="undo of Ece", rater="Ece", verified=True, feedback_id=answer.feedback_id)
    assert store.undo(can, token="undo by Can", rater="Can", verified=True, feedback_id=answer.feedback_id) is None
    assert not store.feedback_table(opened)["undone"].any()


@pytest.mark.parametrize("role", [Role.VISITOR, Role.RATER, Role.THERAPIST])
def test_only_analysts_see_the_answers_of_others(opened, role):
    say(as_person(opened, "Ece"), "Ece")
    can = as_person(opened, "Can", role)
    for asked in ({}, {"rater": "Ece", "verified": True}, {"clip_id": "clip"}, {"rater": "Can"}):
        with pytest.raises(AccessError, match="see all raters"):
            store.feedback_table(can, **asked)
    assert store.feedback_table(can, rater="Can", verified=True).empty
    assert len(store.feedback_table(as_person(opened, "Boss", Role.ANALYST))) == 1


@pytest.mark.parametrize("role", [Role.RATER, Role.THERAPIST])
def test_only_analysts_settle_import_and_give_roles(opened, role):
    can = as_person(opened, "Can", role)
    settles = Answer("settles it", "Can", label="sad", clip_id="clip", verified=True)
    with pytest.raises(AccessError):
        store.add_settlement(can, settles, seen=None)
    with pytest.raises(AccessError):
        say(can, "Ece", source="import")
    with pytest.raises(AccessError):
        say(can, "Can", adjudication=True)
    with pytest.raises(AccessError):
        store.set_role(can, "Can", "analyst", verified=True)
    assert store.feedback_table(opened).empty


def test_without_a_login_a_person_takes_the_role_only_for_the_own_name(opened):
    ece = as_person(opened, "Ece", verified=False, setting=Setting.OPEN)
    assert store.set_role(ece, "Ece", "analyst").role == "analyst"
    with pytest.raises(AccessError):
        store.set_role(ece, "Can", "analyst")


def test_under_a_login_only_verified_answers_count(opened):
    say(opened, "Ayşe", verified=False)  # before the login was configured
    say(opened, "Ece")
    assert truth.stored_truth(opened)["status"].tolist() == ["agreed"]
    truth.count_only_verified(opened, True)
    say(opened, "anonymous 1f3a9c", verified=False, source="predict")  # a visitor
    judged = truth.stored_truth(opened)
    assert (judged["status"].tolist(), judged["votes"].tolist()) == (["open"], [1])
    answers = store.feedback_table(opened)
    assert answers.set_index("rater")["verified"].to_dict() == {
        "Ayşe": False,
        "Ece": True,
        "anonymous 1f3a9c": False,
    }
    assert agreement.votes(answers).columns.tolist() == ["Ece (login)"]
    say(opened, "Can")
    assert truth.stored_truth(opened)["status"].tolist() == ["agreed"]


def test_a_visitor_still_sees_the_own_answer(opened):
    truth.count_only_verified(opened, True)
    visitor = as_person(opened, "", Role.VISITOR, verified=False)
    name = visitor.by.anonymous
    say(visitor, name, verified=False, source="predict")
    assert truth.latest_answer(store.feedback_table(visitor, rater=name, verified=False)) == "sad"


def test_who_started_a_job_may_cancel_it_and_an_analyst_too(opened):
    ece, can = (as_person(opened, name, Role.THERAPIST) for name in ("Ece", "Can"))
    job = store.start_job(ece, "library")
    assert job.started_by == "Ece (login)"
    with pytest.raises(AccessError, match="another person started"):
        store.cancel_job(can, job.job_id)
    with pytest.raises(AccessError):
        store.cancel_job(as_person(opened, "Rater"), job.job_id)
    assert not store.latest_job(ece, "library").cancel
    store.cancel_job(ece, job.job_id)
    assert store.latest_job(ece, "library").cancel
    with pytest.raises(AccessError):
        store.start_job(ece, "retrain")
    second = store.start_job(as_person(opened, "Boss", Role.ANALYST), "retrain")
    store.cancel_job(as_person(opened, "Chief", Role.ANALYST), second.job_id)
    assert store.latest_job(opened, "retrain").cancel


def test_a_role_that_was_taken_away_counts_at_once(opened):
    people = [Person(Role.ANALYST, "Boss", True)]
    boss = opened.asked_by(lambda: people[0])
    assert store.raters_table(boss).empty
    people[0] = Person(Role.RATER, "Boss", True)
    with pytest.raises(AccessError):
        store.raters_table(boss)

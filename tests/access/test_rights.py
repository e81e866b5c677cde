"""The table of rights, the person who asks, and the refusal."""

from pathlib import Path

import pytest

from core.access import AccessError, Action, Person, Role, Setting, may, require, requires
from core.access.rights import RIGHTS, rights_in_markdown


def person(role, setting=Setting.LOGIN, *, verified=True, **known):
    return Person(role, setting=setting, verified=verified, **known)


def test_every_action_is_in_the_table_and_is_one_sentence():
    assert set(RIGHTS) == set(Action)
    assert not [a for a in Action if not a.value.endswith(".") or a.value.count(".") != 1]


@pytest.mark.parametrize(
    ("role", "allowed", "refused"),
    [
        (Role.VISITOR, Action.SCORE_CLIP, Action.LABEL),
        (Role.RATER, Action.LABEL, Action.SEE_LIBRARY),
        (Role.THERAPIST, Action.CORRECT_TRACK, Action.SEE_ANSWERS),
        (Role.ANALYST, Action.CHOOSE_MODEL, Action.TAKE_ROLE),
    ],
)
def test_with_a_login_the_role_decides(role, allowed, refused):
    require(person(role), allowed)
    with pytest.raises(AccessError, match="You may not do this"):
        require(person(role), refused)


@pytest.mark.parametrize("setting", [Setting.OWN_MACHINE, Setting.OPEN])
def test_without_a_login_everybody_may_take_the_role_of_an_analyst(setting):
    visitor = person(Role.VISITOR, setting, verified=False)
    assert visitor.may(Action.SEE_LIBRARY)
    assert visitor.may(Action.TAKE_ROLE)
    assert not visitor.may(Action.SEE_ANSWERS)
    assert person(Role.ANALYST, setting, verified=False).may(Action.SEE_ANSWERS)


def test_the_owner_of_the_machine_may_do_everything():
    assert [a for a in Action if not Person.machine_owner().may(a)] == []


def test_a_higher_role_loses_no_right():
    for action in Action:
        allowed = [may(role, action, Setting.LOGIN) for role in Role]
        assert allowed == sorted(allowed)


@pytest.mark.parametrize(
    ("by", "sentence"),
    [
        (person(Role.VISITOR, verified=False), "Log in first."),
        (person(Role.RATER), "It needs the role of an analyst, and your role is rater. Nothing was changed. Ask an"),
        (person(Role.RATER, Setting.OPEN, verified=False), "Take this role on the Agreement page."),
    ],
)
def test_a_refusal_says_how_to_get_the_right(by, sentence):
    with pytest.raises(AccessError) as refused:
        require(by, Action.SETTLE)
    assert sentence in str(refused.value)


def test_a_login_and_a_typed_name_are_two_persons():
    ece = person(Role.RATER, name="Ece", session="abcdef12")
    assert ece.owns("Ece", True)
    assert not ece.owns("Ece", False)
    assert not ece.owns("Can", True)
    assert ece.owns("anonymous abcdef", False)
    assert not ece.owns("anonymous 123456", False)
    assert not person(Role.VISITOR).owns("", True)


def test_a_checked_function_needs_a_person():
    @requires(Action.SETTLE)
    def change(*, by):
        return "changed"

    assert change(by=person(Role.ANALYST)) == "changed"
    with pytest.raises(AccessError):
        change(by=person(Role.THERAPIST))
    with pytest.raises(TypeError, match="without the person"):
        change(by="Ece")


def test_the_document_shows_the_table():
    document = Path(__file__).resolve().parents[2] / "docs" / "access.md"
    assert f"\n{rights_in_markdown()}\n" in document.read_text("utf-8")

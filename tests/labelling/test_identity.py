"""Who a person is: what a login vouches for, what a typed name means, who is an analyst."""

import pytest

from core import store
from core.errors import CoreError, StoreError
from core.labelling import identity
from core.labelling.identity import TypedName
from core.store import Rater

NUMBER = "7 of https://id"


def login(**claims):
    return {"sub": "7", "iss": "https://id", **claims}


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"email": "Ece@Example.org", "email_verified": True}, "ece@example.org"),
        ({"email": "ece@example.org", "email_verified": "true"}, "ece@example.org"),
        ({"email": "ece@example.org"}, NUMBER),
        ({"email": "boss@example.org", "email_verified": False}, NUMBER),
        ({"email": "boss@example.org", "email_verified": "false"}, NUMBER),
        ({"email": "boss@example.org", "email_verified": 1}, NUMBER),
        ({"email": "boss@example.org", "email_verified": "yes"}, NUMBER),
        ({"email": "boss\u200b@example.org", "email_verified": True}, NUMBER),
        ({"email": "bos\u00ads@example.org", "email_verified": True}, NUMBER),
        ({"email": "bo\u212a@example.org", "email_verified": True}, NUMBER),  # the sign of kelvin
        ({"email": " boss@example.org", "email_verified": True}, NUMBER),
        ({"email": "", "email_verified": True}, NUMBER),
        ({"name": "Ece"}, NUMBER),
    ],
)
def test_a_login_is_kept_under_what_the_provider_vouches_for(claims, name):
    assert identity.login_name(login(**claims)) == name


def test_an_address_about_which_nothing_is_said_counts_where_the_operator_trusts_the_provider():
    claims = login(email="Ece@example.org")
    assert identity.login_name(claims, trusted=True) == "ece@example.org"
    for said in (False, "false"):
        assert identity.login_name({**claims, "email_verified": said}, trusted=True) == NUMBER


def test_two_long_identities_stay_apart():
    names = {identity.login_name(login(sub="s" * 200 + end)) for end in "ab"}
    assert len(names) == 2
    assert max(map(len, names)) <= store.MAX_NAME


def test_an_address_is_compared_in_small_letters_and_one_that_could_be_another_is_none():
    assert identity.kept_address("Boss@Example.ORG") == "boss@example.org"
    assert identity.kept_address("İnci@example.org") == "İnci@example.org"  # only A to Z have one small letter
    for email in ("", "a b@example.org", "boss\u200b@example.org", "boss@example.org "):
        assert identity.kept_address(email) is None
    assert identity.kept_addresses(["Boss@example.org", "", "a b", 7]) == {"boss@example.org", "7"}


def test_whom_the_operator_lists_is_an_analyst_as_long_as_they_are_listed(opened):
    claims = login(email="Boss@example.org", email_verified=True)
    listed = identity.sign_in_login(opened, claims, analysts={"boss@example.org"})
    assert listed == Rater("boss@example.org", True, "analyst")
    assert store.raters_table(opened)["role"].tolist() == ["rater"]  # the store does not keep it
    assert identity.sign_in_login(opened, claims, analysts=set()).role == "rater"
    store.set_role(opened, "boss@example.org", "analyst", verified=True)  # given by another analyst: stays
    assert identity.sign_in_login(opened, claims, analysts=set()).role == "analyst"


def test_an_unverified_address_on_the_list_makes_nobody_an_analyst(opened):
    claims = login(email="boss@example.org", email_verified=False)
    assert identity.sign_in_login(opened, claims, analysts={"boss@example.org"}) == Rater(NUMBER, True, "rater")
    claims = login(email="boss@example.org")
    assert identity.sign_in_login(opened, claims, analysts={"boss@example.org"}, trusted=True).role == "analyst"


# names that somebody types


def answered(db, rater, **more):
    store.add_clip(db, "a", file_name="a.wav", duration_s=30, sr=44100)
    given = {"label": "sad", **more}
    return store.add_feedback(db, token=store.new_token(), rater=rater, clip_id="a", **given)


def test_a_new_name_is_taken_as_it_is_seen(opened):
    assert identity.check_typed_name(opened, "  Ayşe   Çelik ") == TypedName("Ayşe Çelik")


@pytest.mark.parametrize(
    ("known", "typed"), [("Ece", "ECE"), ("Işıl", "IŞIL"), ("Ayşe", "Ayse"), ("İnci", "inci"), ("Ece", "Ece")]
)
def test_another_spelling_of_a_known_name_is_that_person_and_they_are_asked(opened, known, typed):
    answered(opened, known)
    assert identity.check_typed_name(opened, typed) == TypedName(known, in_use=True, answers=1)


def test_a_known_name_without_answers_is_taken_in_its_first_spelling(opened):
    store.sign_in(opened, "Işıl")
    assert identity.check_typed_name(opened, "isil") == TypedName("Işıl")


def test_answers_that_were_taken_back_and_skips_are_a_reason_to_ask(opened):
    answered(opened, "Ece", label=None, skip_reason="bad audio")
    assert identity.check_typed_name(opened, "ece") == TypedName("Ece", in_use=True, answers=1)
    store.undo(opened, token=store.new_token(), rater="Ece")
    assert identity.check_typed_name(opened, "ece") == TypedName("Ece", in_use=True, answers=0)


def test_of_two_spellings_that_are_both_known_the_exact_one_is_meant_else_the_busier_one(opened):
    answered(opened, "Ece")
    for _ in range(2):
        answered(opened, "ECE")
    store.add_clip(opened, "b", file_name="b.wav", duration_s=30, sr=44100)
    store.add_feedback(opened, token=store.new_token(), rater="ECE", label="sad", clip_id="b")
    assert identity.check_typed_name(opened, "Ece").name == "Ece"
    assert identity.check_typed_name(opened, "ece").name == "ECE"


def test_a_name_with_a_login_belongs_to_nobody_who_types_it(opened):
    answered(opened, "Ece", verified=True)
    assert identity.check_typed_name(opened, "Ece") == TypedName("Ece")


@pytest.mark.parametrize("typed", ["Anonymous", "anonymous 1f3a9c", "ANONYMOUS"])
def test_the_name_of_people_without_a_name_is_refused(opened, typed):
    with pytest.raises(StoreError, match="for people without a name"):
        identity.check_typed_name(opened, typed)


@pytest.mark.parametrize("typed", ["", "   ", "x" * 81])
def test_what_is_no_name_is_refused(opened, typed):
    with pytest.raises(StoreError, match="1 to 80 characters"):
        identity.check_typed_name(opened, typed)


# rights


def test_a_name_with_and_without_a_login_are_two_persons():
    person = Rater("Ece", True, "rater")
    assert identity.is_same_person(person, "Ece", True)
    assert not identity.is_same_person(person, "Ece", False)
    assert not identity.is_same_person(person, "Can", True)


def test_who_is_no_analyst_is_told_so():
    boss = Rater("Boss", False, "analyst")
    assert identity.require_analyst(boss) is boss
    with pytest.raises(CoreError, match="Boss is no longer an analyst"):
        identity.require_analyst(Rater("Boss", False, "rater"))
    with pytest.raises(CoreError, match="You are no longer signed in"):
        identity.require_analyst(None)

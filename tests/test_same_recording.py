"""People's words come first, the newest of them; a pair that is apart never meets through a third file."""

from core.same_recording import SameRecordings


def test_sure_pairs_join_and_a_word_parts_them():
    assert SameRecordings(sure=(("a", "b"), ("b", "c"))).named == {"a": "a", "b": "a", "c": "a"}
    parted = SameRecordings(words=(("a", "c", False),), sure=(("a", "b"), ("b", "c")))
    assert parted.named == {"a": "a", "b": "a"}
    assert parted.name("c") == "c"


def test_the_newest_word_counts_where_two_contradict():
    words = (("a", "b", True), ("b", "c", True), ("a", "c", False))
    assert SameRecordings(words=words).named == dict.fromkeys("abc", "a")
    assert SameRecordings(words=words[::-1]).named == {"b": "b", "c": "b"}


def test_what_sounds_alike_has_the_least_weight():
    same = SameRecordings(sure=(("a", "b"),), apart=(("c", "d"),))
    assert same.with_links([("b", "c"), ("c", "d"), ("e", "f")]) == {
        **dict.fromkeys("abc", "a"),
        **dict.fromkeys("ef", "e"),
    }
    assert same.named == dict.fromkeys("ab", "a")


def test_members_of_several_files():
    same = SameRecordings(sure=(("a", "b"), ("x", "y")))
    assert same.members({"b", "q"}) == {"a", "b", "q"}
    assert SameRecordings().members({"q"}) == {"q"}
    assert not SameRecordings()

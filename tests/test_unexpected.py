"""Unexpected errors in the log."""

import re

import pytest

from core.unexpected import log_entry, new_reference, sentence

SECRET = "Gül Bahçesi heard as sad"


def failing():
    try:
        {}[SECRET]
    except KeyError as error:
        raise ValueError(f"could not use {SECRET}") from error


def test_the_entry_names_kinds_and_places_and_no_values():
    with pytest.raises(ValueError, match=SECRET) as caught:
        failing()
    entry = log_entry(caught.value, "1234abcd")
    assert "reference 1234abcd" in entry
    assert entry.index("builtins.ValueError") < entry.index("builtins.KeyError")
    assert entry.count("in failing") == 2
    assert SECRET not in entry


def test_errors_in_a_circle_end():
    one, two = ValueError(), KeyError()
    one.__cause__, two.__cause__ = two, one
    assert log_entry(one, "x").count("Error (the log") == 2


def test_each_reference_is_another_one():
    assert len({new_reference() for _ in range(100)}) == 100
    assert re.fullmatch(r"[0-9a-f]{8}", new_reference())
    assert "The reference is 1234abcd." in sentence("1234abcd", log="the log")

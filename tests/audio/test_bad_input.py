"""Damaged files of all formats: none makes the program fail, each is scored or refused with a sentence."""

import time

import pytest

from benchmarks.audio_files import NAMES
from benchmarks.bad_input import MUTATIONS, damaged, outcome

FILES = 200
PARTS = 8


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_damaged_files_are_scored_or_refused(part, capfd):
    found = []
    started = time.process_time()
    for k, (name, data) in enumerate(damaged(FILES, seed=1)):
        if k % PARTS == part:
            found.append(outcome(name, data))
    assert set(found) == {"scored", "refused"}
    assert len(found) == FILES // PARTS
    assert time.process_time() - started < 30
    assert capfd.readouterr() == ("", "")


def test_every_format_and_every_kind_of_damage_comes_up():
    names = [name for name, _ in damaged(FILES)]
    assert {name.rpartition(".")[2] for name in names} == set(NAMES)
    assert {name[5:].rpartition(".")[0] for name in names} == {mutation.__name__ for mutation in MUTATIONS}

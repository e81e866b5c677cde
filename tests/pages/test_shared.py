"""What pages share: a file that appears is noticed, whatever its date."""

import os
import shutil

import pytest

from core.dataset import published
from core.settings import Settings
from pages.shared import cached


def test_a_table_that_appears_is_found_though_its_file_is_dated_to_moment_zero(data_dir, table_path, monkeypatch):
    """Archives and images of containers may date all their files to the moment zero."""
    monkeypatch.delenv("TME_TABLE", raising=False)
    assert cached.table_at_hand() is None
    place = Settings().raw_dir / published.FILE_NAME
    place.parent.mkdir(parents=True)
    shutil.copy(table_path, place)
    os.utime(place, (0, 0))
    found = cached.table_at_hand()
    assert found is not None
    assert found.content_hash == published.PUBLISHED_HASH


@pytest.mark.parametrize("moment", [0, 1_700_000_000])
def test_no_file_has_no_date(tmp_path, moment):
    file = tmp_path / "a.csv"
    assert cached._stamp(file) is None
    file.touch()
    os.utime(file, (moment, moment))
    assert cached._stamp(file) == moment * 10**9

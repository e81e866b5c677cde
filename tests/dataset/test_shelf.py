"""The shelf of brought tables: bounded memory for all visitors, the longest unused table leaves first."""

import pandas as pd
import pytest

from core.dataset.shelf import Shelf, memory_mb
from core.dataset.stand_in import sample
from core.dataset.user_tables import read_user_table
from core.errors import TableError


@pytest.fixture(scope="module")
def files() -> list[bytes]:
    """Three tables of one size with different content."""
    rows = sample()
    return [pd.concat([rows.iloc[k:], rows.iloc[:k]]).to_csv(index=False).encode() for k in range(3)]


def test_the_table_that_waited_longest_leaves(files):
    size = memory_mb(read_user_table(files[0], "a.csv"))
    assert size > 0.1  # its numbers alone
    shelf = Shelf(2.5 * size)
    first, second = (shelf.add(data, "a.csv") for data in files[:2])
    held = shelf.get(first)
    assert shelf.add(files[0], "other name.csv") == first
    third = shelf.add(files[2], "c.csv")
    assert shelf.get(second) is None
    assert shelf.get(first) is held
    assert shelf.get(third) is not None
    assert shelf.held_mb <= shelf.most_mb


def test_a_table_larger_than_the_shelf_is_refused_and_the_others_stay(files):
    size = memory_mb(read_user_table(files[0], "a.csv"))
    shelf = Shelf(1.5 * size)
    key = shelf.add(files[0], "a.csv")
    large = b"\n".join([files[1], *(files[2].split(b"\n", 1)[1] for _ in range(3))])
    with pytest.raises(TableError, match=r"large.csv needs .* MB of memory"):
        shelf.add(large.replace(b"\n\n", b"\n"), "large.csv")
    assert shelf.get(key) is not None

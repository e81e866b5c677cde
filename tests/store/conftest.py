"""What the tests of the store share."""

from collections.abc import Iterator

import pytest
from copied_process import Copies


@pytest.fixture(scope="session")
def copies() -> Iterator[Copies]:
    """Processes that have imported the store already."""
    with Copies() as made:
        yield made

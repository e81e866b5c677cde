"""What a test needs and a machine may lack: the reference files, PostgreSQL, a browser."""

import os
from typing import NoReturn

import pytest


def missing(what: str) -> NoReturn:
    """Skip a test that lacks something and give the reason. Where CI is set the test has to run, so it fails."""
    if os.environ.get("CI", "").lower() not in ("", "0", "false"):
        pytest.fail(f"{what} This test is required where CI is set.")
    pytest.skip(what)

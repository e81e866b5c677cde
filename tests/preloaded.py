"""Loaded once by the process that forks commands (``forked.py``): the program, its model and its kernels."""

import tempfile
from pathlib import Path

import distributed  # noqa: F401
import pytest  # noqa: F401 - the main module of the tests
import streamlit.web.cli  # noqa: F401
import uvicorn  # noqa: F401

import core.__main__
import core.api.app
import core.library.run  # noqa: F401
from core import features
from core.features import loudness
from core.pipeline import serving
from core.settings import Settings

features.warm()
loudness.warm()
with tempfile.TemporaryDirectory() as empty:
    serving.serve(Settings(data_dir=Path(empty)))

"""Settings: the environment is read once and right, or a sentence says which variable is wrong."""

import pytest

from core.errors import CoreError
from core.settings import ROOT, Settings


def test_defaults_lie_in_the_data_folder(monkeypatch):
    monkeypatch.delenv("TME_DATA_DIR", raising=False)
    assert Settings().raw_dir == ROOT / "data" / "raw"


@pytest.mark.parametrize(("name", "value"), [("TME_MAX_UPLOAD_MB", "abc"), ("TME_DOWNLOAD_TIMEOUT_S", "0")])
def test_a_wrong_value_is_named(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(CoreError, match=name):
        Settings()


def test_an_empty_variable_is_none(monkeypatch):
    monkeypatch.setenv("TME_TABLE", "")
    assert Settings().table is None

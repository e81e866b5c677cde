"""Settings: the environment is read once and right, or a sentence says which variable is wrong."""

import pytest
from sqlalchemy import make_url

from core.errors import CoreError
from core.models.connection import sqlite_file
from core.settings import ROOT, Settings
from core.store import close_store, open_store


def test_defaults_lie_in_the_data_folder(monkeypatch):
    monkeypatch.delenv("TME_DATA_DIR", raising=False)
    assert Settings().raw_dir == ROOT / "data" / "raw"


@pytest.mark.parametrize(("name", "value"), [("TME_MAX_UPLOAD_MB", "abc"), ("TME_DOWNLOAD_TIMEOUT_S", "0")])
def test_a_wrong_value_is_named(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(CoreError, match=name):
        Settings()


@pytest.mark.parametrize("name", ["what?now=1", "50%", "a%20b", "a#b", "şarkı klasörü", "a;b&c@d:e"])
def test_a_folder_of_any_name_holds_its_databases(tmp_path, monkeypatch, name):
    for variable in ("TME_DATABASE_URL", "TME_MLFLOW_URI"):
        monkeypatch.delenv(variable, raising=False)
    settings = Settings(data_dir=tmp_path / name)
    opened = open_store(settings.database)
    close_store(opened)
    assert [p.name for p in tmp_path.iterdir()] == [name]
    assert opened.path == tmp_path / name / "feedback.db"
    assert opened.path.is_file()
    assert make_url(settings.mlflow).database == str(tmp_path / name / "mlflow.db")  # as MLflow reads it
    assert sqlite_file(settings.mlflow) == tmp_path / name / "mlflow.db"


def test_an_empty_variable_is_none(monkeypatch):
    monkeypatch.setenv("TME_TABLE", "")
    assert Settings().table is None

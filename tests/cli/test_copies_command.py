"""Command copies: it says what it found, and holds its job meanwhile."""

from typer.testing import CliRunner

from core import store
from core.__main__ import app
from core.library.copies import JOB
from core.settings import Settings


def test_an_empty_library_has_no_copies(tmp_path, monkeypatch):
    monkeypatch.setenv("TME_DATA_DIR", str(tmp_path))
    for name in ("TME_DATABASE_URL", "TME_MLFLOW_URI", "TME_MODELS_DIR"):
        monkeypatch.delenv(name, raising=False)
    result = CliRunner().invoke(app, ["copies"])
    assert result.exit_code == 0
    assert result.stdout.startswith("0 pieces compared. No recording has several files.")
    job = store.latest_job(store.open_store(Settings().database), JOB)
    assert (job.state, job.result["questions"]) == ("done", 0)

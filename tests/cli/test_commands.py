"""The command line as a whole: names of commands, errors, and a fast start."""

import subprocess
import sys
from pathlib import Path

import pytest
import typer

from core.__main__ import app
from core.cli import terminal
from core.errors import CoreError

ROOT = Path(__file__).resolve().parent.parent.parent
COMMANDS = [
    "serve",
    "metrics",
    "warm",
    "features",
    "verify",
    "train",
    "reproduce",
    "mlflow",
    "backup",
    "restore",
    "score",
    "demo-library",
    "catalogue",
    "check-table",
    "copies",
    "ingest",
    "tag-moods",
    "makam",
    "learn-makams",
    "retrain",
    "stability",
    "promote",
    "rollback",
    "sign-off",
    "report",
    "rescore",
    "backfill",
    "triggers",
    "watch",
    "export-labels",
    "import-labels",
    "stage",
    "canary",
    "keys",
]


def test_the_commands_have_their_names_and_their_order():
    assert list(typer.main.get_command(app).commands) == COMMANDS


def test_help_loads_no_heavy_library():
    code = (
        "import sys; sys.argv = ['core', '--help']\n"
        "from core.__main__ import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(*sorted({'numpy', 'pandas', 'sqlalchemy', 'mlflow', 'sklearn', 'dask'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == ""


def test_features_load_what_measures_and_nothing_else():
    """No tables, no models, no database; of scipy only its version, which numba reads."""
    code = (
        "import sys; sys.argv = ['core', 'features', sys.argv[1]]\n"
        "from core.__main__ import main\n"
        "try: main()\n"
        "except SystemExit as ended: assert ended.code == 0, ended.code\n"
        "heavy = {'pandas', 'scipy.linalg', 'scipy.special', 'scipy.fft', 'sklearn', 'sqlalchemy', 'mlflow', 'dask',"
        " 'librosa', 'pyarrow', 'pycparser', 'pydantic_settings'}\n"
        "print(*sorted(heavy & set(sys.modules)))"
    )
    golden = ROOT / "tests" / "golden" / "single_note_2s.flac"
    run = subprocess.run([sys.executable, "-c", code, golden], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == ""


def test_an_error_is_one_sentence_and_exit_status_2(capsys):
    broken = typer.Typer()

    @broken.command()
    def fail() -> None:
        raise CoreError("The disk is full.")

    with pytest.raises(SystemExit) as ended:
        run_with_no_arguments(broken)
    assert ended.value.code == 2
    assert capsys.readouterr().err == "The disk is full.\n"


def run_with_no_arguments(broken):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["core"])
        terminal.run(broken)


def test_the_progress_bar_passes_on_what_it_draws():
    reports = []
    with terminal.progress_bar(lambda share, text: reports.append((share, text))) as report:
        report(0.5, "Fold 1 of 2")
        report(1.0, "Done")
    assert reports == [(0.5, "Fold 1 of 2"), (1.0, "Done")]

"""The command ``python -m core score``: refused arguments, exit statuses, and Ctrl-C."""

import gc
import json
import os
import shutil
import signal
import sys
import threading
from pathlib import Path

import bundles
import libraries
import pytest
import typer
from typer.testing import CliRunner

from core import __main__, store
from core.cli.terminal import interruptible
from core.errors import CoreError
from core.library import run as run_module
from core.library.results import TYPES
from core.library.run import JOB
from core.models import registry
from core.models.registry import RegisteredModel
from core.pipeline import serving
from core.playlists import kept_pieces
from core.schema import COLUMNS
from core.settings import Settings
from core.store import large

GOOD = '{"kind": "threshold", "threshold": 0.01, "pair_threshold": 0.5}'


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.setenv("TME_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("TME_DATABASE_URL", "")
    monkeypatch.setenv("TME_SCHEDULER", "")
    return Settings()


@pytest.fixture
def run(settings, tmp_path, monkeypatch, capsys):
    """Run the command on the folder ``music``; gives its exit status and what it said."""

    def score(*more, folder=tmp_path / "music", out="out.parquet"):
        words = ["core", "score", str(folder), "--out", str(tmp_path / out), *more]
        monkeypatch.setattr("sys.argv", words)
        with pytest.raises(SystemExit) as ended:
            __main__.main()
        said = capsys.readouterr()
        return ended.value.code, said.out + said.err

    return score


@pytest.fixture
def music(tmp_path):
    return libraries.folder(tmp_path / "music", 2)


def test_the_exit_status_says_whether_all_some_or_nothing_was_done(run, music):
    assert run()[0] == 0
    (music / "text.wav").write_text("no audio")
    status, said = run()
    assert (status, "text.wav" in said) == (1, True)
    assert run(folder=music / "nowhere")[0] == 2


def test_a_run_over_a_large_library_prepares_the_table_of_pieces_for_the_pages(run, music, settings, monkeypatch):
    assert run()[0] == 0
    assert not (settings.cache_dir / "pieces").exists()  # two pieces are read quickly
    monkeypatch.setattr(large, "FEWEST", 2)
    assert run()[0] == 0
    served = serving.serve(settings)
    monkeypatch.setattr(kept_pieces, "library_table", None)  # reading the store would fail
    opened = store.open_store(settings.database)
    policy = served.policies["threshold"]
    found = kept_pieces.library_pieces(opened, settings, model_version=served.model.version, policy=policy)
    store.close_store(opened)
    assert len(found.pieces) == 2
    assert len(list((settings.cache_dir / "pieces").iterdir())) == 1


def test_a_champion_that_does_not_load_is_replaced_as_on_the_pages(run, music, settings, monkeypatch):
    """The registry's files are whole, but the libraries here cannot load its model."""
    broken = settings.data_dir / "broken"
    shutil.copytree(settings.champion_dir, broken)
    (broken / "model.skops").write_bytes(b"a model of other libraries")
    bundles.reseal(broken, version="broken")
    registered = RegisteredModel("1", broken)
    monkeypatch.setattr(registry, "find", lambda alias, settings: registered if alias == "champion" else None)
    assert run()[0] == 0
    here = json.loads((settings.champion_dir / "manifest.json").read_text(encoding="utf-8"))["version"]
    assert set(libraries.table(music.parent / "out.parquet")["model_version"]) == {here}


def test_the_document_tells_every_column_and_option():
    told = Path(__file__).parent.parent.parent.joinpath("docs/library.md").read_text(encoding="utf-8")
    assert [column for column in TYPES if column not in COLUMNS[1:] and f"`{column}`" not in told] == []
    score = typer.main.get_command(__main__.app).commands["score"]
    options = [word for option in score.params if not option.hidden for word in option.opts if word.startswith("--")]
    assert len(options) > 8
    assert [option for option in options if option not in told] == []


def test_the_help_tells_the_exit_status():
    said = " ".join(CliRunner().invoke(__main__.app, ["score", "--help"], terminal_width=200).output.split())
    assert "Exit status: 0 all files were scored; 1 some were not scored" in said


@pytest.mark.parametrize(
    ("given", "match"),
    [
        (["--max-mb", "0"], "more than 0 MB"),
        (["--max-mb", "-3"], "more than 0 MB"),
        (["--max-mb", "nan"], "more than 0 MB"),
        (["--window", "30"], "--window and --hop go together"),
        (["--hop", "15"], "--window and --hop go together"),
        (["--window", "nan", "--hop", "15"], "A window must be 30 to 60 seconds long"),
        (["--window", "30", "--hop", "31"], "The hop between windows"),
        (["--policy", "{}"], "the key kind is missing"),
        (["--policy", '{"kind": "guess"}'], "'threshold' or 'conformal'"),
        (["--policy", '{"kind": "threshold", "threshold": 7}'], "between 0 and 1"),
        (["--policy", '{"kind": "threshold", "limit": 0.7}'], "not a valid policy"),
        (["--policy", "{kind}"], "is not a valid policy"),
        (["--policy", "guess"], "There is no policy 'guess'. Choose one of: threshold"),
        (["--scheduler", "tcp://127.0.0.1:9"], "There is no Dask scheduler at tcp://127.0.0.1:9"),
        (["--scheduler", "nonsense"], "There is no Dask scheduler at nonsense"),
    ],
)
def test_nonsense_is_a_sentence_and_nothing_is_scored(run, settings, music, monkeypatch, given, match):
    monkeypatch.setattr("core.library.workers.CONNECT", "1s")
    status, said = run(*given)
    assert (status, match in said) == (2, True), said
    assert "Traceback" not in said
    assert len(store.clips_table(store.open_store(settings.database))) == 0


def test_a_policy_of_ones_own_is_taken(run, music, tmp_path):
    assert run("--policy", GOOD)[0] == 0
    assert set(libraries.table(tmp_path / "out.parquet")["state"]) == {"scored"}


@pytest.mark.parametrize(("out", "match"), [("a/b/out.csv", "there is no folder"), ("taken.csv", "this is a folder")])
def test_results_into_no_folder_are_refused_before_a_run_is_begun(run, settings, music, tmp_path, out, match):
    (tmp_path / "taken.csv").mkdir()
    status, said = run(out=out)
    assert (status, match in said) == (2, True), said
    assert not (tmp_path / "a").exists()
    assert store.latest_job(store.open_store(settings.database), JOB) is None


def test_ctrl_c_is_one_sentence_and_the_same_command_goes_on(run, settings, music, monkeypatch):
    def pressed(*_, **__):
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    with monkeypatch.context() as ended:
        ended.setattr(run_module, "score_library", pressed)
        status, said = run()
    assert status == 130
    assert said.strip() == "Stopped. The results so far are stored; run the same command again to continue."
    assert signal.getsignal(signal.SIGINT) is before
    job = store.latest_job(store.open_store(settings.database), JOB)
    assert (job.state, job.result["folder"]) == ("cancelled", str(music))  # what the page needs to go on
    assert run()[0] == 0


def test_ctrl_c_again_leaves_nothing_half_done():
    ended = []

    def work():
        with interruptible():
            try:
                os.kill(os.getpid(), signal.SIGINT)
            finally:
                os.kill(os.getpid(), signal.SIGINT)
                ended.append("workers")

    with pytest.raises(typer.Exit) as stopped:
        work()
    assert (stopped.value.exit_code, ended) == (130, ["workers"])


def test_ctrl_c_during_garbage_collection_ends_the_run_too():
    pressed = []

    def press(phase: str, _: dict) -> None:
        if phase == "start" and not pressed:
            pressed.append(os.getpid())
            os.kill(os.getpid(), signal.SIGINT)
            sum(range(10))  # Python raises KeyboardInterrupt in here, and ignores it

    def work():
        with interruptible():
            gc.collect()
            threading.Event().wait(60)

    gc.callbacks.append(press)
    before = sys.unraisablehook
    try:
        with pytest.raises(typer.Exit) as stopped:
            work()
    finally:
        gc.callbacks.remove(press)
    assert (stopped.value.exit_code, len(pressed)) == (130, 1)
    assert sys.unraisablehook is before


def test_a_run_that_was_killed_still_says_what_it_was(settings):
    from core.pipeline import jobs

    kept = store.open_store(settings.database)
    with pytest.raises(CoreError), jobs.hold_job(kept, "x", about={"folder": "/music"}):
        raise CoreError("The disk is full.")
    assert store.latest_job(kept, "x").result == {"folder": "/music"}
    job = store.start_job(kept, "x")
    store.report_job(kept, job.job_id, 0.5, result={"folder": "/music"})
    store.finish_job(kept, job.job_id, state="failed")
    assert store.latest_job(kept, "x").result == {"folder": "/music"}

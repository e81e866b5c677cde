"""The sign-off report says the verdict once, with its reasons, and escapes what people wrote."""

import re
import shutil
from dataclasses import replace

import pytest
from owner import OWNER
from registered import discriminant, log, training_run
from typer.testing import CliRunner

from core import __main__ as command
from core.access import Person
from core.dataset import stand_in
from core.errors import ModelError
from core.models import registry
from core.models.description import describe_version
from core.models.explanation import make_background
from core.schema import LABEL, PROBA
from core.settings import Settings
from core.training.promotion import check_reason, gate_json, is_promoted, preview, promote, read_gate
from core.training.sign_off import sign_off, sign_off_html

pytestmark = pytest.mark.xdist_group("sign-off")  # what all of its tests need is made once
REASON = "Its <b>level</b> no longer matters, and two clips are few."


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.setenv("TME_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("TME_MODELS_DIR", str(tmp_path / "models"))
    for name in ("TME_DATABASE_URL", "TME_MLFLOW_URI", "TME_TABLE"):
        monkeypatch.delenv(name, raising=False)
    return Settings()


@pytest.fixture(scope="module")
def installation(tmp_path_factory):
    """A champion, and a challenger that loses two held-out clips: the folder and the two versions."""
    folder = tmp_path_factory.mktemp("installation")
    settings = Settings(data_dir=folder / "data", models_dir=folder / "models", mlflow_uri="", database_url="")
    table = stand_in.sample()
    background = make_background(table, table[LABEL])
    run = training_run(table, discriminant())
    first = log(run, background, settings)
    promote(settings, version=first, by=Person.machine_owner("Ayşe"), reason="It is the first model of this registry.")
    held = run.held_out.merge(run.rows[["row", "y"]], on="row")
    right = held.index[(held["y"] == "sad") & (held[list(PROBA)].idxmax(axis=1) == "p_sad")]
    held.loc[right[:2], list(PROBA)] = [0.01, 0.01, 0.97, 0.01]  # two of the held-out clips
    worse = replace(run, held_out=held.drop(columns="y"))
    return folder, (first, log(worse, background, settings))


@pytest.fixture
def two(settings, installation):
    """The versions of a copy of the installation."""
    folder, versions = installation
    for name in ("data", "models"):
        shutil.copytree(folder / name, settings.data_dir.parent / name)
    return versions


def words(html: bytes) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html.decode()).split())


def test_an_undecided_promotion_needs_a_reason_and_a_name_and_the_history_has_both(settings, two):
    first, second = two
    result = promote(settings, version=second, by=OWNER)
    assert result.needs_reason, result.reason
    assert registry.find("champion", settings=settings).version == first
    with pytest.raises(ModelError, match="Give your name"):
        promote(settings, version=second, by=OWNER, reason=REASON)
    with pytest.raises(ModelError, match="The reason has 4 characters"):
        promote(settings, version=second, by=Person.machine_owner("Can"), reason="good")
    waiting = words(sign_off_html(sign_off(settings)))
    assert "Undecided: a person must decide, with a written reason." in waiting
    assert all(" ".join(reason.split()) in waiting.replace("&#39;", "'") for reason in result.reasons)
    result = promote(settings, version=second, by=Person.machine_owner("Can"), reason=REASON)
    assert is_promoted(result, REASON)
    assert registry.find("champion", settings=settings).version == second
    history = registry.history(settings=settings).set_index("version")
    assert history.loc[second, "reason"] == REASON
    assert history.loc[second, "decisions"].endswith(f"promoted by Can: {REASON}")
    assert history.loc[second, "gate"].startswith("undecided: A person must decide")
    page = sign_off_html(sign_off(settings))
    assert b"<b>level</b>" not in page
    assert b"&lt;b&gt;level&lt;/b&gt;" in page
    assert "In use. Promoted" in words(page)
    assert describe_version(second, settings=settings).version in words(page)


def test_the_report_of_another_version_has_the_checks_of_its_decision(settings, two):
    first, second = two
    stored = read_gate(registry.gate_checks(first, settings=settings))
    report = sign_off(settings, version=first)
    assert report.gate == stored
    assert report.role == "champion"
    assert sign_off(settings).role == "challenger"
    assert sign_off(settings, in_use=True).model.registered == first
    with pytest.raises(ModelError, match="Version 99 is not in the registry"):
        sign_off(settings, version="99")


def test_the_result_of_the_gate_is_read_as_it_was_written(settings, two):
    result = preview(settings)
    again = read_gate(gate_json(result))
    assert again.reasons == result.reasons
    assert [str(c) for c in again.losses] == [str(c) for c in result.losses]


def test_the_command_writes_the_report(settings, two, tmp_path):
    file = tmp_path / "report.html"
    done = CliRunner().invoke(command.app, ["sign-off", "--output", str(file)])
    assert done.exit_code == 0, done.output
    assert "The report is in" in done.output
    assert "Sign-off report" in words(file.read_bytes())
    done = CliRunner().invoke(command.app, ["sign-off", "--output", str(tmp_path / "none" / "report.html")])
    assert done.exit_code != 0
    assert "cannot be written" in str(done.exception)


@pytest.mark.parametrize(("reason", "kept"), [("", ""), ("  Two clips\n are few. ", "Two clips are few.")])
def test_a_reason_is_one_line(reason, kept):
    assert check_reason(reason) == kept

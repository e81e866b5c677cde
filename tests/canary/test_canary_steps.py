"""The steps of a canary with a registry: what is refused, what is promoted, and the figures from the store."""

import http.server
import threading
from collections.abc import Iterator
from dataclasses import replace

import labelled
import numpy as np
import pandas as pd
import pytest
from registered import discriminant, log, training_run
from typer.testing import CliRunner

from core import store
from core.__main__ import app
from core.access import AccessError, Person, Role
from core.canary import comparing, evidence, proxy, running, steps
from core.canary.comparing import Finding, Measure, Standing
from core.canary.running import CanaryError, End
from core.dataset import stand_in
from core.models import registry
from core.models.explanation import make_background
from core.schema import EMOTIONS, LABEL
from core.settings import Settings
from core.training.promotion import promote

pytestmark = pytest.mark.xdist_group("canary")
OWNER = Person.machine_owner("Ece")


class Ready(http.server.BaseHTTPRequestHandler):
    """A server whose answer to /ready is ``server.status``."""

    def do_GET(self) -> None:
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Write no log."""


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Settings:
    """A registry with a champion and a challenger."""
    folder = tmp_path_factory.mktemp("canary")
    settings = Settings(data_dir=folder / "data", models_dir=folder / "models", mlflow_uri="")
    table = stand_in.sample(n_per_class=60)
    background = make_background(table, table[LABEL])
    log(training_run(table, discriminant()), background, settings)
    assert promote(settings, by=OWNER).passed
    log(training_run(table, discriminant(pooled=0.7)), background, settings)
    return settings


@pytest.fixture
def servers() -> Iterator[dict[str, http.server.ThreadingHTTPServer]]:
    both = {r: http.server.ThreadingHTTPServer(("127.0.0.1", 0), Ready) for r in ("champion", "challenger")}
    for server in both.values():
        server.status = 200
        threading.Thread(target=server.serve_forever, daemon=True).start()
    yield both
    for server in both.values():
        server.shutdown()
        server.server_close()


@pytest.fixture
def settings(made, servers) -> Iterator[Settings]:
    addresses = {f"{role}_address": f"127.0.0.1:{server.server_port}" for role, server in servers.items()}
    yield made.model_copy(update=addresses)
    if running.running(made) is not None:
        steps.abort(made, by=OWNER)


@pytest.fixture
def db(migrated, tmp_path) -> Iterator[store.Store]:
    (tmp_path / "feedback.db").write_bytes(migrated.read_bytes())
    opened = store.open_store(f"sqlite:///{tmp_path / 'feedback.db'}")
    yield opened
    store.close_store(opened)


def test_a_challenger_that_is_the_champion_s_model_is_refused(settings, monkeypatch):
    monkeypatch.setattr(steps, "describe_model_in_use", lambda s: steps.describe_alias("challenger", settings=s))
    with pytest.raises(CanaryError, match="the same model as the champion"):
        steps.start(settings, share=5, by=OWNER)
    assert running.running(settings) is None


def test_a_canary_starts_with_the_versions_of_the_registry(settings):
    canary, nginx = steps.start(settings, share=5, by=OWNER)
    assert canary.registered == registry.find("challenger", settings=settings).version
    assert canary.champion != canary.challenger
    assert "after its next reload" in nginx
    assert f"server {settings.challenger_address};" in proxy.split_file(settings).read_text()
    with pytest.raises(CanaryError, match="A canary runs already"):
        steps.start(settings, share=5, by=OWNER)


@pytest.mark.parametrize("share", [0, 51, -5])
def test_other_shares_are_refused(settings, share):
    with pytest.raises(CanaryError, match="choose 1 to 50 %"):
        steps.start(settings, share=share, by=OWNER)


def test_a_server_that_is_not_ready_starts_no_canary(settings, servers):
    servers["challenger"].status = 503
    with pytest.raises(CanaryError, match="server of the challenger at .* is not ready"):
        steps.start(settings, share=5, by=OWNER)
    nobody = settings.model_copy(update={"challenger_address": "127.0.0.1:1"})
    with pytest.raises(CanaryError, match=r"does not answer .* Start it"):
        steps.start(nobody, share=5, by=OWNER)
    assert running.running(settings) is None


def test_a_rater_may_do_none_of_it(settings, db):
    rater = Person(Role.RATER, "Ali")
    for refused in (
        lambda: steps.start(settings, share=5, by=rater),
        lambda: steps.abort(settings, by=rater),
        lambda: steps.promote(settings, db, by=rater),
        lambda: steps.take_out_if_sick(settings, None, by=rater),
    ):
        with pytest.raises(AccessError):
            refused()


def test_without_a_canary_each_command_says_how_to_start_one(settings):
    with pytest.raises(CanaryError, match="No canary is running. Start one"):
        steps.abort(settings, by=OWNER)


def findings(standing: Standing) -> list[Finding]:
    surely, high = {Standing.GOOD: (-1, -1), Standing.BAD: (9, 9), Standing.OPEN: (-1, 9)}[standing]
    each = (Measure.ERRORS, Measure.SLOWNESS)
    return [Finding(measure, 0.0, 0.0, 0.0, 0.0, high, surely, (900, 900)) for measure in each]


@pytest.fixture
def requests_are(monkeypatch):
    def make(standing: Standing) -> None:
        monkeypatch.setattr(evidence, "of_requests", lambda *_: findings(standing))

    return make


def test_a_sick_canary_is_taken_out_and_never_promoted(settings, db, requests_are):
    steps.start(settings, share=5, by=OWNER)
    requests_are(Standing.BAD)
    with pytest.raises(CanaryError, match="sick and was not promoted"):
        steps.promote(settings, db, by=OWNER, reason="I want it all the same.")
    done = steps.take_out_if_sick(settings, db, by=Person.machine_owner(steps.WATCH)).ended
    assert (done.end, done.by) == (End.SICK, "the watch")
    assert "Requests that failed" in done.why
    assert proxy.split_file(settings).read_text() == proxy.split_text(None, settings)


def test_an_undecided_canary_needs_a_reason(settings, db, requests_are):
    steps.start(settings, share=5, by=OWNER)
    requests_are(Standing.OPEN)
    with pytest.raises(CanaryError, match="undecided and was not promoted"):
        steps.promote(settings, db, by=OWNER)
    assert steps.take_out_if_sick(settings, db, by=OWNER).ended is None
    assert running.running(settings) is not None


def test_the_commands_show_figures_and_the_last_end(settings, db, requests_are, monkeypatch):
    for name in ("data_dir", "models_dir", "champion_address", "challenger_address"):
        monkeypatch.setenv(f"TME_{name.upper()}", str(getattr(settings, name)))
    monkeypatch.setenv("TME_DATABASE_URL", str(db.engine.url))
    run = CliRunner().invoke
    assert "gives 7 % of the callers" in run(app, ["canary", "start", "--share", "7", "--by", "Ece"]).output
    requests_are(Standing.GOOD)
    shown = run(app, ["canary", "status"]).output
    assert "Requests that failed: champion 0.0 %" in shown
    assert "The canary is healthy." in shown
    assert "was aborted by Ece" in run(app, ["canary", "abort", "--by", "Ece", "--reason", "enough"]).output
    shown = run(app, ["canary", "status"]).output
    assert "No canary is running" in shown
    assert "enough" in shown
    assert "has ended" in run(app, ["canary", "watch"]).output


def test_the_figures_of_the_store_are_those_of_the_two_models(settings, db, table_path):
    canary, _ = steps.start(settings, share=5, by=OWNER)
    frame = labelled.music(10)
    labelled.keep_clips(db, frame)
    right = np.array([[0.7 if e == emotion else 0.1 for e in EMOTIONS] for emotion in frame[LABEL]])
    labelled.predict(db, frame, right, version=canary.champion)
    labelled.predict(db, frame, np.full((len(frame), 4), 0.25), version=canary.challenger, role="challenger")
    labelled.answer(db, frame)
    with_table = settings.model_copy(update={"table": table_path})
    unsure, agree, loss = evidence.of_answers(canary, with_table, db)
    assert unsure.counts == (40, 0)  # what the challenger said in the shadow was not shown
    assert agree.counts == (40, 40)
    assert agree.change == pytest.approx(0.25)  # of four equal probabilities the first is the guess
    assert loss.counts[0] > comparing.LEAST_RECORDINGS
    assert loss.change == pytest.approx(np.log(0.7) - np.log(0.25))
    assert loss.standing is Standing.BAD
    later = replace(canary, started_at=(pd.Timestamp.now("UTC") + pd.Timedelta("1h")).isoformat())
    assert evidence.of_answers(later, with_table, db)[0].counts == (0, 0)


def test_a_healthy_canary_is_promoted_by_the_gate_and_recorded(settings, db, requests_are):
    """The last test of this registry: its challenger becomes the champion."""
    canary, _ = steps.start(settings, share=5, by=OWNER)
    requests_are(Standing.GOOD)
    result, done = steps.promote(settings, db, by=OWNER, reason="It did as well as the champion on real requests.")
    assert result.passed or result.needs_reason
    assert (done.end, done.by) == (End.PROMOTED, "Ece")
    assert registry.find("champion", settings=settings).version == canary.registered
    assert running.running(settings) is None

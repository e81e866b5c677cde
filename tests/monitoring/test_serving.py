"""The server of the figures, for a machine without the API."""

import threading
import urllib.error
import urllib.request

import pytest

from core import store
from core.errors import StoreDownError
from core.monitoring import serving
from core.monitoring.collector import Figures
from core.settings import ROOT, Settings
from core.store import Event, EventKind, Way

_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@pytest.fixture
def ask(opened, tmp_path):
    """Asks the server for an address. ``ask.down`` is why the database does not answer."""

    class Ask:
        down = ""

        def __call__(self, path: str) -> tuple[int, str, str]:
            try:
                with _DIRECT.open(f"http://127.0.0.1:{running.server_port}{path}", timeout=30) as answer:
                    return answer.status, answer.headers["Content-Type"], answer.read().decode()
            except urllib.error.HTTPError as error:
                return error.code, error.headers["Content-Type"], error.read().decode()

    def of_program() -> store.Store:
        if asking.down:
            raise StoreDownError(asking.down)
        return opened

    asking = Ask()
    figures = Figures(Settings(data_dir=tmp_path, models_dir=ROOT / "models"), of_program)
    with serving.server(figures, host="127.0.0.1", port=0) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield asking
        running.shutdown()
        thread.join()


def test_it_answers_with_the_figures_at_one_address(opened, ask):
    store.record_events(opened, Event(EventKind.REFUSED, Way.API))
    status, kind, text = ask("/metrics")
    assert (status, kind.partition(";")[0]) == (200, "text/plain")
    assert 'tme_clips_total{outcome="refused",way="api"} 1.0' in text
    assert ask("/") == (404, "text/plain; charset=utf-8", "The figures are at /metrics.\n")


def test_a_database_that_does_not_answer_is_503_and_a_sentence(ask):
    assert ask("/metrics")[0] == 200
    ask.down = "The database server does not answer."
    assert ask("/metrics") == (503, "text/plain; charset=utf-8", "The database server does not answer.\n")
    ask.down = ""
    assert ask("/metrics")[0] == 200

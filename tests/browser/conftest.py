"""A real server with a store of its own, and a headless Chromium to use it with."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.settings import ROOT
from tests.browser.servers import APP, free_port, running

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = (  # Chromium asks nobody but our server
    *("--no-sandbox", "--disable-gpu", "--no-proxy-server", "--disable-dev-shm-usage", "--disable-extensions"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"),
    *("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"),
)


def unavailable(why: str) -> None:
    """Skip with the reason; in CI, where these tests have to run, fail."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{why}, but browser tests are required in CI")
    pytest.skip(why)


@dataclass(frozen=True)
class Server:
    """url without a slash at its end.  data_dir : with the server's database."""

    url: str
    data_dir: Path


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Streamlit on a free port, stopped at the end by its own process number."""
    data_dir = tmp_path_factory.mktemp("server")
    table = Path(os.environ.get("TME_TABLE") or ROOT.parent / "shared" / "data" / "Acoustic Features.csv")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TME_")} | {
        "TME_DATA_DIR": str(data_dir),
        "TME_WARM_UP": "false",  # few of these tests need the model
        "TME_DOWNLOAD_URL": "http://127.0.0.1:9/none.zip",  # nothing is fetched: the stand-in is shown instead
        **({"TME_TABLE": str(table)} if table.is_file() else {}),
    }
    port = free_port()
    words = (*APP, "--server.address=127.0.0.1")
    with running(words, environment, port=port, log=data_dir / "server.log"):
        yield Server(f"http://127.0.0.1:{port}", data_dir)


@pytest.fixture(scope="session")
def chromium():
    """One browser for all journeys."""
    playwright = pytest.importorskip("playwright.sync_api") if os.environ.get("CI") != "true" else _required()
    if CHROMIUM is None:
        unavailable("no Chromium is installed (apt-get install chromium)")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield browser
        browser.close()


def _required():
    import playwright.sync_api

    return playwright.sync_api


class Window:
    """One window for all tests of a worker: its front end is loaded and compiled only once.

    Each test gets it as a new visitor's: without cookies and storage, on an empty page.
    """

    def __init__(self, chromium):
        self._chromium, self._page = chromium, None

    def opened(self, width: int):
        """The page, that wide."""
        if self._page is None:
            self._page = self._chromium.new_context(color_scheme="light", accept_downloads=True).new_page()
            self._page.set_default_timeout(60_000)
        self._page.set_viewport_size({"width": width, "height": 900})
        return self._page

    def leave(self) -> None:
        """Forget the visitor; a window that does not answer any more is closed."""
        from playwright.sync_api import Error

        try:
            if self._page.url.startswith("http"):
                self._page.evaluate("localStorage.clear(); sessionStorage.clear()")
            self._page.goto("about:blank")
            self._page.context.clear_cookies()
            self._page.emulate_media(color_scheme="light", reduced_motion="no-preference")
            self._page.mouse.move(0, 0)
        except Error:
            self.close()

    def close(self) -> None:
        """Close the window; the next test opens another one."""
        page, self._page = self._page, None
        if page is not None:
            page.context.close()


@pytest.fixture(scope="session")
def window(chromium):
    """The window of this worker's tests."""
    shared = Window(chromium)
    yield shared
    shared.close()


@pytest.fixture
def browser_page(window, request):
    """A new visitor; ``indirect`` parameters choose the width."""
    yield window.opened(getattr(request, "param", 1280))
    window.leave()

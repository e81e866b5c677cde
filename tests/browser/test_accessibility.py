"""Every page in two widths, light and dark, and after an upload, looked at by axe-core: nothing of ours may be wrong.

Two findings are Streamlit's and are left out: the lists of its navigation, and the frame of its file uploader.
"""

import pytest

from core.settings import ROOT

pytestmark = pytest.mark.browser

PAGES = (
    *("", "predict", "tracks", "library", "copies", "moods", "playlists", "sessions", "label", "agreement"),
    *("compare", "confusion", "explain", "decisions", "impact", "learning", "use", "explore"),
)
RULES = {"runOnly": ["wcag2a", "wcag2aa", "best-practice"]}
STREAMLITS = {"list": "stSidebarNav", "listitem": "<li class", "presentation-role-conflict": "stFileUploaderDropzone"}


def settle(page) -> None:
    """Wait until the script has run and nothing spins."""
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")
    page.wait_for_function("document.querySelectorAll('[data-testid=stSpinner]').length === 0")


def found_by_axe(page) -> list[str]:
    """What is wrong on the page, without what is Streamlit's."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    return [
        f"{violation['id']}: {node['html'][:120]}"
        for violation in axe.run(page, options=RULES).response["violations"]
        for node in violation["nodes"]
        if STREAMLITS.get(violation["id"], "\0") not in node["html"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_no_page_has_a_fault_that_axe_finds(server, chromium, width: int, scheme: str) -> None:
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    page.set_default_timeout(60_000)
    faults = {}
    for name in PAGES:
        page.goto(f"{server.url}/{name}")
        page.wait_for_selector("h1")
        settle(page)
        faults[name] = found_by_axe(page)
    page.goto(f"{server.url}/predict")
    page.locator("input[type=file]").set_input_files(ROOT / "tests" / "golden" / "arpeggio_6s.flac")
    page.get_by_text("In words").wait_for()
    settle(page)
    faults["after an upload"] = found_by_axe(page)
    context.close()
    assert not {name: found for name, found in faults.items() if found}

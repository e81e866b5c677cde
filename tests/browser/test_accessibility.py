"""Every page in two widths, light and dark, and after an upload, looked at by axe-core: nothing of ours may be wrong.

Two findings are Streamlit's and are left out: the lists of its navigation, and the frame of its file uploader.
Each page is opened once. Its width and scheme change while it is open, as they do when a person turns a telephone.
"""

import pytest

from core.settings import ROOT
from tests.browser.test_journeys import settle

pytestmark = pytest.mark.browser

RULES = ["wcag2a", "wcag2aa", "best-practice"]
COLOURS = ["color-contrast", "link-in-text-block"]  # only these depend on the scheme: the elements are the same
STREAMLITS = {"list": "stSidebarNav", "listitem": "<li class", "presentation-role-conflict": "stFileUploaderDropzone"}
LINK = "[data-testid=stSidebarNavLink]"
HEIGHT = 900
NARROW, WIDE = 390, 1440
LOOKS = ((NARROW, False), (NARROW, True), (WIDE, True), (WIDE, False))  # width, and whether it is dark


def found_by_axe(page, rules: dict | list) -> list[str]:
    """What is wrong on the page, without what is Streamlit's."""
    options = {"runOnly": rules, "resultTypes": ["violations"]}  # a page has megabytes of what is right
    return [
        f"{violation['id']}: {node['html'][:120]}"
        for violation in page.evaluate("options => axe.run(options)", options)["violations"]
        for node in violation["nodes"]
        if STREAMLITS.get(violation["id"], "\0") not in node["html"]
    ]


def ready(page) -> None:
    """Wait until the script has run, and the last parts of the front end are there."""
    settle(page)
    page.wait_for_function("document.querySelectorAll('[data-testid=stSkeleton]').length === 0")


def turn(page, *, width: int, dark: bool) -> None:
    """Change the width of the window and the scheme of the system, and wait until the page follows."""
    page.set_viewport_size({"width": width, "height": HEIGHT})
    page.emulate_media(color_scheme="dark" if dark else "light")
    page.wait_for_function(
        """([width, dark]) => {
          const shade = getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor;
          const menu = document.querySelector('[data-testid=stSidebar]').getBoundingClientRect();
          return (Number(shade.match(/\\d+/)[0]) < 128) === dark && (menu.right > 0) === (width > 800);
        }""",
        arg=[width, dark],
    )
    page.evaluate("() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")


def faults_of(page, name: str) -> dict[str, list[str]]:
    """What is wrong on the page that is open, by width and scheme. It begins narrow or wide, and ends as the other."""
    narrow, found = page.viewport_size["width"] == NARROW, {}
    for width, dark in LOOKS if narrow else reversed(LOOKS):
        turn(page, width=width, dark=dark)
        place = f"{name}, {width} pixels, {'dark' if dark else 'light'}"
        found[place] = found_by_axe(page, {"type": "rule", "values": COLOURS} if dark else RULES)
        wide, seen = page.locator("[data-testid=stMain]").evaluate("main => [main.scrollWidth, main.clientWidth]")
        if wide > seen:
            found[place].append(f"the page is {wide} pixels wide, of which {seen} can be seen")
    return {place: faults for place, faults in found.items() if faults}


@pytest.mark.parametrize("browser_page", [NARROW], indirect=True)
def test_no_page_has_a_fault_that_axe_finds_and_none_is_wider_than_a_telephone(server, browser_page) -> None:
    axe = pytest.importorskip("axe_playwright_python.base")
    page = browser_page
    page.emulate_media(reduced_motion="reduce")  # no colour is measured on its way to another one
    page.goto(server.url)
    page.get_by_role("heading", name="Turkish Music Emotion").wait_for()
    ready(page)
    page.evaluate(axe.AXE_FILE_PATH.read_text(encoding="utf-8"))
    faults, count = faults_of(page, "Home"), page.locator(LINK).count()
    assert count == (ROOT / "app.py").read_text(encoding="utf-8").count("doors.page(")
    for number in range(1, count):
        before = page.locator("h1").first.inner_text()
        name = page.locator(LINK).nth(number).inner_text().splitlines()[-1]
        page.locator(LINK).nth(number).evaluate("link => link.click()")  # the narrow page hides the menu
        page.wait_for_function(
            "before => ![before, undefined].includes(document.querySelector('h1')?.innerText)", arg=before
        )
        ready(page)
        faults |= faults_of(page, name)
        if name == "Predict":
            page.locator("input[type=file]").set_input_files(ROOT / "tests" / "golden" / "arpeggio_6s.flac")
            page.get_by_text("In words").wait_for()
            ready(page)
            faults |= faults_of(page, "after an upload")
    assert not faults

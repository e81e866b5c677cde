"""Every page and every button as each role: found in the app, and not listed by hand."""

import ast
from pathlib import Path

import labelled
import pytest

from core import store
from core.access import Person, Role, Setting
from core.access.rights import least_role, may
from core.labelling import practice
from core.pipeline import jobs
from core.settings import Settings
from pages.shared import doors, login, who

ROOT = Path(__file__).resolve().parent.parent.parent
PEOPLE = {role: role.word for role in Role} | {None: "without a login"}
BUTTONS = {"button", "form_submit_button", "download_button"}


@pytest.fixture
def opened(data_dir):
    """The store of the page."""
    opened = store.open_store(Settings().database)
    yield opened
    store.close_store(opened)


@pytest.fixture(params=PEOPLE, ids=PEOPLE.values())
def role(request, monkeypatch, opened):
    """The role of the person who uses the page; None: no login is configured."""
    known = request.param
    if known is not None:
        rater = None if known is Role.VISITOR else store.Rater("ece@example.org", True, known.word)
        monkeypatch.setattr(login, "login_configured", lambda: True)
        monkeypatch.setattr(login, "is_logged_in", lambda: rater is not None)
        monkeypatch.setattr(who, "_logged_in", lambda _store: rater)
        monkeypatch.setattr(who, "_providers", lambda: [None])
    recipes = practice.demo_recipes()[:1]  # a clip takes a third of a second to make and to score
    monkeypatch.setattr(practice, "demo_recipes", lambda: recipes)
    monkeypatch.setattr(jobs, "launch", lambda *_, **__: None)
    return known


def allowed(role, action):
    if action is None:
        return True
    if role is None:  # everybody; "Work as an analyst" gives the other rights
        return may(Role.VISITOR, action, Setting.OPEN)
    return may(role, action, Setting.LOGIN)


def said(page):
    parts = (*page.info, *page.warning, *page.error, *page.markdown)
    return "\n".join(part.value for part in parts)


def test_pages_show_only_what_the_role_may_do(open_page, opened, role):
    """Each page is opened in a session of its own; all pages of a role share a store."""
    labelled.keep_clips(opened, labelled.music(1))
    for name in doors.PAGES:
        page = open_page(name)
        assert not page.exception, name
        if role is not None and not allowed(role, doors.PAGES[name]):
            assert ("**Log in** to open this page." in said(page)) == (role is Role.VISITOR), name
            assert ("This page is for" in said(page)) == (role is not Role.VISITOR), name
            assert {b.key.rstrip("_").rpartition("_")[0] for b in page.button} <= {"log", "who"}, name
        press_all(page, name, role)


def press_all(page, name, role):
    """Press each button of a page once, also those that come by pressing."""
    pressed = set()
    while len(pressed) <= 12 and (waiting := [b for b in page.button if not b.disabled and b.key not in pressed]):
        for button in page.button:
            assert allowed(role, doors.action_of_button(button.key)), f"{PEOPLE[role]} sees {button.key} on {name}"
        button = waiting[0]
        pressed.add(button.key)
        if button.key.startswith(("log_in_", "who_", "retry_download")):
            continue  # these lead to a provider, to another person, or to the internet
        page = button.click().run()
        assert not page.exception, (name, button.key)
        assert "You may not do this" not in said(page), (name, button.key)


def test_every_page_of_the_app_is_in_the_table_and_no_other():
    calls = (n for n in ast.walk(ast.parse((ROOT / "app.py").read_text("utf-8"))) if isinstance(n, ast.Call))
    listed = [c.args[0].value for c in calls if isinstance(c.func, ast.Attribute) and c.func.attr == "page"]
    assert sorted(listed) == sorted(doors.PAGES)
    assert sorted(p.stem for p in (ROOT / "pages").glob("*.py") if p.stem != "__init__") == sorted(doors.PAGES)


def starts_of_keys():
    """For each button in the source of the pages: its place, and the start of its key."""
    for path in sorted((ROOT / "pages").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in BUTTONS:
                keys = [k.value for k in node.keywords if k.arg == "key"]
                yield f"{path.relative_to(ROOT)}:{node.lineno}", start(keys[0]) if keys else ""


def start(key):
    """The fixed text at the start of a key."""
    if isinstance(key, ast.BoolOp):  # key or f"download_{name}"
        return start(key.values[-1])
    if isinstance(key, ast.JoinedStr):
        return start(key.values[0])
    return key.value if isinstance(key, ast.Constant) else ""


FOUND = list(starts_of_keys())  # before pages run: their threads compile scripts, which disturbs `ast` in Python 3.11


def test_every_button_has_a_key_with_an_action():
    assert len(FOUND) > 40
    unknown = []
    for place, key in FOUND:
        try:
            doors.action_of_button(key)
        except KeyError:
            unknown.append((place, key))
    assert unknown == []


def test_no_row_of_the_table_of_buttons_is_left_over():
    starts = [key for _, key in FOUND]
    assert [b for b in doors.BUTTONS if not any(key.startswith(b) for key in starts)] == []


def test_the_menu_has_only_the_pages_that_the_person_may_open(open_page, role, monkeypatch):
    shown = {}
    draw = doors.page

    def noted(name, **given):
        shown[name] = draw(name, **given)
        return shown[name]

    monkeypatch.setattr(doors, "page", noted)
    assert not open_page("home").exception
    menu = {name for name, page in shown.items() if page.visibility == "visible"}
    assert menu == {n for n, action in doors.PAGES.items() if role is None or allowed(role, action)}


def test_who_opens_pages_is_looked_up_once_in_a_run(monkeypatch):
    asked = []

    class Known:
        @property
        def by(self):
            asked.append("who")
            return Person(Role.RATER, "Ece")

    monkeypatch.setattr(doors.st, "session_state", {})
    monkeypatch.setattr(login, "login_configured", lambda: True)
    monkeypatch.setattr(login, "is_logged_in", lambda: True)
    monkeypatch.setattr(doors.cached, "store", Known)
    doors.note_person()
    may_open = [name for name in doors.PAGES if doors.may_open(name)]
    assert may_open == [name for name, action in doors.PAGES.items() if allowed(Role.RATER, action)]
    assert asked == ["who"]
    monkeypatch.setattr(doors.cached, "store", lambda: None)  # the database cannot be opened
    doors.note_person()
    assert "label" not in [name for name in doors.PAGES if doors.may_open(name)]


def test_the_setting_decides_who_takes_the_role_of_an_analyst():
    from core.access import Action

    assert least_role(Action.TAKE_ROLE, Setting.LOGIN) is None
    assert least_role(Action.TAKE_ROLE, Setting.OWN_MACHINE) is Role.VISITOR

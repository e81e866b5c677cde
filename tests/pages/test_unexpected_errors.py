"""An unexpected error on a page, and the warning where everybody is an analyst."""

import re
from pathlib import Path

import pytest
import streamlit as st
from streamlit import config, error_util
from streamlit.runtime import pages_manager
from streamlit.testing.v1 import AppTest

from core.models import description
from pages.shared import reach

ROOT = Path(__file__).resolve().parent.parent.parent
SECRET = "Gül Bahçesi heard as sad"


class NoPagesDirectory(type(Path())):
    """A path behind which Streamlit finds no folder of pages."""

    def exists(self, **_more):
        return False


@pytest.fixture
def visit(data_dir, monkeypatch):
    """Open a page as a visitor does: through app.py. Without this, AppTest runs the file of the page alone."""
    monkeypatch.setattr(pages_manager, "Path", NoPagesDirectory)

    def opened(page):
        return AppTest.from_file(str(ROOT / "app.py"), default_timeout=300).run().switch_page(f"pages/{page}.py").run()

    return opened


@pytest.fixture
def outside_development(monkeypatch):
    monkeypatch.setattr(error_util, "_log_uncaught_app_exception", error_util._log_uncaught_app_exception)
    monkeypatch.setattr(error_util, "show_uncaught_app_exception", error_util.show_uncaught_app_exception)
    before = config.get_option("client.showErrorDetails")
    config.set_option("client.showErrorDetails", "none")
    yield
    config.set_option("client.showErrorDetails", before)


def broken(*_args, **_more):
    raise ValueError(SECRET)


def check_page_and_log(app, said, log):
    (words,) = [error.value for error in app.error]
    reference = re.search(r"The reference is ([0-9a-f]{8})\.", words)[1]
    assert f"reference {reference}" in log
    assert "builtins.ValueError" in log
    assert "in broken" in log
    shown = " ".join(str(element.value) for element in [*app.error, *app.markdown, *app.exception])
    for text in (shown, log, *said):
        assert SECRET not in text


def test_an_unexpected_error_is_a_sentence_with_a_reference_that_is_in_the_log(
    outside_development, visit, monkeypatch, caplog, capfd
):
    monkeypatch.setattr(description, "describe_model_in_use", broken)
    app = visit("home")
    assert not app.exception
    check_page_and_log(app, capfd.readouterr(), caplog.text)


def test_an_unexpected_error_in_a_callback_or_a_fragment_too(outside_development, caplog, capfd):
    def page():
        import streamlit as st

        from pages.shared import unexpected

        def broken():
            raise ValueError(" ".join(["Gül", "Bahçesi", "heard", "as", "sad"]))

        unexpected.use_references()
        st.button("callback", on_click=broken)
        if st.checkbox("fragment"):
            st.fragment(broken)()

    app = AppTest.from_function(page).run()
    app.button[0].click().run()
    check_page_and_log(app, capfd.readouterr(), caplog.text)
    caplog.clear()
    app.run().checkbox[0].check().run()
    check_page_and_log(app, capfd.readouterr(), caplog.text)


def test_in_development_the_cause_is_on_the_page(visit, monkeypatch):
    monkeypatch.setattr(description, "describe_model_in_use", broken)
    assert SECRET in visit("home").exception[0].value


@pytest.fixture
def for_all(monkeypatch):
    before = st.get_option("server.address")
    config.set_option("server.address", "0.0.0.0")
    yield
    config.set_option("server.address", before)


@pytest.mark.parametrize("page", ["home", "label", "explore"])
def test_where_others_reach_the_server_without_a_login_every_page_says_so(for_all, visit, page):
    app = visit(page)
    assert "everybody who can reach this dashboard can work as an analyst" in app.warning[0].value


def test_with_a_login_or_for_this_machine_only_no_page_says_so(for_all, visit, monkeypatch):
    monkeypatch.setattr(reach, "login_configured", lambda: True)
    assert "can work as an analyst" not in " ".join(w.value for w in visit("label").warning)
    monkeypatch.setattr(reach, "login_configured", lambda: False)
    config.set_option("server.address", "127.0.0.1")
    assert "can work as an analyst" not in " ".join(w.value for w in visit("label").warning)

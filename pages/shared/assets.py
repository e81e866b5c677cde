"""Style sheets and scripts of the pages, stored as files in ``pages/assets``."""

from functools import cache

import streamlit as st

from core.settings import ROOT

FOLDER = ROOT / "pages" / "assets"


def style(name: str) -> None:
    """Add the style sheet ``pages/assets/NAME.css`` to the page."""
    st.html(FOLDER / f"{name}.css")


@cache
def component(name: str) -> dict[str, str]:
    """The parts of the component ``NAME``: its files ``NAME.html``, ``NAME.css`` and ``NAME.js`` as text."""
    return {kind: (FOLDER / f"{name}.{kind}").read_text(encoding="utf-8") for kind in ("html", "css", "js")}


@cache
def script(*names: str) -> str:
    """The text of ``pages/assets/NAME.js`` for a component, of several one after another; read once per server."""
    return "\n".join((FOLDER / f"{name}.js").read_text(encoding="utf-8") for name in names)

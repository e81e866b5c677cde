"""Style sheets and scripts of the pages, stored as files in ``pages/assets``."""

from functools import cache

import streamlit as st

from core.settings import ROOT

FOLDER = ROOT / "pages" / "assets"


def style(name: str) -> None:
    """Add the style sheet ``pages/assets/NAME.css`` to the page."""
    st.html(FOLDER / f"{name}.css")


@cache
def script(name: str) -> str:
    """The text of ``pages/assets/NAME.js``, for a component; read once per server."""
    return (FOLDER / f"{name}.js").read_text(encoding="utf-8")

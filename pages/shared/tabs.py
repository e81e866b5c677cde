"""The tabs of a page."""

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from core.errors import CoreError
from pages.shared import messages


def show_tabs(shows: Mapping[str, Callable[..., Any]], *given: Any, key: str = "view") -> None:
    """Show tabs, and call the function of the open one; an error of it is a sentence in its place.

    given : arguments of each function.  key : of the open tab in the address.
    """
    for tab, show in zip(st.tabs(list(shows), key=key, bind="query-params"), shows.values(), strict=True):
        if tab.open:
            with tab:
                try:
                    show(*given)
                except CoreError as error:
                    messages.problem(error)

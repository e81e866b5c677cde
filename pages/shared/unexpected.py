"""Unexpected errors on a page: a sentence with a reference for the person, and the cause in the server's log."""

import logging

import streamlit as st
from streamlit import error_util

from core import unexpected

_LOG = logging.getLogger(__name__)
_REFERENCE = "_tme_reference"  # attribute of a logged exception


def use_references() -> None:
    """Replace Streamlit's two reactions to an unexpected error in a page, a callback or a fragment.

    Streamlit would log the error's message, which may quote an answer or a title. It has no public hook for all three
    places. With ``client.showErrorDetails`` on, for development, Streamlit's own reactions stay.
    """
    if st.get_option("client.showErrorDetails") in ("none", False, "false", "False"):
        error_util._log_uncaught_app_exception = _log
        error_util.show_uncaught_app_exception = _show


def _log(ex: BaseException) -> None:
    reference = unexpected.new_reference()
    setattr(ex, _REFERENCE, reference)
    _LOG.error("%s", unexpected.log_entry(ex, reference))


def _show(ex: BaseException) -> None:
    words = unexpected.sentence(getattr(ex, _REFERENCE, ""), log="the server's log")
    st.error(words, icon=":material/report:")

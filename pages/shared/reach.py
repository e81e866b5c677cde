"""Warn on every page when everybody who reaches the dashboard is an analyst."""

import streamlit as st

from core import reach


def login_configured() -> bool:
    """Whether secrets.toml configures a login provider."""
    return getattr(st.user, "is_logged_in", None) is not None


def warn_if_open_to_all() -> None:
    """Show a warning when other people can reach this server and no login is configured."""
    asked_for = [host for host in (st.context.headers.get("Host"),) if host]
    if not login_configured() and reach.reached_by_others(st.get_option("server.address") or "", asked_for):
        st.warning(f"{reach.EVERYBODY} See *Logins* in `docs/labelling.md`.", icon=":material/lock_open:")

"""Who reaches the dashboard: the login, the warning without one, and no questions to other servers."""

import streamlit as st
from streamlit import net_util

from core import reach
from pages.shared.login import login_configured


def ask_nobody() -> None:
    """Stop Streamlit from asking a server on the internet for this machine's address.

    It would do so when a page of another site tries to open a session. There is no option for it.
    """
    net_util._external_ip = ""  # equal to no host name, so the other site is refused


def reached_by_others() -> bool:
    """Whether other people can reach this server, as its address and this browser's question say."""
    headers = st.context.headers
    asked_for = [host for host in (headers.get("Host"),) if host]
    return reach.reached_by_others(st.get_option("server.address") or "", asked_for, headers=list(headers))


def warn_if_open_to_all() -> None:
    """Show a warning when other people can reach this server and no login is configured."""
    if not login_configured() and reached_by_others():
        st.warning(
            f"{reach.EVERYBODY} See *Names, logins and roles* in `docs/labelling.md`.", icon=":material/lock_open:"
        )

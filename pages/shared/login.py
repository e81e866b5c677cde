"""Whether a login is configured, and whether the person of this session has logged in. Loads no database."""

import uuid

import streamlit as st

from core.access import Person, Role, Setting

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def login_configured() -> bool:
    """Whether secrets.toml configures a login provider."""
    return getattr(st.user, "is_logged_in", None) is not None


def is_logged_in() -> bool:
    """Whether the person of this session has logged in."""
    return bool(getattr(st.user, "is_logged_in", False))


def is_visitor() -> bool:
    """Whether a login is configured and this person has not logged in."""
    return login_configured() and not is_logged_in()


def current_setting() -> Setting:
    """How people reach this server."""
    if login_configured():
        return Setting.LOGIN
    address = str(st.get_option("server.address") or "")
    return Setting.OWN_MACHINE if address in LOOPBACK else Setting.OPEN


def session() -> str:
    """Random identifier of this session."""
    token: str = st.session_state.setdefault("session", uuid.uuid4().hex)
    return token


def visitor() -> Person:
    """The person of this session without a look into the database, for what everybody may do."""
    return Person(Role.VISITOR, session=session(), setting=current_setting())

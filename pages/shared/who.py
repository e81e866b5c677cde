"""The person who uses the page: from a login if one is configured, else from a typed name in a cookie.

A typed name is not checked, so it is marked as not verified. If .streamlit/secrets.toml configures a login (OpenID
Connect), names cannot be typed; ``[roles] analysts`` in that file lists the addresses of analysts.
"""

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st
from streamlit.errors import StreamlitSecretNotFoundError

from core.access import Action, Person, Role, Setting, may
from core.errors import CoreError
from core.labelling import identity
from core.store import MAX_NAME, Rater, Store, set_role, sign_in
from pages.shared import assets, entering, login, messages

ANSWERS = "It is stored with your answers, so that they count as the answers of one person."
DECIDES = (
    "This page is for analysts, and the role of an analyst belongs to a name. The name is also stored with what you "
    "decide here."
)
ONLY_ROLE = (
    "This page is for analysts, and the role of an analyst belongs to a name. You answer nothing here, so nothing else "
    "is stored with it."
)
CLIENTS = "Your clients and your sessions with them belong to it."

KEY = "who"  # session key: the name
COOKIE = "tme_rater"  # cookie in the browser, for a year: only the name
_LOGGED_OFF = "who_left"  # session key: ignore the cookie
_COOKIE_REMOVED = "who_gone"  # session key: the cookie that the browser sent has been removed
_UNCONFIRMED = "who_asked"  # session key: a typed name that is already in use
_PROBLEM = "who_fault"  # session key: why a name or role was refused


def asking(store: Store) -> Person:
    """The person who asks ``core`` for something in this session, with the role that they have now."""
    rater, setting = _identify(store), login.current_setting()
    if rater is None:
        return Person(Role.VISITOR, session=login.session(), setting=setting)
    return Person(Role[rater.role.upper()], rater.name, rater.verified, login.session(), setting)


def current_person(store: Store) -> Rater | None:
    """The person who uses the page, or None if unknown. Asks nothing; renews the cookie."""
    person = _identify(store)
    if person is not None and not person.verified:
        _remember(person.name)
    return person


def _identify(store: Store) -> Rater | None:
    """Same as ``current_person`` without the cookie, so callbacks can use it."""
    store = store.for_program()  # to find out who the person is
    if login.login_configured():
        return _logged_in(store) if login.is_logged_in() else None
    name = "" if st.session_state.get(_LOGGED_OFF) else st.session_state.get(KEY) or _from_cookie()
    return sign_in(store, name) if name else None


def optional_person(store: Store) -> Rater | None:
    """The person who uses the page, or None. Shows an optional field for the name."""
    try:
        person = current_person(store)
    except CoreError as error:
        messages.problem(error)
        return None
    if person is not None:
        badge(store, person)
    elif login.login_configured():
        st.caption("Log in on the Label page if you want your answers stored under your name.")
    elif not _asks_for_confirmation():
        st.text_input(
            "Your name (optional)",
            max_chars=MAX_NAME,
            autocomplete="name",
            key="who_name",
            on_change=lambda: _use_name(store, st.session_state["who_name"]),
            help="All answers without a name count as the answers of one person. A cookie in your browser stores the "
            "name.",
        )
    return person


def name_unconfirmed() -> bool:
    """Whether the person still has to confirm that the typed name is theirs."""
    return _UNCONFIRMED in st.session_state


def require_person(store: Store, *, why: str = ANSWERS) -> Rater:
    """The person who uses the page. If unknown, asks for the name or login and stops the page.

    why : why this page asks for a name.
    """
    try:
        person = current_person(store)
    except CoreError as error:
        messages.problem(error)
        st.stop()
    if person is None:
        if login.login_configured():
            _offer_login("have your answers stored under your name" if why == ANSWERS else "open this page")
        else:
            _ask_name(store, why)
        st.stop()
    return person


def require_analyst(store: Store, *, why: str = DECIDES, show_result: Callable[[], None] | None = None) -> Rater:
    """The person who uses the page, if an analyst. Otherwise explains how to become one and stops the page.

    why : why this page asks for a name.
    show_result : shows the result of the last button press; it may say that the role was taken away.
    """
    person = require_person(store, why=why)
    if person.role != "analyst":
        if show_result is not None:
            show_result()
        badge(store, person)
        _offer_role(store, person)
        st.stop()
    return person


def still_analyst(store: Store) -> Rater:
    """The person who presses a button for analysts; the role is read again, because it may have changed meanwhile.

    Raises CoreError, with a message for that person, if they are not an analyst now.
    """
    return identity.require_analyst(_identify(store))


def refuse(store: Store, action: Action) -> None:
    """Say in one sentence why the person may not open this page, and how they can."""
    if login.is_visitor():
        _offer_login("open this page")
        return
    least = next(role for role in Role if may(role, action, Setting.LOGIN))
    st.info(
        f"This page is for {least.word}s. Ask an analyst to give you this role on the Agreement page, or ask the "
        "person who runs this installation to list your address under `[roles]` in `.streamlit/secrets.toml`.",
        icon=":material/admin_panel_settings:",
    )
    badge(store, require_person(store))


def _offer_role(store: Store, person: Rater) -> None:
    st.info(
        "**This page is for analysts.** Analysts see all answers, settle disputes and decide which model is in use. "
        "If you are still labelling, stay a rater, because the answers of others would influence you. No login is "
        "configured here, so anybody can take this role; it is stored with the name.",
        icon=":material/admin_panel_settings:",
    )
    if st.button("Work as an analyst", key="who_analyst", icon=":material/badge:", type="primary"):
        try:
            set_role(store, person.name, "analyst")
        except CoreError as error:
            messages.problem(error)
        else:
            st.rerun()


def badge(store: Store, person: Rater) -> None:
    """Show the person's name, whether it is verified, and buttons to log out or change name or role."""
    status = "logged in" if person.verified else "not verified"
    icon = ":material/verified_user:" if person.verified else ":material/person:"
    with st.popover(f"{messages.literal(person.name)} · {status}", icon=icon):
        st.markdown(f"Your role is **{person.role}**.")
        if person.verified:
            st.markdown("Your answers are stored under this login.")
            st.button("Log out", key="who_leave", icon=":material/logout:", on_click=st.logout)
        else:
            st.markdown("Your name is not verified, because no login is configured here.")
            st.button("I am someone else", key="who_leave", icon=":material/person_off:", on_click=_leave)
            if person.role == "analyst":
                st.button(
                    "Work as a rater again",
                    key="who_rater",
                    icon=":material/badge:",
                    on_click=_become_rater,
                    args=(store, person),
                )
    _show_problem()


def _become_rater(store: Store, person: Rater) -> None:
    try:
        set_role(store, person.name, "rater", verified=person.verified)
    except CoreError as error:
        st.session_state[_PROBLEM] = str(error)


def listed_analysts() -> set[str]:
    """Addresses of the analysts in secrets.toml, in their stored form."""
    return identity.kept_addresses(_roles().get("analysts", []))


def is_listed(rater: str, verified: bool) -> bool:
    """Whether secrets.toml lists this rater as an analyst; only for verified raters."""
    return bool(verified) and rater in listed_analysts()


def _roles() -> Mapping[str, Any]:
    """Section [roles] of secrets.toml; empty without a login, and while the file cannot be read."""
    return _section("roles") if login.login_configured() else {}


def _section(name: str) -> Mapping[str, Any]:
    try:
        section: Mapping[str, Any] = st.secrets.get(name, {})
    except StreamlitSecretNotFoundError:
        return {}
    return section


def _logged_in(store: Store) -> Rater:
    trusted = _roles().get("trust_unverified_addresses") is True
    return identity.sign_in_login(store, st.user.to_dict(), analysts=listed_analysts(), trusted=trusted)


def _providers() -> list[str | None]:
    """Names of the login providers in secrets.toml; None for a single one without a name. Empty without the section."""
    section = _section("auth")
    if "client_id" in section:
        return [None]
    return [name for name, value in section.items() if isinstance(value, Mapping)]


def _offer_login(purpose: str) -> None:
    st.markdown(f"**Log in** to {purpose}.")
    providers = _providers()
    if not providers:
        st.error(
            "Nobody can log in at the moment, because the server cannot read its login. Ask the person who runs this "
            "installation to correct `.streamlit/secrets.toml`, then reload this page.",
            icon=":material/no_accounts:",
        )
    with st.container(horizontal=True):
        for provider in providers:
            label = f"Log in with {provider}" if provider else "Log in"
            st.button(
                label,
                key=f"log_in_{provider or ''}",
                icon=":material/login:",
                type="primary",
                on_click=st.login,
                args=(provider,),
            )


def _cookie() -> str:
    """The cookie that the browser sent at the start of the session."""
    return str(st.context.cookies.get(COOKIE, ""))


def _from_cookie() -> str:
    return entering.cookie_name(_cookie())


def _remember(name: str) -> None:
    """Store the name in the session and in the browser."""
    st.session_state[KEY] = name
    if entering.cookie_name(_cookie()) != name or st.session_state.get(_COOKIE_REMOVED):
        _write_cookie(name)


def _write_cookie(name: str) -> None:
    """Write the cookie; an empty name removes it."""
    component = st.components.v2.component("rater_cookie", js=assets.script("rater_cookie"))
    component(key=f"rater_cookie_{name}", data={"cookie": COOKIE, "name": name}, height=0)


def _leave() -> None:
    for key in (KEY, _UNCONFIRMED, _PROBLEM):
        st.session_state.pop(key, None)
    st.session_state[_LOGGED_OFF] = st.session_state[_COOKIE_REMOVED] = True


def _set_person(name: str) -> None:
    st.session_state[KEY] = name
    for key in (_UNCONFIRMED, _LOGGED_OFF):
        st.session_state.pop(key, None)


def _asks_for_confirmation() -> bool:
    """Show what comes before the name field. Returns True if this is a question that replaces the field."""
    if st.session_state.get(_LOGGED_OFF):
        _write_cookie("")
    if name_unconfirmed():
        _confirm_name(*st.session_state[_UNCONFIRMED])
        return True
    _show_problem()
    return False


def _show_problem() -> None:
    if _PROBLEM in st.session_state:
        st.error(messages.literal(st.session_state.pop(_PROBLEM)), icon=":material/error:")


def _ask_name(store: Store, why: str) -> None:
    if _asks_for_confirmation():
        return
    with st.form("who_form"):
        st.markdown(f"**What is your name?** {why}")
        name = st.text_input(
            "Your name",
            value=entering.parameter("rater")[:MAX_NAME],
            max_chars=MAX_NAME,
            autocomplete="name",
            key="who_name",
            help="A nickname is fine. A cookie in your browser stores the name for a year. "
            "There is no password, so the name is marked as not verified.",
        )
        start = st.form_submit_button("Start", key="who_start", type="primary", icon=":material/arrow_forward:")
    if start:
        _use_name(store, name or "")
        st.rerun()


def _use_name(store: Store, name: str) -> None:
    """Use the typed name. If it already has answers, ask first whether it is the same person."""
    try:
        checked = identity.check_typed_name(store, name)
    except CoreError as error:
        st.session_state[_PROBLEM] = str(error)
        return
    if checked.in_use:
        st.session_state[_UNCONFIRMED] = (checked.name, checked.answers)
    else:
        _set_person(checked.name)


def _confirm_name(name: str, answers: int) -> None:
    """Ask whether the person is the one who has answered under this name before."""
    times = "once" if answers == 1 else f"{answers} times"
    st.warning(
        f"**{messages.literal(name)}** has answered here before, {times}. Is that you? "
        "If two people use one name, they count as one person and can take back each other's answers.",
        icon=":material/group:",
    )
    with st.container(horizontal=True):
        st.button(
            f"Yes, I am {messages.literal(name)}", key="who_yes", type="primary", on_click=_set_person, args=(name,)
        )
        st.button("No, use another name", key="who_no", on_click=lambda: st.session_state.pop(_UNCONFIRMED))

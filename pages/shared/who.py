"""Who is here: a login where one is configured, else a name that is asked once and kept in the browser.

A name alone proves nothing, so what it says is marked as not verified. A login through OpenID Connect is configured in
.streamlit/secrets.toml, and then no name can be typed; ``[roles] analysts`` lists the addresses of analysts there.
"""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

import streamlit as st

from core.errors import CoreError, StoreError
from core.labelling import identity
from core.store import MAX_NAME, Rater, Store, rater_name, set_role, sign_in
from pages.shared import assets, messages

KEY = "who"  # in the session: the name
COOKIE = "tme_rater"  # in the browser, for a year: the name and nothing else
_LEFT = "who_left"  # in the session: the cookie no longer counts
_GONE = "who_gone"  # in the session: the cookie that the browser sent was removed since
_ASKED = "who_asked"  # in the session: a name that others may have
_FAULT = "who_fault"  # in the session: why the name or role that was asked for is none


def known(kept: Store) -> Rater | None:
    """The person who is here, as far as is known; nobody is asked."""
    person = _here(kept)
    if person is not None and not person.verified:
        _keep(person.name)
    return person


def _here(kept: Store) -> Rater | None:
    """As ``known``, and nothing is kept in the browser: what a callback may call."""
    if login_configured():
        return _logged_in(kept) if st.user.is_logged_in else None
    name = "" if st.session_state.get(_LEFT) else st.session_state.get(KEY) or _from_cookie()
    return sign_in(kept, name) if name else None


def optional(kept: Store) -> Rater | None:
    """The person who is here, on a page that can be used without a name: it is asked there, and may stay unsaid."""
    try:
        person = known(kept)
    except CoreError as error:
        messages.problem(error)
        return None
    if person is not None:
        badge(kept, person)
    elif login_configured():
        st.caption("Log in on the Label page, and your answers are kept as yours.")
    elif not _asks():
        st.text_input(
            "Your name (optional)",
            max_chars=MAX_NAME,
            autocomplete="name",
            key="who_name",
            on_change=lambda: _given(kept, st.session_state["who_name"]),
            help="All answers without a name count as those of one person. A cookie in your browser keeps the name.",
        )
    return person


def unsure() -> bool:
    """Whether it is still asked if the person who is here is somebody of that name."""
    return _ASKED in st.session_state


def ask(kept: Store) -> Rater:
    """The person who is here; the page ends with the question where nobody is known."""
    try:
        person = known(kept)
    except CoreError as error:
        messages.problem(error)
        st.stop()
    if person is None:
        if login_configured():
            _offer_login()
        else:
            _ask_name(kept)
        st.stop()
    return person


def analyst(kept: Store, *, told: Callable[[], None] | None = None) -> Rater:
    """The person who is here, if they are an analyst; else the page ends with a sentence, and the way to become one.

    told : shows what became of the last press of a button, which may be that the role was gone.
    """
    person = ask(kept)
    if person.role != "analyst":
        if told is not None:
            told()
        badge(kept, person)
        _offer_role(kept, person)
        st.stop()
    return person


def still_analyst(kept: Store) -> Rater:
    """The person who presses a button for analysts, asked of the store anew: a role may be taken while a page is open.

    Raises CoreError, with a sentence for that person, when they are no analyst now.
    """
    return identity.require_analyst(_here(kept))


def _offer_role(kept: Store, person: Rater) -> None:
    if person.verified:
        st.info(
            "This page is for analysts. Ask an analyst to give you that role on the Agreement page, or whoever runs "
            "this installation to list your address under `[roles]` in `.streamlit/secrets.toml`.",
            icon=":material/admin_panel_settings:",
        )
        return
    st.info(
        "**This page is for analysts.** They see what everybody answered, settle disputes, and change which model is "
        "in use. If you are still labelling, stay a rater: what others heard would sway you. No login is configured "
        "here, so anybody may take the role; it is stored with the name.",
        icon=":material/admin_panel_settings:",
    )
    if st.button("Work as an analyst", icon=":material/badge:", type="primary"):
        try:
            set_role(kept, person.name, "analyst")
        except CoreError as error:
            messages.problem(error)
        else:
            st.rerun()


def badge(kept: Store, person: Rater) -> None:
    """Who is answering, how sure that is, and the way to be somebody else."""
    sure = "logged in" if person.verified else "not verified"
    icon = ":material/verified_user:" if person.verified else ":material/person:"
    with st.popover(f"{messages.literal(person.name)} · {sure}", icon=icon):
        st.markdown(f"Your role is **{person.role}**.")
        if person.verified:
            st.markdown("Your answers are kept under this login.")
            st.button("Log out", key="who_leave", icon=":material/logout:", on_click=st.logout)
        else:
            st.markdown("The name counts as not verified: there is no password here, and no login is configured.")
            st.button("I am somebody else", key="who_leave", icon=":material/person_off:", on_click=_leave)
            if person.role == "analyst":
                st.button(
                    "Work as a rater again",
                    key="who_rater",
                    icon=":material/badge:",
                    on_click=_be_rater,
                    args=(kept, person),
                )
    _fault()


def _be_rater(kept: Store, person: Rater) -> None:
    try:
        set_role(kept, person.name, "rater", verified=person.verified)
    except CoreError as error:
        st.session_state[_FAULT] = str(error)


def login_configured() -> bool:
    """Whether secrets.toml names a provider of logins."""
    return getattr(st.user, "is_logged_in", None) is not None


def listed() -> set[str]:
    """The addresses of analysts in secrets.toml, as they are kept."""
    return identity.kept_addresses(_roles().get("analysts", []))


def is_listed(rater: str, verified: bool) -> bool:
    """Whether secrets.toml makes this rater an analyst; it says nothing about names without a login."""
    return bool(verified) and rater in listed()


def _roles() -> Mapping[str, Any]:
    """The section [roles] of secrets.toml, which counts for logins alone."""
    found: Mapping[str, Any] = st.secrets.get("roles", {}) if login_configured() else {}
    return found


def _logged_in(kept: Store) -> Rater:
    trusted = _roles().get("trust_unverified_addresses") is True
    return identity.sign_in_login(kept, st.user.to_dict(), analysts=listed(), trusted=trusted)


def _offer_login() -> None:
    st.markdown("**Log in**, so that your answers are kept as yours.")
    section = st.secrets["auth"]
    providers = [None] if "client_id" in section else [n for n, v in section.items() if isinstance(v, Mapping)]
    with st.container(horizontal=True):
        for provider in providers:
            label = f"Log in with {provider}" if provider else "Log in"
            st.button(label, icon=":material/login:", type="primary", on_click=st.login, args=(provider,))


def _cookie() -> str:
    """What the browser sent when the session began."""
    return str(st.context.cookies.get(COOKIE, ""))


def _from_cookie() -> str:
    try:
        return rater_name(unquote(_cookie()))
    except StoreError:
        return ""


def _keep(name: str) -> None:
    """In the session and in the browser."""
    st.session_state[KEY] = name
    if unquote(_cookie()) != name or st.session_state.get(_GONE):
        _remember(name)


def _remember(name: str) -> None:
    """Write the cookie; an empty name removes it."""
    component = st.components.v2.component("rater_cookie", js=assets.script("rater_cookie"))
    component(key=f"rater_cookie_{name}", data={"cookie": COOKIE, "name": name}, height=0)


def _leave() -> None:
    for key in (KEY, _ASKED, _FAULT):
        st.session_state.pop(key, None)
    st.session_state[_LEFT] = st.session_state[_GONE] = True


def _enter(name: str) -> None:
    st.session_state[KEY] = name
    for key in (_ASKED, _LEFT):
        st.session_state.pop(key, None)


def _asks() -> bool:
    """What there is to say before a name can be typed; whether that is itself a question."""
    if st.session_state.get(_LEFT):
        _remember("")
    if unsure():
        _is_it_you(*st.session_state[_ASKED])
        return True
    _fault()
    return False


def _fault() -> None:
    if _FAULT in st.session_state:
        st.error(messages.literal(st.session_state.pop(_FAULT)), icon=":material/error:")


def _ask_name(kept: Store) -> None:
    if _asks():
        return
    with st.form("who_form"):
        st.markdown("**What is your name?** It is stored with your answers, so that they count as one person's.")
        name = st.text_input(
            "Your name",
            value=st.query_params.get("rater", "")[:MAX_NAME],
            max_chars=MAX_NAME,
            autocomplete="name",
            key="who_name",
            help="Also a nickname. It is asked once: a cookie in your browser keeps it for a year. "
            "There is no password here, so the name counts as not verified.",
        )
        start = st.form_submit_button("Start", type="primary", icon=":material/arrow_forward:")
    if start:
        _given(kept, name or "")
        st.rerun()


def _given(kept: Store, name: str) -> None:
    """Take a name, or ask whether that is the person who has answered under it."""
    try:
        found = identity.check_typed_name(kept, name)
    except CoreError as error:
        st.session_state[_FAULT] = str(error)
        return
    if found.in_use:
        st.session_state[_ASKED] = (found.name, found.answers)
    else:
        _enter(found.name)


def _is_it_you(present: str, answers: int) -> None:
    """Somebody of this name has answered before."""
    times = "once" if answers == 1 else f"{answers} times"
    st.warning(
        f"**{messages.literal(present)}** has answered here before, {times}. Is that you? "
        "Two people under one name count as one, and could take back each other's answers.",
        icon=":material/group:",
    )
    with st.container(horizontal=True):
        st.button(f"Yes, I am {messages.literal(present)}", type="primary", on_click=_enter, args=(present,))
        st.button("No, I take another name", on_click=lambda: st.session_state.pop(_ASKED))

"""Wait in the line of the server: the page shows the place in the line, and the person can leave it."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, TypeVar

import streamlit as st
from streamlit.runtime.scriptrunner import RerunException

from core import wording
from core.pipeline.work_queue import Ticket, Way, shared_queue
from core.settings import Settings

T = TypeVar("T")
LEASE_S = 20.0  # a place that no page shows any more is given back after this time
STEPS_S = 0.25, 1.0  # shortest and longest time between two looks at the line
_PLACES = "places_in_line"  # session key: places of this session, by name


@dataclass(frozen=True, eq=False)
class _Place:
    """A place of this session. what : what it is for; another thing under the same name needs another place."""

    what: object
    ticket: Ticket[Any]


def result(
    task: Callable[[], T],
    *,
    way: Way,
    name: str,
    what: object,
    doing: str | None = None,
    on_leave: Callable[[], None] | None = None,
) -> T:
    """Do a task in the line of the server, and show the place in the line meanwhile; return its result.

    When the page runs again before the end, it goes on with the same place. A closed page gives its place back.

    Parameters
    ----------
    task
        A function that asks nothing of Streamlit: it runs outside the session.
    name, what
        Names of the place in this session, and what it is for, such as the file. A new ``what`` gives up the old place.
    doing
        What the server does, for the page; None if the page shows it already.
    on_leave
        Callback of the button with which the person leaves the line; None shows no button.

    Raises
    ------
    CoreError
        The error of the task; `QueueFull` when the line is full; `WorkerDied` when its process ended twice.
    """
    ticket: Ticket[T] = _ticket(task, way, name, what)
    try:
        with st.spinner(doing, show_time=True) if doing else nullcontext():
            value = _wait(ticket, name, on_leave)
    except RerunException:
        raise  # the next run of the page goes on with this place
    except BaseException:  # an error of the task, or the end of the session, whose state cannot be read any more
        ticket.leave()
        raise
    leave(name)
    return value


def leave(name: str) -> None:
    """Give a place of this session back. Without such a place, does nothing."""
    place: _Place | None = st.session_state.get(_PLACES, {}).pop(name, None)
    if place is not None:
        place.ticket.leave()


def _ticket(task: Callable[[], T], way: Way, name: str, what: object) -> Ticket[T]:
    places: dict[str, _Place] = st.session_state.setdefault(_PLACES, {})
    known = places.get(name)
    if known is None or known.what != what or known.ticket.given_back():
        leave(name)
        known = places[name] = _Place(what, shared_queue(Settings()).submit(task, way=way, lease_s=LEASE_S))
    return known.ticket


def _wait(ticket: Ticket[T], name: str, on_leave: Callable[[], None] | None) -> T:
    row = st.empty()
    text = None
    while True:
        expected_s = ticket.expected_s()
        try:
            found = ticket.result(min(max(expected_s / 4, STEPS_S[0]), STEPS_S[1]))
            break
        except TimeoutError:
            if ticket.done():
                raise  # the task itself ran out of time
        place, expected_s = ticket.place(), ticket.expected_s()
        if text is None and place:
            with row.container(horizontal=True, vertical_alignment="center"):
                text = st.empty()
                if on_leave is not None:
                    st.button("Leave the line", key=f"line_leave_{name}", icon=":material/logout:", on_click=on_leave)
        if text is not None:  # also without news: a closed page is noticed when something is drawn
            text.markdown(f":material/hourglass: {wording.place_in_line(place, expected_s)}")
        else:
            row.empty()
    row.empty()
    return found

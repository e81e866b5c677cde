"""What people hear and what pages show, as events: one script counts plays, skips and finished sounds of all players.

Every player of the dashboard is drawn by ``audio()``, or has a key of ``player_key()``. The rule is in
``core.monitoring.play_rule``; docs/use.md explains it.
"""

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import streamlit as st

from core.monitoring.play_rule import PLAY_S, PLAY_SHARE
from pages.shared import assets, cached

if TYPE_CHECKING:
    from core.monitoring.listening import Player
    from core.store import Way

KEY = "plays"  # of the component; what its script reports is its state
_PLAYERS = "plays_players"  # session key: the players that this session was shown, by key
_DONE = "plays_done"  # session key: reports that were noted
_SHOWN = "plays_shown"  # session key: for each page, what it showed last
MOST = 2000  # players and reports that a session remembers


def listen() -> None:
    """Put the script on the page that counts what is heard. It shows nothing and takes no room."""
    assets.style("plays")
    with st.container(key="plays_box"):
        _script()


@st.fragment  # a report draws only the script again, and not the page
def _script() -> None:
    st.components.v2.component(KEY, js=assets.script("heard_parts", "plays"))(
        key=KEY,
        data={"play_share": PLAY_SHARE, "play_s": PLAY_S, "seen": [_id(sent) for sent in _reports()]},
        default={"reports": []},
        on_reports_change=_note_reports,
        height=0,
    )


def audio(data: Any, *, way: "Way", clip_id: str = "", length_s: float | None = None, **kwargs: Any) -> None:
    """Show a player whose plays are counted. length_s : of a passage, when the player stops at its end.

    data and the other parameters are those of ``st.audio``.
    """
    with st.container(key=player_key(way, clip_id, length_s=length_s)):
        st.audio(data, **kwargs)


def player_key(way: "Way", clip_id: str, *, length_s: float | None = None) -> str:
    """Note that this session is shown a player, and return its key for the script."""
    from core.monitoring.listening import Player
    from core.store import Way

    name = hashlib.sha256(f"{way}\n{clip_id}".encode()).hexdigest()[:16]
    key = f"heard_{name}" + ("" if length_s is None else f"_{round(10 * length_s)}")
    key += "_all" if way is Way.LABEL else ""  # an answer ends the sound there: an early end is no skip
    players: dict[str, Player] = st.session_state.setdefault(_PLAYERS, {})
    players.pop(key, None)
    players[key] = Player(way, clip_id)  # the newest at the end
    _shorten(players)
    return key


def note_shown(way: "Way", what: object, *, items: int, clip_id: str = "") -> None:
    """Note that a page shows a list or a clip; once, until it shows something else.

    what : tells one content of the page from another.
    """
    from core.store import Event, EventKind, record_events

    shown: dict[str, object] = st.session_state.setdefault(_SHOWN, {})
    if shown.get(way) == what:
        return
    shown[way] = what
    record_events(cached.store(), Event(EventKind.SHOWN, way=way, clip_id=clip_id, value=float(items)))


def note_list(way: "Way", pieces: Iterable[str]) -> None:
    """Note that a page shows a list of pieces; once, until it shows another list."""
    listed = list(pieces)
    note_shown(way, hash(tuple(listed)), items=len(listed))


def _note_reports() -> None:
    """Store the new reports of the script as events."""
    from core.monitoring.listening import event_of_report
    from core.store import record_events

    players: dict[str, Player] = st.session_state.get(_PLAYERS, {})
    done: dict[str, None] = st.session_state.setdefault(_DONE, {})
    found = []
    for sent in _reports():
        player = players.get(str(sent.get("player")))
        if player is None or _id(sent) in done:
            continue
        done[_id(sent)] = None
        event = event_of_report(sent, player)
        if event is not None:
            found.append(event)
    _shorten(done)
    if found:
        record_events(cached.store(), *found)


def _reports() -> list[dict[str, Any]]:
    """What the script reports. It comes from outside, so nothing in it is certain."""
    sent = getattr(st.session_state.get(KEY), "reports", None)
    return [one for one in sent if isinstance(one, dict)] if isinstance(sent, list) else []


def _id(sent: dict[str, Any]) -> str:
    return str(sent.get("id"))[:80]


def _shorten(known: dict[str, Any]) -> None:
    for key in list(known)[: max(0, len(known) - MOST)]:
        del known[key]

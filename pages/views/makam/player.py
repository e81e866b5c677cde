"""The player of the Makam page: a passage of the recording, with a drone on the karar if the person wants it."""

from urllib.parse import urlencode

import streamlit as st

from core.audio import decoding, encoding
from core.audio.decoding import Source
from core.errors import CoreError
from core.makam.drone import with_drone
from core.store import Way
from core.wording import clock
from pages.shared import messages, plays
from pages.views.makam.choice import HEAR
from pages.views.makam.reading import Shown

AT = "at"  # key of the field, also in the address: where the player begins, in s
DRONE = "drone"  # key of the switch
TRIED = "karar_tried"  # session key: a recording, and the karar in Hz that a person tries on the tab Karar
_PLAY = "makam_play"  # session key: a click asked for the sound
LENGTH_S = 30.0


@st.cache_data(show_spinner=False, max_entries=12)
def _passage(content: str, start_s: float, drone_hz: float | None, _source: Source) -> bytes:
    part = decoding.excerpt(_source, start_s=start_s, length_s=LENGTH_S)
    y = part.clip.y if drone_hz is None else with_drone(part.clip.y, drone_hz)
    return encoding.wav(y)


def hear_from(seconds: float) -> None:
    """Let the player begin here and play at once; for the callbacks of charts and tables."""
    st.session_state[AT] = int(max(0.0, seconds))
    st.session_state[_PLAY] = True


def show_player(shown: Shown) -> None:
    """Play a passage of half a minute; its start is in the address."""
    source = shown.recording.source
    last = max(0, int(source.duration_s) - 1)
    if st.session_state.get(AT, 0) > last:
        st.session_state[AT] = last
    left, middle, right = st.columns([1, 1, 2], vertical_alignment="bottom")
    at = left.number_input("From second", 0, last, step=5, key=AT, bind="query-params")
    tried = st.session_state.get(TRIED)
    hz = tried[1] if tried and tried[0] == shown.recording.content else shown.found.karar_hz
    drone = middle.toggle(
        "With a drone",
        key=DRONE,
        disabled=hz is None,
        help="A drone on the karar sounds with the recording. If it is the right one, the phrases rest on it.",
    )
    with right:
        _play(shown, at, hz if drone else None)
    with st.expander("Link to this passage", icon=":material/link:"):
        if shown.recording.piece is None:
            st.caption("A link works for pieces of the library. An uploaded file is not stored.")
        else:
            address = str(st.context.url or "").partition("?")[0]
            st.code(f"{address}?{urlencode({HEAR: shown.recording.content, AT: at})}", language=None)


def _play(shown: Shown, at: int, drone_hz: float | None) -> None:
    source = shown.recording.source
    try:
        data = _passage(shown.recording.content, float(at), drone_hz, source)
    except CoreError as error:
        st.caption(f":material/volume_off: {messages.literal(str(error))}")
        return
    end = min(at + LENGTH_S, source.duration_s)
    named = f"{clock(at)} to {clock(end)}" + (f", with a drone at {drone_hz:.1f} Hz" if drone_hz else "")
    plays.audio(
        data,
        way=Way.MAKAM,
        clip_id="" if shown.recording.piece is None else str(shown.recording.piece["clip_id"]),
        format="audio/wav",
        autoplay=st.session_state.pop(_PLAY, False),
        alt=f"Player: {shown.recording.label}, {named}",
    )
    st.caption(f"{clock(at)} to {clock(end)}" + (f", drone at {drone_hz:.1f} Hz" if drone_hz else ""))

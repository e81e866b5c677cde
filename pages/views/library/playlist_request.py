"""The request for a playlist: its fields, which are also in the address."""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from core import wording
from core.playlists import circle, pieces, playlist
from core.playlists.wish import Shape, Wish
from pages.views.library.path_request import ask_softer, ask_way, ask_wish

KINDS = {"mood": "One mood", "iso": "Iso path"}
USUAL = {"mood": [pieces.ACCEPTED], "iso": [pieces.ACCEPTED, pieces.BETWEEN]}  # standings of the pieces
LONGEST = 20.0  # minutes; the end of the slider, which means any length


@dataclass(frozen=True)
class Request:
    """The request for a playlist.

    Attributes
    ----------
    way : emotions of an iso path in order, or one emotion.
    wish : shape and tempo of an iso path.
    lengths_s : least and greatest length of a piece.
    softer_lu : how much softer the end is played.
    synthetic : also use synthetic pieces in a library that has real music.
    must : pieces that must be in the list.
    """

    kind: str
    way: tuple[str, ...]
    minutes: float
    per_step: int
    wish: Wish
    lengths_s: tuple[float, float]
    standings: tuple[str, ...]
    target_lufs: float
    softer_lu: float
    seed: int
    synthetic: bool = False
    must: tuple[str, ...] = ()


def ask_request(*, mixed: bool) -> Request:
    """Ask for the request; the address contains all of it. mixed : the library has real and synthetic pieces."""
    kind = st.segmented_control(
        "What",
        list(KINDS),
        format_func=KINDS.__getitem__,
        default="mood",
        required=True,
        key="kind",
        bind="query-params",
        on_change=_take_standings_along,
        help="An iso path starts at the client's present mood and leads to the goal in small steps.",
    )
    with st.container():  # keeps the position of the fields below
        way, per_step = ask_way() if kind == "iso" else (_ask_mood(), 2)
    length_and_standings = st.container()
    wish, lengths_s, softer_lu = _ask_more(kind, way)
    with length_and_standings:
        minutes, standings = _ask_length_and_standings(kind, own_minutes=wish.shape is Shape.MINUTES)
    target, seed = _ask_level_and_variant()
    synthetic = mixed and st.toggle(
        "Synthetic pieces too",
        key="synthetic_pieces",
        bind="query-params",
        help="This library has real music, so synthetic pieces are left out. Switch this on to try the page with them. "
        "Do not use them with clients.",
    )
    return Request(
        kind, way, minutes, per_step, wish, lengths_s, standings, target, softer_lu, seed, synthetic=synthetic
    )


def _ask_mood() -> tuple[str, ...]:
    mood = st.segmented_control(
        "Mood",
        circle.CIRCLE,
        format_func=wording.with_sign,
        default="relax",
        required=True,
        key="mood",
        bind="query-params",
    )
    return (mood,)


def _ask_length_and_standings(kind: str, *, own_minutes: bool) -> tuple[float, tuple[str, ...]]:
    """Ask for the length of the list and the standings of its pieces. own_minutes : each mood has its own minutes."""
    left, right = st.columns(2)
    minutes = left.number_input(
        "Minutes",
        5,
        240,
        60 if kind == "iso" else 30,
        5,
        key=f"minutes_{kind}",
        bind="query-params",
        disabled=own_minutes,
        help="The sum of the minutes of the moods counts." if own_minutes else None,
    )
    # The state alone sets the usual choice: a default beside a value that a callback has set is an error of the page.
    st.session_state.setdefault(f"standings_{kind}", USUAL[kind])
    standings = right.pills(
        "Pieces that are",
        pieces.STANDINGS,
        selection_mode="multi",
        key=f"standings_{kind}",
        bind="query-params",
        help="Accepted: the model is sure of one mood. Between two: two similar moods are probable, useful as a bridge "
        "on an iso path. Needs review: listen first.",
    )
    return float(minutes), tuple(standings)


def _ask_more(kind: str, way: tuple[str, ...]) -> tuple[Wish, tuple[float, float], float]:
    """Ask for the wish of a path, the lengths of the pieces, and how much softer the end is."""
    with st.expander("Tempo, shape and lengths" if kind == "iso" else "Lengths", icon=":material/tune:"):
        wish, softer_lu = Wish(), 0.0
        with st.container():  # keeps the position of the field below
            if kind == "iso":
                wish, softer_lu = ask_wish(way), ask_softer(way)
        least, greatest = st.slider(
            "Length of a piece (minutes)",
            0.0,
            LONGEST,
            (0.0, LONGEST),
            0.5,
            key="lengths",
            format="%.1f",
            bind="query-params",
            help=f"Shorter and longer pieces are left out. At the right end, pieces of more than {LONGEST:.0f} minutes "
            "may be used too.",
        )
    return wish, (60 * least, 60 * greatest if greatest < LONGEST else np.inf), softer_lu


def _ask_level_and_variant() -> tuple[float, int]:
    left, right = st.columns(2)
    target = left.slider(
        "Level to (LUFS)",
        -30,
        -12,
        int(playlist.TARGET_LUFS),
        key="level",
        bind="query-params",
        help="Usual levels: -18 for ReplayGain, -23 for broadcasting, -14 for streaming services. A mono file plays "
        "from both loudspeakers, so 3 LU are added to its measured loudness.",
    )
    with right.container(horizontal=True, vertical_alignment="bottom"):
        seed = st.number_input(
            "Variant",
            0,
            9999,
            0,
            key="seed",
            bind="query-params",
            help="The same number gives the same list. Another number gives other pieces, perhaps with fewer weak "
            "places.",
        )
    return float(target), int(seed)


def _take_standings_along() -> None:
    """Apply the person's changes of *Pieces that are* to the other kind of playlist too."""
    new = st.session_state["kind"]
    old = next(kind for kind in KINDS if kind != new)
    chosen = st.session_state.get(f"standings_{old}")
    if chosen:
        added, lost = set(USUAL[new]) - set(USUAL[old]), set(USUAL[old]) - set(USUAL[new])
        taken = (set(chosen) | added) - lost or set(chosen)
        st.session_state[f"standings_{new}"] = [s for s in pieces.STANDINGS if s in taken]

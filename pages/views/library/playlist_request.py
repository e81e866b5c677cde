"""The request for a playlist: its fields, which are also in the address."""

from dataclasses import dataclass

import streamlit as st

from core import wording
from core.playlists import circle, iso_path, pieces, playlist

KINDS = {"mood": "One mood", "iso": "Iso path"}
USUAL = {"mood": [pieces.ACCEPTED], "iso": [pieces.ACCEPTED, pieces.BETWEEN]}  # standings of the pieces


@dataclass(frozen=True)
class Request:
    """The request for a playlist. way : emotions of an iso path in order, or one emotion.

    synthetic : also use synthetic pieces in a library that has real music.  must : pieces that must be in the list.
    """

    kind: str
    way: tuple[str, ...]
    minutes: float
    per_step: int
    standings: tuple[str, ...]
    target_lufs: float
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
        if kind == "mood":
            mood = st.segmented_control(
                "Mood",
                circle.CIRCLE,
                format_func=wording.with_sign,
                default="relax",
                required=True,
                key="mood",
                bind="query-params",
            )
            way: tuple[str, ...] = (mood,)
            per_step = 2
        else:
            way, per_step = _ask_way()
    left, right = st.columns(2)
    length = left.number_input(
        "Minutes", 5, 240, 60 if kind == "iso" else 30, 5, key=f"minutes_{kind}", bind="query-params"
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
    left, right = st.columns(2)
    target = left.slider(
        "Level to (LUFS)",
        -30,
        -12,
        int(playlist.TARGET_LUFS),
        key="level",
        bind="query-params",
        help="Usual levels: -18 for ReplayGain, -23 for broadcasting, -14 for streaming services. A mono file plays "
        "from "
        "both loudspeakers, so 3 LU are added to its measured loudness.",
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
    synthetic = mixed and st.toggle(
        "Synthetic pieces too",
        key="synthetic_pieces",
        bind="query-params",
        help="This library has real music, so synthetic pieces are left out. Switch this on to try the page with them. "
        "Do not use them with clients.",
    )
    return Request(kind, way, float(length), per_step, tuple(standings), float(target), int(seed), synthetic)


def _take_standings_along() -> None:
    """Apply the person's changes of *Pieces that are* to the other kind of playlist too."""
    new = st.session_state["kind"]
    old = next(kind for kind in KINDS if kind != new)
    chosen = st.session_state.get(f"standings_{old}")
    if chosen:
        added, lost = set(USUAL[new]) - set(USUAL[old]), set(USUAL[old]) - set(USUAL[new])
        taken = (set(chosen) | added) - lost or set(chosen)
        st.session_state[f"standings_{new}"] = [s for s in pieces.STANDINGS if s in taken]


def _ask_way() -> tuple[tuple[str, ...], int]:
    """Ask for the emotions of an iso path and the number of pieces per step."""
    left, right = st.columns(2)
    start, goal = (
        column.segmented_control(
            label,
            circle.CIRCLE,
            format_func=wording.with_sign,
            default=default,
            required=True,
            key=key,
            bind="query-params",
        )
        for column, label, default, key in ((left, "Present mood", "sad", "start"), (right, "Goal", "happy", "goal"))
    )
    choices = {way[1] if len(way) == 3 else "": way for way in iso_path.shortest_ways(start, goal)}
    over = ""
    left, right = st.columns(2)
    if len(choices) > 1:
        over = left.segmented_control(
            "By way of",
            list(choices),
            format_func=wording.with_sign,
            default=next(iter(choices)),
            required=True,
            key=f"over_{start}_{goal}",
            bind="query-params",
            help="The two moods are opposite on the circle angry, happy, relax, sad, so the path passes through one "
            "of the "
            "others.",
        )
    per_step = right.segmented_control(
        "Pieces a step", [2, 3], default=2, required=True, key="per_step", bind="query-params"
    )
    return choices[over], per_step

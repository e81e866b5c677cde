"""The two sliders for windows, on the pages Tracks and Library."""

from typing import Any

import streamlit as st

from core.windows import LENGTH_S, LONGEST_S, SHORTEST_S


def ask_windows(prefix: str = "", *, hop_s: float, disabled: bool = False, **options: Any) -> tuple[int, int]:
    """Ask for the length of the windows and for the time between two starts, in seconds.

    Parameters
    ----------
    prefix
        Beginning of the keys of both sliders, ``<prefix>length`` and ``<prefix>hop``.
    hop_s
        Default time between two starts; at most the chosen length.
    options
        Further arguments of both sliders.
    """
    left, right = st.columns(2)
    length = left.slider(
        "Length of a window (s)",
        int(SHORTEST_S),
        int(LONGEST_S),
        int(LENGTH_S),
        5,
        key=f"{prefix}length",
        disabled=disabled,
        help="The model was trained on 30 s. Longer windows give a smoother line but mix moods.",
        **options,
    )
    hop = right.slider(
        "A window every (s)",
        5,
        int(length),
        min(int(hop_s), int(length)),
        5,
        key=f"{prefix}hop",
        disabled=disabled,
        help="Shorter steps give a finer line but take longer.",
        **options,
    )
    return length, hop

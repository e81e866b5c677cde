"""Player of a clip of the queue: the sound, the waveform, the spectrogram on demand, and the clip that comes next."""

from collections.abc import Callable
from functools import partial

import numpy as np
import streamlit as st

from core.access import Action, Person
from core.audio import drawing
from core.errors import CoreError
from core.labelling.queue import Item
from core.pipeline import kept_audio
from core.settings import Settings
from core.store import Store, Way, first_content
from pages.figures import audio as figures
from pages.figures import style
from pages.shared import plays, show

POINTS = 300  # points of the waveform that are drawn


@st.cache_data(show_spinner=False, max_entries=16, hash_funcs={Person: lambda by: by.may(Action.LABEL)})
def load_audio(
    clip_id: str,
    path: str | None,
    start_s: float,
    duration_s: float,
    settings: Settings,
    by: Person,
    _first: Callable[[str], str],
) -> tuple[bytes, str, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Audio that browsers can play, its media type, and the waveform."""
    audio = kept_audio.load_audio(
        clip_id, path, start_s=start_s, duration_s=duration_s, settings=settings, by=by, first=_first
    )
    return audio.data, audio.media_type, drawing.envelope(audio.clip, POINTS)


def _place(store: Store, item: Item) -> tuple[str, str | None, float, float, Settings, Person, Callable[[str], str]]:
    """Where the audio of a clip is, and who asks for it: the arguments of `load_audio`."""
    first = partial(first_content, store)
    return item.clip_id, item.path, item.start_s, item.duration_s, Settings(), store.by, first


def show_player(store: Store, item: Item, *, autoplay: bool = False, loop: bool = False) -> None:
    """Show the player with its waveform. Raises CoreError if there is no audio."""
    data, form, waveform = load_audio(*_place(store, item))
    with st.container(key="player"):  # the script of the desk finds the sound here
        plays.audio(
            data,
            way=Way.LABEL,
            clip_id=item.clip_id,
            format=form,
            autoplay=autoplay,
            loop=loop,
            alt=f"Player: {item.duration_s:.0f} seconds of music",
        )
    figure = style.waveform(*waveform).update_layout(
        height=96, title=None, margin={"l": 0, "r": 0, "t": 0, "b": 0}, dragmode=False
    )
    st.plotly_chart(
        figure.update_xaxes(visible=False, fixedrange=True).update_yaxes(visible=False, fixedrange=True),
        key="waveform",
        alt=f"Waveform of {item.duration_s:.0f} seconds",
        config={"displayModeBar": False},
    )


def load_ahead(store: Store, item: Item) -> None:
    """Put the sound of the clip that comes next on the page, unseen, so that the browser loads it.

    A clip whose audio is gone is left out here. The desk says so when its turn comes.
    """
    try:
        data, form, _ = load_audio(*_place(store, item))
    except CoreError:
        return
    with st.container(key="next_clip"):
        st.audio(data, format=form)


def show_spectrogram(store: Store, item: Item) -> None:
    """Draw the mel spectrogram of the clip. Raises CoreError if there is no audio."""
    with st.spinner("Drawing the spectrogram …"):
        picture = _mel(*_place(store, item))
        show.chart(
            figures.mel_spectrogram(*picture).update_layout(height=260),
            key="spectrogram_of_clip",
            alt="Spectrogram: level of each frequency over time",
        )


@st.cache_data(show_spinner=False, max_entries=16, hash_funcs={Person: lambda by: by.may(Action.LABEL)})
def _mel(
    clip_id: str,
    path: str | None,
    start_s: float,
    duration_s: float,
    settings: Settings,
    by: Person,
    _first: Callable[[str], str],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    from core.audio import spectrograms

    audio = kept_audio.load_audio(
        clip_id, path, start_s=start_s, duration_s=duration_s, settings=settings, by=by, first=_first
    )
    return spectrograms.mel(audio.clip)

"""Pictures of a clip: the waveform with beats, a second opinion on the tempo, and the spectrogram.

Only these parts of the page load librosa, so they are drawn last.
"""

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.audio import beats, drawing, spectrograms
from core.audio.beats import Beats
from core.audio.decoding import Clip
from core.schema import COLUMNS
from pages.figures import audio, style
from pages.shared import show
from pages.views.clips.clip import ShownClip

SCALES = {"mel": "Mel bands (Hz)", "notes": "Constant-Q (notes)"}
ABOUT = {
    "mel": "The bands follow the pitch resolution of the ear. This picture is for viewing only; the features use "
    "other spectra.",
    "notes": "Three bands per semitone, named by the nearest note at A4 = 440 Hz. Notes of a makam may be between "
    "the notes "
    "of a piano. This picture is for viewing only; the features use other spectra.",
}
TEMPO = COLUMNS.index("_Tempo_Mean")


def waveform(shown: ShownClip) -> DeltaGenerator:
    """Draw the waveform, with beats if they are known; return its place on the page."""
    place = st.empty()
    _draw_waveform(shown, place)
    return place


def _draw_waveform(shown: ShownClip, place: DeltaGenerator) -> None:
    clip, beats_found = shown.scored.recording.clip, shown.beats
    drawn = drawing.envelope(clip)
    alt, name = f"Waveform of {clip.duration_s:.1f} s", "waveform"
    figure = style.waveform(*drawn)
    if beats_found is not None:
        figure, name = audio.waveform_with_beats(*drawn, beats_found.times_s), "beats"
        alt += f" with {len(beats_found.times_s)} beats"
    with place.container():
        show.chart(figure, key=f"{name}_clip-{clip.clip_id[:8]}", alt=alt)


def tempo(shown: ShownClip, place: DeltaGenerator) -> None:
    """Draw the beats on the waveform, and report if the tempo of MIRtoolbox is doubtful. place : of the waveform."""
    if shown.beats is None:
        with st.spinner("Looking for beats …", show_time=True):
            clip = shown.scored.recording.clip
            shown.beats = _beats(clip.clip_id, clip)
        _draw_waveform(shown, place)
    opinion = beats.second_opinion(float(shown.scored.vector.values[TEMPO]), shown.beats)
    if opinion.doubtful:
        st.info(f"{opinion.words} Tap along with the music to find the tempo that you feel.", icon=":material/speed:")
    else:
        st.caption(f":material/speed: {opinion.words}")


@st.cache_data(show_spinner=False, max_entries=64)
def _beats(clip_id: str, _clip: Clip) -> Beats:
    return beats.track_beats(_clip)


@st.fragment
def spectrogram(clip: Clip) -> None:
    """Draw the spectrogram with a choice of the frequency axis; a new choice reruns only this part."""
    scale = st.segmented_control(
        "Spectrogram",
        list(SCALES),
        format_func=SCALES.__getitem__,
        default="mel",
        required=True,
        key="spectrogram_scale",
        persist_state="session",
    )
    with st.spinner("Drawing the spectrogram …", show_time=True):
        times, hz, level = _picture(clip.clip_id, clip, scale)
        if scale == "mel":
            figure = audio.mel_spectrogram(times, hz, level)
        else:
            figure = audio.note_spectrogram(times, spectrograms.note_names(hz), level)
    show.chart(
        figure,
        key=f"spectrogram-{scale}_clip-{clip.clip_id[:8]}",
        alt="Spectrogram: level of each " + ("frequency" if scale == "mel" else "note") + " over time",
    )
    st.caption(ABOUT[scale])


@st.cache_data(show_spinner=False, max_entries=64)
def _picture(clip_id: str, _clip: Clip, scale: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return spectrograms.mel(_clip) if scale == "mel" else spectrograms.constant_q(_clip)

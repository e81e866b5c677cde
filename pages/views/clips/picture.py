"""Pictures of a clip: the waveform with beats, a second opinion on the tempo, and the spectrogram.

Beats and spectrogram load librosa and are slow, so they are drawn when the person asks for them.
"""

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.audio import beats, spectrograms
from core.audio.beats import Beats
from core.audio.decoding import Clip
from core.pipeline.scoring import ScoredClip
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


@st.fragment
def waveform(shown: ShownClip) -> None:
    """Draw the waveform. If the person asks for them, add the beats and a second opinion on the tempo."""
    place = st.empty()
    if st.toggle("Beats, and a second opinion on the tempo", key="clip_beats", persist_state="session"):
        if shown.beats is None:
            _draw_waveform(shown, place)
            clip = shown.scored.recording.clip
            with st.spinner("Looking for beats …", show_time=True):
                shown.beats = _beats(clip.clip_id, clip)
        _draw_waveform(shown, place, shown.beats)
        _tempo(shown.scored, shown.beats)
    else:
        _draw_waveform(shown, place)


def _draw_waveform(shown: ShownClip, place: DeltaGenerator, heard: Beats | None = None) -> None:
    clip = shown.scored.recording.clip
    drawn = shown.wave
    alt, name = f"Waveform of {clip.duration_s:.1f} s", "waveform"
    if heard is None:
        figure = style.waveform(*drawn)
    else:
        figure, name = audio.waveform_with_beats(*drawn, heard.times_s), "beats"
        alt += f" with {len(heard.times_s)} beats"
    with place.container():
        show.chart(figure, key=f"{name}_clip-{clip.clip_id[:8]}", alt=alt)


def _tempo(scored: ScoredClip, heard: Beats) -> None:
    """Report if the tempo of MIRtoolbox is doubtful."""
    opinion = beats.second_opinion(float(scored.vector.values[TEMPO]), heard)
    if opinion.doubtful:
        st.info(f"{opinion.words} Tap along with the music to find the tempo that you feel.", icon=":material/speed:")
    else:
        st.caption(f":material/speed: {opinion.words}")


@st.cache_data(show_spinner=False, max_entries=64)
def _beats(clip_id: str, _clip: Clip) -> Beats:
    return beats.track_beats(_clip)


@st.fragment
def spectrogram(clip: Clip) -> None:
    """Draw the spectrogram if the person asks for it; a new choice of the frequency axis reruns only this part."""
    if not st.toggle("Spectrogram", key="clip_spectrogram", persist_state="session"):
        return
    scale = st.segmented_control(
        "Frequency axis",
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


@st.cache_data(show_spinner=False, max_entries=8)
def _picture(clip_id: str, _clip: Clip, scale: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return spectrograms.mel(_clip) if scale == "mel" else spectrograms.constant_q(_clip)

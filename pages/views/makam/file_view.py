"""The tab Files: layers for other programs, and a pitch track that a person corrected."""

from functools import partial

import streamlit as st

from core.errors import CoreError
from core.makam import layers
from core.makam.track_files import MOST_BYTES, READ, agreement, read_track
from core.wording import whole_percent
from pages.shared import messages, show, uploads
from pages.views.makam.reading import OWN_TRACK, Shown

RIGHT_LENGTH = 0.1  # a corrected track may differ from the recording by this share of its length
LEAST_AGREEMENT = 0.4  # with the measured melody; by chance, two melodies agree in about one moment of seven


def show_files(shown: Shown) -> None:
    """Offer the layers, and take a corrected pitch track."""
    st.markdown("**Take the melody into another program**")
    given = analysed(shown)
    stem = f"{layers.file_stem(shown.recording.label)}-{shown.stem}"
    with st.container(horizontal=True):
        for name, layer in layers.LAYERS.items():
            st.download_button(
                layer.label,
                partial(layer.write, given),
                file_name=f"{stem}.{layer.ending}",
                mime=layer.mime,
                key=f"download_layer_{name}",
                icon=":material/download:",
                on_click="ignore",
            )
    st.caption(
        "Times are in seconds from the beginning. Heights are in Hz, and in commas over the karar that this page uses. "
        "The MIDI file bends each note to its comma, with a range of two semitones."
    )
    _own_track(shown)


def analysed(shown: Shown) -> layers.Analysed:
    """Return what the layers are made from, with the karar in use and where it comes from."""
    found = shown.found
    facts: dict[str, object] = {
        "karar_from": "person" if shown.word else "measured" if found.karar_hz else "",
        "karar_corrected_by": shown.word.said_by if shown.word else "",
        "karar_candidates": [{"hz": c.hz, "probability": c.probability} for c in found.candidates],
        "makam_suggestions": [{"makam": s.name, "probability": s.probability} for s in found.suggestions.three],
        "makam_suggestions_are": found.suggestions.kind,
    }
    comments = show.comments("melody")
    return layers.Analysed(shown.recording.label, shown.melody, found.karar_hz, comments, facts)


def _own_track(shown: Shown) -> None:
    st.markdown("**Bring a corrected pitch track**")
    if shown.own_track:
        st.button("Use the measured melody again", key="makam_measured", icon=":material/undo:", on_click=_forget)
        return
    file = uploads.file_field(
        f"Pitch track ({', '.join(READ)})",
        key="makam_track_file",
        largest_mb=MOST_BYTES / 1e6,
        way_out="Export the pitch track with fewer points.",
        help="CSV or text with a time in s and a frequency in Hz in each row, a layer of Sonic Visualiser, a PitchTier "
        "of Praat, or JSON of this program or of tomato.",
    )
    if file is None:
        return
    try:
        melody = read_track(file.getvalue(), file.name)
    except CoreError as error:
        messages.problem(error)
        return
    length = shown.recording.source.duration_s
    if abs(melody.duration_s - length) > RIGHT_LENGTH * length + 5:
        st.warning(
            f"This track lasts {melody.duration_s:.0f} s and the recording {length:.0f} s. Is it of this recording?",
            icon=":material/timer_off:",
        )
    elif (share := agreement(melody, shown.melody)) < LEAST_AGREEMENT:
        st.warning(
            f"This track has the pitch of the measured melody in {whole_percent(share)} of the time only, octaves "
            "together. Is it of this recording?",
            icon=":material/difference:",
        )
    st.button(
        "Use this track", key="makam_use_track", type="primary", on_click=_use, args=(shown.recording.content, melody)
    )


def _use(content: str, melody: object) -> None:
    st.session_state[OWN_TRACK] = (content, melody)


def _forget() -> None:
    st.session_state.pop(OWN_TRACK, None)

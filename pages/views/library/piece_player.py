"""The player of one piece, and what is known about the piece."""

from pathlib import Path

import pandas as pd
import streamlit as st

from core import wording
from core.errors import CoreError
from core.pipeline import kept_audio
from core.playlists import files
from core.settings import Settings
from core.wording import clock, percent
from pages.shared import messages

WHOLE = (".wav", ".flac", ".ogg", ".oga", ".mp3", ".m4a", ".opus", ".weba")  # what browsers play as it is
AUTOPLAY = "mood_autoplay"  # in the session: a piece was clicked, and is to be heard at once


# --- one piece -------------------------------------------------------------------------------------------------------


def hear(row: pd.Series, *, autoplay: bool = False) -> None:
    """The one player of the page: the part that the model heard, or the whole file, if it is the one that was scored.

    row : of a piece; its name is the hash of the file's content.
    """
    path, start = str(row["path"]), float(row["start_s"])
    on_disk = path.lower().endswith(WHOLE) and files.is_local_file(path)
    if on_disk and st.toggle(
        "Whole piece", key="whole", help=f"Otherwise the {row['length_s']:.0f} s that the model heard."
    ):
        if _is_of(path, str(row.name)):
            st.audio(path, start_time=int(start), autoplay=autoplay, alt=f"Player: {row['title']}, whole piece")
        else:
            st.caption(":material/volume_off: The file has changed since it was scored. Score the library again.")
        return
    try:
        data = _excerpt(str(row["clip_id"]), path, start, float(row["length_s"]), Settings())
    except CoreError as error:
        st.caption(f":material/volume_off: {messages.literal(str(error))}")
        return
    st.audio(data, format="audio/flac", autoplay=autoplay, alt=f"Player: {row['title']}, the part that was scored")


def _is_of(path: str, content: str) -> bool:
    """Whether the file has the content that was scored."""
    try:
        here = Path(path).stat()
        return _content(path, here.st_size, here.st_mtime_ns) == content
    except OSError:
        return False


@st.cache_data(show_spinner=False, max_entries=100)
def _content(path: str, size: int, stamp: int) -> str:
    return files.content_hash(path)


@st.cache_data(show_spinner=False, max_entries=12)
def _excerpt(clip_id: str, path: str, start_s: float, length_s: float, settings: Settings) -> bytes:
    return kept_audio.load_audio(clip_id, path or None, start_s=start_s, duration_s=length_s, settings=settings).data


def describe_piece(row: pd.Series) -> str:
    """A piece in one line of Markdown."""
    tempo = "tempo not known" if pd.isna(row["tempo"]) else f"{row['tempo']:.0f} bpm"
    loud = "loudness not known" if pd.isna(row["lufs"]) else f"{row['lufs']:.1f} LUFS"
    return (
        f"{wording.with_sign(row['guess'])} {percent(row['confidence'])}, {row['standing']}; {tempo}, {loud}, "
        f"{clock(row['duration_s'])}"
    )

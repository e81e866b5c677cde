"""The player of a piece, and its description in one line."""

from pathlib import Path

import pandas as pd
import streamlit as st

from core import wording
from core.access import Action, Person
from core.allowed_places import allowed_places
from core.audio.decoding import content_hash
from core.errors import CoreError
from core.models.prediction import votes_text
from core.pipeline import kept_audio
from core.playlists import files
from core.playlists.words import word_text
from core.settings import Settings
from core.wording import clock, percent
from pages.shared import cached, messages
from pages.views.library.words import describe_people

WHOLE = (".wav", ".flac", ".ogg", ".oga", ".mp3", ".m4a", ".opus", ".weba")  # formats that browsers play directly
AUTOPLAY = "mood_autoplay"  # session key: a piece was clicked and must play at once


# --- one piece -------------------------------------------------------------------------------------------------------


def hear(row: pd.Series, *, autoplay: bool = False) -> None:
    """Show the player: the scored part, or the whole file if it has not changed since scoring.

    row : a piece; its name is the hash of the file content.
    """
    store = cached.store()
    if store is None:
        return
    path, start = str(row["path"]), float(row["start_s"])
    on_disk = path.lower().endswith(WHOLE) and files.is_local_file(path)
    if on_disk and st.toggle(
        "Whole piece", key="whole", help=f"Off: only the {row['length_s']:.0f} s that the model scored."
    ):
        content = _whole(path, str(row.name), Settings())
        if content is not None:
            st.audio(content, start_time=int(start), autoplay=autoplay, alt=f"Player: {row['title']}, whole piece")
        else:
            st.caption(":material/volume_off: The file has changed since it was scored. Score the library again.")
        return
    try:
        data = _excerpt(str(row["clip_id"]), path, start, float(row["length_s"]), Settings(), store.by)
    except CoreError as error:
        st.caption(f":material/volume_off: {messages.literal(str(error))}")
        return
    st.audio(data, format="audio/flac", autoplay=autoplay, alt=f"Player: {row['title']}, the scored part")


def _whole(path: str, piece_id: str, settings: Settings) -> bytes | None:
    """The file if it is in an allowed place and still has the content that was scored, otherwise None.

    The bytes that are played are those that were compared: another file could take the name in between.
    """
    if not allowed_places(settings).allow(path):
        return None
    try:
        data = Path(path).read_bytes()
    except OSError:
        return None
    return data if content_hash(data) == piece_id else None


@st.cache_data(show_spinner=False, max_entries=12, hash_funcs={Person: lambda by: by.may(Action.LABEL)})
def _excerpt(clip_id: str, path: str, start_s: float, length_s: float, settings: Settings, by: Person) -> bytes:
    part = {"start_s": start_s, "duration_s": length_s}
    return kept_audio.load_audio(clip_id, path or None, **part, settings=settings, by=by).data


def describe_piece(row: pd.Series) -> str:
    """A piece in one line of Markdown: its mood and whose word it is, what the model says, tempo, loudness, length."""
    tempo = "tempo unknown" if pd.isna(row["tempo"]) else f"{row['tempo']:.0f} bpm"
    loud = "loudness unknown" if pd.isna(row["lufs"]) else f"{row['lufs']:.1f} LUFS"
    votes = votes_text(str(row["model_mood"]), int(row["windows"]), int(row["agreeing"]))
    by = word_text(row)
    said = f", {by}, {votes}" if by else f" {percent(row['confidence'])}, {votes}, {row['standing']}"
    people = describe_people(row)
    heard = f"{wording.with_sign(row['guess'])}{said}{f'; {people}' if people else ''}"
    return f"{heard}; {tempo}, {loud}, {clock(row['duration_s'])}"

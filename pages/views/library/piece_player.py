"""The player of a piece, and its description in one line."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pandas as pd
import streamlit as st

from core import wording
from core.access import Action, Person
from core.errors import CoreError
from core.models.prediction import votes_text
from core.pipeline import kept_audio
from core.playlists import files, playback
from core.playlists.words import word_text
from core.settings import Settings
from core.store import Store, Way, first_content
from core.wording import clock, percent
from pages.shared import cached, messages, plays, sound_cache
from pages.views.library import passage
from pages.views.library.words import describe_people

AUTOPLAY = "mood_autoplay"  # session key: a piece was clicked and must play at once


# --- one piece -------------------------------------------------------------------------------------------------------


def hear(row: pd.Series, *, way: Way, autoplay: bool = False, passages: bool = False, key: str = "whole") -> None:
    """Show the player: the scored part, the whole file if it has not changed since scoring, or a passage of it.

    row : a piece; its name is the hash of the file content.  way : the page, for the count of plays.
    passages : offer a link to a passage.  key : of the switch, where a page has several players.
    """
    store = cached.store()
    if store is None:
        return
    path, start, clip_id = str(row["path"]), float(row["start_s"]), str(row["clip_id"])
    on_disk = path.lower().endswith(tuple(playback.MEDIA_TYPES)) and files.is_local_file(path)
    span = passage.ask_passage(str(row.name), float(row["duration_s"])) if on_disk and passages else None
    if span or (
        on_disk
        and st.toggle("Whole piece", key=key, help=f"Off: only the {row['length_s']:.0f} s that the model scored.")
    ):
        try:
            content = _whole(path, str(row.name), Settings(), store)
        except CoreError as error:
            st.caption(f":material/volume_off: {messages.literal(str(error))}")
            return
        if span:
            part = f"{clock(span[0])} to {clock(span[1])}"
            plays.audio(
                content,
                way=way,
                clip_id=clip_id,
                length_s=span[1] - span[0],
                start_time=span[0],
                end_time=span[1],
                autoplay=autoplay or passage.opened_by_link(str(row.name), span),
                alt=f"Player: {row['title']}, {part}",
            )
            return
        plays.audio(
            content,
            way=way,
            clip_id=clip_id,
            start_time=int(start),
            autoplay=autoplay,
            alt=f"Player: {row['title']}, whole piece",
        )
        return
    try:
        first = partial(first_content, store)
        data = _excerpt(clip_id, path, start, float(row["length_s"]), Settings(), store.by, first)
    except CoreError as error:
        st.caption(f":material/volume_off: {messages.literal(str(error))}")
        return
    plays.audio(
        data,
        way=way,
        clip_id=clip_id,
        format="audio/flac",
        autoplay=autoplay,
        alt=f"Player: {row['title']}, the scored part",
    )


def _whole(path: str, piece_id: str, settings: Settings, store: Store) -> bytes:
    key = ("whole", piece_id, sound_cache.stamp(path), settings.model_dump_json())
    media_type = playback.MEDIA_TYPES.get(Path(path).suffix.lower(), "")
    return sound_cache.cached(
        key, lambda: playback.Sound(playback.whole_file(path, piece_id, settings, store), media_type, 0.0)
    ).data


@st.cache_data(show_spinner=False, max_entries=12, hash_funcs={Person: lambda by: by.may(Action.LABEL)})
def _excerpt(
    clip_id: str,
    path: str,
    start_s: float,
    length_s: float,
    settings: Settings,
    by: Person,
    _first: Callable[[str], str],
) -> bytes:
    part = {"start_s": start_s, "duration_s": length_s}
    return kept_audio.load_audio(clip_id, path or None, **part, settings=settings, by=by, first=_first).data


def describe_piece(row: pd.Series) -> str:
    """A piece in one line of Markdown: its mood and whose word it is, what the model says, tempo, loudness, length."""
    tempo = "tempo unknown" if pd.isna(row["tempo"]) else f"{row['tempo']:.0f} bpm"
    loud = "loudness unknown" if pd.isna(row["lufs"]) else f"{row['lufs']:.1f} LUFS"
    standing = f"{row['standing']} ({row['why']})" if row["why"] else row["standing"]
    votes = votes_text(str(row["model_mood"]), int(row["windows"]), int(row["agreeing"]))
    by = word_text(row)
    said = f", {by}, {votes}" if by else f" {percent(row['confidence'])}, {votes}, {standing}"
    people = describe_people(row)
    heard = f"{wording.with_sign(row['guess'])}{said}{f'; {people}' if people else ''}"
    return f"{heard}; {tempo}, {loud}, {clock(row['duration_s'])}"

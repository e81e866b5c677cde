"""Remarks about a list: a library that is too small, and what a person asked for and the list does not reach."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from core.playlists.pulse import TEMPO_RISE, same_count
from core.playlists.wish import Shape
from core.records import Remark, RemarkKind
from core.wording import clock, counted

if TYPE_CHECKING:
    from core.playlists.playlist import Playlist

TEMPO_MISS = 1.08  # largest ratio between an asked tempo and the tempo of the last piece
LOUDER_LU = 1.0  # a larger rise from the first to the last third is a rise


def about_list(playlist: "Playlist", usable: pd.DataFrame, together: pd.Series) -> list[Remark]:
    """Remarks about a finished list.

    usable : pieces that could be chosen.  together : whether each piece is by the artist of the piece before.
    """
    asked = [*_tempo(playlist), *_mood_time(playlist), *_loudness(playlist), *_doubt(playlist)]
    return [*_too_small(playlist, usable), *asked, *_about(playlist.rows, together)]


def _too_small(playlist: "Playlist", usable: pd.DataFrame) -> list[Remark]:
    """Remarks about a library that is too small for this playlist."""
    rows, remarks = playlist.rows, []
    suitable = usable[usable["guess"].isin(playlist.way)]
    miss, all_s = playlist.length_s - playlist.wanted_s, float(suitable["duration_s"].sum())
    if abs(miss) > max(rows["duration_s"].max() / 2, 0.05 * playlist.wanted_s):
        remarks.append(
            Remark(
                RemarkKind.LIBRARY_TOO_SMALL,
                f"The library is too small for {clock(playlist.wanted_s)}: the usable pieces that are "
                f"{' or '.join(playlist.way)} ({len(suitable)}) last {clock(all_s)} together.",
            )
            if all_s < playlist.wanted_s and not playlist.edited
            else Remark(
                RemarkKind.LENGTH_MISSED,
                f"You asked for {clock(playlist.wanted_s)}, but these pieces last {clock(playlist.length_s)}."
                + _unless(playlist, " No other choice of usable pieces is closer to this time and fits as well."),
            )
        )
    weak = sorted(set(rows.loc[rows["weak"] != "", "step"]))
    if weak and playlist.path:
        kind = RemarkKind.CHANGED_BY_HAND if playlist.edited else RemarkKind.LIBRARY_TOO_SMALL
        why = "You changed this path by hand" if playlist.edited else "The library is too small for a good path"
        text = (
            f"{why}: {'step' if len(weak) == 1 else 'steps'} "
            f"{', '.join(map(str, weak))} {'is' if len(weak) == 1 else 'are'} weak. The list shows the reason for each "
            "piece." + _unless(playlist, " Add more music between these moods, or try another variant.")
        )
        remarks.append(Remark(kind, text))
    return remarks


def _unless(playlist: "Playlist", text: str) -> str:
    """A sentence about the choice of the program; "" for a list that a person changed."""
    return "" if playlist.edited else text


def _about(rows: pd.DataFrame, together: pd.Series) -> list[Remark]:
    """Remarks about artists and synthetic pieces."""
    remarks = []
    pairs = int(together.sum())
    if pairs:
        text = f"Neighbours by the same artist: {pairs}. There are too few suitable pieces by other artists."
        remarks.append(Remark(RemarkKind.SAME_ARTIST, text))
    nameless = int((rows["artist"] == "").sum())
    if nameless:
        text = f"Pieces without an artist name: {nameless}. Two of them next to each other may be by the same artist."
        remarks.append(Remark(RemarkKind.NO_ARTIST, text))
    if rows["synthetic"].any():
        text = "Some of these pieces are synthetic, made by a program. Do not use them with clients."
        remarks.append(Remark(RemarkKind.SYNTHETIC, text))
    return remarks


# --- asked and not reached -------------------------------------------------------------------------------------------


def _tempo(playlist: "Playlist") -> list[Remark]:
    """Remarks about the tempo at the end, and about places where the tempo rises on the way to a calm goal."""
    curve, rows = playlist.curve, playlist.rows
    known = rows[rows["pulse"].notna()]
    if curve is None or not playlist.path:
        return []
    remarks, asked = [], curve.wish.end_bpm
    if not len(known):
        text = f"You asked for {asked or 0:.0f} bpm at the end, but the tempo of these pieces is not known."
        return [Remark(RemarkKind.TEMPO_MISSED, text)] if asked else []
    begin, end = float(known["pulse"].iloc[0]), float(known["pulse"].iloc[-1])
    if asked is not None and not 1 / TEMPO_MISS <= end / asked <= TEMPO_MISS:
        text = f"You asked for {asked:.0f} bpm at the end, but the last piece has {end:.0f} bpm."
        text += _unless(playlist, f" No {playlist.way[-1]} piece nearer to this tempo fits there as well.")
        remarks.append(Remark(RemarkKind.TEMPO_MISSED, text))
    elif curve.calm and end > begin * TEMPO_RISE:
        text = f"This path does not become slower: it begins at {begin:.0f} bpm and ends at {end:.0f} bpm."
        text += _unless(playlist, " The usable pieces allow no slower end that fits as well.")
        remarks.append(Remark(RemarkKind.TEMPO_MISSED, text))
    rises = known.loc[known["pulse"] > TEMPO_RISE * known["pulse"].shift(), "number"]
    if curve.calm and len(rises):
        text = f"The tempo should fall, but it rises at {_numbers(rises)}."
        text += _unless(playlist, " No slower piece fits there as well.")
        remarks.append(Remark(RemarkKind.TEMPO_RISES, text))
    return remarks


def _mood_time(playlist: "Playlist") -> list[Remark]:
    """A remark for each mood whose time in the list is not the time that was asked for."""
    curve, rows = playlist.curve, playlist.rows
    if curve is None or curve.wish.shape is not Shape.MINUTES:
        return []
    remarks = []
    near = max(float(rows["duration_s"].max()) / 2, 60.0)
    for mood, minutes in zip(playlist.way, curve.wish.mood_minutes, strict=True):
        reached = float(rows.loc[rows["guess"] == mood, "duration_s"].sum())
        if abs(reached - 60 * minutes) > near:
            text = f"You asked for {clock(60 * minutes)} of {mood} music, but the list has {clock(reached)} of it."
            remarks.append(Remark(RemarkKind.MOOD_TIME_MISSED, text))
    return remarks


def _loudness(playlist: "Playlist") -> list[Remark]:
    """A remark when the music becomes louder on the way to a calm goal."""
    curve, lufs = playlist.curve, playlist.rows["lufs"].dropna().to_numpy()
    third = len(lufs) // 3
    if curve is None or not playlist.path or not curve.calm or not third:
        return []
    rise = float(np.mean(lufs[-third:]) - np.mean(lufs[:third]))
    if rise <= LOUDER_LU:
        return []
    text = f"The music itself becomes {rise:.1f} LU louder towards the end. The gains level this out."
    return [Remark(RemarkKind.LOUDNESS_MISSED, text)]


def _doubt(playlist: "Playlist") -> list[Remark]:
    """A remark that names the pieces whose tempo is counted at half or double."""
    rows = playlist.rows
    pairs = zip(rows["tempo"], rows["pulse"], strict=True)
    doubtful = rows.loc[[p == p and not same_count(t, p) for t, p in pairs], "number"]
    if not len(doubtful):
        return []
    text = f"The tempo of {_numbers(doubtful)} is counted at half or double of the measured one. A tempo is often "
    return [Remark(RemarkKind.TEMPO_COUNTED, text + "measured at twice or half of what people tap, so listen first.")]


def _numbers(numbers: pd.Series) -> str:
    """``"piece 3"``, ``"pieces 3, 7 and 9"``, or ``"12 pieces"`` when there are many."""
    if len(numbers) > 8:
        return counted(len(numbers), "piece")
    words = [str(number) for number in numbers]
    return f"piece {words[0]}" if len(words) == 1 else f"pieces {', '.join(words[:-1])} and {words[-1]}"

"""The type of a playlist: ordered pieces, each with the reason for its place, its weak points and its gain.

A playlist depends only on the pieces, the wanted mood and time, and a seed (`core.playlists.one_mood`,
`core.playlists.iso_path`). Random numbers come from a hash of seed and piece, so that they change neither with the
order of the rows nor with new pieces in the library.
"""

import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from core.errors import CoreError
from core.features.loudness import as_played
from core.playlists.pieces import ACCEPTED, BETWEEN, REVIEW
from core.playlists.pulse import counted, pulse
from core.playlists.remarks import about_list
from core.playlists.wish import Curve, mixture_at
from core.playlists.words import word_text
from core.records import Remark, RemarkKind, Word
from core.schema import EMOTIONS, PROBA
from core.turkish import fold
from core.wording import clock, part, percent_change, percents, whole_percent

TARGET_LUFS = -18.0  # ReplayGain 2.0; broadcasting has -23 (EBU R 128), streaming about -14
SHORTEST_S = 5.0  # shortest piece in a playlist
LONGEST_MIN = 12 * 60.0  # longest playlist
PART_ONLY = "uploaded, and only the scored part is stored; score the folder of the file to use the whole piece"
_WHOLE_PATH = re.compile(r"/|[A-Za-z]:[\\/]|\\\\|[a-z0-9]+://")  # its beginning: a file of this machine, or an address
EXCLUDED = {
    ACCEPTED: "the model is sure of one mood, or a person named it",
    BETWEEN: "the model hears two neighbouring moods",
    REVIEW: "a person must listen first",
}
PIECE_COLUMNS = (
    *("piece_id", "title", "artist", "album", "path", "duration_s", *PROBA, "guess", "confidence", "standing"),
    *("tempo", "lufs", "channels", "synthetic", "clip_id", "start_s", "length_s", "model_version"),
    *("word", "model_mood", "model_confidence", "model_standing"),
)


@dataclass(frozen=True)
class Replaced:
    """A piece that was replaced by another one. number : place in the list.  after : empty for a removed piece."""

    number: int
    before: str
    before_title: str
    after: str = ""
    after_title: str = ""


@dataclass(frozen=True, eq=False)
class Playlist:
    """Pieces in the order of playing.

    Attributes
    ----------
    name : displayed name.
    way : emotions from start to goal; a single emotion for a playlist of one mood.
    wanted_s : wanted length in seconds.
    rows : one row for each piece: number (from 1), begins_s, the columns of ``PIECE_COLUMNS``, step (from 1), wanted
        probabilities of the step want_*; fit, change, tempo_change, gain_db, why and weak as in ``finish_playlist``.
    path : True for an iso path, which should have small steps.
    remarks : remarks for the user, see ``core.records.RemarkKind``.
    target_lufs : loudness of the pieces with their gains.
    softer_lu : how much softer the last piece is played than the first, in LU.
    curve : the wished mood, tempo and loudness at each time.
    pinned : pieces that a person chose, so that they stay in a new list.
    edited : True if a person changed the pieces or their order.
    replaced : pieces that a person had replaced, oldest first.
    """

    name: str
    way: tuple[str, ...]
    wanted_s: float
    seed: int
    rows: pd.DataFrame
    path: bool = False
    remarks: tuple[Remark, ...] = ()
    target_lufs: float = TARGET_LUFS
    softer_lu: float = 0.0
    curve: Curve | None = None
    pinned: frozenset[str] = frozenset()
    edited: bool = False
    replaced: tuple[Replaced, ...] = ()

    @property
    def length_s(self) -> float:
        """Length of all pieces together, in seconds."""
        return float(self.rows["duration_s"].sum())


@dataclass(frozen=True, eq=False)
class Pool:
    """Pieces that a playlist may use.

    table : index ``piece_id``.  remarks : excluded pieces and the reasons.  recordings : recording of each piece of the
    library, as in ``usable_pieces``.
    """

    table: pd.DataFrame
    remarks: tuple[Remark, ...]
    recordings: pd.Series | None = None

    def without(self, piece_ids: Collection[str]) -> "Pool":
        """The pool without these pieces, and without other files of the same recordings."""
        if not len(piece_ids):
            return self
        gone = self.table.index.isin(list(piece_ids))
        if self.recordings is not None:
            sounds = self.recordings[self.recordings.index.isin(list(piece_ids))]
            gone |= self.recordings.reindex(self.table.index).isin(list(sounds)).to_numpy()
        return replace(self, table=self.table[~gone])


def usable_pieces(
    pieces: pd.DataFrame,
    *,
    standings: Collection[str] = (ACCEPTED,),
    recordings: pd.Series | None = None,
    synthetic: bool = False,
    lengths_s: tuple[float, float] = (0.0, np.inf),
) -> Pool:
    """Select the pieces that a playlist may use: with these standings, with an existing file, and without duplicates.

    Of two pieces with the same sound, the one whose mood a person named is used, else the one with the higher
    confidence. If one of them is on the list of what no playlist uses, none is used. Two recordings with the same
    artist and title are two pieces, because an improvisation (taksim) often has no other name. A piece that is left
    out for several reasons is counted once, with the first reason.

    Parameters
    ----------
    pieces : from `core.playlists.pieces.pieces_table`, with `add_places` when files may be missing.
    standings : allowed standings.
    recordings : from `core.playlists.sound.recordings`; without them, or for a piece that was not measured, no
        duplicate is found.
    synthetic : also use synthetic pieces in a library that has real music.
    lengths_s : least and greatest length of a piece.
    """
    table = pieces if pieces.index.is_monotonic_increasing else pieces.sort_index()
    sounds = _numbers(recordings, table.index)
    never = table["never"] | _among(sounds, sounds[table["never"]])
    standing = table["standing"].isin(list(standings))
    filed = pd.Series([_WHOLE_PATH.match(path) is not None for path in table["path"].tolist()], table.index, dtype=bool)
    kept = table["path"] != ""
    there, long = table["there"].astype(bool), table["duration_s"] >= SHORTEST_S
    unwanted = table["synthetic"] & (not synthetic and not table["synthetic"].all()) & ~never
    wanted = ~never & ~unwanted
    playable = filed & there & long & wanted
    by_model = table["word"] == Word.MODEL
    spoken = by_model & _among(sounds, sounds[~by_model])
    fits = table["duration_s"].between(*lengths_s)
    chosen = standing & playable & ~spoken & fits
    usual = table[chosen]
    best_first = np.argsort(-usual["confidence"].to_numpy(dtype=float), kind="stable")
    numbers = sounds[chosen].to_numpy()[best_first]
    again = np.zeros(len(usual), dtype=bool)
    again[best_first] = (numbers >= 0) & pd.Series(numbers).duplicated().to_numpy()
    same_sound = pd.Series(again, usual.index)
    excluded = [
        (never, "on the list of what no playlist uses", RemarkKind.NEVER),
        (unwanted, "synthetic, made by this program", RemarkKind.LEFT_OUT),
        (wanted & ~filed & kept, PART_ONLY, RemarkKind.LEFT_OUT),
        (wanted & ~filed & ~kept, "the audio is not stored here", RemarkKind.LEFT_OUT),
        (wanted & filed & ~there, "the file is missing or was changed", RemarkKind.LEFT_OUT),
        (wanted & filed & there & ~long, f"shorter than {SHORTEST_S:.0f} s", RemarkKind.LEFT_OUT),
        *(
            (
                playable & (table["standing"] == name),
                words,
                RemarkKind.NEEDS_LISTENING if name == REVIEW else RemarkKind.LEFT_OUT,
            )
            for name, words in EXCLUDED.items()
            if name not in standings
        ),
        (
            standing & playable & ~fits,
            f"the length is not {length_range(lengths_s)}, as you asked",
            RemarkKind.LENGTHS_ASKED,
        ),
        (
            standing & playable & fits & spoken,
            "the same recording as a piece whose mood a person named, by the sound",
            RemarkKind.LEFT_OUT,
        ),
        (same_sound, "the same recording as another piece, by the sound", RemarkKind.LEFT_OUT),
    ]
    remarks = tuple(
        Remark(kind, f"{part(int(n), len(table), 'piece')} left out: {why}.")
        for mask, why, kind in excluded
        if (n := np.sum(mask))
    )
    return Pool(usual[~same_sound], remarks, recordings)


def _numbers(recordings: pd.Series | None, pieces: pd.Index) -> pd.Series:
    """A number for the recording of each piece, -1 where it is not known. Numbers are compared faster than texts."""
    if recordings is None:
        return pd.Series(-1, pieces)
    return pd.Series(pd.factorize(recordings.reindex(pieces))[0], pieces)


def _among(sounds: pd.Series, others: pd.Series) -> pd.Series:
    """Whether each recording is known and is one of the others."""
    return sounds.ge(0) & sounds.isin(others)


def length_range(lengths_s: tuple[float, float]) -> str:
    """Least and greatest length as text: ``"2:00 to 6:00"``, ``"at most 6:00"``, ``"2:00 or more"``."""
    least, greatest = lengths_s
    if not np.isfinite(greatest):
        return f"{clock(least)} or more"
    return f"{clock(least)} to {clock(greatest)}" if least > 0 else f"at most {clock(greatest)}"


def seeded_random(seed: int, name: str) -> float:
    """Reproducible random number in [0, 1) for a seed and a name."""
    digest = hashlib.blake2b(f"{seed}\n{name}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def named_minutes(minutes: float) -> str:
    """Return ``"1 minute"`` or ``"30 minutes"``, for the name of a list."""
    return f"{minutes:g} minute{'' if minutes == 1 else 's'}"


def wanted_seconds(minutes: float) -> float:
    """Convert minutes to seconds. Raises CoreError when a playlist cannot have this length."""
    if not 0 < minutes <= LONGEST_MIN:
        raise CoreError(
            f"A playlist can last from one minute to {LONGEST_MIN / 60:.0f} hours, not {minutes:g} minutes."
        )
    return 60.0 * minutes


def performers(table: pd.DataFrame) -> list[str]:
    """Artist of each piece for comparisons; a piece without an artist gets a unique name."""
    return [fold(a) if a else f"\n{p}" for a, p in zip(table["artist"], table.index, strict=True)]


# --- reasons and weak points -----------------------------------------------------------------------------------------

# Distances are total variation distances of the probabilities.
NEAR_FIT = 0.2  # largest distance of a piece that fits well, and of a small step
FAR_FIT = 0.45  # a piece with a larger distance from the wanted mood is weak
FAR_STEP = 0.5  # a larger distance between neighbours is a large step
TEMPO_STEP = 1.25  # largest ratio of the tempi of two neighbours in a small step


def finish_playlist(playlist: Playlist, pool: Pool) -> Playlist:
    """Compute the derived columns, the gains and the remarks of a playlist.

    New columns: number, begins_s; step, want_* (wished mood), want_tempo (wished tempo in bpm), progress (of the wish,
    from 0 to 1) and pulse (the tempo, or half or double of it, in bpm) as the curve says; fit (distance from the wanted
    mood) and change (distance from the previous piece), both as total variation distance in [0, 1]; tempo_change (ratio
    of the pulse to the previous one, minus 1); gain_db; why (reason for the piece as text); weak (its weak points as
    text, or empty).

    pool : the pieces that could be chosen.
    """
    curve = playlist.curve or Curve(playlist.way, playlist.wanted_s)
    rows = _on_curve(playlist.rows, curve)
    proba, want = rows[list(PROBA)].to_numpy(), rows[[f"want_{e}" for e in EMOTIONS]].to_numpy()
    rows.insert(0, "number", np.arange(1, len(rows) + 1))
    rows.insert(1, "begins_s", rows["duration_s"].cumsum() - rows["duration_s"])
    rows["fit"] = mood_distance(proba, want)
    rows["change"] = np.concatenate([[np.nan], mood_distance(proba[1:], proba[:-1])])[: len(rows)]
    rows["tempo_change"] = rows["pulse"] / rows["pulse"].shift() - 1
    same = pd.Series(performers(rows.set_index("piece_id")))
    lines: list[Any] = rows.to_dict("records")
    rows["weak"] = [_weak(row, playlist.path, repeat) for row, repeat in zip(lines, same == same.shift(), strict=True)]
    rows["why"] = [reason(row, playlist.path) for row in lines]
    playlist = replace(playlist, rows=rows, curve=curve)
    remarks = (*pool.remarks, *about_list(playlist, pool.table, same == same.shift()))
    return level_playlist(replace(playlist, remarks=remarks), playlist.target_lufs)


def _on_curve(rows: pd.DataFrame, curve: Curve) -> pd.DataFrame:
    """The pieces with what the curve wishes at their time: step, progress, want_*, want_tempo, pulse."""
    rows = rows[list(PIECE_COLUMNS)].reset_index(drop=True)
    begins = (rows["duration_s"].cumsum() - rows["duration_s"]).to_numpy()
    mood, progress = curve.planned(begins)
    rows["step"], rows["progress"] = curve.steps(len(rows)), progress
    rows[[f"want_{e}" for e in EMOTIONS]] = mixture_at(curve.last * mood, curve.way)
    wished = curve.tempo_at(progress)
    rows["want_tempo"] = 2**wished
    rows["pulse"] = 2 ** pulse(np.log2(rows["tempo"].to_numpy(dtype=float)), wished)[0]
    return rows


def mood_distance(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Total variation distance of rows of probabilities, in [0, 1]."""
    return np.abs(p - q).sum(axis=-1) / 2


def mixture(row: Mapping[str, Any], prefix: str = "p_", *, least: float = 0.095) -> str:
    """Probabilities as text, largest first: ``"60.0 % sad, 35.0 % relax"``; values below 10 % are omitted.

    prefix : ``"want_"`` for the wanted probabilities, in whole percent.
    """
    proba = {e: float(row[f"{prefix}{e}"]) for e in EMOTIONS}
    words = percents(proba) if prefix == "p_" else {e: whole_percent(p) for e, p in proba.items()}
    return ", ".join(f"{words[e]} {e}" for e in sorted(proba, key=lambda e: -proba[e]) if proba[e] >= least)


def _weak(row: Mapping[str, Any], on_a_way: bool, by_same: bool) -> str:
    points = []
    if row["fit"] > FAR_FIT:
        points.append(f"far from the wanted mood ({mixture(row, 'want_')})")
    if on_a_way and row["change"] > FAR_STEP:
        points.append("a large step in mood")
    if not np.isnan(row["tempo_change"]) and not small_tempo_step(row["tempo_change"]):
        points.append(f"a large step in tempo ({percent_change(row['tempo_change'])})")
    if by_same:
        points.append("same artist as the previous piece")
    return "; ".join(points)


def small_tempo_step(change: float) -> bool:
    """Return whether a change of tempo is at most ``TEMPO_STEP``. change : ratio of the tempi, minus 1."""
    return 1 / TEMPO_STEP - 1e-9 <= 1 + change <= TEMPO_STEP + 1e-9


def reason(row: Mapping[str, Any], on_a_way: bool, *, with_wish: bool = True) -> str:
    """Reason for a piece as text: the wanted mood, the predicted mood, and the step from the previous piece.

    row : as in ``finish_playlist``.  with_wish : include the wanted mood.
    """
    tempo = counted(row["tempo"], row.get("pulse", row["tempo"]))
    by = word_text(row)
    heard = f"{row['guess']}, {by}; {tempo}" if by else f"the model hears {mixture(row)} ({row['standing']}); {tempo}"
    if not on_a_way:
        return f"{_upper(heard)}."
    fits = "fits well" if row["fit"] <= NEAR_FIT else "fits roughly" if row["fit"] <= FAR_FIT else "does not fit"
    text = f"Wanted {mixture(row, 'want_')}: {heard}; {fits}." if with_wish else f"{_upper(heard)}; {fits}."
    return text if np.isnan(row["change"]) else f"{text} From the previous piece: {_step(row)}."


def _upper(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}"


def _step(row: Mapping[str, Any]) -> str:
    """Step from the previous piece as text: change of mood and of tempo."""
    size = "a small" if row["change"] <= NEAR_FIT else "a medium" if row["change"] <= FAR_STEP else "a large"
    if np.isnan(row["tempo_change"]):
        return f"{size} step in mood, the change of tempo is not known"
    return f"{size} step in mood, tempo {percent_change(row['tempo_change'])}"


# --- loudness --------------------------------------------------------------------------------------------------------


def level_playlist(playlist: Playlist, target_lufs: float, *, softer_lu: float | None = None) -> Playlist:
    """Set the gain in dB that brings each piece to its loudness; NaN when its loudness is not known.

    The column level_lufs is the loudness of each piece with its gain: the target for the first piece.

    softer_lu : how much softer the last piece is, in LU; default: as before. It falls as the wish for the path moves.
    """
    softer = playlist.softer_lu if softer_lu is None else softer_lu
    level = target_lufs - softer * playlist.rows["progress"] if softer else target_lufs
    rows = playlist.rows.assign(level_lufs=level)
    rows["gain_db"] = rows["level_lufs"] - _heard(rows)
    return replace(playlist, rows=rows, target_lufs=target_lufs, softer_lu=softer)


def loudest_without_boost(playlist: Playlist) -> float:
    """Highest target, in whole LUFS, without a positive gain for any piece; NaN when no loudness is known."""
    below = playlist.target_lufs - playlist.rows["level_lufs"]
    return float(np.floor((_heard(playlist.rows) + below).min()))


def _heard(rows: pd.DataFrame) -> pd.Series:
    lufs = [as_played(lufs, channels) for lufs, channels in zip(rows["lufs"], rows["channels"], strict=True)]
    return pd.Series(lufs, rows.index, dtype=float)

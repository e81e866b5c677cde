"""What a playlist is: pieces in an order, why each is there, what is weak about it, and the gain that levels it.

A playlist is a pure function of the pieces, the wishes and a seed (`core.playlists.one_mood`,
`core.playlists.iso_path`). What is random
comes from a hash of seed and piece, so that neither the order of the rows nor a piece that is added elsewhere changes
what the others get.
"""

import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from core.errors import CoreError
from core.features.loudness import as_played
from core.playlists.pieces import ACCEPTED, BETWEEN, REVIEW
from core.records import Remark, RemarkKind
from core.schema import EMOTIONS, PROBA
from core.turkish import fold
from core.wording import clock, percent, percent_change, whole_percent

TARGET_LUFS = -18.0  # ReplayGain 2.0; broadcasting has -23 (EBU R 128), streaming about -14
SHORTEST_S = 5.0  # of a piece in a playlist
LONGEST_MIN = 12 * 60.0
LEFT = {
    ACCEPTED: "the model is sure of one mood",
    BETWEEN: "the model hears two moods that are neighbours",
    REVIEW: "a person has to listen first",
}
CARRIED = (
    *("piece_id", "title", "artist", "album", "path", "duration_s", *PROBA, "guess", "confidence", "standing"),
    *("tempo", "lufs", "channels", "synthetic", "clip_id", "start_s", "length_s", "model_version"),
)


@dataclass(frozen=True, eq=False)
class Playlist:
    """Pieces in the order of playing.

    name : in words.  way : the emotions on its way, one for a playlist of a mood.  wanted_s : the wished time.
    path : it is an iso path, whose steps should be small.
    rows : one a piece: number (from 1), begins_s, the columns of ``CARRIED``, step (from 1), and the step's wanted
    probabilities want_*; fit, change, tempo_change, gain_db, why and weak as in ``finished``.
    remarks : what a person should know about it, see ``core.records.RemarkKind``.  target_lufs : of the gains.
    """

    name: str
    way: tuple[str, ...]
    wanted_s: float
    seed: int
    rows: pd.DataFrame
    path: bool = False
    remarks: tuple[Remark, ...] = ()
    target_lufs: float = TARGET_LUFS

    @property
    def length_s(self) -> float:
        """Of all pieces together."""
        return float(self.rows["duration_s"].sum())


@dataclass(frozen=True, eq=False)
class Pool:
    """Pieces that may be played. table : index ``piece_id``.  remarks : what was left out, and why."""

    table: pd.DataFrame
    remarks: tuple[Remark, ...]


def usable(
    pieces: pd.DataFrame, *, standings: Collection[str] = (ACCEPTED,), recordings: pd.Series | None = None
) -> Pool:
    """The pieces that a playlist may hold: of these standings, in a file that is there, and each recording once.

    pieces : as ``moods.pieces``, and as ``moods.placed`` where files may have gone.
    recordings : as ``moods.recordings``; without it only names tell that two pieces are one recording.
    Of two with the same artist and title, and of two that sound the same, the one with the greater confidence stays.
    """
    table = pieces.sort_index()
    standing = table["standing"].isin(list(standings))
    filed = table["path"].map(lambda path: bool(re.match(r"/|[A-Za-z]:[\\/]|\\\\|[a-z0-9]+://", path)))
    there, long = table["there"].astype(bool), table["duration_s"] >= SHORTEST_S
    made = table["synthetic"] & (not table["synthetic"].all())  # beside music, they are not for a session
    kept = table[standing & filed & there & long & ~made].sort_values("confidence", ascending=False, kind="stable")
    named = (kept["artist"] != "") & (kept["title"] != "")
    names = kept["artist"].map(fold) + "\n" + kept["title"].map(partial(fold, marks=True))  # Oldu is not Öldü
    twice = named & names.where(named).duplicated()
    sounds = kept.index.to_series() if recordings is None else recordings.reindex(kept.index)
    again = ~twice & sounds.notna() & sounds.where(~twice).duplicated()
    left = [
        *(
            (
                table["standing"] == name,
                f"are left out: {words}",
                RemarkKind.NEEDS_LISTENING if name == REVIEW else RemarkKind.LEFT_OUT,
            )
            for name, words in LEFT.items()
            if name not in standings
        ),
        (standing & ~filed, "are left out: clips without a file of their own", RemarkKind.LEFT_OUT),
        (standing & filed & ~there, "are left out: their file is gone, or is another one now", RemarkKind.LEFT_OUT),
        (standing & filed & there & ~long, f"are left out: shorter than {SHORTEST_S:.0f} s", RemarkKind.LEFT_OUT),
        (standing & filed & there & long & made, "are left out: synthetic, made by this program", RemarkKind.LEFT_OUT),
        (twice, "are left out: artist and title of another one", RemarkKind.LEFT_OUT),
        (again, "are left out: they sound like the recording of another one", RemarkKind.LEFT_OUT),
    ]
    remarks = tuple(
        Remark(kind, f"{int(n)} of {len(table)} pieces {why}.") for which, why, kind in left if (n := np.sum(which))
    )
    return Pool(kept[~twice & ~again].sort_index(), remarks)


def seeded_random(seed: int, name: str) -> float:
    """A number in [0, 1) that seed and name fix."""
    digest = hashlib.blake2b(f"{seed}\n{name}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def wanted_seconds(minutes: float) -> float:
    """The wished time in s. Raises CoreError when it is none."""
    if not 0 < minutes <= LONGEST_MIN:
        raise CoreError(f"A playlist lasts from a minute to {LONGEST_MIN / 60:.0f} hours, not {minutes:g} minutes.")
    return 60.0 * minutes


def performers(table: pd.DataFrame) -> list[str]:
    """The artist of each piece for comparing; where nobody is named, a name of its own."""
    return [fold(a) if a else f"\n{p}" for a, p in zip(table["artist"], table.index, strict=True)]


# --- what a list says of itself --------------------------------------------------------------------------------------

NEAR_FIT = 0.2  # up to here a piece fits well, and a step is small
FAR_FIT = 0.45  # total variation distance from the wanted mood, from which a piece is called weak
FAR_STEP = 0.5  # between two neighbours
TEMPO_STEP = 1.25  # ratio of two neighbours' tempi that is still a small step


def finish_playlist(made: Playlist, pool: Pool) -> Playlist:
    """The playlist with all that follows from its pieces and their order.

    made : its remarks are made anew.  pool : what could be chosen.
    Columns of rows: number, begins_s; fit : distance of the mood from the wanted one; change : from the piece before
    (both total variation of the probabilities, in [0, 1]); tempo_change : ratio to the piece before less 1; gain_db;
    why : the reasons for the piece, in words; weak : what is weak about it, empty where nothing is.
    """
    rows = made.rows[[*CARRIED, "step", *(f"want_{e}" for e in EMOTIONS)]].reset_index(drop=True)
    proba, want = rows[list(PROBA)].to_numpy(), rows[[f"want_{e}" for e in EMOTIONS]].to_numpy()
    rows.insert(0, "number", np.arange(1, len(rows) + 1))
    rows.insert(1, "begins_s", rows["duration_s"].cumsum() - rows["duration_s"])
    rows["fit"] = mood_distance(proba, want)
    rows["change"] = np.concatenate([[np.nan], mood_distance(proba[1:], proba[:-1])])[: len(rows)]
    rows["tempo_change"] = rows["tempo"] / rows["tempo"].shift() - 1
    same = pd.Series(performers(rows.set_index("piece_id")))
    told: list[Any] = rows.to_dict("records")
    rows["weak"] = [_weak(row, made.path, again) for row, again in zip(told, same == same.shift(), strict=True)]
    rows["why"] = [reason(row, made.path) for row in told]
    made = replace(made, rows=rows)
    remarks = (*pool.remarks, *_too_small(made, pool), *_about(rows, same))
    return level_playlist(replace(made, remarks=remarks), made.target_lufs)


def mood_distance(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Total variation distance of rows of probabilities: the share that has to move, in [0, 1]."""
    return np.abs(p - q).sum(axis=-1) / 2


def mixture(row: Mapping[str, Any], prefix: str = "p_", *, least: float = 0.095) -> str:
    """Probabilities in words, the largest first: ``"60.0 % sad, 35.0 % relax"``; below 10 % nothing is said.

    prefix : ``"want_"`` for what is wanted, in whole percent.
    """
    words = percent if prefix == "p_" else whole_percent
    found = sorted(((row[f"{prefix}{e}"], e) for e in EMOTIONS), key=lambda pair: -pair[0])
    return ", ".join(f"{words(p)} {e}" for p, e in found if p >= least)


def _weak(row: Mapping[str, Any], on_a_way: bool, by_same: bool) -> str:
    found = []
    if row["fit"] > FAR_FIT:
        found.append(f"far from the wanted mood ({mixture(row, 'want_')})")
    if on_a_way and row["change"] > FAR_STEP:
        found.append("a large step in mood")
    if not np.isnan(row["tempo_change"]) and not small_tempo_step(row["tempo_change"]):
        found.append(f"a large step in tempo ({percent_change(row['tempo_change'])})")
    if by_same:
        found.append("same artist as the piece before")
    return "; ".join(found)


def small_tempo_step(change: float) -> bool:
    """Whether two tempi are within ``TEMPO_STEP`` of each other. change : their ratio less 1."""
    return 1 / TEMPO_STEP - 1e-9 <= 1 + change <= TEMPO_STEP + 1e-9


def reason(row: Mapping[str, Any], on_a_way: bool, *, with_wish: bool = True) -> str:
    """Why a piece is where it is, in sentences: what was wanted, what the model hears, and the step to it.

    row : as in ``finished``.  with_wish : what was wanted is not said elsewhere.
    """
    tempo = "tempo not known" if np.isnan(row["tempo"]) else f"{row['tempo']:.0f} bpm"
    heard = f"the model hears {mixture(row)} ({row['standing']}); {tempo}"
    if not on_a_way:
        return f"{_upper(heard)}."
    fits = "fits well" if row["fit"] <= NEAR_FIT else "fits roughly" if row["fit"] <= FAR_FIT else "does not fit"
    said = f"Wanted {mixture(row, 'want_')}: {heard}; {fits}." if with_wish else f"{_upper(heard)}; {fits}."
    return said if np.isnan(row["change"]) else f"{said} From the piece before: {_step(row)}."


def _upper(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}"


def _step(row: Mapping[str, Any]) -> str:
    """The step from the piece before: how far the mood moves, and the tempo."""
    size = "a small" if row["change"] <= NEAR_FIT else "a medium" if row["change"] <= FAR_STEP else "a large"
    if np.isnan(row["tempo_change"]):
        return f"{size} step in mood, the step in tempo is not known"
    return f"{size} step in mood, tempo {percent_change(row['tempo_change'])}"


def _too_small(made: Playlist, pool: Pool) -> list[Remark]:
    """What the library lacks for this list, in plain words."""
    rows, found = made.rows, []
    usable = pool.table[pool.table["guess"].isin(made.way)]
    miss, all_s = made.length_s - made.wanted_s, float(usable["duration_s"].sum())
    if abs(miss) > max(rows["duration_s"].max() / 2, 0.05 * made.wanted_s):
        found.append(
            Remark(
                RemarkKind.LIBRARY_TOO_SMALL,
                f"The library is too small for {clock(made.wanted_s)}: its {len(usable)} usable pieces that are "
                f"{' or '.join(made.way)} last {clock(all_s)} together.",
            )
            if all_s < made.wanted_s
            else Remark(
                RemarkKind.LENGTH_MISSED,
                f"Wished were {clock(made.wanted_s)}, these pieces last {clock(made.length_s)}: the usable pieces "
                "make nothing nearer that fits as well.",
            )
        )
    weak = sorted(set(rows.loc[rows["weak"] != "", "step"]))
    if weak and made.path:
        text = (
            f"The library is small for a good path: {'step' if len(weak) == 1 else 'steps'} "
            f"{', '.join(map(str, weak))} {'is' if len(weak) == 1 else 'are'} weak. The list says in what. More music "
            "between the moods helps, and another variant may do without."
        )
        found.append(Remark(RemarkKind.LIBRARY_TOO_SMALL, text))
    return found


def _about(rows: pd.DataFrame, same: pd.Series) -> list[Remark]:
    """Remarks on the whole list."""
    found = []
    together = int((same == same.shift()).sum())
    if together:
        text = f"{together} neighbours are by the same artist, because too few of the pieces that fit are by others."
        found.append(Remark(RemarkKind.SAME_ARTIST, text))
    nobody = int((rows["artist"] == "").sum())
    if nobody:
        text = f"Pieces that name no artist: {nobody}. Nobody can tell whether neighbours share one."
        found.append(Remark(RemarkKind.NO_ARTIST, text))
    if rows["synthetic"].any():
        text = "Synthetic pieces, made by a program, are among these: not for use with clients."
        found.append(Remark(RemarkKind.SYNTHETIC, text))
    return found


# --- loudness --------------------------------------------------------------------------------------------------------


def level_playlist(made: Playlist, target_lufs: float) -> Playlist:
    """The playlist with the gain in dB that brings each piece to a loudness; NaN where the loudness is not known."""
    return replace(made, rows=made.rows.assign(gain_db=target_lufs - _heard(made.rows)), target_lufs=target_lufs)


def loudest_without_boost(made: Playlist) -> float:
    """The highest target, in whole LUFS, at which no piece has to be made louder; NaN when no loudness is known."""
    return float(np.floor(_heard(made.rows).min()))


def _heard(rows: pd.DataFrame) -> pd.Series:
    found = [as_played(lufs, channels) for lufs, channels in zip(rows["lufs"], rows["channels"], strict=True)]
    return pd.Series(found, rows.index, dtype=float)

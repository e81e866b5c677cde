"""How often a small change of the same music gives another answer: quieter, later, compressed, resampled, cut."""

from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from core.errors import TableError
from core.evaluation.metrics import LEVEL, RESAMPLES, share_interval
from core.schema import PROBA

TABLE_ROWS = "held-out clips of the table"  # music of the rows whose level is changed by calculation
AS_IS = "as it is"  # value of the column ``change`` for the unchanged windows
COLUMNS = ("track", "window", "change", "accepted", "unlike", *PROBA)


@dataclass(frozen=True)
class Share:
    """A share in [0, 1] with its 95 % interval by track. All three are NaN when no window counts."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class ChangeEffect:
    """What one change does to the answers.

    Attributes
    ----------
    change : name of the change.
    windows, tracks : number of compared windows, and of tracks that they come from.
    other_guess : share of the windows whose most probable emotion changes.
    accepted_lost : share of the accepted windows that are no longer accepted with the same emotion.
    unlike_before, unlike_after : share of the windows that are unlike the training music.
    """

    change: str
    windows: int
    tracks: int
    other_guess: Share
    accepted_lost: Share
    unlike_before: Share
    unlike_after: Share


@dataclass(frozen=True)
class Stability:
    """Effects of all changes on the answers of one model. model : its version.  music : what was measured."""

    model: str
    music: str
    effects: tuple[ChangeEffect, ...]

    def effect(self, change: str) -> ChangeEffect:
        """The effect of a change. Raises TableError when the change was not measured."""
        for effect in self.effects:
            if effect.change == change:
                return effect
        known = ", ".join(effect.change for effect in self.effects)
        raise TableError(f"The change {change!r} was not measured. Measured changes: {known}.")

    def table(self) -> pd.DataFrame:
        """Tidy table: model, music, change, windows, tracks, measure, value, low, high."""
        lines = []
        for effect in self.effects:
            for measure in MEASURES:
                share = asdict(getattr(effect, measure))
                same = {"model": self.model, "music": self.music, "change": effect.change}
                lines.append(same | {"windows": effect.windows, "tracks": effect.tracks, "measure": measure} | share)
        names = ["model", "music", "change", "windows", "tracks", "measure", "value", "low", "high"]
        return pd.DataFrame(lines, columns=names)


MEASURES = {
    "other_guess": "Other guess",
    "accepted_lost": "Accepted answers lost",
    "unlike_before": "Unlike before",
    "unlike_after": "Unlike after",
}


def measure_stability(
    answers: pd.DataFrame, *, model: str, music: str, resamples: int = RESAMPLES, seed: int = 0
) -> Stability:
    """Compare the answers for changed windows with the answers for the same windows without the change.

    Parameters
    ----------
    answers : one row for each window and change, with the columns ``COLUMNS``: track and window identify the music,
        change is ``AS_IS`` or the name of the change, accepted and unlike are bool, p_* are the probabilities. A window
        that could not be measured after a change has no row for it.
    model, music : version of the model and description of the music, for display.

    Raises
    ------
    TableError
        A column is missing, or a window occurs twice with the same change, or there is nothing to compare.
    """
    missing = [column for column in COLUMNS if column not in answers.columns]
    if missing:
        raise TableError(f"The table of answers lacks the column {missing[0]}.")
    keys = ["track", "window"]
    if answers.duplicated([*keys, "change"]).any():
        raise TableError("A window occurs twice with the same change in the table of answers.")
    table = answers.assign(guess=answers[list(PROBA)].to_numpy(dtype=float).argmax(axis=1))
    before = table[table["change"] == AS_IS]
    effects = []
    for change in dict.fromkeys(table.loc[table["change"] != AS_IS, "change"]):
        both = before.merge(table[table["change"] == change], on=keys, suffixes=("", "_after"))
        if len(both):
            effects.append(_effect(str(change), both, resamples=resamples, seed=seed))
    if not effects:
        raise TableError("There are no changed windows to compare.")
    return Stability(model, music, tuple(effects))


def _effect(change: str, both: pd.DataFrame, *, resamples: int, seed: int) -> ChangeEffect:
    flipped = (both["guess"] != both["guess_after"]).to_numpy()
    accepted = both["accepted"].to_numpy(dtype=bool)
    lost = accepted & (flipped | ~both["accepted_after"].to_numpy(dtype=bool))
    tracks, track = np.unique(both["track"].astype(str), return_inverse=True)
    counts = _draws(len(tracks), resamples=resamples, seed=seed)
    everything = np.ones(len(both), dtype=bool)

    def share(hits: np.ndarray, of: np.ndarray) -> Share:
        above, below = (np.bincount(track, weights=part, minlength=len(tracks)) for part in (hits & of, of))
        return _share(above, below, counts)

    return ChangeEffect(
        change,
        len(both),
        len(tracks),
        share(flipped, everything),
        share(lost, accepted),
        share(both["unlike"].to_numpy(dtype=bool), everything),
        share(both["unlike_after"].to_numpy(dtype=bool), everything),
    )


def _draws(tracks: int, *, resamples: int, seed: int) -> np.ndarray:
    """Number of times that each track counts in each resample, shape (resamples, tracks)."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(tracks, np.full(tracks, 1 / tracks), size=resamples).astype(float)


def _share(hits: np.ndarray, of: np.ndarray, counts: np.ndarray) -> Share:
    """Share with its percentile interval. hits, of : sums for each track.

    When all tracks agree, every resample is equal; then the interval is that of Wilson for the number of tracks.
    """
    if not of.sum():
        return Share(np.nan, np.nan, np.nan)
    drawn_of = counts @ of
    known = drawn_of > 0
    tail = (1 - LEVEL) / 2
    low, high = np.quantile((counts @ hits)[known] / drawn_of[known], [tail, 1 - tail])
    value = float(hits.sum() / of.sum())
    if low == high:
        tracks = int((of > 0).sum())
        low, high = share_interval(value * tracks, tracks)
    return Share(value, float(low), float(high))

"""Results: predictions of one model for known clips, with the protocol by which they were made.

Two results are comparable only with the same protocol and the same clips. Each function that compares two models takes
results and refuses others, so a cross-validated figure never stands against a held-out figure.
"""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import StrEnum

import pandas as pd

from core.errors import ModelError
from core.schema import PROBA


class Protocol(StrEnum):
    """How the predictions were made."""

    CROSS_VALIDATED = "cross-validated"  # each clip by a model of the same recipe that was not fitted on it
    HELD_OUT = "held out"  # by the model itself; the clips are in no training and chose nothing
    LIVE = "live"  # by the model itself, on people's clips after the training; the label queue chose the clips


@dataclass(frozen=True)
class ModelRef:
    """Version of a model, and its role: champion, challenger or candidate."""

    version: str
    role: str = "candidate"


@dataclass(frozen=True)
class ClipSet:
    """Identity of labelled clips. hash : of all clips and labels; empty if it was not recorded.  n : number."""

    hash: str
    n: int

    @property
    def short(self) -> str:
        """First digits of the hash for display."""
        return self.hash[:8] or "not recorded"


@dataclass(frozen=True, eq=False)
class Result:
    """Predictions of a model, the protocol and the clips.

    predictions : clip (see `clip_keys`), row, y, p_*, and optionally repeat and group; see `core.evaluation.metrics`.
    """

    model: ModelRef
    protocol: Protocol
    clips: ClipSet
    predictions: pd.DataFrame

    def part(self, clips: Collection[str]) -> "Result":
        """The result on some of its clips. Raises ModelError when it has none of them."""
        table = self.predictions[self.predictions["clip"].isin(clips)]
        if table.empty:
            raise ModelError(f"Model {self.model.version} has no {self.protocol} predictions for these clips.")
        return replace(self, clips=_clip_set(table), predictions=table)

    def as_role(self, role: str) -> "Result":
        """The same result for the model in another role."""
        return replace(self, model=replace(self.model, role=role))


def clip_keys(rows: pd.DataFrame, *, published: str) -> pd.Series:
    """Key of each clip: the id of an uploaded clip, or table and row number of a published row.

    rows : row, and optionally clip_id (empty for published rows).  published : content hash of the published table.
    """
    keys = published[:16] + ":" + rows["row"].astype(int).astype(str)
    if "clip_id" not in rows:
        return keys
    own = rows["clip_id"].fillna("").astype(str)
    return keys.where(own == "", own)


def make_result(predictions: pd.DataFrame, *, model: ModelRef, protocol: Protocol, published: str) -> Result:
    """Make a result from a table of predictions with labels.

    predictions : row, y, p_*, and optionally repeat, group and clip_id.  published : as in `clip_keys`.
    """
    more = [c for c in ("repeat", "group") if c in predictions]
    table = predictions[["row", "y", *more, *PROBA]].assign(clip=clip_keys(predictions, published=published))
    return Result(model, protocol, _clip_set(table), table.reset_index(drop=True))


def _clip_set(predictions: pd.DataFrame) -> ClipSet:
    lines = sorted({f"{clip} {y}" for clip, y in zip(predictions["clip"], predictions["y"], strict=True)})
    return ClipSet(hashlib.sha256("\n".join(lines).encode()).hexdigest(), len(lines))


def require_comparable(first: Result, second: Result) -> None:
    """Raise ModelError unless both results have the same protocol and the same clips with the same labels."""
    names = f"{first.model.version} ({first.model.role}) and {second.model.version} ({second.model.role})"
    if first.protocol != second.protocol:
        raise ModelError(
            f"The results of {names} cannot be compared: one is {first.protocol}, the other is {second.protocol}."
        )
    if first.clips != second.clips:
        raise ModelError(
            f"The results of {names} cannot be compared: they are for different clips ({first.clips.n} clips, hash "
            f"{first.clips.short}; {second.clips.n} clips, hash {second.clips.short}). Train again on the same table."
        )

"""The evaluation table of a model: all its figures, each with its row, protocol, number of clips and interval.

There is one table for each model. It is stored with the model, and every page, card, criterion and report reads it.

The headline is the cross-validation of the published development clips. Every model of one published table has this
row on the same clips, also a model that was trained on people's labels. So a promotion changes the headline only if
the model is better or worse, never because other clips are counted. It has more clips than the held-out part, and it
uses no held-out clip.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from core.errors import ModelError
from core.evaluation.class_gap import gap_price
from core.evaluation.metrics import as_arrays, perfect_ece
from core.evaluation.metrics import scores as score_predictions
from core.evaluation.policy_outcomes import outcomes, summarise
from core.evaluation.results import ClipSet, ModelRef, Protocol, Result
from core.models.policy import Policy
from core.schema import ALL

DEVELOPMENT, ALL_CLIPS, HELD_OUT, LABELLED, LIVE = "development", "all_clips", "held_out", "labelled", "live"
HEADLINE = DEVELOPMENT
SPEED, STABILITY = "speed", "stability"  # rows that are measured on sound, not on labels
MEASURED = "measured"  # protocol of these rows, unless it names more


@dataclass(frozen=True)
class RowWords:
    """Name and meaning of a row of the table."""

    label: str
    meaning: str


ROW_WORDS = {
    DEVELOPMENT: RowWords(
        "Headline",
        "The published development clips, cross-validated. Every model of this table has this row on the same clips.",
    ),
    ALL_CLIPS: RowWords(
        "All clips",
        "Every clip that was cross-validated for this model: with the held-out clips after a full training, with the "
        "labelled clips after a training on people's labels. The clips differ between models.",
    ),
    HELD_OUT: RowWords("Held out", "The model itself on clips that are in no training and chose no model."),
    LABELLED: RowWords("Labelled clips", "Clips that people labelled and the model was trained on, cross-validated."),
    LIVE: RowWords(
        "Live feedback",
        "The model itself on clips that people labelled after its training. The label queue prefers clips on which a "
        "model is unsure, so these figures are lower than for a random choice of clips.",
    ),
    SPEED: RowWords("Speed", "Time from the bytes of a clip to the decision, measured with this model."),
    STABILITY: RowWords("Stability", "The same music with small changes, measured with this model."),
}
COLUMNS = ("row", "protocol", "clips", "clips_hash", "measure", "emotion", "value", "low", "high")
_FIGURE = list(COLUMNS[4:])


@dataclass(frozen=True)
class Figure:
    """One figure of the table. protocol and clips say how and on what it was measured; low and high may be NaN."""

    row: str
    protocol: str
    clips: int
    measure: str
    emotion: str
    value: float
    low: float
    high: float

    @property
    def origin(self) -> str:
        """Row, number of clips and protocol in words."""
        return f"{ROW_WORDS[self.row].label}: {self.clips} clips, {self.protocol}"

    @property
    def text(self) -> str:
        """Value and interval: ``0.821 (0.786 to 0.855)``."""
        if np.isnan(self.value):
            return "not recorded"
        if np.isnan(self.low) or np.isnan(self.high):
            return f"{self.value:.3f}"
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


@dataclass(frozen=True, eq=False)
class EvaluationTable:
    """All figures of a model.

    lines : row, protocol, clips (number), clips_hash (empty = not recorded), measure, emotion, value, low, high.
    """

    model: ModelRef
    lines: pd.DataFrame

    @property
    def rows(self) -> list[str]:
        """Names of the rows that were recorded, in the order of ``ROW_WORDS``."""
        known = set(self.lines["row"])
        return [row for row in ROW_WORDS if row in known]

    def find(self, measure: str, *, emotion: str = ALL, row: str = HEADLINE) -> Figure | None:
        """One figure, or None when it was not recorded."""
        lines = self.lines
        found = lines[lines["row"].eq(row) & lines["measure"].eq(measure) & lines["emotion"].eq(emotion)]
        if found.empty:
            return None
        one = found.iloc[0]
        numbers = (float(one["value"]), float(one["low"]), float(one["high"]))
        return Figure(row, str(one["protocol"]), int(one["clips"]), measure, emotion, *numbers)

    def figure(self, measure: str, *, emotion: str = ALL, row: str = HEADLINE) -> Figure:
        """One figure. Raises ModelError when it was not recorded."""
        found = self.find(measure, emotion=emotion, row=row)
        if found is None:
            raise ModelError(
                f"The evaluation table of {self.model.version} has no {measure} in the row "
                f"{ROW_WORDS[row].label}: not recorded. Train again to record it."
            )
        return found

    def clips(self, row: str = HEADLINE) -> ClipSet | None:
        """Clips of a row, or None when the row was not recorded."""
        found = self.lines[self.lines["row"] == row]
        return None if found.empty else ClipSet(str(found["clips_hash"].iloc[0]), int(found["clips"].iloc[0]))

    def with_lines(self, lines: pd.DataFrame) -> "EvaluationTable":
        """The table with the rows of another table, which replace rows with the same name."""
        rest = self.lines[~self.lines["row"].isin(set(lines["row"]))]
        return replace(self, lines=pd.concat([rest, lines[list(COLUMNS)]], ignore_index=True))


def evaluation_lines(
    results: Mapping[str, Result],
    *,
    seed: int = 0,
    policy: Policy | None = None,
    known: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Lines of the evaluation table: all figures of each result.

    Beside the figures of `core.evaluation.metrics.scores`: accepted and accepted_right (share of clips with one answer
    under the policy, and share of right answers), ece_perfect (ECE of a perfectly calibrated model: mean; high is the
    95th percentile); in the headline also gap_price (macro-F1 lost if the class gap is closed) and gap_closed (the gap
    then).

    results : results by row.  policy : the stored policy of the model; the default policy without one.
    known : lines of figures that were computed from the same predictions before, which saves seconds.
    """
    parts = [pd.DataFrame(columns=list(COLUMNS))]
    for row, result in results.items():
        table = result.predictions
        scored = known[known["row"] == row][_FIGURE] if known is not None else pd.DataFrame()
        scored = scored if len(scored) else score_predictions(table, seed=seed)
        lines = [scored, _accepted(table, policy or Policy(), seed=seed)]
        perfect = perfect_ece(table, seed=seed).set_index("measure").astype(float).loc["ece"].to_dict()
        more: list[tuple[str, str, float, float, float]]
        more = [("ece_perfect", ALL, perfect["expected"], np.nan, perfect["p95"])]
        if row == HEADLINE:
            before, after = gap_price(table).to_dict("records")
            price = before["macro_f1"] - after["macro_f1"]
            more += [("gap_price", ALL, price, np.nan, np.nan), ("gap_closed", ALL, after["class_gap"], np.nan, np.nan)]
        lines.append(pd.DataFrame(more, columns=_FIGURE))
        part = pd.concat(lines, ignore_index=True)
        parts.append(_of_row(part, row, result.protocol, result.clips))
    return pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)


def _of_row(lines: pd.DataFrame, row: str, protocol: Protocol, clips: ClipSet) -> pd.DataFrame:
    named = lines.assign(row=row, protocol=str(protocol), clips=clips.n, clips_hash=clips.hash)
    return named[list(COLUMNS)]


def _accepted(predictions: pd.DataFrame, policy: Policy, *, seed: int) -> pd.DataFrame:
    as_arrays(predictions)  # raises for an invalid table
    table = summarise(outcomes(predictions, policy), seed=seed)
    names = {"accept": "accepted", "accuracy": "accepted_right"}
    return table[table["measure"].isin(list(names))].assign(measure=lambda t: t["measure"].map(names))


def measured_line(
    row: str, measure: str, *, n: int, value: float, low: float, high: float, how: str = MEASURED
) -> pd.DataFrame:
    """One line of a figure that was measured on n pieces of sound, without labels. how : protocol of the line."""
    line = (row, how, n, "", measure, ALL, value, low, high)
    return pd.DataFrame([line], columns=list(COLUMNS))


def to_csv(lines: pd.DataFrame) -> bytes:
    """Content of evaluation.csv."""
    return lines[list(COLUMNS)].to_csv(index=False, lineterminator="\n", float_format="%.6g").encode()


def from_csv(content: bytes, model: ModelRef) -> EvaluationTable:
    """Read evaluation.csv. Raises ModelError when it is damaged."""
    text = dict.fromkeys(("row", "protocol", "clips_hash", "measure", "emotion"), str)
    try:
        numbers = {column: [""] for column in ("value", "low", "high")}
        lines = pd.read_csv(io.BytesIO(content), dtype=text, keep_default_na=False, na_values=numbers)
        lines = lines[list(COLUMNS)].astype({"clips": int, "value": float, "low": float, "high": float})
    except (ValueError, KeyError) as error:
        raise ModelError(f"The evaluation table of {model.version} cannot be read ({error}). Train again.") from error
    return EvaluationTable(model, lines)


def empty_table(model: ModelRef) -> EvaluationTable:
    """Table of a model whose figures were not recorded."""
    return EvaluationTable(model, pd.DataFrame(columns=list(COLUMNS)))


def lines_of_metrics(metrics: Mapping[str, Any], *, with_labels: bool) -> pd.DataFrame:
    """Lines from metrics.json of a model of version 0.2; the clips were not recorded there.

    with_labels : the model was trained on people's labels, so its development figures include the labelled clips and
        are no headline.
    """
    protocol = metrics.get("protocol", {})
    sources = {
        DEVELOPMENT: ("development_scores", "development", Protocol.CROSS_VALIDATED),
        ALL_CLIPS: ("scores", "judged", Protocol.CROSS_VALIDATED),
        HELD_OUT: ("held_out_scores", "held_out", Protocol.HELD_OUT),
    }
    parts = [pd.DataFrame(columns=list(COLUMNS))]
    for row, (name, count, how) in sources.items():
        if metrics.get(name) and not (with_labels and row == DEVELOPMENT):
            part = pd.DataFrame(metrics[name])
            part = part.astype({"value": float, "low": float, "high": float})
            parts.append(_of_row(part, row, how, ClipSet("", int(protocol.get(count, 0)))))
    return pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)

"""The sign-off report: one verdict on a model and its reasons, as one HTML page for printing, without other files.

The template ``templates/sign_off.html`` escapes all texts.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from core.errors import ModelError
from core.evaluation.criteria import Check
from core.evaluation.evaluation_table import HEADLINE, LIVE, ROW_WORDS, SPEED, STABILITY, EvaluationTable
from core.evaluation.expectation import LEAST_LABELLED
from core.evaluation.gate import Evidence, GateResult, Outcome, check_gate
from core.features import EXTRACTOR
from core.file_names import CHALLENGER, CHAMPION
from core.models import registry
from core.models.description import ModelDescription, data_version_words, describe_model_in_use, describe_version
from core.schema import EMOTIONS
from core.settings import Settings
from core.training.promotion import champion_evidence, model_evidence, read_gate

TEMPLATES = Path(__file__).parent / "templates"
MEASURES = {
    "macro_f1": "Macro-F1",
    "accuracy": "Accuracy",
    "class_gap": "Gap between the best and the worst F1",
    "ece": "Calibration error (ECE)",
    "ece_perfect": "ECE of a perfect model, mean",
    "accepted": "Share with one answer",
    "accepted_right": "Right when it answers",
}
_CHALLENGER_WORDS = {
    Outcome.PASSED: "It may be promoted.",
    Outcome.UNDECIDED: "Undecided: a person must decide, with a written reason.",
    Outcome.REFUSED: "Refused: it cannot be promoted.",
}


@dataclass(frozen=True, eq=False)
class SignOff:
    """What the report says. decisions : all decisions about the version, oldest first.  verdict : one sentence."""

    model: ModelDescription
    role: str
    evaluation: EvaluationTable
    gate: GateResult
    verdict: str
    decisions: tuple[str, ...]
    note: str = ""


def sign_off(
    settings: Settings,
    *,
    version: str = "",
    in_use: bool = False,
    live: Callable[[ModelDescription], pd.DataFrame] | None = None,
) -> SignOff:
    """Collect the report on a version of the registry; by default on the challenger, or on the model in use.

    in_use : report on the model in use, although a challenger waits.
    live : gives the row of live feedback of a model (`core.training.live`); without it, the report has no such row.

    Raises
    ------
    ModelError : the version does not exist, or its files are damaged.
    """
    aliases = {a: found.version for a in (CHAMPION, CHALLENGER) if (found := registry.find(a, settings=settings))}
    waiting = "" if in_use else aliases.get(CHALLENGER, "")
    version = version or waiting or aliases.get(CHAMPION, "")
    if not version:
        return _of_committed(settings, live)
    role = next((alias for alias, known in aliases.items() if known == version), "candidate")
    model = describe_version(version, settings=settings, role=role)
    evidence = model_evidence(model, settings)
    line = _history_line(version, settings)
    decisions = tuple(text for text in str(line["decisions"] or "").split("; ") if text)
    gate, note = _gate(evidence, version, role, settings)
    if role == CHAMPION:
        verdict = f"In use. {_promotion_words(line)}"
    elif role == CHALLENGER:
        verdict = _CHALLENGER_WORDS[gate.outcome]
    else:
        verdict = "Not in use."
    return SignOff(model, role, _with_live(evidence.evaluation, model, live), gate, verdict, decisions, note)


def _of_committed(settings: Settings, live: Callable[[ModelDescription], pd.DataFrame] | None) -> SignOff:
    model = describe_model_in_use(settings)
    evidence = model_evidence(model, settings)
    note = "No decision is recorded for this model, because it comes with the program."
    table = _with_live(evidence.evaluation, model, live)
    return SignOff(model, CHAMPION, table, check_gate(evidence), "In use. It comes with the program.", (), note)


def _with_live(
    table: EvaluationTable, model: ModelDescription, live: Callable[[ModelDescription], pd.DataFrame] | None
) -> EvaluationTable:
    return table if live is None else table.with_lines(live(model))


def _gate(evidence: Evidence, version: str, role: str, settings: Settings) -> tuple[GateResult, str]:
    """The result of the gate: for the challenger as of now, for other versions as stored at the decision."""
    if role == CHALLENGER:
        return check_gate(evidence, champion_evidence(settings)), ""
    stored = registry.gate_checks(version, settings=settings)
    if stored:
        return read_gate(stored), ""
    return check_gate(
        evidence
    ), "The checks of the gate were not recorded with this version; the criteria are of today."


def _history_line(version: str, settings: Settings) -> pd.Series:
    history = registry.history(settings=settings)
    found = history[history["version"] == version]
    if found.empty:
        raise ModelError(f"Version {version} is not in the registry.")
    return found.iloc[0]


def _promotion_words(line: pd.Series) -> str:
    promoted_at = line["promoted_at"]
    if not isinstance(promoted_at, str) or not promoted_at:
        return "The promotion was not recorded."
    by = f" by {line['promoted_by']}" if line["promoted_by"] else ""
    words = f"Promoted {promoted_at[:16].replace('T', ' ')} UTC{by}"
    reason = line["reason"] if isinstance(line["reason"], str) else ""
    return f"{words}, with this reason: {reason}" if reason else f"{words}; no check asked for a reason."


def sign_off_html(report: SignOff) -> bytes:
    """The report as an HTML page."""
    model, run = report.model, report.model.metrics["run"]
    clips = [(row, report.evaluation.clips(row)) for row in report.evaluation.rows if row not in (SPEED, STABILITY)]
    page = _template().render(
        name=model.version,
        role=report.role if model.registered else "champion, from models/champion",
        registered=model.registered,
        verdict=report.verdict,
        outcome=str(report.gate.outcome),
        reasons=report.gate.reasons,
        compared_with=report.gate.compared_with,
        note=report.note,
        decisions=report.decisions,
        rows=[
            {
                "label": ROW_WORDS[row].label,
                "meaning": ROW_WORDS[row].meaning,
                "clips": known.n,
                "protocol": report.evaluation.figure("macro_f1", row=row).protocol,
                "hash": known.short,
                "headline": row == HEADLINE,
            }
            for row, known in clips
            if known is not None
        ],
        figures=_figures(report.evaluation, [row for row, _ in clips]),
        criteria=[_check(check) for check in report.gate.criteria],
        losses=[_check(check) for check in report.gate.losses],
        facts={
            "Trained": model.created_at,
            "Data": f"{run['origin']}, content hash {model.data_hash}",
            "Data version (MD5)": data_version_words(model),
            "Code": str(run["revision"]) or "not recorded",
            "Seed": run["seed"],
            "Extractor of uploaded clips": EXTRACTOR,
            "Libraries": ", ".join(f"{library} {number}" for library, number in run["versions"].items()),
        },
        synthetic=bool(run["synthetic"]),
        least_live=0 if LIVE in report.evaluation.rows else LEAST_LABELLED,
    )
    return page.encode()


def _figures(table: EvaluationTable, rows: list[str]) -> list[tuple[str, list[str]]]:
    lines = [(label, measure, "all") for measure, label in MEASURES.items()]
    lines[2:2] = [(f"F1 of {emotion}", "f1", emotion) for emotion in EMOTIONS]
    texts = []
    for label, measure, emotion in lines:
        found = [table.find(measure, emotion=emotion, row=row) for row in rows]
        texts.append((label, [one.text if one else "not recorded" for one in found]))
    return texts


def _check(check: Check) -> dict[str, str]:
    count = f"{check.clips} clips" if check.clips else "clips not recorded"
    return {
        "name": check.name,
        "row": f"{ROW_WORDS[check.row].label}, {count}",
        "target": check.target,
        "text": check.text,
        "verdict": str(check.verdict),
        "note": check.note,
    }


@cache
def _template() -> Template:
    """Load the template once. All inserted texts are escaped."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("sign_off.html")

"""The gate: what passes, what a person must decide, what is refused; and what cannot be compared."""

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest

from core.errors import ModelError
from core.evaluation import criteria, gate
from core.evaluation.class_gap import gap_price
from core.evaluation.criteria import Verdict
from core.evaluation.evaluation_table import (
    DEVELOPMENT,
    HELD_OUT,
    EvaluationTable,
    evaluation_lines,
    measured_line,
)
from core.evaluation.gate import Evidence, Outcome, check_gate
from core.evaluation.results import ModelRef, Protocol, make_result
from core.schema import ALL, EMOTIONS, PROBA

PROTOCOLS = {DEVELOPMENT: Protocol.CROSS_VALIDATED, HELD_OUT: Protocol.HELD_OUT}


Right = dict[str, float] | float  # share of right answers, or of those of each emotion


def predictions(share: dict[str, float], *, n: int, confidence: float) -> pd.DataFrame:
    """n clips; of each emotion the first share is right, the others are called the next emotion."""
    lines = []
    for row in range(n):
        y = EMOTIONS[row % 4]
        answer = y if row // 4 < share[y] * n / 4 else EMOTIONS[(row + 1) % 4]
        lines.append((row, y, *(confidence if e == answer else (1 - confidence) / 3 for e in EMOTIONS)))
    return pd.DataFrame(lines, columns=["row", "y", *PROBA])


def evidence(right: Right, *, n=200, held_out: Right | None = None, confidence=0.85, published="table", **more):
    given = [r if isinstance(r, dict) else dict.fromkeys(EMOTIONS, r) for r in (right, held_out) if r is not None]
    return measured(*(tuple(share.items()) for share in (given[0], given[-1])), n, confidence, published, **more)


@cache
def measured(right, held_out, n, confidence, published, other_guess=None) -> Evidence:
    """The evidence, whose intervals are computed once for all tests that need it."""
    parts = {
        DEVELOPMENT: predictions(dict(right), n=n, confidence=confidence),
        HELD_OUT: predictions(dict(held_out), n=56, confidence=confidence).assign(row=lambda t: t["row"] + 1000),
    }
    ref = ModelRef("m")
    results = {
        row: make_result(table, model=ref, protocol=PROTOCOLS[row], published=published) for row, table in parts.items()
    }
    table = EvaluationTable(ref, evaluation_lines(results))
    table = table.with_lines(measured_line("speed", "latency_p95_s", n=20, value=0.5, low=0.4, high=0.6))
    if other_guess is not None:
        line = measured_line("stability", "other_guess", n=100, value=other_guess, low=other_guess, high=other_guess)
        table = table.with_lines(line)
    return Evidence(table, results)


def test_the_same_model_passes():
    result = check_gate(evidence(0.9), evidence(0.9))
    assert result.passed
    assert result.reasons == ()
    assert (result.checks["verdict"][len(criteria.CRITERIA) :] == "pass").all()
    assert result.compared_with == "m"


def test_a_clear_loss_overall_is_refused_and_a_reason_does_not_help():
    result = check_gate(evidence(0.6, confidence=0.62), evidence(0.9))
    assert result.outcome == Outcome.REFUSED
    assert not result.needs_reason
    assert "Macro-F1 minus the champion's" in result.reasons[0]
    assert "a clear loss" in result.reasons[0]


def test_a_loss_of_two_clips_of_the_held_out_part_goes_to_a_person():
    """Two of 56 clips more are wrong: almost 4 points, and the interval includes zero."""
    fewer = {"angry": 0.86, "happy": 0.86, "relax": 0.79, "sad": 0.79}
    champion, challenger = evidence(0.9, held_out=0.86), evidence(0.9, held_out=fewer)
    result = check_gate(challenger, champion)
    assert result.needs_reason
    line = result.checks[(result.checks["row"] == "Held out") & (result.checks["name"].str.startswith("Macro"))].iloc[0]
    assert line["value"] < -gate.MOST_LOST
    assert line["verdict"] == "undecided"
    assert any("a loss that may be chance" in reason for reason in result.reasons)


def test_an_emotion_that_loses_ten_points_needs_a_reason_although_the_mean_holds():
    champion = evidence({"angry": 0.8, "happy": 0.8, "relax": 0.8, "sad": 0.92}, n=400)
    challenger = evidence({"angry": 0.9, "happy": 0.9, "relax": 0.8, "sad": 0.72}, n=400)
    result = check_gate(challenger, champion)
    assert result.needs_reason
    assert any(reason.startswith("F1 of sad minus the champion's: -1") for reason in result.reasons)


def test_a_criterion_that_turns_needs_a_reason():
    champion, challenger = evidence(0.97, other_guess=0.02), evidence(0.97, other_guess=0.3)
    result = check_gate(challenger, champion)
    assert result.needs_reason
    assert result.reasons == (
        "Other emotion after a small change of the sound (largest share) turns from pass (0.020 (0.020 to 0.020)) to "
        "fail (0.300 (0.300 to 0.300)).",
    )
    not_measured = check_gate(evidence(0.97), champion)
    assert "to not measured (not recorded)" in not_measured.reasons[0]
    assert check_gate(evidence(0.97), evidence(0.97)).passed  # measured for neither


def test_an_emotion_that_is_never_found_is_refused():
    result = check_gate(evidence({"angry": 1.0, "happy": 1.0, "relax": 1.0, "sad": 0.0}), None)
    assert result.outcome == Outcome.REFUSED
    assert "F1 of sad is 0.000" in result.reasons[0]


def test_without_a_champion_a_failed_criterion_needs_a_reason():
    result = check_gate(evidence(0.7, n=400, confidence=0.7), None)
    assert result.needs_reason
    assert any(reason.startswith("Macro-F1 fails") for reason in result.reasons)


def test_other_clips_and_other_labels_are_not_compared():
    champion = evidence(0.9)
    with pytest.raises(ModelError, match="different clips"):
        check_gate(evidence(0.9, n=160), champion)
    with pytest.raises(ModelError, match="different clips"):
        check_gate(evidence(0.9, published="another table"), champion)
    only_held_out = replace(champion, results={HELD_OUT: champion.results[HELD_OUT]})
    only_headline = replace(champion, results={DEVELOPMENT: champion.results[DEVELOPMENT]})
    with pytest.raises(ModelError, match="no predictions for the same clips"):
        check_gate(only_held_out, only_headline)


def test_other_protocols_are_not_compared():
    champion = evidence(0.9)
    mixed = replace(champion, results={DEVELOPMENT: replace(champion.results[DEVELOPMENT], protocol=Protocol.LIVE)})
    with pytest.raises(ModelError, match="one is live, the other is cross-validated|one is cross-validated"):
        check_gate(mixed, champion)


# --- criteria --------------------------------------------------------------------------------------------------------


def table_of(**figures) -> EvaluationTable:
    known = {"macro_f1": (0.8, 0.79, 0.81), "accuracy": (0.8, 0.79, 0.81), "class_gap": (0.2, 0.15, 0.25)}
    known |= {"ece": (0.04, 0.02, 0.06)} | figures
    lines = pd.DataFrame(
        [(DEVELOPMENT, "cross-validated", 100, "a", m, ALL, *v) for m, v in known.items()],
        columns=["row", "protocol", "clips", "clips_hash", "measure", "emotion", "value", "low", "high"],
    )
    return EvaluationTable(ModelRef("m"), lines)


def verdicts(table):
    return [str(check.verdict) for check in criteria.check_criteria(table)]


def test_criteria_pass_fail_or_stay_open():
    found = criteria.check_criteria(table_of())
    assert [str(c.verdict) for c in found] == ["pass", "undecided", "fail", "undecided", "not measured", "not measured"]
    assert [c.target for c in found] == ["≥ 0.78", "≥ 0.8", "≤ 0.1", "≤ 0.05", "≤ 2", "≤ 0.1"]


@pytest.mark.parametrize(("seconds", "verdict"), [(0.4, "pass"), (2.0, "pass"), (2.1, "fail")])
def test_the_time_of_this_model_decides(seconds, verdict):
    line = measured_line("speed", "latency_p95_s", n=20, value=seconds, low=seconds, high=seconds)
    assert verdicts(table_of().with_lines(line))[4] == verdict


@pytest.mark.parametrize(("music", "by_law"), [("held-out clips of the table", True), ("28 audio files", False)])
def test_the_criterion_of_stability_names_what_was_measured(music, by_law):
    share = {"value": 0.0, "low": 0.0, "high": 0.0}
    line = measured_line("stability", "other_guess", n=59, **share, how=f"{music} (−6 dB, −20 dB)")
    check = criteria.check_criteria(table_of().with_lines(line))[5]
    assert f"Measured on {music} (−6 dB, −20 dB)." in check.note
    assert ("changed by the exact laws of the level" in check.note) == by_law
    assert "python -m core stability FOLDER" in check.note


def test_without_a_measurement_the_criterion_of_stability_names_the_command():
    assert "python -m core stability FOLDER" in criteria.check_criteria(table_of())[5].note


def test_no_interval_leaves_a_criterion_open():
    assert verdicts(table_of(accuracy=(1.0, np.nan, np.nan)))[1] == "undecided"


def test_a_calibration_error_that_a_perfect_model_also_shows_is_no_failure():
    poor = {"ece": (0.08, 0.06, 0.1)}
    assert verdicts(table_of(**poor))[3] == "fail"
    assert verdicts(table_of(**poor, ece_perfect=(0.06, np.nan, 0.09)))[3] == "undecided"
    assert verdicts(table_of(**poor, ece_perfect=(0.03, np.nan, 0.05)))[3] == "fail"


def test_the_gap_has_its_price_beside_it():
    found = criteria.check_criteria(table_of(gap_price=(0.044, np.nan, np.nan), gap_closed=(0.098, np.nan, np.nan)))
    assert "the gap becomes 0.098, but macro-F1 falls by 4.4 points" in found[2].note
    assert found[2].verdict == Verdict.FAIL


def test_the_price_in_the_table_is_that_of_the_headline():
    known = evidence({"angry": 0.9, "happy": 0.9, "relax": 0.8, "sad": 0.7})
    before, after = gap_price(known.results[DEVELOPMENT].predictions).to_dict("records")
    assert known.evaluation.figure("gap_price").value == pytest.approx(before["macro_f1"] - after["macro_f1"])

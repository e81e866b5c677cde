"""Decisions in the tags of a version: what is written comes back, a reason may have any words, old versions count."""

from datetime import UTC, datetime

from core.models.decisions import Decided, decision_tag, read_decisions


def test_what_is_written_comes_back_oldest_first():
    reason = "promoted; rolled back: it is better"
    tags = dict([decision_tag(Decided.PROMOTED, "Ayşe", reason)])
    tags |= {**dict([decision_tag(Decided.ROLLED_BACK, "Can")]), "gate": "passed", "seal": "decided"}
    first, second = read_decisions(tags)
    assert (first.kind, first.words) == (Decided.PROMOTED, f"promoted by Ayşe: {reason}")
    assert (second.kind, second.words) == (Decided.ROLLED_BACK, "rolled back by Can")
    assert first.at <= second.at <= datetime.now(UTC)
    assert str(second) == f"{second.at:%Y-%m-%d %H:%M} rolled back by Can"


def test_a_decision_without_a_name_and_the_promotion_of_an_old_version():
    ((tag, text),) = [decision_tag(Decided.DISCARDED, "")]
    assert read_decisions({tag: text})[0].words == "discarded"
    old = {"promoted_at": "2026-01-02T03:04:05+00:00", "promoted_by": "Ece"}
    (only,) = read_decisions(old)
    assert only.at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert (only.kind, only.words) == (Decided.PROMOTED, "promoted by Ece")
    assert read_decisions({tag: text})[0].words == "discarded"
    old = {"promoted_at": "2026-01-02T03:04:05+00:00", "promoted_by": "Ece"}
    (only,) = read_decisions(old)
    assert (only.at, only.kind, only.words) == (
        datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        Decided.PROMOTED,
        "promoted by Ece",
    )
    assert read_decisions({"promoted_at": ""}) == ()

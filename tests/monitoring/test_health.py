"""Traffic, speed, decisions and slices as tables, from generated events."""

from datetime import timedelta

import pandas as pd
import pytest
from monitored import NOW, add_clips, scored

from core.evaluation.metrics import share_interval
from core.features import EXTRACTOR
from core.monitoring import health
from core.monitoring.periods import period_named
from core.schema import GENRE
from core.store import Event, EventKind, Way, event_totals, record_events, schema
from core.store.tracks import synthetic_clips
from core.store.weekly import answered_between, count_recordings

WEEK = period_named("7 days", NOW)


def unscored(kind, days_ago, way=Way.API):
    return Event(kind, way, at=NOW - timedelta(days=days_ago), seconds=0.1)


def test_traffic_counts_each_outcome_and_a_step_without_clips_is_zero(opened):
    record_events(
        opened,
        *(scored(2.1) for _ in range(3)),
        scored(0.1, way=Way.LIBRARY, seconds=None),
        unscored(EventKind.REFUSED, 2.2),
        unscored(EventKind.FAILED, 2.3),
        scored(-0.5),  # a clock that is ahead
        scored(30),
    )
    table = health.traffic(opened, WEEK)
    assert table.groupby("kind")["n"].sum().to_dict() == {"failed": 1, "refused": 1, "scored": 4}
    steps = health.traffic_by_outcome(table, WEEK)
    assert len(steps) == 8
    by_day = steps.set_index(steps["period"].dt.day)
    assert by_day.loc[24, ["scored", "refused", "failed"]].tolist() == [3, 1, 1]
    assert by_day.loc[25, ["scored", "refused", "failed"]].tolist() == [0, 0, 0]
    assert pd.isna(by_day.loc[25, "failed_share"])
    assert by_day.loc[24, ["failed_share", "low", "high"]].tolist() == pytest.approx([0.2, *share_interval(1, 5)])


def test_speed_leaves_out_clips_for_which_nobody_waits(opened):
    seconds = [0.1] * 50 + [0.5] * 45 + [3.0] * 5
    record_events(opened, *(scored(1.5, seconds=s) for s in seconds), *(scored(1.5, seconds=None) for _ in range(99)))
    whole, *steps = health.latency(opened, WEEK).to_dict("records")
    assert (whole["clips"], whole["over"]) == (100, 0.05)
    assert whole["p50"] == pytest.approx(0.1, abs=0.011)
    assert whole["p95"] == pytest.approx(0.5, abs=0.011)
    assert whole["p95_low"] <= whole["p95"] <= whole["p95_high"]
    assert [step["clips"] for step in steps if step["clips"]] == [100]
    assert sum(pd.isna(step["p95"]) for step in steps) == 7


def test_unsure_is_everything_without_one_accepted_emotion(opened):
    kinds = [("accept", False), ("accept", False), ("choose", False), ("review", False), ("review", True)]
    record_events(opened, *(scored(1, decision=d, unlike=u, label="sad" if d == "accept" else None) for d, u in kinds))
    table = health.decisions(opened, WEEK)
    step = health.decisions_by_step(table, WEEK).set_index("period").loc[pd.Timestamp("2026-11-25", tz="UTC")]
    assert step[["accept", "choose", "review", "unlike", "clips", "unsure"]].tolist() == [2, 1, 1, 1, 5, 0.6]
    assert table.set_index("label")["n"]["sad"] == 2


def test_an_empty_product_gives_empty_tables(opened):
    traffic, decided = health.traffic(opened, WEEK), health.decisions(opened, WEEK)
    assert health.traffic_by_outcome(traffic, WEEK).empty
    assert health.decisions_by_step(decided, WEEK).empty
    assert health.latency(opened, WEEK)["clips"].tolist() == [0]
    assert health.model_changes(opened, WEEK).empty
    for by in health.SLICES:
        assert health.slices(opened, WEEK, by).empty


def test_spellings_of_a_makam_are_one_slice_under_the_most_frequent_name(opened):
    names = {"a": "Hicaz", "b": "Hicaz", "c": "hicâz ", "d": "HİCAZ", "e": "", "f": "Uşşak"}
    add_clips(opened, [{"id": clip, "makam": makam} for clip, makam in names.items()])
    record_events(opened, *(scored(1, clip_id=c, decision="accept" if c == "a" else "review") for c in names))
    table = health.slices(opened, WEEK, "makam").set_index("slice")
    assert table["clips"].to_dict() == {"Hicaz": 4, "Uşşak": 1, "unknown": 1}
    assert table.loc["Hicaz", ["share", "unsure", "low", "high"]].tolist() == pytest.approx(
        [4 / 6, 3 / 4, *share_interval(3, 4)]
    )


@pytest.mark.parametrize(
    ("by", "clip", "name"),
    [
        ("tempo", {"tempo": 60.0}, "below 80 bpm"),
        ("tempo", {"tempo": 80.0}, "80 bpm to 110 bpm"),
        ("tempo", {"tempo": 150.0}, "140 bpm and more"),
        ("tempo", {"tempo": None}, "unknown"),
        ("length", {"length_s": 45.0}, "30 s to 1 min"),
        ("length", {"length_s": 900.0}, "6 min and more"),
        ("era", {"year": 1957}, "1950s"),
        ("source", {"origin": "upload"}, "upload"),
    ],
)
def test_slices_have_names_in_words(opened, by, clip, name):
    add_clips(opened, [{"id": "a", **clip}])
    record_events(opened, scored(1, clip_id="a"), scored(1))
    assert set(health.slices(opened, WEEK, by)["slice"]) == {name, "not stored"}


def test_changes_of_the_model_are_in_order_whatever_the_order_of_noting(opened):
    def change(kind, days_ago, version):
        return Event(kind, model_version=version, at=NOW - timedelta(days=days_ago))

    record_events(
        opened,
        change(EventKind.ROLLED_BACK, 1, "m-1"),
        change(EventKind.PROMOTED, 3, "m-2"),
        change(EventKind.PROMOTED, 300, "m-0"),
    )
    assert list(health.model_changes(opened, WEEK)["words"]) == ["m-2 promoted", "m-1 back in use"]


def test_synthetic_clips_are_counted_and_not_judged(opened):
    known = Event(EventKind.SCORED, clip_id="b", at=NOW - timedelta(days=1), about={"synthetic": True})
    record_events(opened, scored(1, clip_id="a"), known)
    assert health.synthetic(opened, WEEK) == event_totals(opened)["synthetic",] == 1
    assert health.synthetic_words(28, 35) == "28 of 35 clips are synthetic."
    assert health.synthetic_words(0, 35) == ""
    assert answered_between(opened, WEEK.since, WEEK.until).clips == 1


def test_pieces_of_the_demo_library_and_demo_clips_are_synthetic(opened):
    add_clips(opened, [{"id": "a"}, {"id": "b", "origin": "demo"}, {"id": "c"}])
    with opened.engine.connect().execution_options(write=True) as c, c.begin():
        c.execute(schema.tracks.update().where(schema.tracks.c.id == "track c").values(genre=GENRE))
    assert synthetic_clips(opened, ["a", "b", "c"]) == {"b", "c"}
    assert count_recordings(opened, WEEK.since, WEEK.until, EXTRACTOR) == 1

"""Results are comparable only on the same clips by the same protocol; the evaluation table keeps what it was given."""

from dataclasses import FrozenInstanceError, replace

import numpy as np
import pandas as pd
import pytest

from core.errors import ModelError
from core.evaluation import evaluation_table as tables
from core.evaluation.before_after import paired_figures
from core.evaluation.evaluation_table import EvaluationTable, evaluation_lines, from_csv, to_csv
from core.evaluation.results import ModelRef, Protocol, make_result, require_comparable
from core.evaluation.stored_evaluation import stability_line
from core.schema import EMOTIONS, PROBA


def predictions(n=40, *, seed=0, repeats=1):
    rng = np.random.default_rng(seed)
    parts = []
    for repeat in range(repeats):
        proba = rng.dirichlet(np.ones(4), n)
        part = pd.DataFrame(proba, columns=list(PROBA)).assign(repeat=repeat, row=range(n), group=range(n))
        parts.append(part.assign(y=[EMOTIONS[k % 4] for k in range(n)]))
    return pd.concat(parts, ignore_index=True)


def result(table=None, *, protocol=Protocol.CROSS_VALIDATED, published="a" * 64, version="m"):
    table = predictions() if table is None else table
    return make_result(table, model=ModelRef(version), protocol=protocol, published=published)


def test_the_order_of_the_rows_and_the_number_of_repeats_make_no_other_clips():
    one, two = result(predictions(repeats=3)), result(predictions(seed=1).iloc[::-1])
    assert one.clips == two.clips
    assert one.clips.n == 40
    require_comparable(one, two)


@pytest.mark.parametrize(
    "other",
    [
        result(predictions(39)),
        result(published="b" * 64),
        result(predictions().assign(y=EMOTIONS[0])),
        result(predictions().assign(clip_id=["x"] + [""] * 39)),
    ],
    ids=["one clip less", "another table", "other labels", "an uploaded clip"],
)
def test_other_clips_are_refused(other):
    with pytest.raises(ModelError, match="they are for different clips"):
        require_comparable(result(), other)
    with pytest.raises(ModelError, match="they are for different clips"):
        paired_figures(result(), other)


def test_another_protocol_is_refused():
    with pytest.raises(ModelError, match="one is cross-validated, the other is held out"):
        paired_figures(result(), result(protocol=Protocol.HELD_OUT))


def test_an_uploaded_clip_keeps_its_identity_in_another_training_table():
    own = predictions().assign(clip_id=[f"c{k}" for k in range(40)])
    assert result(own).clips == result(own.assign(row=own["row"] + 7), published="other").clips


def test_a_result_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        result().protocol = Protocol.LIVE


def test_a_part_has_its_own_identity():
    whole = result()
    part = whole.part(set(whole.predictions["clip"].iloc[:10]))
    assert part.clips.n == 10
    assert part.clips.hash != whole.clips.hash
    with pytest.raises(ModelError, match="no cross-validated predictions for these clips"):
        whole.part({"unknown"})


def test_the_table_is_read_as_it_was_written():
    parts = {"development": result(), "held_out": result(predictions(20, seed=3), protocol=Protocol.HELD_OUT)}
    table = EvaluationTable(ModelRef("m"), evaluation_lines(parts))
    again = from_csv(to_csv(table.lines), table.model)
    pd.testing.assert_frame_equal(again.lines, table.lines, check_dtype=False, rtol=1e-5)
    assert again.rows == ["development", "held_out"]
    assert again.clips("held_out") == parts["held_out"].clips
    assert again.figure("macro_f1", row="held_out").origin == "Held out: 20 clips, held out"
    with pytest.raises(ModelError, match="cannot be read"):
        from_csv(b"row,value\ndevelopment,1\n", table.model)


def test_a_row_replaces_the_row_of_the_same_name():
    table = EvaluationTable(ModelRef("m"), evaluation_lines({"development": result()}))
    other = evaluation_lines({"development": result(predictions(30))})
    assert table.with_lines(other).figure("macro_f1").clips == 30


def test_figures_of_metrics_json_are_no_headline_after_a_training_on_labels():
    line = {"measure": "macro_f1", "emotion": "all", "value": 0.8, "low": None, "high": None}
    metrics = {"scores": [line], "development_scores": [line], "protocol": {"development": 30, "judged": 40}}
    assert set(tables.lines_of_metrics(metrics, with_labels=False)["row"]) == {"development", "all_clips"}
    assert set(tables.lines_of_metrics(metrics, with_labels=True)["row"]) == {"all_clips"}


def test_stability_is_the_worst_of_the_small_changes():
    def line(change, value, measure="other_guess"):
        known = {"music": "two songs", "change": change, "windows": 115, "measure": measure}
        return known | {"value": value, "low": 0.0, "high": 0.2}

    lines = [line("−6 dB", 0.02), line("1 s later", 0.035), line("cut to 10 s", 0.18), line("MP3 128", 0.01)]
    found = stability_line([*lines, line("−20 dB", 0.5, measure="accepted_lost")])
    assert (found["value"].item(), found["clips"].item(), found["row"].item()) == (0.035, 115, "stability")
    assert found["protocol"].item() == "two songs (−6 dB, 1 s later, MP3 128)"
    assert stability_line([]).empty
    assert stability_line([replace_value(lines[0])]).empty


def replace_value(line):
    return line | {"value": None}


def test_the_role_travels_with_the_model():
    assert result().as_role("champion").model == replace(ModelRef("m"), role="champion")

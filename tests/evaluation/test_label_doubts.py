"""Labels that are probably wrong: planted ones are found, a weak emotion is not accused, and the rule by hand."""

import numpy as np
import pandas as pd
import pytest

from core.errors import TableError
from core.evaluation.label_doubts import doubtful_labels
from core.schema import EMOTIONS, PROBA


def made(count: int, *, seed: int = 0, weak: str = "") -> pd.DataFrame:
    """Good predictions of clips with right labels. weak : emotion whose clips get lower probabilities."""
    rng = np.random.default_rng(seed)
    y = np.array(EMOTIONS)[np.arange(count) % 4]
    alpha = np.array([[(3.0 if e == weak else 9.0) if e == label else 1.0 for e in EMOTIONS] for label in y])
    proba = np.array([rng.dirichlet(a) for a in alpha])
    return pd.DataFrame(proba, columns=list(PROBA)).assign(row=np.arange(count), y=y)


def test_by_hand():
    table = pd.DataFrame(
        [
            (0, "angry", 0.9, 0.1, 0.0, 0.0),
            (1, "angry", 0.1, 0.8, 0.1, 0.0),  # happy reaches its threshold of 0.7
            (2, "happy", 0.0, 0.8, 0.1, 0.1),
            (3, "happy", 0.3, 0.6, 0.1, 0.0),
            (4, "relax", 0.0, 0.0, 0.8, 0.2),
            (5, "sad", 0.0, 0.0, 0.45, 0.55),
        ],
        columns=["row", "y", *PROBA],
    )
    found = doubtful_labels(table)
    assert found["row"].tolist() == [1]
    assert found.loc[0, ["label", "suggested"]].tolist() == ["angry", "happy"]
    assert found.loc[0, "doubt"] == pytest.approx(0.7)


def test_planted_errors_are_found_first():
    table = made(400)
    planted = [3, 50, 101, 202, 333]
    table.loc[planted, list(PROBA)] = [[0.94 if e == y else 0.02 for e in EMOTIONS] for y in table.loc[planted, "y"]]
    table.loc[planted, "y"] = [EMOTIONS[(EMOTIONS.index(e) + 1) % 4] for e in table.loc[planted, "y"]]
    found = doubtful_labels(table)
    assert set(planted) <= set(found["row"].head(10))
    right = table.set_index("row")[list(PROBA)].idxmax(axis=1).str[2:]
    assert (found.set_index("row").loc[planted, "suggested"] == right[planted]).all()


def test_an_emotion_with_low_probabilities_is_not_accused_more():
    found = doubtful_labels(made(2000, weak="relax"))
    wins = made(2000, weak="relax")
    naive = wins[wins[list(PROBA)].idxmax(axis=1).str[2:] != wins["y"]]
    assert (found["label"] == "relax").sum() < (naive["y"] == "relax").sum() / 2


def test_repeats_count_once():
    table = made(80)
    again = pd.concat([table.assign(repeat=0), table.assign(repeat=1)])
    pd.testing.assert_frame_equal(doubtful_labels(again), doubtful_labels(table))


def test_what_cannot_be_compared_is_a_sentence():
    with pytest.raises(TableError, match="No clip has the label sad"):
        doubtful_labels(made(80).query("y != 'sad'"))
    with pytest.raises(TableError, match="column p_angry"):
        doubtful_labels(made(8).drop(columns="p_angry"))

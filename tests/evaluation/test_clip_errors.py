"""Which clips are wrong: by hand, over two repeats."""

import pandas as pd
import pytest

from core.evaluation.clip_errors import ClipOutcome, clip_errors
from core.schema import PROBA


def test_by_hand():
    table = pd.DataFrame(
        [
            (7, "angry", 0, 0.7, 0.1, 0.1, 0.1),
            (7, "angry", 1, 0.5, 0.2, 0.2, 0.1),
            (8, "sad", 0, 0.1, 0.1, 0.6, 0.2),
            (8, "sad", 1, 0.1, 0.1, 0.3, 0.5),
            (9, "happy", 0, 0.9, 0.1, 0.0, 0.0),
            (9, "happy", 1, 0.7, 0.3, 0.0, 0.0),
        ],
        columns=["row", "y", "repeat", *PROBA],
    )
    found = clip_errors(table.sample(frac=1, random_state=3)).set_index("row")
    assert found.index.tolist() == [9, 8, 7]
    assert found["outcome"].tolist() == [ClipOutcome.WRONG, ClipOutcome.SOMETIMES, ClipOutcome.RIGHT]
    assert found["wrong"].tolist() == [1, 0.5, 0]
    assert found.loc[8, ["label", "guess"]].tolist() == ["sad", "relax"]
    assert found.loc[8, "p_label"] == pytest.approx(0.35)
    assert found.loc[8, "p_guess"] == pytest.approx(0.45)

"""Agreement month by month."""

import pandas as pd
import pytest

from core.labelling.agreement import summary, votes
from core.labelling.agreement_by_month import agreement_by_month
from tests.labelling.test_agreement import feedback

MONTHS = pd.DataFrame({"first_id": [1, 5, 7, 8], "year": [2025, 2026, 2025, 2026], "month": [12, 1, 12, 1]})


def test_a_clip_is_in_the_month_of_its_newest_answer():
    answers = feedback(
        ("a", "ali", "sad"), ("a", "can", "sad"), ("b", "ali", "sad"), ("b", "can", "relax"),  # December
        ("c", "ali", "sad"), ("d", "ali", "happy"),  # January
        ("d", "can", "happy"),  # from a file, as old as December
        ("c", "can", "relax"), ("e", "ali", "angry"), ("e", "can", "angry"), ("f", "can", "sad"),  # January
        origin="upload", counts=True,
    )  # fmt: skip
    table = agreement_by_month(answers, MONTHS)
    assert table["month"].dt.strftime("%Y-%m").tolist() == ["2025-12", "2026-01"]
    assert table["clips"].tolist() == [3, 2]
    assert table["raw"].tolist() == pytest.approx([2 / 3, 1 / 2])
    alone = summary(votes(answers[answers["clip_id"].isin(["a", "b", "d"])])).iloc[0]
    assert (
        table.loc[0, ["alpha", "alpha_low", "alpha_high"]].tolist()
        == alone[["alpha", "alpha_low", "alpha_high"]].tolist()
    )


def test_practice_and_lonely_answers_give_no_month():
    practice = feedback(("a", "ali", "sad"), ("a", "can", "sad"), origin="demo", counts=True)
    alone = feedback(("a", "ali", "sad"), origin="upload", counts=True)
    for answers in (practice, alone):
        assert agreement_by_month(answers, MONTHS).empty

"""What a change of the music does to the answers, counted and with intervals by track."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from core.errors import TableError
from core.evaluation.stability import AS_IS, MEASURES, measure_stability

SURE = {"angry": (0.9, 0.05, 0.03, 0.02), "sad": (0.02, 0.03, 0.05, 0.9), "unsure": (0.3, 0.2, 0.1, 0.4)}


def answer(track, window, change, kind, *, unlike=False):
    proba = dict(zip(("p_angry", "p_happy", "p_relax", "p_sad"), SURE[kind], strict=True))
    accepted = kind != "unsure" and not unlike
    return {"track": track, "window": window, "change": change, "accepted": accepted, "unlike": unlike, **proba}


def measured(*lines, **options):
    return measure_stability(pd.DataFrame(lines), model="m", music="test", **options)


def test_the_four_shares():
    lines = [answer("a", str(k), AS_IS, kind) for k, kind in enumerate(("angry", "sad", "sad", "unsure"))]
    lines += [
        answer("a", "0", "louder", "angry"),  # the same
        answer("a", "1", "louder", "angry"),  # another guess, so the accepted answer is lost
        answer("a", "2", "louder", "unsure"),  # the same guess, but no longer accepted
        answer("a", "3", "louder", "sad", unlike=True),  # was not accepted before
    ]
    effect = measured(*lines).effect("louder")
    assert (effect.windows, effect.tracks) == (4, 1)
    assert effect.other_guess.value == 1 / 4
    assert effect.accepted_lost.value == 2 / 3
    assert effect.unlike_before.value == 0
    assert effect.unlike_after.value == 1 / 4


def test_an_interval_is_by_track():
    """Ten windows of one track that flip together are one observation, not ten."""
    lines = []
    for track in range(10):
        for window in range(10):
            lines.append(answer(track, window, AS_IS, "sad"))
            lines.append(answer(track, window, "later", "angry" if track == 0 else "sad"))
    together = measured(*lines).effect("later").other_guess
    spread = [{**line, "track": f"{line['track']}-{line['window']}"} for line in lines]
    alone = measured(*spread).effect("later").other_guess
    assert together.value == alone.value == pytest.approx(0.1)
    assert together.high - together.low > 2 * (alone.high - alone.low)


def test_a_window_without_a_change_is_compared_with_nothing():
    result = measured(answer("a", "0", AS_IS, "sad"), answer("a", "0", "x", "sad"), answer("b", "0", "x", "angry"))
    assert result.effect("x").windows == 1


def test_no_accepted_window_gives_no_share():
    effect = measured(answer("a", "0", AS_IS, "unsure"), answer("a", "0", "x", "unsure")).effect("x")
    assert np.isnan(effect.accepted_lost.value)


def test_the_table_has_every_change_and_measure():
    lines = [answer("a", "0", change, "sad") for change in (AS_IS, "x", "y")]
    table = measured(*lines).table()
    assert table[["change", "measure"]].to_numpy().tolist() == [[c, m] for c in ("x", "y") for m in MEASURES]
    assert set(table["model"]) == {"m"}


def test_refusals():
    good = pd.DataFrame([answer("a", "0", AS_IS, "sad"), answer("a", "0", "x", "sad")])
    with pytest.raises(TableError, match="lacks the column unlike"):
        measure_stability(good.drop(columns="unlike"), model="m", music="")
    with pytest.raises(TableError, match="occurs twice"):
        measure_stability(pd.concat([good, good]), model="m", music="")
    with pytest.raises(TableError, match="no changed windows"):
        measure_stability(good[:1], model="m", music="")
    with pytest.raises(TableError, match="was not measured. Measured changes: x"):
        measure_stability(good, model="m", music="").effect("louder")


def test_a_share_of_nothing_has_an_interval_by_the_number_of_tracks():
    lines = [answer(track, window, change, "sad") for track in range(59) for window in "ab" for change in (AS_IS, "x")]
    share = measured(*lines).effect("x").other_guess
    assert (share.value, share.low) == (0, 0)
    assert share.high == pytest.approx(binomtest(0, 59).proportion_ci(method="wilson").high)

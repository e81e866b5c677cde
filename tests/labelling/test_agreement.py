"""Agreement: published examples, the ground truth rule against a plain retelling of it, and a model's pull."""

from collections import Counter, defaultdict
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from core.labelling import agreement
from core.schema import EMOTIONS

NEVER = float("nan")


def feedback(*rows, **more):
    """A feedback table; each row is (clip, rater, label or skip reason), or a dictionary of columns."""
    plain = {
        "kind": "answer",
        "deleted": False,
        "target_id": None,
        "verified": False,
        "label": None,
        "skip_reason": None,
        "source": "label",
        "display": "none",
        "shown_label": None,
        "guess": None,
        "clip_id": "c",
        "rater": "a",
        **more,
    }
    table = []
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            clip, rater, said = row
            row = {"clip_id": clip, "rater": rater, "label" if said in EMOTIONS else "skip_reason": said}
        table.append({**plain, "feedback_id": number, **row})
    types = dict.fromkeys(("label", "skip_reason", "shown_label", "guess", "clip_id", "rater", "display"), "str")
    columns = [*plain, "feedback_id"]
    return pd.DataFrame(table, columns=columns).astype(types).astype({"target_id": "Int64", "verified": bool})


# Krippendorff's and Cohen's measures

# K. Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability", section C: 4 observers, 12 units.
KRIPPENDORFF = """
1 2 3 3 2 1 4 1 2 . . .
1 2 3 3 2 2 4 1 2 5 . 3
. 3 3 3 2 3 4 2 2 5 1 .
1 2 3 3 2 4 4 1 2 5 1 .
"""


def units(text):
    rows = [line.split() for line in text.split("\n") if line]
    return pd.DataFrame(rows).T.replace(".", np.nan)


def test_alpha_is_that_of_krippendorffs_own_example():
    table = units(KRIPPENDORFF)
    row = agreement.summary(table).iloc[0]
    assert row["alpha"] == pytest.approx(0.743, abs=5e-4)
    assert row["clips"] == 11  # of 12: one has a single answer


def test_alpha_of_two_observers_is_that_of_krippendorffs_binary_example():
    """Section A of the same paper: 10 units, two observers, alpha 0.095."""
    table = units("0 1 0 0 0 0 0 0 1 0\n1 1 1 0 0 1 0 0 0 0")
    assert agreement.summary(table).loc[0, "alpha"] == pytest.approx(0.095, abs=5e-4)


def square(counts, labels):
    """Two raters' labels from their table of counts (rows: first rater)."""
    pairs = [
        (a, b)
        for a, row in zip(labels, counts, strict=True)
        for b, n in zip(labels, row, strict=True)
        for _ in range(n)
    ]
    return pd.DataFrame(pairs, columns=["A", "B"])


@pytest.mark.parametrize(
    ("counts", "raw", "kappa"),
    [
        ([[20, 5], [10, 15]], 0.70, 0.40),  # 50 grant proposals, a textbook example
        ([[75, 1, 4], [5, 4, 1], [0, 0, 10]], 0.89, 0.676),  # Fleiss, Levin & Paik (2003), table 18.1
    ],
)
def test_kappa_is_that_of_the_textbooks(counts, raw, kappa):
    (row,) = agreement.by_pair(square(counts, EMOTIONS[: len(counts)])).to_dict("records")
    assert (row["rater_a"], row["rater_b"], row["clips"]) == ("A", "B", np.sum(counts))
    assert row["raw"] == pytest.approx(raw)
    assert row["kappa"] == pytest.approx(kappa, abs=5e-4)


def test_full_agreement_is_one_and_chance_is_zero():
    rng = np.random.default_rng(0)
    said = rng.choice(EMOTIONS, 4000)
    agree = pd.DataFrame({"A": said, "B": said, "C": said})
    chance = pd.DataFrame({name: rng.choice(EMOTIONS, 4000) for name in "ABC"})
    assert agreement.summary(agree).loc[0, "alpha"] == 1
    row = agreement.summary(chance).iloc[0]
    assert row["alpha"] == pytest.approx(0, abs=0.03)
    assert row["raw"] == pytest.approx(0.25, abs=0.02)
    assert row["alpha_low"] < 0 < row["alpha_high"]
    assert (row["raters"], row["clips"]) == (3, 4000)


def test_what_cannot_be_measured_is_nan():
    empty = agreement.votes(feedback())
    one = agreement.votes(feedback(("x", "a", "sad"), ("y", "b", "sad")))
    same = agreement.votes(feedback(("x", "a", "sad"), ("x", "b", "sad")))
    for table in (empty, one, same):
        assert agreement.summary(table).iloc[0][["alpha", "alpha_low", "alpha_high"]].isna().all()
    assert np.isnan(agreement.summary(one).loc[0, "raw"])
    assert agreement.summary(same).loc[0, "raw"] == 1
    assert agreement.by_pair(empty).empty
    assert np.isnan(agreement.by_pair(same).loc[0, "kappa"])
    assert agreement.by_emotion(empty)["answers"].tolist() == [0, 0, 0, 0]


def test_the_interval_covers_alpha_as_often_as_it_says():
    """Raters right with 0.7, else at random: alpha is 0.49 in the long run."""
    rng = np.random.default_rng(1)
    inside = 0
    for _ in range(50):
        truth = rng.integers(4, size=60)
        answers = {r: np.where(rng.random(60) < 0.7, truth, rng.integers(4, size=60)) for r in "AB"}
        table = pd.DataFrame({r: np.array(EMOTIONS)[a] for r, a in answers.items()})
        row = agreement.summary(table).iloc[0]
        inside += row["alpha_low"] <= 0.49 <= row["alpha_high"]
    assert 42 <= inside <= 50


def test_agreement_of_one_emotion_is_the_chance_that_another_says_it_too():
    rows = [
        ("1", "a", "sad"),
        ("1", "b", "sad"),
        ("2", "a", "sad"),
        ("2", "b", "relax"),
        ("3", "a", "happy"),
        ("3", "b", "happy"),
    ]
    table = agreement.by_emotion(agreement.votes(feedback(*rows)))
    assert table.loc["sad", ["answers", "agreement"]].tolist() == pytest.approx([3, 2 / 3])
    assert table.loc["relax", "agreement"] == 0
    assert table.loc["happy", ["agreement", "alpha"]].tolist() == pytest.approx([1, 1])
    assert np.isnan(table.loc["angry", "agreement"])
    assert table["mistaken_for"].to_dict() == {"angry": "", "happy": "", "relax": "sad", "sad": "relax"}


def test_votes_keep_people_apart_and_leave_adjudications_out():
    rows = (
        ("x", "Ali", "sad"),
        {"clip_id": "x", "rater": "Ali", "verified": True, "label": "happy"},
        {"clip_id": "x", "rater": "Can", "kind": "adjudication", "label": "angry"},
        ("x", "Ece", "ambiguous"),
    )
    table = agreement.votes(feedback(*rows))
    assert table.to_dict("index") == {"x": {"Ali": "sad", "Ali (login)": "happy"}}


def test_two_raters_whose_names_look_alike_are_two_columns():
    rows = (
        {"clip_id": "x", "rater": "a@x", "verified": True, "label": "sad"},
        ("x", "a@x (login)", "happy"),
    )
    table = agreement.votes(feedback(*rows))
    assert table.to_dict("index") == {"x": {"a@x (login)": "sad", "a@x (login) (no login)": "happy"}}


def test_all_people_without_a_name_are_one_rater_of_a_clip():
    rows = [("x", "anonymous 1f3a9c", "sad"), ("x", "anonymous 77aa00", "happy"), ("y", "anonymous 1f3a9c", "sad")]
    table = feedback(*rows)
    assert agreement.current_answers(table)["feedback_id"].tolist() == [2, 3]  # the latest of them on a clip
    assert agreement.votes(table).to_dict() == {"anonymous": {"x": "happy", "y": "sad"}}
    both = feedback(("x", "anonymous 1f3a9c", "sad"), ("x", "anonymous 77aa00", "sad"))
    assert agreement.ground_truth(both).loc["x", ["status", "votes"]].tolist() == ["open", 1]
    third = feedback(("x", "anonymous 1f3a9c", "sad"), ("x", "anonymous 77aa00", "sad"), ("x", "Ece", "sad"))
    assert agreement.ground_truth(third).loc["x", ["status", "votes"]].tolist() == ["agreed", 2]
    back = feedback(*rows[:2], {"kind": "undo", "clip_id": "x", "rater": "anonymous 77aa00", "target_id": 2})
    assert agreement.ground_truth(back, raters_needed=1).loc["x", "label"] == "sad"


# the quick ways against the plain ones


def random_votes(seed, *, clips=60, raters=5, labels=4, missing=0.4):
    rng = np.random.default_rng(seed)
    said = pd.DataFrame(rng.choice(np.array(EMOTIONS[:labels], dtype=object), (clips, raters)))
    return said.mask(rng.random(said.shape) < missing).set_axis([f"r{i}" for i in range(raters)], axis=1)


def pairs_of_answers(table):
    """All ordered pairs of answers about one clip, and how many answers that clip has."""
    rows = [[x for x in row if isinstance(x, str)] for row in table.to_numpy().tolist()]
    return [(a, b, len(row)) for row in rows for i, a in enumerate(row) for j, b in enumerate(row) if i != j]


def plain_alpha(table):
    """Krippendorff's alpha as 1 - observed / expected disagreement, pair by pair."""
    pairs = pairs_of_answers(table)
    n = sum(1 / (m - 1) for _, _, m in pairs)
    given = Counter()
    for a, _, m in pairs:
        given[a] += 1 / (m - 1)
    observed = sum(1 / (m - 1) for a, b, m in pairs if a != b) / n
    expected = sum(given[a] * given[b] for a in given for b in given if a != b) / (n * (n - 1))
    return 1 - observed / expected


@pytest.mark.parametrize("seed", range(8))
def test_alpha_and_raw_agreement_equal_what_is_counted_pair_by_pair(seed):
    table = random_votes(seed, raters=2 + seed % 4, labels=2 + seed % 3, missing=0.1 * (seed % 6))
    row, pairs = agreement.summary(table).iloc[0], pairs_of_answers(table)
    assert row["alpha"] == pytest.approx(plain_alpha(table))
    assert row["raw"] == pytest.approx(np.mean([a == b for a, b, _ in pairs]))
    emotions = agreement.by_emotion(table)
    for emotion in {said for said in table.to_numpy().ravel() if isinstance(said, str)}:
        one = table.map(lambda said, e=emotion: said if not isinstance(said, str) else str(said == e))
        assert emotions.loc[emotion, "alpha"] == pytest.approx(plain_alpha(one))


@pytest.mark.parametrize("seed", range(6))
def test_agreement_by_pair_equals_the_same_pair_by_pair(seed):
    """Against scikit-learn's kappa; few clips, so that some raters never meet and some always say one label."""
    table = random_votes(seed, clips=4 + 4 * seed, raters=7, labels=2 + seed % 3, missing=0.6)
    rows = []
    for a, b in combinations(table.columns, 2):
        both = table[[a, b]].dropna()
        if len(both):
            varied = len(set(both[a]) | set(both[b])) > 1
            kappa = cohen_kappa_score(both[a], both[b]) if varied else np.nan
            rows.append((a, b, len(both), (both[a] == both[b]).mean(), kappa))
    expected = pd.DataFrame(rows, columns=["rater_a", "rater_b", "clips", "raw", "kappa"])
    pd.testing.assert_frame_equal(agreement.by_pair(table), expected, check_dtype=False)


def test_resampling_kinds_of_clips_gives_the_interval_of_resampling_clips():
    table = random_votes(3, clips=150, raters=3, missing=0.1)
    table["r1"] = table["r0"].where(np.random.default_rng(5).random(len(table)) < 0.6, table["r1"])
    rng = np.random.default_rng(7)
    drawn = [table.iloc[rng.integers(len(table), size=len(table))] for _ in range(600)]
    alphas = [
        agreement._alpha_of(agreement._counts(*agreement._codes(one))) for one in drawn
    ]  # without their intervals
    expected = np.quantile(alphas, [0.025, 0.975])
    found = agreement.summary(table).loc[0, ["alpha_low", "alpha_high"]]
    assert found.tolist() == pytest.approx(expected, abs=0.02)
    assert expected[1] - expected[0] > 0.1  # five times what the two ways may differ by


# ground truth


@pytest.mark.parametrize(
    ("said", "needed", "label", "status"),
    [
        ("sad", 2, None, "open"),
        ("sad", 1, "sad", "agreed"),
        ("sad sad", 2, "sad", "agreed"),
        ("sad relax", 2, None, "disputed"),
        ("sad relax", 1, None, "disputed"),  # a tie gives none, also for one person's setup
        ("sad relax sad", 2, "sad", "agreed"),
        ("sad relax sad relax", 2, None, "disputed"),
        ("sad relax sad relax sad", 2, "sad", "agreed"),
        ("sad sad", 3, None, "open"),
        ("ambiguous ambiguous", 2, None, "skipped"),
        ("sad ambiguous sad", 2, "sad", "agreed"),
    ],
)
def test_ground_truth_takes_enough_agreeing_raters_and_no_tie(said, needed, label, status):
    table = feedback(*[("c", f"r{i}", word) for i, word in enumerate(said.split())])
    row = agreement.ground_truth(table, raters_needed=needed).loc["c"]
    assert (None if pd.isna(row["label"]) else row["label"], row["status"]) == (label, status)


def test_the_latest_answer_of_a_rater_counts_alone():
    table = feedback(("c", "a", "sad"), ("c", "b", "happy"), ("c", "a", "happy"))
    row = agreement.ground_truth(table).loc["c"]
    assert (row["label"], row["votes"], row["agreeing"], row["skips"]) == ("happy", 2, 2, 0)


def test_an_answer_taken_back_gives_way_to_the_one_before():
    table = feedback(("c", "a", "sad"), ("c", "a", "happy"), {"kind": "undo", "target_id": 2}, ("c", "b", "sad"))
    assert agreement.ground_truth(table).loc["c", "label"] == "sad"


def test_an_adjudication_decides_until_it_is_taken_back():
    rows = [("c", "a", "sad"), ("c", "b", "relax"), {"kind": "adjudication", "rater": "z", "label": "relax"}]
    row = agreement.ground_truth(feedback(*rows)).loc["c"]
    assert (row["label"], row["status"], row["votes"]) == ("relax", "adjudicated", 2)
    none = [*rows, {"kind": "adjudication", "rater": "y", "skip_reason": "none of the four"}]
    row = agreement.ground_truth(feedback(*none)).loc["c"]
    assert (pd.isna(row["label"]), row["status"]) == (True, "adjudicated")
    back = [*rows, {"kind": "undo", "rater": "z", "target_id": 3}]
    assert agreement.ground_truth(feedback(*back)).loc["c", "status"] == "disputed"


def test_deleted_clips_have_no_truth_and_no_answers_make_an_empty_table():
    gone = agreement.ground_truth(feedback(("c", "a", "sad"), ("c", "b", "sad"), deleted=True))
    empty = agreement.ground_truth(feedback())
    assert gone.empty
    assert empty.empty
    full = agreement.ground_truth(feedback(("c", "a", "sad")))
    assert list(empty.columns) == list(full.columns)
    assert empty.index.name == full.index.name == "clip_id"


ACTS = st.lists(
    st.tuples(st.sampled_from("xy"), st.sampled_from("abc"), st.sampled_from([*EMOTIONS[:3], "ambiguous", "undo"])),
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(acts=ACTS, needed=st.integers(1, 3))
def test_ground_truth_equals_a_plain_retelling_of_the_rule(acts, needed):
    rows, stacks = [], defaultdict(list)  # a rater's answers that can be undone: (row number, clip, word)
    for clip, rater, word in acts:
        if word != "undo":
            rows.append((clip, rater, word))
            stacks[rater].append((len(rows), clip, word))
        elif stacks[rater]:
            number, clip, _ = stacks[rater].pop()
            rows.append({"kind": "undo", "clip_id": clip, "rater": rater, "target_id": number})
    expected = {}
    for clip in "xy":
        last = {r: [w for _, c, w in stack if c == clip][-1:] for r, stack in stacks.items()}
        words = [w[0] for w in last.values() if w]
        ranking = Counter(w for w in words if w in EMOTIONS).most_common()
        won = ranking and ranking[0][1] >= needed and (len(ranking) < 2 or ranking[1][1] < ranking[0][1])
        if words:
            expected[clip] = ranking[0][0] if won else None
    found = agreement.ground_truth(feedback(*rows), raters_needed=needed)["label"]
    assert {clip: None if pd.isna(label) else label for clip, label in found.items()} == expected


# the model's pull on people


def shown_and_hidden(a, n, b, m, rater="a"):
    """n answers with the guess shown, a of them like it; m with the guess hidden, b of them like it."""
    rows = [("shown", i < a) for i in range(n)] + [("hidden at random", i < b) for i in range(m)]
    return [
        {
            "clip_id": f"{rater}{i}",
            "rater": rater,
            "display": display,
            "guess": "sad",
            "shown_label": "sad" if display == "shown" else None,
            "label": "sad" if same else "relax",
        }
        for i, (display, same) in enumerate(rows)
    ]


def test_the_pull_and_its_interval_are_those_of_newcombes_example():
    """Newcombe (1998), Statistics in Medicine 17:873-890, table II (a): 56/70 - 48/80, method 10."""
    everyone, one = agreement.anchoring(feedback(*shown_and_hidden(56, 70, 48, 80))).to_dict("records")
    assert (everyone["who"], one["who"]) == ("everyone", "a")
    assert [everyone[c] for c in ("shown", "shown_agree", "hidden", "hidden_agree")] == [70, 56, 80, 48]
    assert everyone["effect"] == pytest.approx(0.2)
    assert [everyone["low"], everyone["high"]] == pytest.approx([0.0524, 0.3339], abs=5e-5)


def test_the_pull_counts_first_answers_where_a_coin_decided_only():
    rows = shown_and_hidden(2, 2, 1, 2)
    others = [
        {**rows[0], "clip_id": "chosen", "display": "hidden by choice", "shown_label": None},
        {**rows[0], "clip_id": "elsewhere", "source": "predict"},
        {**rows[0], "clip_id": "skipped", "label": None, "skip_reason": "bad audio"},
        {**rows[0], "label": "happy"},  # a second answer about the first clip
        {**rows[0], "clip_id": "judged", "kind": "adjudication"},
    ]
    table = agreement.anchoring(feedback(*rows, *others, *shown_and_hidden(1, 1, 0, 0, rater="b")))
    found = table.set_index("who")[["shown", "shown_agree", "hidden", "hidden_agree"]].to_dict("split")
    assert dict(zip(found["index"], found["data"], strict=True)) == {
        "everyone": [3, 3, 2, 1],
        "a": [2, 2, 2, 1],
        "b": [1, 1, 0, 0],
    }
    assert np.isnan(table.set_index("who").loc["b", "effect"])
    assert agreement.anchoring(feedback()).loc[0, "shown"] == 0


def test_guesses_are_hidden_from_fifteen_in_a_hundred_and_stay_hidden():
    hidden = [agreement.hides_guess(f"clip {i}", "Ayşe") for i in range(20_000)]
    assert np.mean(hidden) == pytest.approx(0.15, abs=0.01)
    assert hidden == [agreement.hides_guess(f"clip {i}", "Ayşe") for i in range(20_000)]
    other = [agreement.hides_guess(f"clip {i}", "Ali") for i in range(20_000)]
    assert np.corrcoef(hidden, other)[0, 1] == pytest.approx(0, abs=0.03)  # another person, another coin
    assert not agreement.hides_guess("c", "r", share=0)
    assert agreement.hides_guess("c", "r", share=1)


# numbers of answers


def test_an_answer_counts_once_however_often_it_was_changed():
    undo = {"kind": "undo", "rater": "Can", "clip_id": "c", "target_id": 5}
    settled = {"kind": "adjudication", "rater": "Boss", "clip_id": "b", "label": "sad"}
    rows = (
        *(("a", "Ece", "sad"), ("a", "Ece", "happy"), ("b", "Ece", "bad audio")),
        *(("a", "Can", "sad"), ("c", "Can", "sad"), undo, settled),
    )
    found = agreement.count_answers(feedback(*rows))
    assert found == agreement.Counts(answers=3, skips=1, settlements=1, people=3)
    assert agreement.count_answers(feedback()) == agreement.Counts(0, 0, 0, 0)

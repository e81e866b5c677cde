"""What labels are worth: macro-F1 by their number, by the order of asking and by the share of wrong answers.

    python -m benchmarks.labels [--repeats 20] [--wrong 0 0.05 0.1 0.2]

A simulation on the published table. In each repeat a fourth of the recordings is the test, 100 other clips begin, and
the rest waits for labels: in random order, or in the order of the label queue (smallest margin first, asked of the
model anew after each batch). The published label is taken for the truth. A rater names another emotion, each as often,
with the stated probability. Either one answer makes a label, or two raters have to agree: then a second one is always
asked, and a third one where these differ; the rule is `core.labelling.agreement.ground_truth`. The model is the
champion's four members averaged without temperatures, which costs a sixth and orders the clips nearly alike.

All lines of a repeat share test, beginning, and the model of the beginning, so lines are compared pair by pair; the
interval is of the mean over the repeats (2.5 % and 97.5 % of 2,000 resamples of the repeats).
"""

import argparse
import os
import sys
from dataclasses import dataclass

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedGroupKFold, train_test_split

from core.dataset.loading import load_table
from core.labelling import agreement
from core.schema import EMOTIONS
from core.settings import Settings
from core.training.ablations import PLAIN, options
from core.training.folds import Clips, distinct_clips

BEGIN = 100  # clips that the first model knows
STEPS = (0, 30, 60, 90, 120, 150, 180)  # clips that were asked about
TEST_FOLDS = 4
ORDERS = ("random", "queue")


@dataclass(frozen=True)
class Line:
    """One way to label. raters : who have to agree.  wrong : share of wrong answers."""

    order: str
    raters: int
    wrong: float


def answers(truth: np.ndarray, line: Line, rng: np.random.Generator) -> tuple[pd.Series, int]:
    """The labels that come of asking about clips, index = place in ``truth``, and the number of answers given."""
    number = 1 if line.raters == 1 else 3
    slips = rng.random((len(truth), number)) < line.wrong
    others = np.array([[e for e in EMOTIONS if e != y] for y in truth])
    said = np.where(slips, others[np.arange(len(truth))[:, None], rng.integers(0, 3, slips.shape)], truth[:, None])
    rows = [
        (str(k), f"r{r}", said[k, r])
        for k in range(len(truth))
        for r in range(number)
        if r < 2 or said[k, 0] != said[k, 1]
    ]
    given = pd.DataFrame(rows, columns=["clip_id", "rater", "label"]).assign(
        feedback_id=range(len(rows)), kind="answer", target_id=pd.NA, verified=False, deleted=False
    )
    found = agreement.ground_truth(given, raters_needed=line.raters)
    labels = found.loc[found["status"].eq("agreed"), "label"]
    return labels.set_axis(labels.index.astype(int)), len(rows)


def repeat(clips: Clips, number: int, lines: list[Line]) -> list[dict[str, object]]:
    """One row a line and step: labels, answers, wrong_labels, macro_f1."""
    model = options(0)[PLAIN].pipeline
    splitter = StratifiedGroupKFold(TEST_FOLDS, shuffle=True, random_state=number)
    rest, test = next(splitter.split(clips.X, clips.y, clips.group))
    begin, pool = train_test_split(rest, train_size=BEGIN, stratify=clips.y[rest], random_state=number)
    found = []
    first = clone(model).fit(clips.X.iloc[begin], clips.y[begin])
    for line in lines:
        rng = np.random.default_rng([number, ORDERS.index(line.order), line.raters, round(1000 * line.wrong)])
        waiting, known, said, asked = rng.permutation(pool), begin, clips.y[begin], 0
        fitted, wrong = first, 0
        for before, step in zip((0, *STEPS), STEPS, strict=False):
            if step:
                if line.order == "queue":
                    two = np.sort(fitted.predict_proba(clips.X.iloc[waiting]), axis=1)[:, -2:]
                    waiting = waiting[np.argsort(two[:, 1] - two[:, 0], kind="stable")]
                batch, waiting = np.split(waiting, [step - before])
                labels, count = answers(clips.y[batch], line, rng)
                now = batch[labels.index]
                wrong += int((labels.to_numpy() != clips.y[now]).sum())
                known, said = np.append(known, now), np.append(said, labels.to_numpy(dtype=str))
                asked += count
                fitted = clone(model).fit(clips.X.iloc[known], said)
            f1 = f1_score(clips.y[test], fitted.predict(clips.X.iloc[test]), average="macro")
            found.append(
                {"repeat": number, "order": line.order, "raters": line.raters, "wrong": line.wrong, "clips": step}
                | {"labels": len(known) - BEGIN, "answers": asked, "wrong_labels": wrong, "macro_f1": f1}
            )
    return found


def interval(values: np.ndarray) -> tuple[float, float]:
    """Of the mean, over the repeats."""
    means = np.random.default_rng(0).choice(values, (2000, len(values))).mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def report(table: pd.DataFrame) -> None:
    """Print macro-F1 of each line by the clips asked about, and what the order of asking is worth."""
    f1 = table.pivot_table(index=["order", "raters", "wrong"], columns="clips", values="macro_f1")
    end = table[table["clips"] == STEPS[-1]].groupby(["order", "raters", "wrong"])
    print("macro-F1 by clips asked about\n")
    print("| order | raters who agree | wrong answers | " + " | ".join(map(str, STEPS)) + " | answers | wrong labels |")
    print("|---|---|---|" + "---|" * (len(STEPS) + 2))
    for key, row in f1.iterrows():
        last = end.get_group(key)
        print(
            f"| {key[0]} | {key[1]} | {key[2]:.0%} | "
            + " | ".join(f"{row[step]:.3f}" for step in STEPS)
            + f" | {last['answers'].mean():.0f} | {last['wrong_labels'].mean() / last['labels'].mean():.1%} |"
        )
    print("\nqueue less random, points of macro-F1 (95 %), pair by pair\n")
    print("| raters who agree | wrong answers | " + " | ".join(map(str, STEPS[1:])) + " |")
    print("|---|---|" + "---|" * (len(STEPS) - 1))
    wide = table.pivot_table(index=["raters", "wrong", "clips", "repeat"], columns="order", values="macro_f1")
    gain = 100 * (wide["queue"] - wide["random"])
    for (raters, wrong), part in gain.groupby(level=["raters", "wrong"]):
        cells = []
        for step in STEPS[1:]:
            values = part.xs(step, level="clips").to_numpy()
            low, high = interval(values)
            cells.append(f"{values.mean():+.1f} ({low:+.1f} to {high:+.1f})")
        print(f"| {raters} | {wrong:.0%} | " + " | ".join(cells) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--wrong", type=float, nargs="+", default=[0.0, 0.05, 0.1, 0.2])
    given = parser.parse_args()
    table = load_table(Settings(), allow_download=True)
    if table.synthetic:
        sys.exit("The published table is not at hand; of the synthetic stand-in these figures would mean nothing.")
    clips = distinct_clips(table)
    lines = [Line(order, raters, wrong) for wrong in given.wrong for raters in (1, 2) for order in ORDERS]
    work = Parallel(n_jobs=-1, verbose=0)(delayed(repeat)(clips, number, lines) for number in range(given.repeats))
    found = pd.DataFrame([row for rows in work for row in rows])
    print(f"{given.repeats} repeats; {BEGIN} clips begin, {len(clips.y)} clips in all\n")
    report(found)


if __name__ == "__main__":
    main()

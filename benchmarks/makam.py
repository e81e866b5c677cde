"""Measure karar and makam on melodies whose karar and makam are known.

    python -m benchmarks.makam FOLDER [--learn FOLDER] [--shipped] [--folds 10] [--of 1]
    python -m benchmarks.makam --ship

FOLDER holds ``pitch.npz`` (one int16 array a recording: cents over 440 Hz every 23.2 ms, -32768 where unvoiced) and
``recordings.csv`` (recording, makam, karar_hz). Without ``--learn`` the templates are learned in folds; with it they
are learned on that folder. ``--shipped`` uses the shipped templates. ``--of 5`` uses every fifth recording. The karar
counts as right within 25 cents, octaves together. The last line is JSON. ``--ship`` learns the shipped templates again
from the theory, and writes them into the package.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedKFold

from core.evaluation.metrics import share_interval
from core.makam.commas import cents_of_hz
from core.makam.description import circular
from core.makam.karar import karar_candidates
from core.makam.learning import Lesson, describe_lesson, learn
from core.makam.lessons import lessons_of_tracks
from core.makam.melody import Melody
from core.makam.recognition import suggest_makams
from core.makam.templates import SHIPPED, Templates, shipped_templates, templates_bytes
from core.makam.theory import key_of
from core.makam.theory_lessons import templates_of_theory

CLIP_S = 30.0


def answers(lesson: Lesson, templates: Templates) -> dict[str, object]:
    """The row of one recording: what was found, and whether it is right."""
    start = time.process_time()
    karars = karar_candidates(lesson.melody, templates=templates)
    found = suggest_makams(lesson.melody, templates)
    names = [key_of(s.name) for s in found.three]
    truth = key_of(lesson.makam)
    values = lesson.melody.cents.size
    middle = max((values - round(CLIP_S / lesson.melody.hop_s)) // 2, 0)
    part = slice(middle, middle + round(CLIP_S / lesson.melody.hop_s))
    clip = karar_candidates(
        Melody(lesson.melody.cents[part], lesson.melody.confidence[part], lesson.melody.hop_s), templates=templates
    )
    return {
        "makam": lesson.makam,
        "minutes": lesson.melody.duration_s / 60,
        "karar": bool(karars) and on_karar(karars[0].hz, lesson.karar_hz),
        "karar_three": any(on_karar(k.hz, lesson.karar_hz) for k in karars),
        "karar_probability": karars[0].probability if karars else 0.0,
        "octave": bool(karars) and abs(cents_of_hz(karars[0].hz) - cents_of_hz(lesson.karar_hz)) <= 25,
        "top1": names[:1] == [truth],
        "top3": truth in names,
        "probability": found.three[0].probability if found.three else 0.0,
        "clear": found.kind == "clear",
        "found": names[0] if names else "not enough",
        "clip_karar": bool(clip) and on_karar(clip[0].hz, lesson.karar_hz),
        "clip_probability": clip[0].probability if clip else 0.0,
        "cpu_s": time.process_time() - start,
    }


def on_karar(hz: float, truth_hz: float) -> bool:
    return bool(abs(circular(cents_of_hz(hz) - cents_of_hz(truth_hz))) <= 25)


def in_folds(lessons: list[Lesson], folds: int) -> pd.DataFrame:
    makams = [lesson.makam for lesson in lessons]
    described = [describe_lesson(lesson) for lesson in lessons]
    rows: list[dict[str, object]] = []
    for k, (others, left_out) in enumerate(StratifiedKFold(folds, shuffle=True, random_state=0).split(makams, makams)):
        known = [described[i] for i in others]
        templates = learn([lessons[i] for i in others], described=known, seed=k).templates
        rows += [answers(lessons[i], templates) for i in left_out]
        print(f"fold {k + 1} of {folds}: {templates.trust}", flush=True)
    return pd.DataFrame(rows)


def share(values: pd.Series) -> str:
    low, high = share_interval(int(values.sum()), len(values))
    return f"{100 * values.mean():.1f} % ({100 * low:.1f} to {100 * high:.1f})"


def figures(table: pd.DataFrame) -> dict[str, float]:
    clear = table[table["clear"]]
    return {
        "karar": float(table["karar"].mean()),
        "makam": float(table["top1"].mean()),
        "top3": float(table["top3"].mean()),
        "answered": float(table["clear"].mean()),
        "right_when_answered": float(clear["top1"].mean()) if len(clear) else 0.0,
    }


def report(table: pd.DataFrame) -> None:
    """Print the tables: overall, by makam, by length, and how far the probabilities can be trusted."""
    clear = table[table["clear"]]
    print(f"\n{len(table)} recordings")
    for name, column in (("karar", "karar"), ("karar among three", "karar_three"), ("karar with octave", "octave"),
                         ("makam", "top1"), ("makam among three", "top3"), ("answered", "clear"),
                         ("karar of the middle 30 s", "clip_karar")):  # fmt: skip
        print(f"  {name:26} {share(table[column])}")
    print(f"  {'right when answered':26} {share(clear['top1']) if len(clear) else 'none'}")
    print(f"  CPU seconds a recording    {table['cpu_s'].mean():.3f} (largest {table['cpu_s'].max():.3f})")
    by_makam = table.groupby("makam").agg(
        n=("top1", "size"), karar=("karar", "mean"), makam_right=("top1", "mean"), top3=("top3", "mean"),
        answered=("clear", "mean"),
    )  # fmt: skip
    taken = table[~table["top1"]].groupby("makam")["found"].agg(lambda names: names.value_counts().index[0])
    print("\n" + by_makam.assign(most_often_taken_for=taken).round(3).to_string())
    length = pd.cut(table["minutes"], [0, 2, 3, 4, 6, np.inf], labels=["< 2", "2-3", "3-4", "4-6", "> 6"])
    by_length = table.groupby(length, observed=True).agg(
        n=("top1", "size"), karar=("karar", "mean"), makam_right=("top1", "mean"), top3=("top3", "mean")
    )
    print("\n" + by_length.round(3).to_string())
    for name, right, given in (("karar", "karar", "karar_probability"), ("makam", "top1", "probability"),
                               ("karar of 30 s", "clip_karar", "clip_probability")):  # fmt: skip
        bins = pd.cut(table[given], [0, 0.3, 0.5, 0.7, 0.9, 1.0], include_lowest=True)
        trust = table.groupby(bins, observed=True).agg(n=(right, "size"), given=(given, "mean"), right=(right, "mean"))
        print(f"\n{name}: probability given, and share right\n{trust.round(3).to_string()}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--learn", type=Path)
    parser.add_argument("--shipped", action="store_true")
    parser.add_argument("--ship", action="store_true")
    parser.add_argument("--folds", type=int, default=10)
    parser.add_argument("--of", type=int, default=1)
    given = parser.parse_args()
    if given.ship:
        SHIPPED.write_bytes(templates_bytes(templates_of_theory()))
        return
    if given.folder is None:
        parser.error("Give the folder with pitch.npz and recordings.csv.")
    lessons = list(lessons_of_tracks(given.folder))[:: given.of]
    if given.shipped or given.learn:
        templates = shipped_templates() if given.shipped else learn(list(lessons_of_tracks(given.learn))).templates
        print(templates.learned_from, templates.trust)
        table = pd.DataFrame([answers(lesson, templates) for lesson in lessons])
    else:
        table = in_folds(lessons, given.folds)
    report(table)
    print(json.dumps({name: round(value, 4) for name, value in figures(table).items()}))


if __name__ == "__main__":
    main()

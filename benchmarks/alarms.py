"""False alarms a year, and the time until a real change rings, for each statistical alarm.

    python -m benchmarks.alarms [--music FOLDER] [--weeks 400]

Weeks of clips are drawn from the published table. Each clip has the answer of a model that was not trained on it
(five folds by recording). A change is measured on sound: features of the same clips before and after a phone's
microphone, and before and after MP3. The measured differences are added to the rows of the table. The clips are
synthetic, and with --music also the files of that folder, which are also the "other music". Without it, the synthetic
clips are the other music. The last line is JSON.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from core.audio.changes import through_mp3
from core.audio.decoding import Clip, decode
from core.audio.synthetic import DEMOS, render, variation
from core.dataset.loading import load_table
from core.evaluation.expectation import expectation
from core.features import extract
from core.models.bundle import load_bundle
from core.models.reference import LEVELS, Reference, make_reference, unlike_rows
from core.monitoring.chance import count_drifted, drift_limit
from core.monitoring.findings import Share, share_limit
from core.monitoring.rules import RULE_WEEKS, TOGETHER_WEEKS, Rule, chance_of
from core.schema import BY_COLUMN, COLUMNS, EMOTIONS, PROBA, SR
from core.settings import Settings
from core.training.folds import distinct_clips

CLIPS_A_WEEK = (20, 40, 100, 200)
LABELS_A_WEEK = (20, 50, 100)
OTHER_SHARE = 0.25  # of the clips that are other music
NOISE_SHARE = 0.20  # of the labels that are replaced by another emotion
USUAL_WEEKS = 8
SEEDS = range(6)  # synthetic clips of each character
VARIANTS = 4  # measured differences that each row gets


def microphone(y: np.ndarray) -> np.ndarray:
    """A phone in a room: 200 Hz to 7 kHz, a rise at 3 kHz, and noise 35 dB below the music."""
    from scipy.signal import butter, iirpeak, lfilter, sosfilt

    band = sosfilt(butter(2, [200, 7000], "bandpass", fs=SR, output="sos"), y)
    b, a = iirpeak(3000, 2, fs=SR)
    heard = band + lfilter(b, a, band)
    noise = np.random.default_rng(0).standard_normal(y.size)
    return heard + noise * np.sqrt((heard**2).mean()) * 10 ** (-35 / 20)


CHANGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "phone's microphone": microphone,
    "MP3, 64 kbit/s": lambda y: through_mp3(y, 64_000),
}


def music(folder: Path | None) -> Iterator[tuple[bool, np.ndarray]]:
    """Samples, and whether they are real music."""
    for character in DEMOS:
        for seed in SEEDS:
            yield False, render(variation(character, seed))
    for file in sorted(folder.iterdir()) if folder else ():
        yield True, decode(file.read_bytes(), file.name).clip.y


def measured(y: np.ndarray) -> np.ndarray:
    return extract(Clip("x" * 64, y, SR)).values


@dataclass(frozen=True, eq=False)
class Sounds:
    """Features of the clips, shape (clips, 50), before and after each change.  real : which clips are real music."""

    before: np.ndarray
    after: dict[str, np.ndarray]
    real: np.ndarray

    @property
    def words(self) -> str:
        return f"{(~self.real).sum()} synthetic clips" + (f", {self.real.sum()} files" if self.real.any() else "")


def sounds(folder: Path | None) -> Sounds:
    clips = list(music(folder))
    after = {name: np.array([measured(change(y)) for _, y in clips]) for name, change in CHANGES.items()}
    return Sounds(np.array([measured(y) for _, y in clips]), after, np.array([real for real, _ in clips]))


def shifted(X: np.ndarray, before: np.ndarray, after: np.ndarray, reference: Reference, rng) -> np.ndarray:
    """Rows of the table after the difference of one clip each: a ratio where the log scale is used, else a sum."""
    pick = rng.integers(0, len(before), len(X))
    logged = np.zeros(len(COLUMNS), dtype=bool)
    logged[[COLUMNS.index(c) for c in np.array(reference.used)[reference.logged]]] = True
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where((before > 0) & (after > 0), after / before, 1.0)[pick]
    changed = np.where(logged, X * ratio, X + np.nan_to_num(after - before)[pick])
    unused = [COLUMNS.index(c) for c in COLUMNS if c not in reference.used]
    changed[:, unused] = X[:, unused]
    return np.clip(changed, [BY_COLUMN[c].low for c in COLUMNS], [BY_COLUMN[c].high for c in COLUMNS])


@dataclass(frozen=True, eq=False)
class Music:
    """Clips from which weeks are drawn: features, answers of a model that did not know them, and true emotions."""

    X: np.ndarray
    proba: np.ndarray
    unlike: np.ndarray
    y: np.ndarray


def answered(conditions: dict[str, np.ndarray], clips, pipeline, used: tuple[str, ...]) -> dict[str, Music]:
    """Answers of five models, each for the clips of the recordings that it did not learn from."""
    from sklearn.base import clone
    from sklearn.model_selection import StratifiedGroupKFold

    n = len(clips.X)
    proba = {name: np.empty((len(X), 4)) for name, X in conditions.items()}
    unlike = {name: np.empty(len(X), dtype=bool) for name, X in conditions.items()}
    folds = StratifiedGroupKFold(5, shuffle=True, random_state=0).split(clips.X, clips.y, clips.group)
    for train, test in folds:
        model = clone(pipeline).fit(clips.X.iloc[train], clips.y[train])
        order = [list(model.classes_).index(e) for e in EMOTIONS]
        ignore = [c for c in COLUMNS if c not in used]
        fitted = make_reference(clips.X.iloc[train], clips.y[train], clips.group[train], ignore=ignore)
        for name, X in conditions.items():
            rows = np.flatnonzero(np.isin(np.arange(len(X)) % n, test))
            asked = pd.DataFrame(X[rows], columns=list(COLUMNS))
            proba[name][rows] = model.predict_proba(asked)[:, order]
            unlike[name][rows] = unlike_rows(X[rows], fitted)
    y = [EMOTIONS.index(e) for e in clips.y]
    return {name: Music(X, proba[name], unlike[name], np.tile(y, len(X) // n)) for name, X in conditions.items()}


def conditions(clips, found: Sounds, reference: Reference) -> dict[str, np.ndarray]:
    """Features of the table's rows without and with each change; "other music" replaces a share of the rows."""
    rng = np.random.default_rng(1)
    X = np.tile(clips.X.to_numpy(dtype=float), (VARIANTS, 1))
    every = {"nothing": X}
    for name, after in found.after.items():
        every[name] = shifted(X, found.before, after, reference, rng)
    others = found.before[found.real] if found.real.any() else found.before
    is_other = rng.random(len(X)) < OTHER_SHARE
    every["other music"] = np.where(is_other[:, None], others[rng.integers(0, len(others), len(X))], X)
    return every


def drift_rate(now: Music, usual: Music, reference: Reference, n: int, weeks: int, rng) -> float:
    """Share of the weeks that ring. The training music is drawn anew as well, because it is a sample itself."""
    limit = drift_limit(n, reference, chance=chance_of(1))
    used = [COLUMNS.index(c) for c in reference.used]
    each, rings = 20, []
    for _ in range(max(weeks // each, 1)):
        known = usual.X[rng.integers(0, len(usual.X), reference.clips)][:, used]
        batches = now.X[rng.integers(0, len(now.X), (each, n))][:, :, used]
        quantiles = np.nanquantile(known, LEVELS, axis=0)
        rings.append(count_drifted(batches, quantiles, known=reference.clips) >= limit.count)
    return float(np.mean(rings))


def share_rates(now: Music, usual: Music, reference: Reference, n: int, weeks: int, rng) -> dict[Rule, float]:
    """Share of the weeks in which the alarms about unlike clips and about unsure answers ring."""
    chance = chance_of(1)
    known = Share(round(reference.false_alarms * reference.clips), reference.clips)
    unlike_limit, _ = share_limit(known, n, chance=chance)
    rings = {Rule.UNLIKE: 0, Rule.UNSURE: 0}
    for _ in range(weeks):
        before, week = rng.integers(0, len(usual.X), USUAL_WEEKS * n), rng.integers(0, len(now.X), n)
        sure = ~usual.unlike[before]
        base = Share(int((usual.proba[before].max(axis=1) < 0.75)[sure].sum()), int(sure.sum()))
        like = ~now.unlike[week]
        unsure = int((now.proba[week].max(axis=1) < 0.75)[like].sum())
        rings[Rule.UNLIKE] += int(now.unlike[week].sum() >= unlike_limit)
        if like.any():
            rings[Rule.UNSURE] += int(unsure >= share_limit(base, int(like.sum()), chance=chance)[0])
    return {rule: count / weeks for rule, count in rings.items()}


def label_rate(now: Music, n: int, weeks: int, rng, *, noise: float = 0.0) -> float:
    """Share of the weeks in which the alarm about macro-F1 rings."""
    chance, rings = chance_of(1), 0
    for k in range(weeks):
        week = rng.integers(0, len(now.X), n)
        wrong = rng.random(n) < noise
        y = np.where(wrong, (now.y[week] + rng.integers(1, 4, n)) % 4, now.y[week])
        table = pd.DataFrame(now.proba[week], columns=list(PROBA)).assign(row=range(n), y=[EMOTIONS[v] for v in y])
        found = expectation(table, level=chance, seed=k)
        rings += int(found.f1_p <= chance)
    return rings / weeks


def rows(found: dict[str, Music], reference: Reference, weeks: int) -> Iterator[dict[str, object]]:
    """One row for each change and number of clips a week: the share of the weeks that ring, for each alarm."""
    rng = np.random.default_rng(2)
    usual = found["nothing"]
    for name, now in found.items():
        many = 10 * weeks if name == "nothing" else weeks  # false alarms are rare
        for n in CLIPS_A_WEEK:
            rates = {Rule.DRIFT: drift_rate(now, usual, reference, n, many, rng)}
            rates |= share_rates(now, usual, reference, n, many, rng)
            yield {"change": name, "a week": f"{n} clips", "n": n, **{str(r): v for r, v in rates.items()}}
    for name, now in [*found.items(), ("label noise", usual)]:
        many = 5 * weeks if name == "nothing" else weeks
        for n in LABELS_A_WEEK:
            rate = label_rate(now, n, many, rng, noise=NOISE_SHARE if name == "label noise" else 0.0)
            yield {"change": name, "a week": f"{n} labels", "n": n, str(Rule.F1): rate}


def in_words(row: pd.Series, rule: Rule) -> str:
    """False alarms a year where nothing changed, else weeks (and clips) until the alarm rings, on average."""
    rate = row.get(str(rule), np.nan)
    if np.isnan(rate):
        return ""
    if row["change"] == "nothing":
        return f"{52 * rate:.2f} a year"
    if rate < 1 / RULE_WEEKS:
        return "not seen"
    return f"{1 / rate:.1f} weeks ({row['n'] / rate:,.0f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--music", type=Path)
    parser.add_argument("--weeks", type=int, default=400)
    options = parser.parse_args()
    table = load_table(Settings(), allow_download=False)
    clips, bundle = distinct_clips(table), load_bundle(Settings().champion_dir)
    reference, measured_sounds = bundle.reference(), sounds(options.music)
    found = answered(conditions(clips, measured_sounds, reference), clips, bundle.model.pipeline, used=reference.used)
    each = pd.DataFrame(rows(found, reference, options.weeks))
    rules = [rule for rule in Rule if str(rule) in each]
    shown = each[["change", "a week"]].assign(
        **{str(r): [in_words(row, r) for _, row in each.iterrows()] for r in rules}
    )
    print(f"{datetime.now(UTC):%Y-%m-%d}. Table: {table.origin}, {len(clips.X)} distinct clips.")
    print(f"Differences measured on {measured_sounds.words}. {options.weeks} simulated weeks for each change.")
    print(f"Promised: at most {52 / RULE_WEEKS:.2f} false alarms a year each, {52 / TOGETHER_WEEKS:g} for all.")
    print(shown.to_string(index=False))
    print(json.dumps({"clips": measured_sounds.words, "rates": each.drop(columns="n").to_dict("records")}))


if __name__ == "__main__":
    main()

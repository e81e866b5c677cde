"""The pulse of rendered usuls: is the unit right, is an aksak cycle seen, and what does the tempo feature say?

    python -m benchmarks.pulse [--seconds 20] [--seed 1]

The notes of the melody and the strokes of the drum follow the cycle, with some left out and some added. A unit counts
as right within 4 %. In Sofyan and Nim Sofyan nothing sounds on every second unit, so two units are right as well.
"Eighth or quarter" is the share of pieces whose tempo feature is one or two units long. The last line is JSON.
"""

import argparse
import json
from collections.abc import Iterator

import numpy as np
import pandas as pd
import soxr

from core.features.tempo import mean_tempo
from core.makam.pulse import pulse_of
from core.makam.synthesis import VOICES, Score, drum, play
from core.makams import COMMAS, MAKAMS, USULS
from core.schema import SR

RATE = 22050
UNEVEN = {"Aksak (9/8)": 9, "Devr-i Hindi (7/8)": 7, "Curcuna (10/8)": 10}
PLAYED = ((0.117, "plucked", 0.9), (0.162, "plucked", 0.5), (0.213, "bowed", 0.5), (0.284, "blown", 0.4))
PLAYED += ((0.142, "sung", 0.4),)  # unit in seconds, voice, level of the drum


def piece(usul: str, unit_s: float, voice: str, level: float, *, seconds: float, seed: int) -> np.ndarray:
    """A melody in Hicaz whose notes begin on the strokes of a cycle, with a drum."""
    rng = np.random.default_rng(seed)
    strokes = USULS[usul]
    n = int(seconds / unit_s)
    likely = np.array([0.15 if strokes[i % len(strokes)] == "." else 0.85 for i in range(n)])
    starts = np.flatnonzero((rng.random(n) < likely) | (np.arange(n) == 0))
    heights = np.concatenate([[0], np.cumsum(MAKAMS["Hicaz"])])
    degrees = np.abs(np.cumsum(rng.choice([-1, 1], starts.size))) % 9
    commas = tuple(float(d // 7 * COMMAS + heights[d % 7]) for d in degrees)
    lengths = tuple(np.diff([*starts, n]) * unit_s)
    y = play(Score("Hicaz", 200.0, commas, lengths), VOICES[voice], sr=RATE, seed=seed)
    return y + 0.6 * level * drum(y.size, RATE, seed, unit_s=unit_s, strokes=strokes)


def pieces(seconds: float, seed: int) -> Iterator[tuple[str, float, np.ndarray]]:
    """Every usul with five voices: usul, unit in seconds, samples."""
    for j, usul in enumerate(name for name in USULS if USULS[name]):
        for i, (unit_s, voice, level) in enumerate(PLAYED):
            longer = unit_s * (1 + 0.03 * np.random.default_rng([seed, j, i]).normal())
            yield usul, longer, piece(usul, longer, voice, level, seconds=seconds, seed=seed * 100 + j * 7 + i)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rows = []
    for usul, unit_s, y in pieces(options.seconds, options.seed):
        pulse = pulse_of(y, RATE)
        ratio = pulse.unit_bpm * unit_s / 60
        allowed = (1.0, 0.5) if usul.startswith(("Sofyan", "Nim")) else (1.0,)
        tempo = 60 / mean_tempo(soxr.resample(y, RATE, SR), SR) / unit_s
        row = {"usul": usul, "unit right": any(abs(ratio / r - 1) < 0.04 for r in allowed)}
        row["cycle right"] = pulse.cycle == UNEVEN.get(usul, 0)
        row["tempo feature: eighth or quarter"] = min(abs(tempo - 1), abs(tempo / 2 - 1)) < 0.04
        rows.append(row)
    table = pd.DataFrame(rows).groupby("usul", sort=False).mean()
    print(table.round(2).to_string())
    print(json.dumps(table.mean().round(4).to_dict()))


if __name__ == "__main__":
    main()

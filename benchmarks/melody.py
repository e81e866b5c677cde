"""The melody against known scores: accuracy by instrument and by tracker, CPU, the karar from sound, hard sounds.

    pip install swift-f0[audio]          # another tracker; left out when it is not installed
    python -m benchmarks.melody [--seconds 20] [--others] [--no-karar]

Accuracy within half a comma (11.3 cents) and octave errors are shares of the time in which the melody sounds. The score
is ours, so the right pitch of every moment is known, with its glides and its vibrato. CPU is user and system time for
30 s of sound, in one thread, without compiling. The last line is JSON.
"""

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from io import BytesIO

import numpy as np
import pandas as pd
import soundfile
import soxr

from core.makam.commas import CENTS
from core.makam.karar import KararCandidate, karar_candidates
from core.makam.melody import HOP_S, REFERENCE_HZ, Melody, melody_of
from core.makam.scores import compose
from core.makam.synthesis import INSTRUMENTS, VOICES, Score, drum, play, render, true_melody
from core.makam.theory import makam_named

MAKAMS = ("Rast", "Uşşak", "Hicaz", "Hüseyni", "Saba", "Segâh", "Nihavent", "Kürdilihicazkâr", "Mahur", "Hüzzam")
KARARS = {"plucked": (82, 110, 196, 330), "bowed": (98, 196, 293, 440), "blown": (200, 330, 440, 600)}
SUNG = (85, 120, 220, 300)  # the others
Tracker = Callable[[np.ndarray, int], np.ndarray]


def compare(reference: np.ndarray, estimated: np.ndarray) -> dict[str, float]:
    """Compare two melodies in cents, NaN where nothing sounds."""
    n = min(reference.size, estimated.size)
    reference, estimated = reference[:n], estimated[:n]
    sounds = ~np.isnan(reference)
    off = np.where(np.isnan(estimated), np.inf, np.abs(estimated - reference))[sounds]
    octaves = np.abs(off[np.isfinite(off)] - np.round(off[np.isfinite(off)] / 1200) * 1200) < 50
    return {
        "half a comma": float((off <= CENTS / 2).mean()),
        "50 cents": float((off <= 50).mean()),
        "octave errors": float((octaves & (off[np.isfinite(off)] > 600)).sum() / off.size),
        "found": float(np.isfinite(off).mean()),
        "in rests": float((~np.isnan(estimated))[~sounds].mean()) if (~sounds).any() else float("nan"),
    }


def played(seconds: float, sr: int = 22050) -> Iterator[tuple[str, np.ndarray, int, np.ndarray]]:
    """Four pieces on each instrument: instrument, samples, rate, true cents."""
    for instrument in INSTRUMENTS:
        for i, hz in enumerate(KARARS.get(instrument, SUNG)):
            score = compose(makam_named(MAKAMS[(i * 3) % len(MAKAMS)]), hz * 1.013, seconds=seconds, seed=i)
            yield instrument, render(score, instrument, sr=sr, seed=i), sr, true_melody(score, instrument, seed=i).cents


def trackers(*, others: bool) -> dict[str, Tracker]:
    """Trackers by name: samples and rate to cents every ``HOP_S``."""
    found: dict[str, Tracker] = {"ours": lambda y, sr: melody_of(y, sr).cents}
    if not others:
        return found
    import librosa

    def pyin(y: np.ndarray, sr: int) -> np.ndarray:
        y = soxr.resample(y, sr, 22050)
        hz, _, _ = librosa.pyin(y, fmin=55, fmax=1760, sr=22050, frame_length=2048, hop_length=512, fill_na=np.nan)
        return 1200 * np.log2(hz / REFERENCE_HZ)

    found["librosa.pyin"] = pyin
    try:
        from swift_f0 import SwiftF0
    except ImportError:
        print("swift-f0 is not installed: left out", file=sys.stderr)
        return found
    detector = SwiftF0(threads=1, spin=False)

    def swift(y: np.ndarray, sr: int) -> np.ndarray:
        result = detector.detect(y.astype(np.float32), sr)
        at = np.arange(int(y.size / sr / HOP_S)) * HOP_S
        i = np.abs(result.timestamps[None, :] - at[:, None]).argmin(axis=1)
        return np.where(result.confidence[i] >= 0.5, 1200 * np.log2(result.pitch_hz[i] / REFERENCE_HZ), np.nan)

    found["swift-f0"] = swift
    return found


def by_instrument(tracker: Tracker, pieces: list[tuple[str, np.ndarray, int, np.ndarray]]) -> pd.DataFrame:
    """Accuracy and CPU-seconds for 30 s, one row for each instrument."""
    tracker(pieces[0][1], pieces[0][2])  # compiled and loaded
    rows = []
    for instrument, y, sr, cents in pieces:
        begin = time.process_time()
        estimated = tracker(y, sr)
        cpu = (time.process_time() - begin) * 30 / (y.size / sr)
        rows.append({"instrument": instrument, **compare(cents, estimated), "CPU-s for 30 s": cpu})
    return pd.DataFrame(rows).groupby("instrument", sort=False).mean()


def as_mp3(y: np.ndarray, sr: int) -> np.ndarray:
    """The sound after MP3 with 128 kbit/s."""
    file = BytesIO()
    soundfile.write(file, y, sr, format="MP3", bitrate_mode="CONSTANT", compression_level=0.6)
    return soundfile.read(BytesIO(file.getvalue()))[0]


def speech(seconds: float, sr: int, seed: int = 0) -> np.ndarray:
    """Sound like speech: short syllables on a gliding, falling pitch that no scale holds, and hisses between them."""
    rng = np.random.default_rng(seed)
    commas, lengths = [], []
    while sum(lengths) < seconds:
        for fall in np.linspace(8, -14, int(rng.integers(5, 12))):
            commas += [fall + rng.normal(0, 5), float("nan")]
            lengths += [float(rng.uniform(0.09, 0.2)), float(rng.uniform(0.03, 0.1))]
        lengths[-1] += 0.35
    voice = VOICES["sung"].__class__(**{**VOICES["sung"].__dict__, "vibrato_cents": 0.0, "glide_s": 0.2})
    y = play(Score("none", 120.0, tuple(commas), tuple(lengths)), voice, sr=sr, seed=seed)
    hiss = np.repeat(rng.random(y.size // (sr // 8) + 1) < 0.25, sr // 8)[: y.size]
    return 0.5 * (y + 0.05 * hiss * rng.standard_normal(y.size))


def choir(seconds: float, sr: int) -> np.ndarray:
    """Chords of eight singers, each with a pitch and a vibrato of its own."""
    rng = np.random.default_rng(4)
    chords = [(0, 17, 31, 53), (-22, 0, 22, 40), (9, 26, 40, 62), (-31, 0, 13, 31)]
    lengths = (1.5,) * round(seconds / 1.5)
    y = 0.0
    for singer in range(8):
        commas = tuple(chords[i % 4][singer % 4] + rng.normal(0, 0.5) for i in range(len(lengths)))
        y = y + play(Score("none", 165.0, commas, lengths), VOICES["sung"], sr=sr, seed=singer)
    return 0.2 * y


def hard_sounds(seconds: float = 60.0, sr: int = 22050) -> dict[str, np.ndarray]:
    """Sounds that have no karar."""
    rng = np.random.default_rng(1)
    n = round(seconds * sr)
    return {
        "silence": np.zeros(n),
        "white noise": rng.normal(0, 0.1, n),
        "brown noise": np.diff(np.cumsum(rng.normal(0, 0.01, n + 1)), prepend=0)[:n].cumsum() % 1 - 0.5,
        "percussion alone": 0.7 * drum(n, sr),
        "speech": speech(seconds, sr),
        "choir": choir(seconds, sr),
    }


def karar_of(y: np.ndarray, sr: int) -> tuple[KararCandidate, ...]:
    return karar_candidates(melody_of(y, sr))


def off_by(found: tuple[KararCandidate, ...], hz: float) -> float:
    """Cents from the first candidate to the karar, octaves left out; infinite without a candidate."""
    if not found:
        return float("inf")
    cents = 1200 * np.log2(found[0].hz / hz)
    return float(abs(cents - 1200 * round(cents / 1200)))


def karar_from_sound(seconds: float, sr: int = 16000) -> pd.DataFrame:
    """The karar of ten makams on each instrument: cents off, probability."""
    rows = []
    for instrument in INSTRUMENTS:
        for i, name in enumerate(MAKAMS):
            hz = KARARS.get(instrument, SUNG)[i % 4] * 2 ** (i / 53)
            score = compose(makam_named(name), hz, seconds=seconds, seed=100 + i)
            found = karar_of(render(score, instrument, sr=sr, seed=i), sr)
            off = off_by(found, hz)
            rows.append({"instrument": instrument, "makam": name, "cents off": off, "right": off <= 25})
            rows[-1]["a third of a comma"] = off <= CENTS / 3
            rows[-1]["probability"] = found[0].probability if found else 0.0
    return pd.DataFrame(rows)


def changed(seconds: float, sr: int = 44100) -> pd.DataFrame:
    """The karar of one piece that is changed in ways that do not change its karar, or change it in a known way."""
    makam = makam_named("Hüseyni")
    score = compose(makam, 220.0, seconds=seconds, seed=7)
    slow = Score(score.makam, score.karar_hz, score.commas, tuple(1.3 * s for s in score.seconds))
    y = render(score, "sung", sr=sr)
    cut = y[: -2 * sr]
    sounds = {"as it is": (y, sr, 220.0), "40 dB quieter": (0.01 * y, sr, 220.0)}
    sounds["MP3 128"] = (as_mp3(y, sr), sr, 220.0)
    sounds |= {f"{rate} Hz": (soxr.resample(y, sr, rate), rate, 220.0) for rate in (8000, 11025, 16000, 22050)}
    for name, hz in {
        "A = 415 Hz": 220 * 415 / 440,
        "A = 446 Hz": 220 * 446 / 440,
        "7 commas up": 220 * 2 ** (7 / 53),
    }.items():
        sounds[name] = (render(Score(score.makam, hz, score.commas, score.seconds), "sung", sr=sr), sr, hz)
    sounds["3 % fast"] = (soxr.resample(y, sr, sr / 1.03), sr, 220 * 1.03)
    sounds["slower by 30 %"] = (render(slow, "sung", sr=sr), sr, 220.0)
    sounds["without its last note"] = (cut, sr, 220.0)
    rows = []
    for name, (sound, rate, hz) in sounds.items():
        found = karar_of(sound, rate)
        probability = found[0].probability if found else 0.0
        rows.append({"sound": name, "cents off": off_by(found, hz), "probability": probability})
    return pd.DataFrame(rows).set_index("sound")


def without_karar() -> pd.DataFrame:
    """What is said about sounds that have no karar."""
    rows = []
    for name, y in hard_sounds().items():
        melody: Melody = melody_of(y, 22050)
        found = karar_candidates(melody)
        row = {"sound": name, "melody in": float(melody.voiced.mean()), "confidence": float(melody.confidence.mean())}
        rows.append({**row, "probability": found[0].probability if found else 0.0})
    return pd.DataFrame(rows).set_index("sound")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0, help="length of the pieces for the accuracy")
    parser.add_argument("--others", action="store_true", help="measure librosa.pyin and swift-f0 too (slow)")
    parser.add_argument("--no-karar", action="store_true", help="measure the melody only")
    options = parser.parse_args()
    pieces = list(played(options.seconds))
    result: dict[str, object] = {}
    for name, tracker in trackers(others=options.others).items():
        table = by_instrument(tracker, pieces)
        print(f"\n{name}\n{table.round(3).to_string()}\nmean  {table.mean().round(3).to_dict()}")
        result[name] = table.round(4).to_dict("index")
    if not options.no_karar:
        found = karar_from_sound(130.0)
        rates = found.groupby("instrument", sort=False)[["right", "a third of a comma", "probability"]].mean()
        print(f"\nThe karar from sound, ten makams\n{rates.round(3).to_string()}")
        print(found[~found.right].to_string())
        print(f"\nThe same piece, changed\n{changed(130.0).round(2).to_string()}")
        print(f"\nSounds without a karar\n{without_karar().round(3).to_string()}")
        result |= {
            "karar": float(found.right.mean()),
            "karar within a third": float(found["a third of a comma"].mean()),
        }
    print(json.dumps(result))


if __name__ == "__main__":
    main()

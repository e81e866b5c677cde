"""CPU-seconds of the 50 features by chapter, beside what other installable software takes on the same clip.

    pip install librosa opensmile        # the peers; each is left out when it is not installed
    python -m benchmarks.features [CLIP] [--runs 5]

One process, one thread, alternating runs, user + system time of this process; the median and the lowest run are
printed, and the ratio to our extractor. Peers compute fewer and other numbers: they show what a usual call costs, not
the same result faster or slower.
"""

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_name] = "1"

import argparse
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
import numpy as np
import soundfile

from core.audio import encoding, synthetic
from core.audio.decoding import Clip, decode
from core.features import dynamics, extract, rhythm, timbre, tonality


def parts(data: bytes) -> dict[str, Callable[[], object]]:
    """What is timed, by name; every call takes the clip from its bytes or samples to its result."""
    recording = decode(data, "clip.wav")
    y, sr = recording.clip.y, recording.clip.sr
    return {
        "decode WAV": lambda: decode(data, "clip.wav"),
        "dynamics (RMS, low energy, zero crossings)": lambda: dynamics.measure(y, sr),
        "rhythm (events, attacks, tempo, pulse, fluctuation)": lambda: rhythm.measure(y, sr),
        "timbre (spectrum, MFCC, roughness)": lambda: timbre.measure(y, sr),
        "tonality (chroma, harmonic change)": lambda: tonality.measure(y, sr),
        "all 50, decoding included": lambda: extract(decode(data, "clip.wav").clip),
    }


def peers(clip: Clip) -> dict[str, Callable[[], object]]:
    """Usual calls of other software on the same samples."""
    found: dict[str, Callable[[], object]] = {}
    y32 = clip.y.astype(np.float32)
    try:
        import librosa
    except ImportError:
        print("librosa is not installed: left out", file=sys.stderr)
    else:

        def usual() -> None:
            f = librosa.feature
            f.rms(y=y32)
            f.zero_crossing_rate(y32)
            f.mfcc(y=y32, sr=clip.sr, n_mfcc=13)
            f.chroma_stft(y=y32, sr=clip.sr)
            for call in (f.spectral_centroid, f.spectral_bandwidth, f.spectral_rolloff):
                call(y=y32, sr=clip.sr)
            f.spectral_flatness(y=y32)
            f.tonnetz(y=y32, sr=clip.sr, chroma=f.chroma_stft(y=y32, sr=clip.sr))
            librosa.beat.beat_track(y=y32, sr=clip.sr)
            librosa.onset.onset_detect(y=y32, sr=clip.sr)

        def with_hpss() -> None:
            librosa.effects.hpss(y32)
            usual()

        found |= {"librosa, usual calls (float32)": usual, "librosa with HPSS (float32)": with_hpss}
    try:
        import opensmile
    except ImportError:
        print("opensmile is not installed: left out", file=sys.stderr)
    else:
        smile = opensmile.Smile(
            feature_set=opensmile.FeatureSet.eGeMAPSv02, feature_level=opensmile.FeatureLevel.Functionals
        )
        found["openSMILE, eGeMAPS functionals"] = lambda: smile.process_signal(y32, clip.sr)
    return found


def measure(calls: dict[str, Callable[[], object]], runs: int) -> dict[str, list[float]]:
    """CPU-seconds of each call in each run; runs alternate, so that a slow minute of the machine meets all."""
    for call in calls.values():
        call()
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(runs):
        for name, call in calls.items():
            begin = time.process_time()
            call()
            seconds[name].append(time.process_time() - begin)
    return seconds


def new_process(path: Path) -> tuple[float, float]:
    """CPU-seconds and peak memory in MB of a new process that extracts one clip, kernels' cache in place."""
    command = [sys.executable, "-m", "core", "features", str(path)]
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True)  # makes the cache where it is missing
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    probe = "import runpy, sys; sys.argv = ['core', 'features', sys.argv[1]]\ntry: runpy.run_module('core', run_name='__main__')\nexcept SystemExit: pass\nprint(next(l for l in open('/proc/self/status') if 'VmHWM' in l).split()[1], file=sys.stderr)"  # noqa: E501
    run = subprocess.run([sys.executable, "-c", probe, str(path)], cwd=ROOT, capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, int(run.stderr.split()[-1]) / 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", nargs="?", type=Path, help="30 s of WAV; a synthetic clip is made without it")
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    data = (
        arguments.clip.read_bytes()
        if arguments.clip
        else encoding.wav(synthetic.render(synthetic.DEMOS["happy"], seconds=30))
    )
    clip = decode(data, "clip.wav").clip
    ours = parts(data)
    seconds = measure(ours | peers(clip), arguments.runs)
    total = statistics.median(seconds["all 50, decoding included"])
    print(f"clip: {clip.duration_s:.1f} s, {arguments.runs} runs\n")
    print("| part | median CPU-s | lowest | ratio to all 50 |\n|---|---|---|---|")
    for name, values in seconds.items():
        middle = statistics.median(values)
        print(f"| {name} | {middle:.3f} | {min(values):.3f} | {middle / total:.2f} |")
    path = Path(os.environ.get("TMPDIR", "/tmp")) / f"benchmark-{os.getpid()}.wav"
    soundfile.write(path, clip.y, clip.sr, subtype="PCM_16")
    try:
        cpu, peak = new_process(path)
    finally:
        path.unlink()
    print(f"\nnew process, first clip: {cpu:.2f} CPU-s, peak memory {peak:.0f} MB")


if __name__ == "__main__":
    main()

"""What decoding costs by format: processor time and peak memory, for a clip of 30 s and for 40 minutes.

    python -m benchmarks.decoding [--minutes 40] [--formats m4a mp3]

The middle 30.02 s are read, as from an upload. Each measurement runs in a process of its own, whose memory before the
file is told as well; then the same clip is read through the decoder's process, and the time on the clock is told.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.audio_files import NAMES, made
from core.audio.decoding import EXCERPT_S, decode

ONE = """
import re, sys, time
from pathlib import Path
from core.audio import av_decoding, formats, opening
peak = lambda: int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1000
before = peak()
data = Path(sys.argv[1]).read_bytes()
started = time.process_time()
opened = opening.open_file(data, formats.identify(data))
header = opened.header
wanted = min(header.frames, round(float(sys.argv[2]) * header.sr))
got = sum(len(block) for block in opened.blocks((header.frames - wanted) // 2, wanted))
assert abs(got - wanted) < 5000, (got, wanted)
print(f"{time.process_time() - started:.3f} {before:.0f} {peak():.0f}")
"""


def measured(data: bytes) -> tuple[float, float, float]:
    """Processor time in s, and peak memory before and after, in MB."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        run = subprocess.run(
            [sys.executable, "-c", ONE, file.name, str(EXCERPT_S)],
            cwd=Path(__file__).resolve().parent.parent,
            capture_output=True,
            text=True,
            check=True,
        )
    cpu, before, after = map(float, run.stdout.split())
    return cpu, before, after


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=40)
    parser.add_argument("--formats", nargs="*", default=NAMES)
    args = parser.parse_args()
    print("| format | length | size (MB) | CPU (s) | memory before, peak (MB) | through the process, warm (s) |")
    print("|---|---|---|---|---|---|")
    for name in args.formats:
        for seconds in (30.0, 60 * args.minutes):
            if seconds > 30 and name not in ("m4a", "mp3", "aac", "opus"):
                continue
            data = made(name, seconds, 2)
            cpu, before, after = measured(data)
            decode(made("aac"), "warm")
            started = time.perf_counter()
            decode(data, name)
            took = time.perf_counter() - started
            length = f"{seconds / 60:g} min" if seconds > 30 else "30 s"
            print(f"| {name} | {length} | {len(data) / 1e6:.1f} | {cpu:.3f} | {before:.0f}, {after:.0f} | {took:.2f} |")
            made.cache_clear()


if __name__ == "__main__":
    main()

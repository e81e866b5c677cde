"""A new server: how long until it is ready, until the first clip is decided and explained, and the next ones.

    python -m benchmarks.start [--clips 5] [--against FOLDER]

The server starts with an empty data folder. A visitor opens Predict and sends a clip as soon as the server says that it
is ready (version 0.2 says so at once), then further ones. Wall-clock seconds from the upload, and CPU seconds of the
server. FOLDER is another checkout, which is measured in the same run. The last line is JSON.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.visitors import Seen, clips, cpu_s, server, visit
from core.settings import ROOT

DECISION = "### "  # the message box of a decision starts with it


def measure(root: Path, count: int) -> dict[str, float]:
    files = list(clips(count + 1))
    with server(root=root) as running:
        start_s = cpu_s(running)
        with visit(running.port) as visitor:
            seen: list[Seen] = []
            for data, name in files:
                visitor.file = None
                before_s = cpu_s(running)
                seen.append(visitor.upload(data, name))
                last_s = cpu_s(running) - before_s
                if len(seen) == 1:
                    first_s = last_s
            memory = running.memory()
    first, *others = seen
    return {
        "ready": running.ready_s,
        "ready, CPU-s": start_s,
        "first clip: decision": first.seconds_to(DECISION),
        "first clip: page": first.seconds,
        "first clip: CPU-s": first_s,
        "next clips: decision": np.median([s.seconds_to(DECISION) for s in others]),
        "next clips: page": np.median([s.seconds for s in others]),
        "last clip: CPU-s": last_s,
        "MB": memory.own,
        "all MB": memory.all,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=5, help="clips after the first one")
    parser.add_argument("--against", type=Path, help="another checkout")
    chosen = parser.parse_args()
    places = {"before": chosen.against.resolve()} if chosen.against else {}
    places["now"] = ROOT
    found = {name: measure(root, chosen.clips) for name, root in places.items()}
    print(pd.DataFrame(found).map(lambda v: f"{v:.2f}" if v < 100 else f"{v:.0f}").to_string())
    print(json.dumps({name: {k: round(float(v), 3) for k, v in line.items()} for name, line in found.items()}))


if __name__ == "__main__":
    main()

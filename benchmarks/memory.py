"""Memory of a running server while visitors hold uploads, and after they have left.

    python -m benchmarks.memory [--visitors 4] [--files 3] [--mb 30] [--rounds 2]

It starts the dashboard on this machine with an empty data folder. In each round, visitors open the Predict page, send
files and close the page. Each visitor also sends one file more than a visitor may hold, which must be refused with
status 413. Then the script waits until the server has forgotten the visitors (about two minutes). The memory is the
resident set of the server's process. It exits with status 1 if the server still holds half of the uploads at the end.
"""

import argparse
import os
import sys
import time
from contextlib import ExitStack

from benchmarks.visitors import server, visit
from pages.shared.limits import FREED_AFTER_S


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--visitors", type=int, default=4)
    parser.add_argument("--files", type=int, default=3, help="files of each visitor")
    parser.add_argument("--mb", type=int, default=30, help="size of each file")
    parser.add_argument("--rounds", type=int, default=2)
    chosen = parser.parse_args()
    own_mb, data = chosen.files * chosen.mb, os.urandom(chosen.mb * 1_000_000)
    all_mb = chosen.visitors * own_mb
    held_mb = max(2 * (own_mb + 1), all_mb + 1)  # a visitor may hold half of it
    with server({"TME_MAX_HELD_MB": str(held_mb)}) as running:

        def memory(what: str) -> float:
            now = running.memory().own
            print(f"{what:<64} {now:6,.0f} MB", flush=True)
            return now

        with visit(running.port):  # loads the libraries and the model
            pass
        before = after = memory("before, after the first visit")
        for k in range(1, chosen.rounds + 1):
            with ExitStack() as pages:
                visitors = [pages.enter_context(visit(running.port)) for _ in range(chosen.visitors)]
                for visitor in visitors:
                    said = {visitor.send(data, f"{n}.wav")[0] for n in range(chosen.files)}
                    assert said == {204}, said
                memory(f"round {k}: {chosen.visitors} visitors hold {all_mb} MB")
                refused = {visitor.send(bytes(held_mb * 500_000), "more.wav") for visitor in visitors}
                print(*(f"  one file more: {status} {words}" for status, words in refused), sep="\n")
                memory(f"round {k}: after one file more of each visitor")
            time.sleep(FREED_AFTER_S + 10)
            after = memory(f"round {k}: {FREED_AFTER_S + 10} s after they closed their pages")
    sys.exit(after - before > all_mb / 2)


if __name__ == "__main__":
    main()

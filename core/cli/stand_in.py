"""Write the summary statistics behind the synthetic stand-in again: ``python -m core.cli.stand_in``."""

import json

from core.atomic import replace_file
from core.dataset.loading import load_table
from core.dataset.stand_in import SUMMARY_FILE, summarise
from core.settings import Settings


def main() -> None:
    """Write the statistics of the published table to `core.dataset.stand_in.SUMMARY_FILE`."""
    table = load_table(Settings(), allow_download=True)
    if table.synthetic:
        raise SystemExit(f"The published table is needed but not available. {table.note}")
    summary = summarise(table.frame)
    text = json.dumps(summary, separators=(",", ":")).replace('"emotions"', '\n"emotions"').replace('],"', '],\n"')
    replace_file(SUMMARY_FILE, text.encode() + b"\n")


if __name__ == "__main__":
    main()

"""The tab Slices of the Monitoring page: where the model is unsure, wrong or slow."""

import pandas as pd
import streamlit as st

from core.monitoring import health, quality
from pages.figures import monitoring as figures
from pages.shared import show
from pages.views.monitoring import parts, tables
from pages.views.monitoring.parts import Seen

BY = {  # words on the page -> name in core
    "Makam": "makam",
    "Usul": "usul",
    "Tempo": "tempo",
    "Length": "length",
    "Era": "era",
    "Source": "source",
    "How it came": "way",
    "Model": "model_version",
}
MOST = 15  # slices in a figure
FEW = 30  # clips; the figures of smaller slices are marked


def show_slices(seen: Seen) -> None:
    """Ask for what to slice by, and show how unsure, how right and how fast the program is in each slice."""
    asked = st.pills("Slice by", list(BY), default="Makam", key="slice", bind="query-params", required=True)
    by = BY[str(asked)]
    table = tables.slices(*seen.key, by, seen.store)
    if table.empty:
        parts.nothing_yet("Each group of scored clips gets a line here,", "after the first clip was scored.")
        return
    right = quality.right_by_slice(tables.labelled(*seen.key, seen.store), by)
    table = quality.with_right(table, right)
    show.chart(
        figures.by_slice(
            table.head(MOST).assign(n=table["clips"]),
            "unsure",
            "low",
            "high",
            title="How often unsure",
            axis="share unsure",
        ),
        key="monitoring_unsure-by-slice",
        alt=f"Share of unsure answers by {asked}",
    )
    known = table[table["labelled"] > 0].head(MOST)
    if len(known):
        show.chart(
            figures.by_slice(
                known.assign(n=known["labelled"]),
                "right",
                "right_low",
                "right_high",
                title="How often right, on labelled clips",
                axis="share right",
            ),
            key="monitoring_right-by-slice",
            alt=f"Share of right guesses by {asked}",
        )
    if table["clips"].sum() == health.MOST_SLICED:
        st.caption(f"Of the clips of this period, the newest {health.MOST_SLICED:,} are counted here.")
    _table(table, str(asked))
    show.download(table, f"monitoring_by-{by}", rows=parts.rows_in_words(seen))
    st.caption(
        f"Intervals: 95 %. Groups with fewer than {FEW} clips say little. With many groups, one of them differs by "
        "chance: look again at a later period before you act. Not stored: the clip was scored on Predict, and nobody "
        "had it stored. Makam, usul and year come from tags and from people, as on the page Library."
    )


def _table(table: pd.DataFrame, asked: str) -> None:
    shown = pd.DataFrame(
        {
            asked.lower(): table["slice"],
            "clips": table["clips"],
            "share": 100 * table["share"],
            "unsure": [parts.share(*row) for row in table[["unsure", "low", "high"]].itertuples(index=False)],
            "unlike the training music": 100 * table["unlike"],
            "half faster than (s)": table["p50"],
            "95 % faster than (s)": table["p95"],
            "labelled": table["labelled"],
            "right": [parts.share(*row) for row in table[["right", "right_low", "right_high"]].itertuples(index=False)],
            "promised": 100 * table["promised"],
        }
    )
    seconds = st.column_config.NumberColumn(format="%.2f")
    show.frame(
        shown,
        hide_index=True,
        alt=f"Figures by {asked}",
        column_config={
            "share": parts.percent_column("share"),
            "unsure": st.column_config.TextColumn(help=parts.HINTS["unsure"]),
            "unlike the training music": parts.percent_column("unlike the training music"),
            "half faster than (s)": seconds,
            "95 % faster than (s)": st.column_config.NumberColumn(format="%.2f", help=parts.HINTS["p95"]),
            "right": st.column_config.TextColumn(help="Share of the labelled recordings whose guess was right."),
            "promised": parts.percent_column("promised", "Mean of the model's highest probability on these clips."),
        },
    )

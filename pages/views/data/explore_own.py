"""The view of the Explore page that compares own recordings with the published table."""

import pandas as pd
import streamlit as st

from core.dataset import own_and_published
from core.dataset.open_tables import OpenTable, without_copies
from core.errors import CoreError
from core.schema import COLUMNS
from core.wording import counted, whole_percent
from pages.figures import dataset
from pages.shared import show
from pages.views.data.explore_rows import Shown, named_first, with_row_numbers

_NUMBER = st.column_config.NumberColumn
# In the order of display: what a person looks for is visible without scrolling at 1440 pixels.
COMPARED = {
    "feature": st.column_config.TextColumn(pinned=True),
    "unit": st.column_config.TextColumn(),
    "median_own": _NUMBER("own median", format="%.4g", help="Half of your values are below it."),
    "median_published": _NUMBER("published median", format="%.4g", help="Half of the published values are below it."),
    "delta": _NUMBER(
        "Cliff's delta",
        format="%.2f",
        help="Own against published: 0 = no difference, 1 = every own value is larger, -1 = every one is smaller.",
    ),
    "delta_low": _NUMBER("95 % from", format="%.2f", help="Lower end of the 95 % interval of Cliff's delta."),
    "delta_high": _NUMBER("95 % to", format="%.2f", help="Upper end of the 95 % interval of Cliff's delta."),
    "percentile": _NUMBER("below own median", format="%.0f %%", help="Share of the published values below it."),
    "out": _NUMBER("outside", format="%.0f %%", help="Share of your values outside the published range."),
    "farthest": _NUMBER(
        "farthest (sd)",
        format="%.2f",
        help="Largest distance of one of your values from the published range, in standard deviations of the published "
        "values. Features without an upper limit have robust deviations, most of them on a logarithmic scale. Features "
        "between 0 and 1, and values that have no logarithm, have ordinary ones.",
    ),
    "low": _NUMBER("published lowest", format="%.4g"),
    "high": _NUMBER("published highest", format="%.4g"),
    "n_own": _NUMBER("own values", help="Number of known values in your table."),
    "n_published": _NUMBER("published values", help="Number of known values in the published table."),
}


def own_and_published_views(rows: Shown, published: OpenTable) -> None:
    """Show where the own rows are in the published table, what is out of its range, and a map of both."""
    if rows.data_hash == published.content_hash:
        st.info(
            "Choose one of your own tables under Table. This view compares it with the published table.",
            icon=":material/compare_arrows:",
        )
        return
    theirs = without_copies(published.frame)
    try:
        features = own_and_published.compare_features(rows.frame, theirs)
        clips = own_and_published.compare_rows(rows.frame, theirs)
        seen = own_and_published.map_of_both(rows.frame, theirs)
    except CoreError as error:
        st.info(str(error), icon=":material/info:")
        return
    if published.synthetic:
        st.warning("The published table is not available: these are synthetic rows.", icon=":material/science:")
    _range(rows, features, clips, published_hash=published.content_hash)
    _map(rows, seen)


def _range(rows: Shown, features: pd.DataFrame, clips: pd.DataFrame, *, published_hash: str) -> None:
    outside, wide = int((clips["out"] > 0).sum()), features[features["out"] > 0]
    st.markdown(
        f"**{outside} of {counted(len(clips), 'row')} ({whole_percent(outside / max(1, len(clips)))}) have a value "
        f"outside the range of the published table**, in {len(wide)} of {len(COLUMNS)} features."
    )
    st.caption(
        "The largest differences are first. Point at a heading to read its meaning. A model knows the published range "
        "only: it is less sure outside."
    )
    show.frame(
        features.assign(percentile=100 * features["percentile"], out=100 * features["out"])[list(COMPARED)],
        hide_index=True,
        alt="Own values against the published values, feature by feature",
        column_config=COMPARED,
    )
    compared = f"{rows.about}; compared with the published table, data {published_hash}"
    headings = {"percentile": "published share below own median", "out": "share outside", "farthest": "farthest (sd)"}
    show.download(features.rename(columns=headings), rows.name("own-and-published"), rows=compared)
    st.header("Rows outside the published range")
    about = named_first(rows.frame)
    found = clips[clips["out"] > 0].rename(
        columns={"out": "features out", "farthest": "farthest (sd)", "feature": "farthest feature"}
    )
    far = found.join(rows.frame[[c for c in about if c not in found]])
    st.dataframe(far, alt="Rows outside the published range, farthest first")
    show.download(with_row_numbers(far), rows.name("rows-out-of-range"), rows=compared)


def _map(rows: Shown, seen: own_and_published.Projection) -> None:
    st.header("Both on one map")
    show.chart(
        dataset.projection(seen.points, x="pc1", y="pc2", shares=(seen.explained[0], seen.explained[1])),
        key=rows.name("map-of-both"),
        alt=f"{len(rows.frame)} own rows and the published rows on two principal components",
        data=seen.points,
    )
    st.caption("The published rows decide the axes; the own rows are put among them.")

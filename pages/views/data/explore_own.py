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
from pages.views.data.explore_rows import Shown, with_row_numbers


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
    _range(rows, features, clips)
    _map(rows, seen)


def _range(rows: Shown, features: pd.DataFrame, clips: pd.DataFrame) -> None:
    outside, wide = int((clips["out"] > 0).sum()), features[features["out"] > 0]
    st.markdown(
        f"**{outside} of {counted(len(clips), 'row')} ({whole_percent(outside / max(1, len(clips)))}) have a value "
        f"outside the range of the published table**, in {len(wide)} of {len(COLUMNS)} features."
    )
    st.caption(
        "percentile: share of the published values below the own median. out: share of the own values outside the "
        "published range. farthest: largest distance from this range, in standard deviations of the published values "
        "(robust, on a logarithmic scale for features without an upper limit). delta: Cliff's delta of own against "
        "published with its 95 % interval; 0 = no difference, 1 = every own value is larger. A model knows the "
        "published range only: it is less sure outside."
    )
    st.dataframe(
        features,
        hide_index=True,
        alt="Own values against the published values, feature by feature",
        column_config={
            "percentile": st.column_config.NumberColumn(format="percent"),
            "out": st.column_config.NumberColumn(format="percent"),
            **{
                n: st.column_config.NumberColumn(format="%.2f")
                for n in ("farthest", "delta", "delta_low", "delta_high")
            },
        },
    )
    show.download(features, show.file_name("own-and-published", data_hash=rows.data_hash))
    st.header("Rows outside the published range")
    about = [c for c in rows.frame.columns if c not in COLUMNS]
    found = clips[clips["out"] > 0].rename(columns={"out": "features out", "feature": "farthest feature"})
    far = found.join(rows.frame[[c for c in about if c not in found]])
    st.dataframe(far, alt="Rows outside the published range, farthest first")
    show.download(with_row_numbers(far), show.file_name("rows-out-of-range", data_hash=rows.data_hash))


def _map(rows: Shown, seen: own_and_published.Projection) -> None:
    st.header("Both on one map")
    show.chart(
        dataset.projection(seen.points, x="pc1", y="pc2", shares=(seen.explained[0], seen.explained[1])),
        key=show.file_name("map-of-both", data_hash=rows.data_hash),
        alt=f"{len(rows.frame)} own rows and the published rows on two principal components",
        data=seen.points,
    )
    st.caption("The published rows decide the axes; the own rows are put among them.")

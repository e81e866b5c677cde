"""Views of one table on the Explore page. Each view gets rows from core and shows them."""

from collections.abc import Hashable
from typing import Any

import pandas as pd
import streamlit as st

from core.dataset import citing, exploration
from core.errors import CoreError
from core.musical_words import explained
from core.schema import BY_COLUMN, COLUMNS, FEATURES, GROUPS, PITCH_IS_ABSOLUTE, data_dictionary, readable
from core.wording import tenth_percent
from pages.figures import dataset
from pages.shared import show
from pages.views.data.explore_rows import Shown, named_first, reasons, with_row_numbers

CHROMA = "_Chromagram_Mean_1"


def relations(rows: Shown) -> None:
    """Show the correlations between the features."""
    left, right = st.columns([2, 3], vertical_alignment="bottom")
    method = left.selectbox(
        "Correlation",
        list(exploration.CORRELATIONS),
        format_func=exploration.CORRELATIONS.__getitem__,
        key="correlation",
        bind="query-params",
    )
    groups = right.multiselect(
        "Groups of features", GROUPS, key="groups", bind="query-params", placeholder="All 50 features"
    )
    columns = [f.column for f in FEATURES if f.group in (groups or GROUPS)]
    if len(rows.frame) < 3 or len(columns) < 2:
        st.info("A correlation needs at least three rows and two features. Widen the filters.", icon=":material/info:")
        return
    correlation = exploration.correlations(rows.frame, columns=columns, method=method)
    pairs = exploration.strongest_pairs(correlation)
    name = rows.name(f"correlation-{method}")
    strongest = f"; the strongest pair is {pairs['first'][0]} and {pairs['second'][0]}" if len(pairs) else ""
    show.chart(
        dataset.correlation_map(correlation, name=exploration.CORRELATIONS[method]),
        key=name,
        alt=f"Heat map of correlations between {len(columns)} features{strongest}",
        data=correlation.rename(index=readable, columns=readable),
    )
    st.caption("Columns and rows have the same order. Point at a cell to see its two features.")
    st.markdown("**Strongest pairs**: these features carry nearly the same information.")
    show.frame(
        pairs,
        hide_index=True,
        alt="Strongest correlations",
        column_config={"correlation": st.column_config.NumberColumn(format="%.2f")},
    )
    show.download(pairs, f"{name}_pairs")


def projection(rows: Shown) -> None:
    """Show the clips on two principal components."""
    try:
        components = exploration.project(rows.frame, rows.groups)
    except CoreError as error:
        st.info(str(error), icon=":material/info:")
        return
    axes = [f"pc{i + 1}" for i in range(len(components.explained))]
    left, right = st.columns(2)
    x = left.selectbox("Horizontal axis", axes, format_func=str.upper, key="across", bind="query-params")
    y = right.selectbox("Vertical axis", axes, index=1, format_func=str.upper, key="up", bind="query-params")
    shares = components.explained[axes.index(x)], components.explained[axes.index(y)]
    st.caption(
        "Clips with similar features are close together on this map. It is a principal component analysis (PCA) of "
        f"all 50 features as z-scores: {x.upper()} shows {tenth_percent(shares[0])} of the variance"
        + (f", {y.upper()} shows {tenth_percent(shares[1])}. " if y != x else ". ")
        + "A missing value is replaced by the median of its feature. Groups that overlap on the map can still be "
        "separate when all 50 features are used."
    )
    show.chart(
        dataset.projection(components.points, x=x, y=y, shares=shares),
        key=rows.name(f"projection-{x}-{y}"),
        alt=f"Scatter plot of {len(components.points)} clips on principal components {x[2:]} and {y[2:]}, one symbol "
        f"and colour for each {rows.group}",
        data=components.points,
    )
    st.markdown("**Features of each axis**: those with the largest weights.")
    for axis in dict.fromkeys((x, y)):
        weights = components.loadings.sort_values(axis, key=abs, ascending=False).head(6)
        st.caption(
            f"{axis.upper()}: "
            + ", ".join(f"{f} ({w:+.2f})" for f, w in zip(weights.feature, weights[axis], strict=True))
        )
    show.download(components.loadings, rows.name("projection-weights"), label="Weights as CSV")


def outliers(rows: Shown) -> None:
    """Show values far from the median of their feature."""
    limit = st.slider(
        "Smallest robust z of an outlier",
        2.5,
        8.0,
        exploration.OUTLIER,
        0.5,
        key="limit",
        bind="query-params",
        help="Distance from the feature's median in robust standard deviations (median absolute deviation). Features "
        "without an upper limit use a logarithmic scale. Ratios between 0 and 1 are not checked.",
    )
    table = exploration.outliers(rows.frame, rows.groups, limit=limit)
    if table.empty:
        st.info("No value is so far from the median of its feature. Lower the limit to see more values.")
        return
    st.caption(
        f"{len(table)} values in {table['row'].nunique()} rows. An outlier is worth a check; it need not be an error."
    )
    show.chart(
        dataset.outlier_map(table, limit=limit),
        key=rows.name("outliers-by-feature"),
        alt=f"{len(table)} outliers by feature; most in {table['feature'].value_counts().index[0]}",
    )
    show.frame(
        table.drop(columns="column").assign(**reasons(rows, table["row"])),
        hide_index=True,
        alt="Outliers",
        column_config={
            "group": rows.group,
            "why": show.reasons_column(),
            "value": st.column_config.NumberColumn(format="%.4g"),
            "median": st.column_config.NumberColumn(format="%.4g"),
            "score": st.column_config.NumberColumn("robust z", format="%.1f"),
        },
    )
    show.download(table, rows.name("outliers"))


def every_row(rows: Shown) -> None:
    """Show the rows, each with a link to its reasons if it has any."""
    links = pd.DataFrame(reasons(rows, rows.frame.index.to_series()), index=rows.frame.index)
    st.dataframe(
        links.join(rows.frame[[*named_first(rows.frame), *COLUMNS]]),
        column_config={f.column: st.column_config.NumberColumn(readable(f.column), help=explained(f)) for f in FEATURES}
        | {"why": show.reasons_column()},
        alt="Rows of the table",
        height=420,
    )
    show.download(with_row_numbers(rows.frame), rows.name("rows"))


def dictionary() -> None:
    """Show the data dictionary of the 50 features."""
    groups = st.pills(
        "Groups",
        GROUPS,
        selection_mode="multi",
        key="dictionary_groups",
        help="If none is chosen, all groups are shown.",
    )
    table = data_dictionary().merge(citing.feature_sources(), on="column")
    table = table[table["group"].isin(groups or GROUPS)]
    for group, features in table.groupby("group", sort=False):
        st.header(f"{str(group)[:1].upper()}{str(group)[1:]}")
        if group == BY_COLUMN[CHROMA].group:
            st.caption(f"For makams: {PITCH_IS_ABSOLUTE}")
        st.markdown("\n".join(f"- {_entry(feature)}" for feature in features.to_dict("records")))
    st.page_link(
        "pages/makam.py",
        label="Hear a low and a high example of each feature",
        icon=":material/hearing:",
        query_params={"words_of": "The 50 features"},
    )
    show.download(table, "data-dictionary")


def _entry(feature: dict[Hashable, Any]) -> str:
    """One feature as text that wraps at every width: name, meaning, range, column and source."""
    low, high = (f"{feature[end]:.6g}" for end in ("low", "high"))
    limits = f"{low} to {high}".replace("-inf", "no lower limit").replace("inf", "no upper limit")
    return (
        f"**{readable(feature['column'])}**: {feature['meaning']} Possible: {limits}. "
        f"Column `{feature['column']}`. MIRtoolbox function `{feature['function']}`: {feature['source']}"
    )

"""Views of one table on the Explore page. Each view gets a table from core and shows it."""

import pandas as pd
import streamlit as st

from core.dataset import exploration
from core.errors import CoreError
from core.schema import BY_COLUMN, COLUMNS, EMOTIONS, FEATURES, GROUPS, LABEL, data_dictionary, readable
from core.wording import tenth_percent
from pages.figures import dataset, style
from pages.shared import show

KINDS = {"violin": "Violin", "box": "Box", "strip": "Points"}


def filters(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows that pass the filters; may be empty."""
    with st.expander("Filter rows", icon=":material/filter_alt:"):
        emotions = st.pills(
            "Emotions",
            EMOTIONS,
            selection_mode="multi",
            default=EMOTIONS,
            key="emotions",
            bind="query-params",
            help="Show only rows with these labels.",
        )
        columns = st.multiselect(
            "Features to filter by",
            COLUMNS,
            format_func=readable,
            max_selections=5,
            key="filter_by",
            bind="query-params",
            placeholder="None: all values",
            help="Each feature adds a range. Rows without a value for it are left out.",
        )
        ranges = {column: _range(frame, column) for column in columns if frame[column].min() < frame[column].max()}
    kept = exploration.filter_rows(frame, emotions=emotions, ranges=ranges)
    if len(kept) < len(frame):
        st.caption(f"Filtered: {len(kept)} of {len(frame)} rows.")
    return kept


def _range(frame: pd.DataFrame, column: str) -> tuple[float, float]:
    low, high = float(frame[column].min()), float(frame[column].max())
    return st.slider(readable(column), low, high, (low, high), key=f"range_{column}")


def emotions(frame: pd.DataFrame, data_hash: str) -> None:
    """Show the class balance, and one feature by emotion."""
    balance = exploration.class_balance(frame)
    show.chart(
        dataset.class_balance(balance),
        key=show.file_name("class-balance", data_hash=data_hash),
        alt="Rows of each emotion: " + ", ".join(f"{r.emotion} {r.rows}" for r in balance.itertuples()),
        data=balance,
    )
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    column = left.selectbox(
        "Feature",
        COLUMNS,
        format_func=readable,
        key="feature",
        bind="query-params",
        help="Type to search. Units are in brackets.",
    )
    kind = right.segmented_control(
        "Chart type",
        list(KINDS),
        format_func=KINDS.__getitem__,
        default="violin",
        required=True,
        key="kind",
        bind="query-params",
    )
    st.caption(BY_COLUMN[column].meaning)
    numbers = exploration.summarise_feature(frame, column)
    show.chart(
        style.by_emotion(frame, column, kind=kind, emotions=list(numbers["emotion"])),
        key=show.file_name(f"by-emotion-{BY_COLUMN[column].name}", data_hash=data_hash),
        alt=f"{readable(column)} by emotion. Medians: "
        + ", ".join(f"{r.emotion} {r.median:.4g}" for r in numbers.itertuples()),
        data=numbers,
    )


def telling(frame: pd.DataFrame, data_hash: str) -> None:
    """Show which features differ between the emotions, with a statistical test."""
    one, two, three = st.columns(3, vertical_alignment="bottom")
    test = one.selectbox(
        "Test", list(exploration.TESTS), format_func=exploration.TESTS.__getitem__, key="test", bind="query-params"
    )
    correction = two.selectbox(
        "Correction for 50 tests",
        list(exploration.CORRECTIONS),
        format_func=exploration.CORRECTIONS.__getitem__,
        key="correction",
        bind="query-params",
        help="Holm limits the chance of any false positive to 5 %. Benjamini-Hochberg limits the share of false "
        "positives.",
    )
    most = three.slider("Features shown", 5, len(COLUMNS), 15, key="most", bind="query-params")
    try:
        tests = exploration.feature_tests(frame, test=test, correction=correction)
    except CoreError as error:
        st.info(str(error), icon=":material/info:")
        return
    first = tests.iloc[0]
    st.caption(
        f"The sign after a name shows the emotion with the highest median. {(tests['p_corrected'] < 0.05).sum()} of "
        f"{len(tests)} features differ between the emotions (corrected p below 0.05). Pale bars: no significant "
        "difference. Exact copies of a row count once. A small p shows that there is a difference; the effect size "
        "shows how large it is."
    )
    show.chart(
        dataset.effects(tests.head(most), name=exploration.TESTS[test]),
        key=show.file_name(f"telling-features-{test}-{correction}", data_hash=data_hash),
        alt=f"Effect sizes of {most} features; the largest is {first['feature']} with {first['effect']:.2f}",
        data=tests,
    )


def relations(frame: pd.DataFrame, data_hash: str) -> None:
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
    if len(frame) < 3 or len(columns) < 2:
        st.info("A correlation needs at least three rows and two features. Widen the filters.", icon=":material/info:")
        return
    correlation = exploration.correlations(frame, columns=columns, method=method)
    pairs = exploration.strongest_pairs(correlation)
    name = show.file_name(f"correlation-{method}", data_hash=data_hash)
    strongest = f"; the strongest pair is {pairs['first'][0]} and {pairs['second'][0]}" if len(pairs) else ""
    show.chart(
        dataset.correlation_map(correlation, name=exploration.CORRELATIONS[method]),
        key=name,
        alt=f"Heat map of correlations between {len(columns)} features{strongest}",
        data=correlation.rename(index=readable, columns=readable),
    )
    st.caption("Columns and rows have the same order. Point at a cell to see its two features.")
    st.markdown("**Strongest pairs**: these features carry nearly the same information.")
    st.dataframe(
        pairs,
        hide_index=True,
        alt="Strongest correlations",
        column_config={"correlation": st.column_config.NumberColumn(format="%.2f")},
    )
    show.download(pairs, f"{name}_pairs")


def projection(frame: pd.DataFrame, data_hash: str) -> None:
    """Show the clips on two principal components."""
    try:
        components = exploration.project(frame)
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
        + "A missing value is replaced by the median of its feature. Emotions that overlap on the map can still be "
        "separate when all 50 features are used."
    )
    show.chart(
        dataset.projection(components.points, x=x, y=y, shares=shares),
        key=show.file_name(f"projection-{x}-{y}", data_hash=data_hash),
        alt=f"Scatter plot of {len(components.points)} clips on principal components {x[2:]} and {y[2:]}, one symbol "
        "and colour for each emotion",
        data=components.points,
    )
    st.markdown("**Features of each axis**: those with the largest weights.")
    for axis in dict.fromkeys((x, y)):
        weights = components.loadings.sort_values(axis, key=abs, ascending=False).head(6)
        st.caption(
            f"{axis.upper()}: "
            + ", ".join(f"{f} ({w:+.2f})" for f, w in zip(weights.feature, weights[axis], strict=True))
        )
    show.download(
        components.loadings, show.file_name("projection-weights", data_hash=data_hash), label="Weights as CSV"
    )


def outliers(frame: pd.DataFrame, data_hash: str) -> None:
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
    table = exploration.outliers(frame, limit=limit)
    if table.empty:
        st.info("No value is so far from the median of its feature. Lower the limit to see more values.")
        return
    st.caption(
        f"{len(table)} values in {table['row'].nunique()} rows. An outlier is worth a check; it need not be an error."
    )
    show.chart(
        dataset.outlier_map(table, limit=limit),
        key=show.file_name("outliers-by-feature", data_hash=data_hash),
        alt=f"{len(table)} outliers by feature; most in {table['feature'].value_counts().index[0]}",
    )
    st.dataframe(
        table.drop(columns="column"),
        hide_index=True,
        alt="Outliers",
        column_config={
            LABEL: "emotion",
            "value": st.column_config.NumberColumn(format="%.4g"),
            "median": st.column_config.NumberColumn(format="%.4g"),
            "score": st.column_config.NumberColumn("robust z", format="%.1f"),
        },
    )
    show.download(table, show.file_name("outliers", data_hash=data_hash))


def rows(frame: pd.DataFrame, data_hash: str) -> None:
    """Show the rows."""
    st.dataframe(
        frame.rename_axis("row"),
        column_config={f.column: st.column_config.NumberColumn(readable(f.column), help=f.meaning) for f in FEATURES},
        alt="Rows of the table",
        height=420,
    )
    show.download(frame.rename_axis("row").reset_index(), show.file_name("rows", data_hash=data_hash))


def dictionary() -> None:
    """Show the data dictionary of the 50 features."""
    groups = st.pills(
        "Groups",
        GROUPS,
        selection_mode="multi",
        key="dictionary_groups",
        help="If none is chosen, all groups are shown.",
    )
    table = data_dictionary()
    table = table[table["group"].isin(groups or GROUPS)]
    st.dataframe(
        table[["name", "group", "unit", "meaning", "low", "high", "column"]],
        hide_index=True,
        alt="Data dictionary",
        height=min(38 * (len(table) + 1), 560),
        column_config={
            "name": st.column_config.TextColumn("feature", pinned=True),
            "meaning": st.column_config.TextColumn(width="large"),
            "low": st.column_config.NumberColumn(
                "lowest", help="Lowest value that the definition allows", format="%.6g"
            ),
            "high": st.column_config.NumberColumn(
                "highest", format="%.6g", help="Highest possible value. Empty: no limit."
            ),
            "column": st.column_config.TextColumn("name in the table"),
        },
    )
    show.download(table, "data-dictionary")

"""Views of the Explore page that compare groups of rows: their sizes, features, tests, pairs."""

import pandas as pd
import streamlit as st

from core.dataset import exploration, post_hoc
from core.errors import CoreError
from core.musical_words import explained
from core.schema import BY_COLUMN, COLUMNS, EMOTIONS, PITCH_IS_ABSOLUTE, readable
from pages.figures import dataset, style
from pages.shared import show
from pages.shared.messages import literal
from pages.views.data.explore_rows import Shown

KINDS = {"violin": "Violin", "box": "Box", "strip": "Points"}


def groups(rows: Shown) -> None:
    """Show the size of the groups, and one feature by group."""
    balance = exploration.group_balance(rows.frame, rows.groups)
    show.chart(
        dataset.group_balance(balance, title=f"Rows of each {rows.group}"),
        key=rows.name(f"rows-by-{rows.group}"),
        alt=f"Rows of each {rows.group}: " + ", ".join(f"{r.group} {r.rows}" for r in balance.itertuples()),
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
    st.caption(explained(BY_COLUMN[column]))
    numbers = exploration.summarise_feature(rows.frame, column, rows.groups)
    show.chart(
        style.by_group(rows.frame, column, rows.groups, kind=kind),
        key=rows.name(f"{BY_COLUMN[column].name}-by-{rows.group}"),
        alt=f"{readable(column)} by {rows.group}. Medians: "
        + ", ".join(f"{r.group} {r.median:.4g}" for r in numbers.itertuples()),
        data=numbers,
        features=(column,),
    )


def telling(rows: Shown) -> None:
    """Show which features differ between the groups, all medians, and the pairs of groups that differ."""
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
        tests = exploration.feature_tests(rows.frame, rows.groups, test=test, correction=correction)
    except CoreError as error:
        st.info(str(error), icon=":material/info:")
        return
    first = tests.iloc[0]
    signs = "The sign after a name shows the emotion with the highest median. "
    st.caption(
        f"Question: does the feature differ between the {rows.several}? Family: the 50 features. "
        + (signs if set(rows.groups.cat.categories) <= set(EMOTIONS) else "")
        + f"{(tests['p_corrected'] < post_hoc.ALPHA).sum()} of {len(tests)} features differ between the {rows.several} "
        "(corrected p below 0.05). Pale bars: no significant difference. A small p shows that there is a difference; "
        "the effect size shows how large it is. Dotted line: the mean effect of groups that do not differ at all. "
        + literal(exploration.left_out_of_tests(rows.groups))
    )
    if "makam" in rows.by.casefold():
        st.caption(f"For makams: {PITCH_IS_ABSOLUTE}")
    show.chart(
        dataset.effects(tests.head(most), name=exploration.TESTS[test]),
        key=rows.name(f"telling-features-{test}-{correction}"),
        alt=f"Effect sizes of {most} features; the largest is {first['feature']} with {first['effect']:.2f}",
        data=tests,
    )
    st.header(f"Medians by {rows.group}, and effect sizes")
    medians = exploration.medians_and_effects(rows.frame, tests, rows.groups)
    show.frame(medians, hide_index=True, alt="Medians and effect sizes of all 50 features")
    show.download(medians, rows.name(f"medians-by-{rows.group}-{test}-{correction}"))
    _pairs(rows, tests)


def _pairs(rows: Shown, tests: pd.DataFrame) -> None:
    """Show which pairs of groups differ in one feature."""
    st.header(f"Which {rows.several} differ?")
    column = st.selectbox(
        "Feature of the pairs",
        tests["column"].tolist(),
        format_func=readable,
        key="pairs_of",
        bind="query-params",
        help="The feature with the largest effect is first.",
    )
    pairs = post_hoc.pairs_of_groups(rows.frame, column, rows.groups)
    overall = float(tests.set_index("column")["p_corrected"][column])
    named = pairs.assign(first=pairs["first"].map(literal), second=pairs["second"].map(literal))
    st.markdown(post_hoc.pairs_in_words(named, feature=readable(column), groups=rows.several, overall=overall))
    st.caption(
        f"Mann-Whitney test of each pair. Family: {post_hoc.FAMILY}. Correction: Holm. Effect: Cliff's delta, the "
        "chance that a row of the first group has the larger value, minus the chance that it has the smaller one, "
        "with its 95 % interval. The interval is for one pair and is not corrected."
    )
    two_digits = {
        end: st.column_config.NumberColumn(word, format="%.2f", help=f"{which} end of the 95 % interval.")
        for end, word, which in (("low", "95 % from", "Lower"), ("high", "95 % to", "Upper"))
    }
    show.frame(pairs, hide_index=True, alt=f"Pairs of groups in {readable(column)}", column_config=two_digits)
    show.download(pairs, rows.name(f"pairs-{BY_COLUMN[column].name}"))

"""Parts of the Impact page about kinds of clips: each emotion, and slices by a feature."""

import pandas as pd
import streamlit as st

from core import wording
from core.errors import CoreError
from core.evaluation import costs
from core.evaluation.costs import PER
from core.evaluation.stored_evaluation import published_hash
from core.evaluation.ways import WayToUse
from core.musical_words import explained
from core.schema import BY_COLUMN, COLUMNS, EMOTIONS, readable
from pages.figures.costs import cost_of_slices
from pages.shared import cached, messages, show
from pages.views.models.decision_views import Page
from pages.views.models.impact_views import UNIT, Challenger, Prices, Ways, limit_in_use

BY_LABEL = "label"
_FIRST = ("_Tempo_Mean", "_RMSenergy_Mean", "_Roughness_Mean", "_Pulseclarity_Mean")  # what a listener hears first


def show_emotions(page: Page, prices: Prices) -> None:
    """Show what the clips of each emotion cost at the limit in use."""
    threshold = limit_in_use(page)
    table = costs.costs_by_emotion(page.predictions, prices.confusions, review=prices.review, threshold=threshold)
    shown = pd.DataFrame(
        {
            "right emotion": table["emotion"].map(wording.with_sign),
            "share of clips": 100 * table["clips"],
            "errors": table["errors"].round(1),
            "reviews": table["reviews"].round(1),
            "dearest accepted emotion": table["dearest"].map(lambda e: wording.with_sign(e) if e else "none"),
        }
    )
    show.frame(
        shown,
        hide_index=True,
        column_config={"share of clips": st.column_config.NumberColumn(format="%.0f %%")},
        key="impact_emotions",
        alt="Costs by emotion",
    )
    st.caption(
        f"Errors and reviews are parts of the cost of {PER:,} clips at {wording.percent_limit(threshold)}, the limit "
        "in use. The shares of the emotions are those of the labelled clips; a library can have others."
    )


def show_slices(page: Page, prices: Prices, ways: Ways, other: Challenger | None) -> None:
    """Show what the clips of each slice cost, and what the challenger saves there. ways : from ``show_cost``."""
    known = cached.table_at_hand()
    values = known.frame if known is not None and known.content_hash == published_hash(page.model) else None
    columns = [] if values is None else [*_FIRST, *(c for c in COLUMNS if c not in _FIRST)]
    by = st.selectbox(
        "Slices by",
        [BY_LABEL, *columns],
        format_func=lambda c: "emotion of the label" if c == BY_LABEL else readable(c),
        key="slices",
        bind="query-params",
        help="A feature makes three slices: the third of the clips with the lowest values, the middle third, and the "
        "third with the highest values.",
    )
    if by == BY_LABEL or values is None:
        labels = page.predictions.drop_duplicates("row").set_index("row")["y"]
        slices = pd.Series(pd.Categorical(labels, categories=list(EMOTIONS)), index=labels.index)
        slices = slices.cat.rename_categories(wording.with_sign)
    else:
        st.caption(explained(BY_COLUMN[by]))
        slices = costs.thirds(values.loc[page.predictions["row"].unique(), by])
    threshold = limit_in_use(page)
    try:
        table = costs.costs_by_slice(
            page.predictions,
            slices,
            prices.confusions,
            review=prices.review,
            threshold=threshold,
            other=None if other is None else other.predictions,
        )
    except CoreError as error:
        messages.problem(error)
        return
    name = "label" if by == BY_LABEL else BY_COLUMN[by].name
    show.chart(
        cost_of_slices(table, overall=ways[WayToUse.IN_USE].cost, title=f"Cost of {PER:,} clips of each slice"),
        key=page.name(f"impact-{name}"),
        alt=f"Cost of each slice by {name}: " + ", ".join(f"{r.slice} {r.cost:.0f}" for r in table.itertuples()),
        data=table,
    )
    shares = {c: 100 * table[c] for c in ("accepted", "wrong")}
    figures = [
        c for c in ("cost", "low", "high", "errors", "reviews", "saved", "saved_low", "saved_high") if c in table
    ]
    words = {"saved": "challenger saves", "saved_low": "saves, from", "saved_high": "saves, to"}
    show.frame(
        table.assign(**shares).round(dict.fromkeys(figures, 0)),
        hide_index=True,
        column_config={c: st.column_config.NumberColumn(words.get(c), format="localized") for c in figures}
        | {
            "accepted": st.column_config.NumberColumn("accepted", format="%.0f %%"),
            "wrong": st.column_config.NumberColumn(
                "wrong", format="%.1f %%", help="Share of the accepted answers that are wrong."
            ),
        },
        key="impact_slices",
        alt="Costs by slice",
    )
    st.caption(
        f"Costs in {UNIT} for {PER:,} clips of the slice at {wording.percent_limit(threshold)}, the limit in use, with "
        "95 % intervals. A slice has few clips, and one of several slices is often dear by chance: look for intervals "
        "that do not reach the dotted line."
        + ("" if columns else " The table of the training clips is not available, so slices by features are not shown.")
    )

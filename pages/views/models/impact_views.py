"""Parts of the Impact page. Each part gets prices and predictions, asks core, and shows the answer."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from core import wording
from core.errors import CoreError
from core.evaluation import costs
from core.evaluation.costs import PER, PRESETS, Impact
from core.evaluation.stored_evaluation import headline_result
from core.file_names import CHALLENGER
from core.models import description, registry
from core.schema import EMOTIONS
from core.settings import Settings
from pages.figures.costs import cost_curve
from pages.shared import messages, policy, show
from pages.views.models import decision_views
from pages.views.models.decision_views import Page

UNIT = "price units"


@dataclass(frozen=True, eq=False)
class Prices:
    """What the person pays. confusions : shape (4, 4).  review : of one clip.  volume : clips in a year."""

    confusions: np.ndarray
    review: float
    volume: int


def open_page() -> Page:
    """The model in use and the predictions of its headline. Shows an error and stops the page without them."""
    return decision_views.open_page()


def ask_prices() -> Prices:
    """Show the presets, the table of prices, the price of a review and the volume."""
    name = st.segmented_control(
        "Prices for",
        list(PRESETS),
        default=next(iter(PRESETS)),
        required=True,
        key="preset",
        bind="query-params",
        help="A preset fills in all prices. Change any of them below.",
    )
    preset = PRESETS[name]
    st.caption(preset.why)
    st.markdown("**Price of one wrong clip**: rows are the right emotion, columns the accepted one")
    table = costs.prices_table(preset.prices)
    table.index = pd.Index([wording.with_sign(e) for e in EMOTIONS], name="right emotion")
    edited = st.data_editor(
        table,
        column_config={"_index": st.column_config.TextColumn(width=90), **{e: _price_column(e) for e in EMOTIONS}},
        key=f"prices_{name}",
        width="stretch",
    )
    st.caption("A right answer costs nothing, so numbers on the diagonal are ignored.")
    review = st.number_input(
        "Price of one review",
        0.0,
        1000.0,
        preset.review,
        0.1,
        key=f"review_{name}",
        help="What it costs that a person listens to one clip and decides, in the same unit as the errors.",
    )
    volume = st.number_input(
        "Clips in a year", 1, 100_000_000, 10_000, 1000, key="volume", bind="query-params", help="Scales the costs."
    )
    edited.index = list(EMOTIONS)
    return Prices(costs.read_prices(edited), float(review), int(volume))


def _price_column(emotion: str) -> Any:
    return st.column_config.NumberColumn(
        wording.with_sign(emotion), min_value=0.0, step=0.5, format="%.1f", required=True, width=90
    )


@st.cache_data(show_spinner="Computing the costs …", max_entries=32)
def _impact(version: str, prices: tuple[float, ...], review: float, _predictions: pd.DataFrame) -> Impact:
    return costs.impact(_predictions, np.reshape(prices, (4, 4)), review=review)


def show_cost(page: Page, prices: Prices) -> float:
    """Show the cost of each threshold, and say which one is the cheapest. Returns the threshold in use."""
    in_use = policy.active(page.stored)
    threshold = in_use.threshold
    try:
        result = _impact(page.model.version, tuple(prices.confusions.ravel()), prices.review, page.predictions)
    except CoreError as error:
        messages.problem(error)
        st.stop()
    now, best = result.at(threshold), result.at(result.best)
    even = costs.break_even_review(page.predictions, prices.confusions, threshold=threshold)
    st.markdown(_sentence(now, best, prices, even))
    if in_use.thresholds or in_use.kind != "threshold":
        st.caption(
            "The policy in use has more than one limit. The page compares single limits and shows the cost at "
            f"{wording.percent_limit(threshold)}."
        )
    show.chart(
        cost_curve(result.curve, now=threshold, best=result.best),
        key=page.name("impact"),
        alt=f"Cost of {PER} clips against the threshold: {now['cost']:.0f} at {wording.percent_limit(threshold)}, "
        f"lowest {best['cost']:.0f} at {wording.percent_limit(result.best)}",
        data=result.curve,
    )
    rows = [
        ("in use", now),
        ("cheapest", best),
        ("accept all", result.curve.iloc[0]),
        ("review all", _all_reviewed(prices)),
    ]
    show_table = pd.DataFrame(
        [
            {
                "limit": name if pd.isna(row["threshold"]) else f"{name} ({wording.percent_limit(row['threshold'])})",
                "cost": row["cost"],
                "from": row["low"],
                "to": row["high"],
                "errors": row["errors"],
                "reviews": row["reviews"],
                "in a year": row["cost"] * prices.volume / PER,
            }
            for name, row in rows
        ]
    )
    numbers = st.column_config.NumberColumn(format="localized", step=1)
    show.frame(
        show_table.round(dict.fromkeys(show_table.columns[1:], 0)),
        hide_index=True,
        column_config=dict.fromkeys(show_table.columns[1:], numbers),
        key="impact_table",
        alt="Costs of four ways to use the model",
    )
    low, high = costs.lost_use(0.0 if pd.isna(now["wrong"]) else float(now["wrong"]))
    st.caption(
        f"Figures: {page.origin}, model {page.model.version}. Costs are for {PER} clips, in {UNIT}; from and to are a "
        f"95 % interval (bootstrap of recordings). At this limit, {wording.tenth_percent(now['wrong'])} of the "
        f"accepted answers are wrong. If each 10 points of error cost 10 to 15 % of use, which is an "
        f"assumption of the product's specification, these errors cost {wording.tenth_percent(low)} to "
        f"{wording.tenth_percent(high)} of use. "
        "The same clips choose the cheapest limit and measure its cost, so the true saving is a little smaller."
    )
    return threshold


def _all_reviewed(prices: Prices) -> pd.Series:
    cost = PER * prices.review
    return pd.Series(
        {"threshold": np.nan, "cost": cost, "low": cost, "high": cost, "errors": 0.0, "reviews": cost, "wrong": np.nan}
    )


def _sentence(now: pd.Series, best: pd.Series, prices: Prices, even: float) -> str:
    saved = (now["cost"] - best["cost"]) * prices.volume / PER
    limit = wording.percent_limit(best["threshold"])
    first = (
        "**The limit in use is the cheapest one.** "
        if saved <= 0
        else f"**A limit of {limit} costs least**: it saves {saved:,.0f} {UNIT} a year. "
    )
    if np.isnan(even):
        return first + "The limit in use sends no clip to a person."
    return first + (
        f"The reviews below the limit in use pay as long as one of them costs less than {even:.2f}; now it costs "
        f"{prices.review:.2f}."
    )


def show_emotions(page: Page, prices: Prices, threshold: float) -> None:
    """Show what the clips of each emotion cost at the limit in use."""
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
        f"Errors and reviews are parts of the cost of {PER} clips at {wording.percent_limit(threshold)}, the limit in "
        "use. The shares of the emotions are those of the labelled clips; a library can have others."
    )


def show_worth(page: Page, prices: Prices, threshold: float) -> None:
    """Show what the challenger, or 100 more labelled clips, would save."""
    _challenger_worth(page, prices, threshold)
    values = page.model.table("learning_value").to_dict("records")
    if not values:
        st.info("The value of more labels is not stored for this model. A new training run computes it.")
        return
    value = values[0]
    now = _impact(page.model.version, tuple(prices.confusions.ravel()), prices.review, page.predictions).at(threshold)
    macro_f1 = page.evaluation.figure("macro_f1").value
    saved, low, high = (
        costs.saving_of_labels(float(now["errors"]), macro_f1=macro_f1, gain=float(value[k])) * prices.volume / PER
        for k in ("gain", "low", "high")
    )
    st.markdown(
        f"**{value['more']} more labelled clips** would save about {saved:,.0f} {UNIT} a year ({low:,.0f} to "
        f"{high:,.0f}), that is {saved / value['more']:,.2f} for each label."
    )
    st.caption(
        "This continues the learning curve of the model, and assumes that the cost of errors falls as much as 1 minus "
        "macro-F1. It is a rough figure."
    )


def _challenger_worth(page: Page, prices: Prices, threshold: float) -> None:
    settings = Settings()
    try:
        found = registry.find(CHALLENGER, settings=settings)
        if found is None:
            st.info("There is no challenger. Train one on the Learning page to see what it would save.")
            return
        model = description.read_description(
            found.folder, "challenger", role=CHALLENGER, registered=found.version, seal=found.seal
        )
        other = headline_result(model, settings).predictions
        saved, low, high = costs.paired_saving(
            page.predictions, other, prices.confusions, review=prices.review, threshold=threshold
        )
    except CoreError as error:
        messages.problem(error)
        return
    scale = prices.volume / PER
    worth = _saving_in_words(saved * scale, low * scale, high * scale)
    st.markdown(f"**The challenger** {model.version} {worth}, at the same limit and on the same clips.")


def _saving_in_words(saved: float, low: float, high: float) -> str:
    """Say what a year saves, or what it costs more, with its 95 % interval."""
    if saved >= 0:
        return f"would save {saved:z,.0f} {UNIT} a year (95 % interval: {low:z,.0f} to {high:z,.0f})"
    return f"would cost {-saved:z,.0f} {UNIT} a year more (95 % interval: {-high:z,.0f} to {-low:z,.0f})"

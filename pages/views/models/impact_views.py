"""Parts of the Impact page. Each part gets prices and predictions, asks core, and shows the answer."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from core import wording
from core.errors import CoreError
from core.evaluation import costs
from core.evaluation.costs import LOST_USE, PER, Impact
from core.evaluation.learning_value import MORE, LearningValue
from core.evaluation.prices import PRESETS, prices_table, read_prices
from core.evaluation.stored_evaluation import headline_result
from core.evaluation.ways import WayCost, WayToUse, compare_ways
from core.file_names import CHALLENGER
from core.models import description, registry
from core.schema import EMOTIONS
from core.settings import Settings
from pages.figures.costs import cost_curve
from pages.shared import messages, policy, show
from pages.views.models import decision_views
from pages.views.models.decision_views import Page

UNIT = "price units"
Ways = dict[WayToUse, WayCost]


@dataclass(frozen=True, eq=False)
class Prices:
    """What the person pays.

    confusions : shape (4, 4).  review : of one clip.  volume : clips in a year.  lost_use : share of use that is lost
    for each 10 points of error, from and to.  caution : what to think of before a lower limit is set; may be empty.
    """

    confusions: np.ndarray
    review: float
    volume: int
    lost_use: tuple[float, float]
    caution: str = ""


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
    table = prices_table(preset.prices)
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
    low, high = st.slider(
        "Use lost for each 10 points of error, in %",
        0,
        50,
        (round(100 * LOST_USE[0]), round(100 * LOST_USE[1])),
        key="lost_use",
        bind="query-params",
        help="The product's specification assumes 10 to 15 %. It was not measured.",
    )
    edited.index = list(EMOTIONS)
    return Prices(read_prices(edited), float(review), int(volume), (low / 100, high / 100), preset.caution)


def _price_column(emotion: str) -> Any:
    return st.column_config.NumberColumn(
        wording.with_sign(emotion), min_value=0.0, step=0.5, format="%.1f", required=True, width=90
    )


@st.cache_data(show_spinner="Computing the costs …", max_entries=32)
def _impact(version: str, prices: tuple[float, ...], review: float, _predictions: pd.DataFrame) -> Impact:
    return costs.impact(_predictions, np.reshape(prices, (4, 4)), review=review)


def limit_in_use(page: Page) -> float:
    """The limit for one emotion of the policy in use."""
    return policy.active(page.stored).threshold


@dataclass(frozen=True, eq=False)
class Challenger:
    """The challenger. predictions : for the clips of the headline."""

    version: str
    predictions: pd.DataFrame


@st.cache_resource(show_spinner="Reading the challenger …", max_entries=2)
def _challenger(registered: str, folder: str, _found: registry.RegisteredModel) -> Challenger:
    """Read the challenger. registered, folder : its version and place, as the cache key."""
    model = description.read_description(
        _found.folder, CHALLENGER, role=CHALLENGER, registered=_found.version, seal=_found.seal
    )
    return Challenger(model.version, headline_result(model, Settings()).predictions)


def challenger() -> Challenger | None:
    """The challenger, or None without one. Says why a challenger cannot be read."""
    try:
        found = registry.find(CHALLENGER, settings=Settings())
        return None if found is None else _challenger(found.version, str(found.folder), found)
    except CoreError as error:
        messages.problem(error)
        return None


def show_cost(page: Page, prices: Prices, other: Challenger | None) -> Ways:
    """Say in a sentence and a chart what each way to use the model costs. Returns the ways."""
    in_use = policy.active(page.stored)
    threshold, values = in_use.threshold, page.model.table("learning_value").to_dict("records")
    try:
        paid = tuple(prices.confusions.ravel()), prices.review
        result = _impact(page.model.version, *paid, page.predictions)
        of_other = None if other is None else _impact(other.version, *paid, other.predictions)
        ways = compare_ways(
            page.predictions,
            prices.confusions,
            review=prices.review,
            threshold=threshold,
            result=result,
            challenger=None if other is None or of_other is None else (other.predictions, of_other),
            labels=(_learning_value(values[0]), page.evaluation.figure("macro_f1").value) if values else None,
        )
    except CoreError as error:
        messages.problem(error)
        st.stop()
    even = costs.break_even_review(page.predictions, prices.confusions, threshold=threshold)
    elsewhere = costs.cost_of_choosing(page.predictions, prices.confusions, review=prices.review)
    st.markdown(_sentence(ways, prices, even, elsewhere))
    caution = caution_in_words(ways, prices.caution)
    if caution:
        st.warning(caution, icon=":material/warning:")
    if in_use.thresholds or in_use.kind != "threshold":
        st.caption(
            "The policy in use has more than one limit. The page compares single limits and shows the cost at "
            f"{wording.percent_limit(threshold)}."
        )
    now, best = ways[WayToUse.IN_USE], ways[WayToUse.CHEAPEST]
    show.chart(
        cost_curve(
            result.curve,
            now=threshold,
            best=result.best,
            challenger=None if of_other is None else of_other.curve,
            more_labels=ways[WayToUse.MORE_LABELS].cost if values else None,
        ),
        key=page.name("impact"),
        alt=f"Cost of {PER:,} clips against the threshold: {now.cost:.0f} at {wording.percent_limit(threshold)}, "
        f"lowest {best.cost:.0f} at {wording.percent_limit(result.best)}",
        data=result.curve,
    )
    return ways


def _learning_value(stored: dict[Any, Any]) -> LearningValue:
    return LearningValue(**{str(name): value for name, value in stored.items()})


def show_ways(page: Page, prices: Prices, ways: Ways, other: Challenger | None) -> None:
    """Show the ways to use the model as a table, and say how its figures were made. ways : from ``show_cost``."""
    scale = prices.volume / PER
    shown = pd.DataFrame(
        [
            {
                "limit": str(way) if np.isnan(one.threshold) else f"{way} ({wording.percent_limit(one.threshold)})",
                "cost": one.cost,
                "from": one.low,
                "to": one.high,
                "errors": one.errors,
                "reviews": one.reviews,
                "in a year": one.cost * scale,
                "saved in a year": one.saved * scale,
                "saved, from": one.saved_low * scale,
                "saved, to": one.saved_high * scale,
                "use lost": show.MISSING
                if way is WayToUse.MORE_LABELS
                else _range(costs.lost_use(one.wrong, prices.lost_use)),
            }
            for way, one in ways.items()
        ]
    )
    figures = list(shown.columns[1:-1])
    numbers = st.column_config.NumberColumn(format="localized", step=1)
    show.frame(
        shown.round(dict.fromkeys(figures, 0)),
        hide_index=True,
        column_config=dict.fromkeys(figures, numbers) | {"limit": st.column_config.TextColumn("way", pinned=True)},
        key="impact_table",
        alt=f"Costs of {len(shown)} ways to use the model",
    )
    _notes(page, ways, other)


def _range(ends: tuple[float, float]) -> str:
    low, high = ends
    return f"{100 * low:.1f} to {wording.tenth_percent(high)}"


def _notes(page: Page, ways: Ways, other: Challenger | None) -> None:
    now = ways[WayToUse.IN_USE]
    wrong = f"{wording.tenth_percent(now.wrong)} of the accepted answers are wrong"
    wrong = "No answer is accepted" if np.isnan(now.wrong) else wrong
    st.caption(
        f"Figures: {page.origin}, model {page.model.version}. Costs are for {PER:,} clips, in {UNIT}; from and to are "
        f"a 95 % interval (bootstrap of recordings). {wrong} at the limit in use. “Use lost” is an assumption: each 10 "
        "points of error cost the share of use that you set. The same clips choose the cheapest limit and measure its "
        "cost, so the row “cheapest” is too good. "
        + (
            f"Challenger: {other.version}, on the same clips. "
            if other
            else "There is no challenger; the Learning page trains one. "
        )
        + (
            f"More labels: {MORE} clips; this continues the learning curve, and assumes that the cost of errors falls "
            "as much as 1 minus macro-F1. It is a rough figure."
            if WayToUse.MORE_LABELS in ways
            else "The value of more labels is not stored for this model. A new training computes it."
        )
    )


def best_limit_in_words(ways: Ways, scale: float, elsewhere: float) -> str:
    """Say what the cheapest limit saves when other recordings choose it, then what it saves on its own clips.

    elsewhere : from ``costs.cost_of_choosing``.
    """
    best = ways[WayToUse.CHEAPEST]
    if best.saved <= 0:
        return "**The limit in use is the cheapest one.**"
    saved = (ways[WayToUse.IN_USE].cost - elsewhere) * scale
    limit = wording.percent_limit(best.threshold)
    first = (
        f"**A cheaper limit {_saving_in_words(saved)}**, if other recordings choose it: this is the figure to expect."
        if saved > 0
        else f"**No limit is shown to be cheaper than the one in use**: if other recordings choose it, the "
        f"cheapest one {_saving_in_words(saved)}."
    )
    return (
        f"{first} On the clips that choose it, a limit of {limit} costs least. There it {_with_interval(best, scale)}, "
        "which is too good."
    )


def caution_in_words(ways: Ways, caution: str) -> str:
    """Say what a lower limit means besides its cost.

    caution : of the preset. Empty without one, and if the cheapest limit is not lower than the one in use.
    """
    now, best = ways[WayToUse.IN_USE], ways[WayToUse.CHEAPEST]
    if not caution or best.saved <= 0 or not best.threshold < now.threshold:
        return ""
    limit = wording.percent_limit(best.threshold)
    wrong = f"At {limit}, {wording.tenth_percent(best.wrong)} of the accepted answers are wrong"
    if not np.isnan(now.wrong):
        wrong += f"; at the limit in use, {wording.tenth_percent(now.wrong)}"
    return f"**Caution:** {caution} {wrong}."


def _sentence(ways: Ways, prices: Prices, even: float, elsewhere: float) -> str:
    scale = prices.volume / PER
    parts = [best_limit_in_words(ways, scale, elsewhere)]
    if WayToUse.CHALLENGER in ways:
        parts.append(f"**The challenger** {_with_interval(ways[WayToUse.CHALLENGER], scale)} at the limit in use.")
    if WayToUse.MORE_LABELS in ways:
        parts.append(f"**{MORE} more labels** {_with_interval(ways[WayToUse.MORE_LABELS], scale)}.")
    if np.isnan(even):
        parts.append("The limit in use sends no clip to a person.")
    else:
        parts.append(
            f"The reviews below the limit in use pay as long as one of them costs less than {even:.2f}; now it costs "
            f"{prices.review:.2f}."
        )
    return " ".join(parts)


def _with_interval(way: WayCost, scale: float) -> str:
    """Say what a year saves, or what it costs more, with its 95 % interval."""
    saved, low, high = (scale * value for value in (way.saved, way.saved_low, way.saved_high))
    ends = (low, high) if saved >= 0 else (-high, -low)
    return f"{_saving_in_words(saved)} (95 % interval: {ends[0]:z,.0f} to {ends[1]:z,.0f})"


def _saving_in_words(saved: float) -> str:
    """Say what a year saves, or what it costs more."""
    if saved >= 0:
        return f"would save {saved:z,.0f} {UNIT} a year"
    return f"would cost {-saved:z,.0f} {UNIT} a year more"

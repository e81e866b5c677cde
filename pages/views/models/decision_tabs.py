"""The tabs of the Decisions page: coverage, each emotion, sets, the badge, and reliability."""

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd
import streamlit as st

from core import file_names, wording
from core.errors import CoreError
from core.evaluation import metrics, policy_outcomes
from core.models.policy import Policy
from core.models.reference import MOST_MISSING, read_reference
from core.schema import ALL
from pages.figures.decisions import reliability as reliability_figure
from pages.figures.decisions import risk_coverage
from pages.figures.decisions import shares as shares_figure
from pages.shared import messages, show
from pages.views.models.decision_views import MEASURES, PERCENT, Decided, Page


def risk(page: Page, policy: Policy, done: Decided) -> None:
    """Show accuracy against coverage, with the threshold marked."""
    curve = metrics.risk_coverage(page.predictions)
    table = done.summary.query("emotion == 'all'").set_index("measure")["value"]
    marked = (
        f"from {wording.percent_limit(policy.threshold)}"
        if policy.kind == "threshold"
        else f"sets of {wording.percent_limit(policy.coverage)}"
    )
    show.chart(
        risk_coverage(curve, mark=marked, coverage=table["accept"], accuracy=table["accuracy"]),
        key=page.name("risk-coverage"),
        alt=f"Accuracy of what is accepted against the share accepted; now {wording.whole_percent(table['accept'])} "
        "are accepted and "
        f"{wording.whole_percent(table['accuracy'])} of them are right",
        data=curve,
    )
    st.caption("The line shows thresholds on the probability. A conformal policy is one point next to the line.")


def each_emotion(page: Page, policy: Policy, done: Decided) -> None:
    """Show the outcome for each emotion: a policy can be good on average and bad for one emotion."""
    if policy.kind == "threshold":
        _called(page, policy)
    table = done.summary
    shares = policy_outcomes.wide_summary(table).query("emotion != 'all'").rename(columns=MEASURES)
    colours = {"accepted": "#0072B2", "two offered": "#56B4E9", "for review": "#BBBBBB"}
    show.chart(
        shares_figure(shares, index="emotion", columns=colours, title="Outcome for the clips of each emotion"),
        key=page.name("decisions-by-emotion"),
        alt="Shares accepted, offered as two and left for review, for each emotion: "
        + ", ".join(
            f"{e} {wording.whole_percent(a)} accepted"
            for e, a in zip(shares["emotion"], shares["accepted"], strict=True)
        ),
        data=table.assign(measure=table["measure"].replace(MEASURES)),
    )
    columns = ["emotion", *(MEASURES[m] for m in ("accuracy", "pair", "top2_rest"))]
    st.dataframe(
        (100 * shares[columns[1:]]).assign(emotion=shares["emotion"].map(wording.with_sign))[columns],
        hide_index=True,
        column_config=dict.fromkeys(columns[1:], PERCENT),
    )


def _called(page: Page, policy: Policy) -> None:
    """Show how often each accepted emotion is right, and what a limit for each emotion costs."""
    one = Policy(threshold=policy.threshold, pair_threshold=policy.pair_threshold)
    by = page.stored.get("by_emotion") or policy_outcomes.policy_by_emotion(page.predictions)
    other = policy if policy.thresholds else by
    called = [policy_outcomes.called_outcomes(page.predictions, p) for p in (one, other)]
    before, after = (table[table["emotion"] != ALL] for table in called)
    names = before["emotion"].map(wording.with_sign)
    table = 100 * pd.DataFrame(
        {
            "limit": before["threshold"],
            "accepted": before["accepted"],
            "right": before["right"],
            "limit by emotion": after["threshold"],
            "accepted then": after["accepted"],
            "right then": after["right"],
        }
    )
    table.insert(0, "accepted emotion", names)
    st.markdown("**How often an accepted emotion is right**, with one limit and with a limit for each emotion")
    st.dataframe(table, hide_index=True, column_config=dict.fromkeys(table.columns[1:], PERCENT))
    for line, then in zip(before.to_dict("records"), after.to_dict("records"), strict=True):
        if then["threshold"] != line["threshold"]:
            st.caption(_price(line, then))


def _price(line: Mapping[Hashable, Any], then: Mapping[Hashable, Any]) -> str:
    """What another limit for an emotion changes, as a sentence."""

    def right(one: Mapping[Hashable, Any]) -> str:
        value, low, high = (wording.whole_percent(one[name]) for name in ("right", "low", "high"))
        return f"{value} ({low} to {high})"

    emotion, limit = str(line["emotion"]), wording.percent_limit(then["threshold"])
    return (
        f"{wording.with_sign(emotion)} from {limit}: right in {right(then)} instead of {right(line)}. The price: "
        f"{wording.tenth_percent(then['accepted'])} of all clips are accepted as {emotion}, instead of "
        f"{wording.tenth_percent(line['accepted'])}."
    )


def sets(page: Page, policy: Policy, done: Decided) -> None:
    """Show how many emotions are kept, and how often the right emotion is among them."""
    sizes = policy_outcomes.set_sizes(done.clips)
    grey = dict(zip(("1", "2", "3", "4", "none"), ("#0072B2", "#56B4E9", "#E69F00", "#CC79A7", "#BBBBBB"), strict=True))
    show.chart(
        shares_figure(sizes, index="emotion", columns=grey, title="How many emotions are offered"),
        key=page.name("set-sizes"),
        alt="Share of clips with one, two, three, four or no emotion offered, by emotion",
        data=sizes,
    )
    held, size = (done.summary[done.summary["measure"] == m].set_index("emotion") for m in ("held", "size"))
    table = pd.DataFrame(
        {
            "emotion": [wording.with_sign(e) for e in held.index],
            "right one is among them": 100 * held["value"].array,
            "from": 100 * held["low"].array,
            "to": 100 * held["high"].array,
            "mean number": size["value"].array,
        }
    )
    st.dataframe(
        table,
        hide_index=True,
        column_config={
            **dict.fromkeys(("right one is among them", "from", "to"), PERCENT),
            "mean number": st.column_config.NumberColumn(format="%.2f"),
        },
    )
    if policy.kind == "conformal":
        st.caption(
            "The lowest probabilities were computed on other recordings than those tested here (five parts). The "
            "guarantee holds for clips like those of the table, not for other music."
        )


def badge(page: Page, policy: Policy, done: Decided) -> None:
    """Explain the badge for unfamiliar music, which always asks for a review."""
    try:
        reference = read_reference(page.model.folder / file_names.REFERENCE)
    except CoreError as error:
        messages.problem(error)
        return
    st.markdown(
        "A clip that is **unlike the music this model knows** always goes to a person, for all probabilities and "
        f"policies. A clip is unlike the training music if one of {len(reference.used)} features is more than "
        f"{reference.feature_limit:.1f} standard deviations from the mean of the {reference.clips} training clips, or "
        f"if all features together are more than {reference.distance_limit:.2f} times as far from the mean as usual "
        "(Mahalanobis distance, which takes correlations between features into account), or if more than "
        f"{MOST_MISSING} features cannot be measured."
    )
    st.metric(
        "False alarms",
        wording.tenth_percent(reference.false_alarms),
        help="Share of training clips that get the badge, if the limits are computed without these clips.",
    )
    st.caption(
        "The badge sends this share of clips to review for music like that of the table. For other music it appears "
        "more often."
    )


def reliability(page: Page, policy: Policy, done: Decided) -> None:
    """Show the calibration: are clips with a probability of 80 % right in 80 % of the cases?"""
    bins = metrics.reliability(page.predictions)
    bins = bins.assign(share=bins["count"] / bins["count"].sum())
    ece, perfect = page.evaluation.figure("ece"), page.evaluation.figure("ece_perfect")
    show.chart(
        reliability_figure(bins),
        key=page.name("reliability"),
        alt=f"Share that is right against the stated probability; calibration error {ece.value:.3f}",
        data=bins,
    )
    st.caption(
        f"Calibration error (ECE, 15 bins): {ece.text} ({ece.origin}). With so few clips, a "
        f"perfectly calibrated model would have {perfect.value:.3f} on average, and more than "
        f"{perfect.high:.3f} in one of twenty cases. Larger dots: more clips. Bars: 95 % confidence intervals."
    )

"""Answers of raters on the Label page."""

import streamlit as st

from core import wording
from core.monitoring import use
from core.store import Store
from pages.figures import use as figures
from pages.shared import show
from pages.views.use import period as known
from pages.views.use.period import Period

GIVEN = (
    "With skipped clips. Answers on other pages, such as Predict, do not count here: those pages do not ask for them."
)
RATE = "Answers for 100 clips that the Label page showed. A clip that comes again after an undo is shown again."
SECONDS = "From the first sound of a clip to the answer, as the browser measured it."


def show_answers(store: Store, period: Period) -> None:
    """Show answers per 100 shown clips, and the median seconds of an answer, over time."""
    weeks, (measured, median_s) = known.answers(store.url, period, store)
    if weeks.empty:
        st.info(
            "No clip was shown on the Label page in this period. Answers per 100 shown clips and the seconds of an "
            "answer appear here as soon as somebody labels.",
            icon=":material/headphones:",
        )
        return
    total = use.with_rate(weeks[["shown", "answers"]].sum().to_frame().T).iloc[0]
    boxes = st.columns(3)
    boxes[0].metric("Answers on Label", f"{total['answers']:,.0f}", border=True, help=GIVEN)
    boxes[1].metric("Answers per 100 shown", _number(total["per_100"]), border=True, help=RATE)
    if total["low"] == total["low"]:
        boxes[1].caption(f"95 % interval {total['low']:.0f} to {total['high']:.0f}")
    boxes[2].metric("Median answer", "not yet" if not measured else f"{median_s:.0f} s", border=True, help=SECONDS)
    boxes[2].caption(f"of {wording.counted(measured, 'answer')}")
    rate = period.file_name("answers-by-week")
    show.chart(
        figures.over_time(
            weeks.rename(columns={"week": "when"}),
            "per_100",
            title="Answers per 100 shown clips",
            axis="answers",
            weeks=(period.since, period.until),
        ),
        key=rate,
        alt="Answers per 100 shown clips, week by week: "
        + "; ".join(f"{r.week:%d %b %Y} {r.per_100:.0f}" for r in weeks.tail(8).itertuples()),
        data=weeks,
    )
    if weeks["measured"].any():
        show.chart(
            figures.over_time(
                weeks[weeks["measured"] > 0].rename(columns={"week": "when"}).drop(columns=["low", "high"]),
                "seconds",
                title="Median seconds of an answer",
                axis="s",
                weeks=(period.since, period.until),
            ),
            key=period.file_name("seconds-of-an-answer"),
            alt="Median seconds of an answer, week by week: "
            + "; ".join(f"{r.week:%d %b %Y} {r.seconds:.0f} s" for r in weeks.tail(8).itertuples()),
        )


def _number(value: float) -> str:
    return "not yet" if value != value else f"{value:.0f}"

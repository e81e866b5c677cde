"""The tabs Traffic, Speed and Decisions of the Monitoring page."""

import pandas as pd
import streamlit as st

from core import wording
from core.monitoring import health
from core.monitoring.durations import LEAST, PROMISED_S, promise_words
from core.schema import EMOTIONS
from core.stages import Stage
from pages.figures import monitoring as figures
from pages.shared import show
from pages.views.monitoring import parts, tables
from pages.views.monitoring.parts import Seen

STAGES = {
    Stage.DECODE: "read the file",
    Stage.FEATURES: "measure the 50 features",
    Stage.MODEL: "ask the model",
}


def traffic(seen: Seen) -> None:
    """Show how many clips came, by outcome and by way."""
    found = tables.traffic(*seen.key, seen.store)
    if found.empty:
        parts.nothing_yet(
            "Each clip that is scored, refused or failed appears here,",
            "from the pages Predict, Whole tracks and Library, the REST API and the command line.",
        )
        return
    table = parts.with_steps(health.traffic_by_outcome(found, seen.period), seen.period)
    names = [str(kind) for kind in health.OUTCOMES]
    show.chart(
        figures.stacked(table, names, title="Clips that came"),
        key="monitoring_traffic",
        alt="Clips by outcome over time",
        data=table[["step", *names, "failed_share", "low", "high"]],
    )
    st.subheader("By way")
    wide = found.pivot_table(index="way", columns="kind", values="n", aggfunc="sum", fill_value=0)
    wide = wide.reindex(columns=names, fill_value=0).reset_index()
    wide["way"] = wide["way"].map(health.namer("way", wide["way"]))
    show.frame(wide, hide_index=True, alt="Clips by way and outcome")
    show.download(wide, "monitoring_ways", rows=parts.rows_in_words(seen))


def speed(seen: Seen) -> None:
    """Show how fast clips were answered, against the promise."""
    table = tables.latency(*seen.key, seen.store)
    whole, steps = table.iloc[0], table.iloc[1:]
    if not whole["clips"]:
        parts.nothing_yet("The seconds from the file to the answer appear here,", "after the first clip was scored.")
        return
    kept = promise_words(whole["over_low"], whole["over_high"])
    st.markdown(
        f"**95 of 100 clips were answered in {parts.seconds(whole['p95'], whole['p95_low'], whole['p95_high'])}**, "
        f"half of them in {whole['p50']:.2f} s. The promise is that 99 of 100 take {PROMISED_S:g} s at most: "
        f"**{kept}**. {parts.share(whole['over'], whole['over_low'], whole['over_high'])} of "
        f"{wording.counted(int(whole['clips']), 'timed clip')} took longer."
    )
    shown = parts.with_steps(steps, seen.period)
    show.chart(
        figures.speed(shown, limit_s=PROMISED_S),
        key="monitoring_speed",
        alt="Median and 95 % quantile of the seconds over time",
        data=shown.drop(columns="period"),
    )
    st.caption(
        f"From counts in groups of 10 ms (up to 1 s) and 100 ms (up to 10 s). With fewer than {LEAST} clips in a step, "
        "the interval is left out. Clips of a library run have no seconds: nobody waits for one of them."
    )
    _stages(seen)


def _stages(seen: Seen) -> None:
    table = tables.stages(*seen.key, seen.store)
    if not table["clips"].any():
        return
    st.subheader("Where the time goes")
    shown = table.assign(stage=table["stage"].map(STAGES))
    seconds = st.column_config.NumberColumn("mean seconds of a clip", format="%.3f")
    show.frame(shown, hide_index=True, alt="Mean seconds of each stage", column_config={"mean_s": seconds})
    show.download(shown, "monitoring_stages", rows=parts.rows_in_words(seen))


def decisions(seen: Seen) -> None:
    """Show what was decided, how often the model was unsure, and which emotions were accepted."""
    found = tables.decisions(*seen.key, seen.store)
    if found.empty:
        parts.nothing_yet("The decisions about the scored clips appear here,", "after the first clip was scored.")
        return
    table = parts.with_steps(health.decisions_by_step(found, seen.period), seen.period)
    names = list(health.DECISIONS)
    show.chart(
        figures.stacked(table, names, title="What was decided", share=True),
        key="monitoring_decisions",
        alt="Shares of the decisions over time",
        data=table[["step", *names, "clips"]],
    )
    show.chart(
        figures.share_line(table, "unsure", title="Clips without one accepted emotion", name="share unsure"),
        key="monitoring_unsure",
        alt="Share of unsure answers over time",
        data=table[["step", "clips", "unsure", "low", "high"]],
    )
    made = health.synthetic_words(tables.synthetic(*seen.key, seen.store), int(found["n"].sum()))
    st.caption(f"{made} {parts.HINTS['unsure']} The limit for one emotion is set on the page Decisions.".strip())
    st.subheader("Accepted emotions")
    accepted = found[found["decision"].eq(health.ACCEPTED)].groupby("label")["n"].sum().reindex(EMOTIONS, fill_value=0)
    total = max(int(accepted.sum()), 1)
    shown = pd.DataFrame(
        {
            "emotion": [wording.with_sign(emotion) for emotion in EMOTIONS],
            "clips": accepted.to_numpy(),
            "share": 100 * accepted.to_numpy() / total,
        }
    )
    show.frame(shown, hide_index=True, alt="Accepted emotions", column_config={"share": parts.percent_column("share")})
    show.download(shown, "monitoring_accepted-emotions", rows=parts.rows_in_words(seen))

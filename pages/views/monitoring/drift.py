"""The tab Drift of the Monitoring page: how far the music is from the training music, and the clips behind it."""

from datetime import timedelta
from functools import partial

import pandas as pd
import streamlit as st

from core import wording
from core.errors import CoreError
from core.evaluation.drift import LEAST, LEAST_EFFECT, PSI_LIMIT
from core.monitoring.alarm_state import DriftNow, drift_history, drift_now
from core.monitoring.clips_behind import clips_behind, shift_of
from core.pipeline import kept_audio
from core.schema import BY_COLUMN, readable
from core.settings import Settings
from core.store import Store, first_content
from pages.figures import monitoring as figures
from pages.shared import messages, show
from pages.views.monitoring import parts
from pages.views.monitoring.parts import HINTS, Seen

SHOWN = 20  # features in the figure


def show_drift(seen: Seen) -> None:
    """Show the newest measurement, the ones before it, and the clips behind a feature."""
    one = drift_now(seen.store)
    if one is None:
        parts.nothing_yet(
            "How far each feature is from the training music appears here,",
            f"when whole weeks have {LEAST} recordings or more, and the command `python -m core watch` runs. A "
            "schedule of the machine should run it once a day.",
        )
        return
    _sentence(one)
    _features(one)
    _over_time(seen)
    _clips(seen, one)


def days_of(one: DriftNow) -> str:
    """The days of the measured weeks: ``"16 Nov to 22 Nov"``."""
    return f"{one.since:%-d %b} to {one.at - timedelta(days=1):%-d %b}"


def _sentence(one: DriftNow) -> None:
    drifted = int(one.features["drifted"].sum())
    by_chance = "" if pd.isna(one.weeks) else f" By chance it rings at most once in {one.weeks:,.0f} weeks."
    st.markdown(
        f"**{wording.part(drifted, len(one.features), 'feature')} unlike the training music** of "
        f"{messages.literal(one.model_version) or 'the model'}, in {wording.counted(one.clips, 'recording')} of "
        f"{days_of(one)}. The alarm rings from {wording.whole_percent(one.limit)} of the features on: it "
        f"{'**rings**' if one.rings else 'is quiet'}.{by_chance}"
    )
    st.caption(
        f"PSI is above {PSI_LIMIT:g} in {wording.whole_percent(one.psi_share)} of the features. With "
        f"{wording.counted(one.clips, 'recording')}, chance alone gives {wording.whole_percent(one.psi_by_chance)}."
    )


def _features(one: DriftNow) -> None:
    table = one.features
    show.chart(
        figures.drift(table.head(SHOWN), least_effect=LEAST_EFFECT),
        key="monitoring_drift",
        alt="Distance of each feature from the training music",
    )
    if len(table) > SHOWN:
        st.caption(f"The {SHOWN} farthest of {len(table)} features. The table has all of them.")
    with st.expander("All features", icon=":material/table:"):
        show.frame(
            table,
            hide_index=True,
            alt="Drift of all features",
            column_config={
                "ks": st.column_config.NumberColumn("KS distance", format="%.3f", help=HINTS["ks"]),
                "psi": st.column_config.NumberColumn("PSI", format="%.3f", help=HINTS["psi"]),
                "q": st.column_config.NumberColumn("q", format="%.2g", help=HINTS["q"]),
            },
        )
        show.download(table, "monitoring_drift-of-features", rows=f"recordings of {days_of(one)}")


def _over_time(seen: Seen) -> None:
    table = drift_history(seen.store, since=seen.period.since)
    if len(table) < 2:
        return
    show.chart(
        figures.drift_over_time(table.assign(step=table["at"].dt.strftime("%d %b %Y"))),
        key="monitoring_drift-over-time",
        alt="Share of the drifted features in each span of weeks",
        data=table,
    )


def _clips(seen: Seen, one: DriftNow) -> None:
    st.subheader("Clips behind it")
    options = list(one.features["feature"])
    feature = st.selectbox("Feature", options, format_func=readable, key="feature", bind="query-params")
    table = clips_behind(seen.store, one, feature)
    if table.empty:
        st.info("No clip of these weeks is stored, so there is none to hear.", icon=":material/volume_off:")
        return
    shift = shift_of(one, feature)
    st.caption(
        f"The clips with the {'lowest' if shift < 0 else 'highest'} values, because the middle of these weeks is "
        f"{shift:+.1f} standard deviations from that of the training music. Choose one to hear it."
    )
    shown = pd.DataFrame(
        {
            "clip": show.clip_names(table),
            readable(feature): table["value"],
            "sound": table["path"].map(lambda path: "not stored" if pd.isna(path) else "yes"),
        }
    )
    event = show.frame(
        shown,
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        key=f"drifted_{feature}",
        alt=f"Clips with extreme values of {BY_COLUMN[feature].name}",
    )
    show.download(table.drop(columns="path"), "monitoring_drifted-clips", rows=parts.rows_in_words(seen))
    if event.selection.rows:
        _play(seen.store, table.iloc[event.selection.rows[0]])


def _play(store: Store, row: pd.Series) -> None:
    if pd.isna(row["path"]):
        st.caption(":material/volume_off: The sound of this clip is not stored.")
        return
    try:
        sound = kept_audio.load_audio(
            row["clip_id"],
            row["path"],
            start_s=row["start_s"],
            duration_s=row["duration_s"],
            settings=Settings(),
            by=store.by,
            first=partial(first_content, store),
        )
    except CoreError as error:
        st.caption(f":material/volume_off: {messages.literal(str(error))}")
        return
    st.audio(sound.data, format=sound.media_type, autoplay=True, alt=f"Player: {row['file_name']}")

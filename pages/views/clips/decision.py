"""The decision about a scored clip, with warnings if the clip is unlike the training music."""

import pandas as pd
import streamlit as st

from core import wording
from core.audio import remarks
from core.audio.changes import SMALL_CHANGES
from core.audio.decoding import file_of
from core.errors import CoreError
from core.models import reference
from core.models.kinds import PHRASES
from core.models.prediction import Prediction, votes_text
from core.pipeline.scoring import ScoredClip
from core.pipeline.serving import Served
from core.pipeline.stability import Firmness, firmness
from core.pipeline.work_queue import Way
from core.schema import LABEL, readable
from core.source_note import SourceNote
from pages.shared import cached, messages, waiting
from pages.views.clips.clip import ShownClip


def source_of(scored: ScoredClip) -> SourceNote:
    """Return where the content of downloads and pictures about a scored clip comes from."""
    recording, length_s = scored.recording, scored.recording.clip.duration_s
    window = f"{wording.clock(recording.start_s)} to {wording.clock(recording.start_s + length_s)}"
    others = f"; the probabilities are the mean of {1 + len(scored.others)} windows" if scored.others else ""
    return SourceNote(
        table=recording.name,
        data=file_of(scored.clip_id),
        rows=f"the 50 values of the window from {window}{others}",
        model=scored.prediction.model_version,
        extractor=scored.vector.extractor,
    )


def show_decision(scored: ScoredClip, served: Served) -> None:
    """Show the decision, warnings about an unusual clip, and remarks on the quality of its audio."""
    action, unlike = scored.decision.action, scored.unlike
    if action == "accept":
        st.success(
            f"### {wording.with_sign(scored.decision.label or '')}\n{scored.decision.reason}",
            icon=":material/check_circle:",
        )
    elif action == "choose":
        pair = " or ".join(wording.with_sign(e) for e in scored.decision.candidates)
        st.info(f"### {pair}\n{scored.decision.reason}", icon=":material/help:")
    elif unlike.flag and scored.decided.kind in PHRASES:
        st.warning(
            f"### Needs review\nThis clip is unlike the music that the model was trained on: "
            f"{PHRASES[scored.decided.kind]}. Its probabilities are not reliable. A person has to listen.",
            icon=":material/hearing:",
        )
    elif unlike.flag:
        st.warning(
            "### Needs review\nThis clip is unlike the music that the model was trained on, so its probabilities are "
            "not "
            "reliable. A person has to listen.",
            icon=":material/hearing:",
        )
    else:
        st.warning(f"### Needs review\n{scored.decision.reason}", icon=":material/hearing:")
    if scored.prediction.windows:
        _show_windows(scored.prediction)
    if unlike.flag:
        _show_unlike(scored, served)
    for remark in scored.recording.remarks:
        if remark.kind in remarks.SUSPICIOUS:
            st.warning(messages.literal(remark.text), icon=":material/graphic_eq:")
        else:
            st.caption(f":material/info: {messages.literal(remark.text)}")
    if scored.problem:
        st.error(f"Not stored. {messages.literal(scored.problem)}", icon=":material/database_off:")


def _show_windows(prediction: Prediction) -> None:
    """Show how many windows of the file agree, and the guess of each window."""
    each = "; ".join(
        f"{wording.clock(w.start_s)} to {wording.clock(w.end_s)} {wording.with_sign(w.guess)} "
        f"{wording.percent(w.proba[w.guess])}" + (", unlike the training music" if w.unlike else "")
        for w in sorted(prediction.windows, key=lambda window: window.start_s)
    )
    st.markdown(f":material/view_week: **{votes_text(prediction.ranked[0], *prediction.votes)}**", help=each)
    st.caption(f"The probabilities are the mean of the windows: {each}.")


@st.fragment
def show_firmness(shown: ShownClip, served: Served) -> None:
    """Show on demand how many small changes of the clip leave its decision as it is."""
    scored, known = shown.scored, shown.firmness
    if known is None or known[:2] != (scored.prediction.model_version, scored.policy):
        st.button(
            "How firm is this answer?",
            key="how_firm",
            icon=":material/balance:",
            help=f"Decides again after {SMALL_CHANGES} small changes of the clip that hardly anybody hears: quieter, "
            "up to 1 second shorter, or as an MP3 file. Takes about 10 seconds for each window.",
            on_click=_ask_firmness,
            args=(shown,),
        )
        return
    result = known[2]
    if result is None:
        try:
            result = _firmness(shown, served)
        except CoreError as error:
            messages.problem(error)
            st.button("Try again", key="try_again_firmness", icon=":material/refresh:")
            return
        shown.firmness = (*known[:2], result)
    st.markdown(
        f":material/balance: **{result.text[0].upper()}{result.text[1:]}** small changes leave this answer as it is."
    )
    if result.others:
        others = "; ".join(f"{change}: {other}" for change, other in result.others.items())
        st.caption(f"Another decision after: {messages.literal(others)}.")


def _ask_firmness(shown: ShownClip) -> None:
    """Note that the person asked. The question stays until the answer is there, also when the page runs again."""
    shown.firmness = (shown.scored.prediction.model_version, shown.scored.policy, None)


def _firmness(shown: ShownClip, served: Served) -> Firmness:
    """Decide again after small changes, in the line of the server, after all decisions and explanations."""
    scored = shown.scored

    def leave() -> None:
        shown.firmness = None
        waiting.leave("firmness")

    return waiting.result(
        lambda: firmness(
            [scored.recording.clip, *(other.recording.clip for other in scored.others)],
            scored.decided,
            served,
            policy=scored.policy,
        ),
        way=Way.LONG,
        name="firmness",
        what=(scored.clip_id, served.model.version, scored.policy),
        doing="Deciding again after small changes …",
        on_leave=leave,
    )


def _show_unlike(scored: ScoredClip, served: Served) -> None:
    """Show the badge and, in an expander, the unusual features and the nearest known clips."""
    unlike = scored.unlike
    st.badge(
        "unlike the music this model knows",
        icon=":material/warning:",
        color="orange",
        help="One feature, or all features together, are outside the range of the training music. "
        f"False alarms: {wording.tenth_percent(served.reference.false_alarms)} of the training clips get this badge "
        "in cross-validation.",
    )
    st.markdown("\n".join(f"- {reason[0].upper()}{reason[1:]}." for reason in unlike.reasons[:5]))
    with st.expander("What is unusual, and the nearest known clips", icon=":material/compare_arrows:"):
        first = unlike.features.head(10).assign(feature=unlike.features["feature"].map(readable))
        low, high = reference.USUAL
        st.dataframe(
            first,
            hide_index=True,
            column_config={
                "low": st.column_config.NumberColumn(
                    "usual from",
                    format="%.4g",
                    help=f"{wording.whole_percent(low)} of the training clips have a lower value",
                ),
                "high": st.column_config.NumberColumn(
                    "usual to",
                    format="%.4g",
                    help=f"{wording.whole_percent(high)} of the training clips have a lower value",
                ),
                "value": st.column_config.NumberColumn(format="%.4g"),
                "deviation": st.column_config.NumberColumn("off by (sd)", format="%+.1f"),
                "off": st.column_config.CheckboxColumn("beyond the limit"),
            },
        )
        st.caption(
            f"All features together: the clip's distance from the training music is {unlike.distance:.1f} times the "
            f"usual distance. {_larger_than(unlike.percentile)}"
        )
        _show_nearest(scored, served)


def _larger_than(percentile: float) -> str:
    """Compare a distance with the distances of the training clips. percentile : of them with a smaller distance."""
    if percentile >= 100:
        return "No training clip has a distance as large as this."
    return (
        f"It is larger than the distance of {wording.whole_percent(min(percentile, 99) / 100)} of the training clips."
    )


def _show_nearest(scored: ScoredClip, served: Served) -> None:
    known = cached.table_at_hand()
    if known is None:
        st.caption("The published table is not on this machine, so the nearest known clips cannot be shown.")
        return
    rows = reference.nearest_clips(scored.vector, served.reference, known.frame)
    st.dataframe(
        pd.DataFrame(
            {
                "row": rows.index,
                "emotion": rows[LABEL].map(wording.with_sign).array,
                "distance": rows["distance"].array,
            }
        ),
        hide_index=True,
        column_config={
            "row": st.column_config.NumberColumn(
                "nearest rows of the table", help="Row of the published table, from 0"
            ),
            "distance": st.column_config.NumberColumn("distance (sd)", format="%.2f"),
        },
    )

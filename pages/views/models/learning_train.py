"""The Train view of the Learning page: triggers, what a training would take, the training itself, the limits."""

import math

import pandas as pd
import streamlit as st

from core.errors import CoreError
from core.evaluation.drift import FALSE_DISCOVERIES, LEAST_EFFECT, PSI_LIMIT
from core.pipeline import jobs
from core.pipeline.serving import Served
from core.schema import readable
from core.settings import Settings
from core.store import Job, Rater, Store, cancel_job, done_jobs, get_setting, labels_mark, latest_job, library_mark
from core.training import labelled_data, retraining, status
from core.training.status import TrainingStatus
from core.training.triggers import Limits, Trigger
from core.wording import clock, duration
from pages.shared import cached, messages, show, who

FRESH_S = 30.0  # how long the labels and triggers that were computed are shown again
_ENDS = {"done": st.success, "failed": st.error, "cancelled": st.info, "lost": st.error}


@st.cache_resource(show_spinner="Reading labels and triggers …", ttl=FRESH_S, max_entries=4)
def _standing(_kept: Store, _served: Served, settings: Settings, stamp: tuple[object, ...]) -> TrainingStatus:
    """stamp : what must be computed anew when it changes."""
    return status.training_status(_kept, settings, cached.table(), _served)


def now(kept: Store, served: Served) -> TrainingStatus:
    """How things stand; at most ``FRESH_S`` old. Raises CoreError."""
    limits = status.limits_of(kept)
    learned = get_setting(kept, status.LEARNED_HASH)
    marks = labels_mark(kept), library_mark(kept)
    return _standing(kept, served, Settings(), (served.model.version, limits, learned, marks))


def train(kept: Store, person: Rater, served: Served) -> None:
    """The whole view."""
    if cached.table().synthetic:
        show.stand_in_banner(cached.table())
        st.info("Models are not trained on made-up clips. With the published table at hand, this page trains.")
        return
    found = now(kept, served)
    _work(kept)
    _triggers(found)
    _offer(kept, person, found)
    _material(found)
    _drift(found)
    _limits(kept, found.limits)


# --- triggers --------------------------------------------------------------------------------------------------------


def _triggers(found: TrainingStatus) -> None:
    st.subheader("Is it time to train again?")
    for place, trigger in zip(st.columns(len(found.triggers)), found.triggers, strict=True):
        with place.container(border=True, height="stretch"):
            _trigger(trigger)


def _trigger(trigger: Trigger) -> None:
    sign = ":orange-badge[:material/notifications_active: limit reached]" if trigger.due else ":gray-badge[below limit]"
    st.markdown(f"**{trigger.label}** {sign}")
    st.markdown(f"### {_value(trigger.value, trigger.name)}")
    st.caption(f"{trigger.text} Limit: {_value(trigger.limit, trigger.name)}.")


def _value(value: float, name: str) -> str:
    """A share in percent; of F1 on feedback the points above or below what the model expects."""
    if math.isnan(value):
        return "–"
    return f"{-100 * value:+.0f} points".replace("-", "−") if name == "feedback" else f"{value:.0%}"


# --- the training ----------------------------------------------------------------------------------------------------


def _offer(kept: Store, person: Rater, found: TrainingStatus) -> None:
    """What a training would learn, and the button."""
    news = found.new_labels
    said = f"{news.new} new agreed labels"
    said += f", {news.changed} changed" if news.changed else ""
    said += f", {news.gone} taken back" if news.gone else ""
    with st.container(border=True):
        st.markdown(
            f"**{len(found.data.labelled)} agreed labels** beside the published table; since the model in use: {said}. "
            f"{_how_long(kept)} It changes nothing by itself: the new model becomes the *challenger*, "
            "which is compared and works in the shadow until somebody promotes it."
        )
        if found.already_trained:
            st.caption(":material/info: The last training was on just these labels; another one would find the same.")
        elif found.pending_challenger:
            st.caption(
                f":material/swords: The challenger {found.pending_challenger} is undecided. Another training "
                "replaces it and restarts the shadow test."
            )
        st.button(
            "Train again" if found.already_trained else "Train",
            type="primary" if found.training_due else "secondary",
            icon=":material/model_training:",
            key="train",
            disabled=jobs.running(kept, retraining.JOB) is not None,
            on_click=_begin,
            args=(kept,),
            help="The published table and the agreed labels; the held-out clips stay out.",
        )


def _how_long(kept: Store) -> str:
    """What a training takes, from the last one of this installation."""
    for job in done_jobs(kept, retraining.JOB, limit=1):
        if job.ended_at is not None:
            took = duration((job.ended_at - job.started_at).total_seconds())
            return f"The last training took {took}; other work on this machine is slower meanwhile."
    return "A training takes some minutes, and other work on this machine is slower meanwhile."


def _begin(kept: Store) -> None:
    try:
        by = who.still_analyst(kept).name
        jobs.launch(kept, retraining.JOB, ["retrain", f"--by={by}"], settings=Settings())
    except CoreError as error:
        messages.keep_message("error", str(error))


def _work(kept: Store) -> None:
    """How far a training is, or how the last one ended."""
    if job := jobs.running(kept, retraining.JOB):
        _progress(kept, job.job_id)
        return
    job = latest_job(kept, retraining.JOB)
    if job is None:
        return
    state = "lost" if job.state == "running" else job.state
    said = job.message if state != "lost" else f"No sign of life at {job.progress:.0%}. You can start again."
    ended = f" at {job.ended_at:%d %b, %H:%M} UTC" if job.ended_at else ""
    with st.expander(f"Last training: {state}{ended}", expanded=state != "done", icon=":material/history:"):
        _ENDS[state](messages.literal(said))
        log = jobs.log_file(Settings(), job)
        if state == "failed" and log.is_file():
            st.code(log.read_text(encoding="utf-8", errors="replace")[-3000:], language=None)


@st.fragment(run_every=1.0)
def _progress(kept: Store, job_id: int) -> None:
    """The running training; the page is drawn anew when it ends."""
    job = jobs.running(kept, retraining.JOB)
    if job is None or job.job_id != job_id:
        st.rerun()
    with st.container(border=True):
        st.progress(job.progress, text=f"{messages.literal(job.message)} · {_since(job)}")
        if job.cancel:
            st.caption("It will stop at its next step.")
        else:
            st.button("Cancel", icon=":material/cancel:", key="cancel", on_click=cancel_job, args=(kept, job_id))
        st.caption("It goes on when you close this page.")


def _since(job: Job) -> str:
    return clock((pd.Timestamp.now("UTC") - job.started_at).total_seconds())


# --- what there is ---------------------------------------------------------------------------------------------------


def _material(found: TrainingStatus) -> None:
    """The clips that a training would take, and the labels that it would not."""
    with st.expander("What it would be trained on", icon=":material/dataset:"):
        st.dataframe(
            labelled_data.labels_by_emotion(found.data),
            hide_index=True,
            alt="Clips by emotion: published, labelled, held out",
            column_config={"held_out": st.column_config.NumberColumn("held out", help="Never trained on.")},
        )
        st.caption(
            "The published rows were measured with MIRtoolbox, the others by this program's extractor; the mark stays "
            "with every row. Copies and other excerpts of one recording never stand on both sides of a fold."
        )
        if len(found.data.left_out):
            st.markdown(f"**{len(found.data.left_out)} agreed labels train nothing:**")
            st.dataframe(found.data.left_out, hide_index=True, alt="Labels that train nothing, with the reason")


def _drift(found: TrainingStatus) -> None:
    """The features that changed, and why PSI is not what rings."""
    if found.drift is None:
        return
    with st.expander("Drift, feature by feature", icon=":material/waves:"):
        table = found.drift.features.assign(feature=[readable(c) for c in found.drift.features["feature"]])
        st.caption(
            f"The newest {found.drift.clips} recordings against the training music. A feature drifted when its "
            f"Kolmogorov-Smirnov distance is at least {LEAST_EFFECT} and q, its p-value corrected for the "
            f"number of features, at most {FALSE_DISCOVERIES}. PSI exceeds {PSI_LIMIT} on "
            f"{found.drift.psi_share:.0%} of the features; with this many recordings it would do so on "
            f"{found.drift.psi_by_chance:.0%} with no drift at all, so PSI is shown but does not trigger a retraining."
        )
        small = {c: st.column_config.NumberColumn(format="%.3f") for c in ("ks", "p", "q", "psi", "shift")}
        st.dataframe(table, hide_index=True, alt="Drift of each feature", column_config=small)
        show.download(table, "drift")


def _limits(kept: Store, limits: Limits) -> None:
    """Set the trigger limits, and allow or forbid scheduled training."""
    with st.expander("Limits and schedule", icon=":material/tune:"), st.form("limits", border=False):
        one, two, three = st.columns(3)
        labels = one.number_input("New labels, % of the clips", 1, 100, round(100 * limits.new_labels))
        drop = two.number_input(
            "Drop of macro-F1 on feedback, points",
            1,
            100,
            round(100 * limits.f1_drop),
            help="Below what the model expects of these clips by its own probabilities, and not by chance alone.",
        )
        drifted = three.number_input("Features that drifted, %", 1, 100, round(100 * limits.drifted))
        scheduled = st.toggle("A scheduled run may train when a trigger rings", limits.scheduled)
        st.caption("It makes a challenger and promotes nobody. For cron: `python -m core retrain --if-triggered`")
        if st.form_submit_button("Keep"):
            status.set_limits(kept, Limits(labels / 100, drop / 100, drifted / 100, scheduled))
            st.rerun()

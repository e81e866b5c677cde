"""The Train view of the Learning page: triggers, the data for a training, the training itself, the limits."""

import math

import pandas as pd
import streamlit as st

from core.errors import CoreError
from core.evaluation.drift import FALSE_DISCOVERIES, LEAST_EFFECT, PSI_LIMIT
from core.evaluation.learning_value import LearningValue, describe_value
from core.models.description import describe_model_in_use
from core.pipeline import jobs
from core.pipeline.serving import Served
from core.schema import readable
from core.settings import Settings
from core.store import (
    Job,
    Rater,
    Store,
    cancel_job,
    done_jobs,
    get_setting,
    labels_cache_key,
    latest_job,
    library_cache_key,
)
from core.training import labelled_data, retraining, status
from core.training.status import TrainingStatus
from core.training.triggers import Limits, Trigger
from core.wording import clock, duration, whole_percent
from pages.figures.models import lines
from pages.shared import cached, messages, show, who
from pages.shared.times import local

FRESH_S = 30.0  # seconds for which computed labels and triggers are shown again
_ENDS = {"done": st.success, "failed": st.error, "cancelled": st.info, "lost": st.error}


@st.cache_resource(show_spinner="Reading labels and triggers …", ttl=FRESH_S, max_entries=4)
def _cached_status(_store: Store, _served: Served, settings: Settings, stamp: tuple[object, ...]) -> TrainingStatus:
    """Compute the status; stamp : cache key, which changes with the labels, the model and the limits."""
    return status.training_status(_store, settings, cached.table(), _served)


def current_status(store: Store, served: Served) -> TrainingStatus:
    """The training status, at most ``FRESH_S`` seconds old. Raises CoreError."""
    limits = status.limits_of(store)
    learned = get_setting(store, status.LEARNED_HASH)
    marks = labels_cache_key(store), library_cache_key(store)
    return _cached_status(store, served, Settings(), (served.model.version, limits, learned, marks))


def train(store: Store, person: Rater, served: Served) -> None:
    """Show the whole view."""
    if cached.table().synthetic:
        show.stand_in_banner(cached.table())
        st.info("Models are not trained on synthetic clips. Add the published table on the Explore page to train here.")
        return
    current = current_status(store, served)
    _work(store)
    _triggers(current)
    _offer(store, person, current)
    _more_clips()
    _material(current)
    _drift(current)
    _limits(store, current.limits)


# --- triggers --------------------------------------------------------------------------------------------------------


def _triggers(current: TrainingStatus) -> None:
    st.header("Is it time to train again?")
    for place, trigger in zip(st.columns(len(current.triggers)), current.triggers, strict=True):
        with place.container(border=True, height="stretch"):
            _trigger(trigger)


def _trigger(trigger: Trigger) -> None:
    sign = ":orange-badge[:material/notifications_active: active]" if trigger.due else ":gray-badge[not active]"
    st.markdown(f"**{trigger.label}** {sign}")
    st.markdown(f"### {_value(trigger.value, trigger.name)}")
    st.caption(f"{trigger.text} Limit: {_value(trigger.limit, trigger.name)}.")


def _value(value: float, name: str) -> str:
    """Format a share in percent; for F1 on feedback, the points above or below the expected value."""
    if math.isnan(value):
        return "–"
    return f"{-100 * value:+.0f} points".replace("-", "−") if name == "feedback" else whole_percent(value)


# --- the training ----------------------------------------------------------------------------------------------------


def _offer(store: Store, person: Rater, current: TrainingStatus) -> None:
    """Show the labels for a training, and the button that starts it."""
    labels = current.new_labels
    changes = f"{labels.new} new agreed labels"
    changes += f", {labels.changed} changed" if labels.changed else ""
    changes += f", {labels.gone} taken back" if labels.gone else ""
    with st.container(border=True):
        st.markdown(
            f"**{len(current.data.labelled)} agreed labels** in addition to the published table: clips "
            "of music with a ground truth, each counted once however many people answered. Since the training "
            f"of the model in use: {changes}. {_how_long(store)} A training does not replace the model in use: the new "
            "model becomes the *challenger*. It is compared with the champion and predicts in the shadow until "
            "somebody promotes it."
        )
        if current.already_trained:
            st.caption(
                ":material/info: The last training used exactly these labels. Another training would give the same "
                "model."
            )
        elif current.pending_challenger:
            st.caption(
                f":material/swords: The challenger {current.pending_challenger} waits for a decision. "
                "A new training replaces it, and its results in the shadow so far no longer count."
            )
        st.button(
            "Train again" if current.already_trained else "Train",
            type="primary" if current.training_due else "secondary",
            icon=":material/model_training:",
            key="train",
            disabled=jobs.running(store, retraining.JOB) is not None,
            on_click=_begin,
            args=(store,),
            help="Trains on the published table and the agreed labels. The held-out clips are never used.",
        )


def _more_clips() -> None:
    """Show the learning curve of the model in use: the reason to label more clips."""
    model = describe_model_in_use(Settings())
    curve, values = model.table("learning_curve"), model.table("learning_value").to_dict("records")
    if curve.empty:
        return
    with st.expander("What more labelled clips are worth", icon=":material/trending_up:"):
        for value in values:
            st.markdown(describe_value(LearningValue(**value)))  # type: ignore[arg-type]
        points = curve.assign(model=model.version)
        show.chart(
            lines(
                points,
                x="train",
                title="Effect of more training clips",
                x_title="training clips",
                y_title="macro-F1",
            ),
            key=f"learning-curve_{model.version}",
            alt="Macro-F1 against the number of training clips: "
            + ", ".join(f"{row.train} clips {row.value:.3f}" for row in curve.itertuples()),
            data=curve,
        )
        st.caption(
            "Measured in the training of the model in use, with all clips that it learned from. The bars are 95 % "
            "confidence intervals. The expected gain continues the curve by a power law."
        )


def _how_long(store: Store) -> str:
    """Expected time of a training, from the last training on this installation."""
    for job in done_jobs(store, retraining.JOB, limit=1):
        if job.ended_at is not None:
            took = duration((job.ended_at - job.started_at).total_seconds())
            return f"The last training took {took}. Other work on this machine is slower during a training."
    return "A training takes some minutes. Other work on this machine is slower during a training."


def _begin(store: Store) -> None:
    try:
        by = who.still_analyst(store).name
        jobs.launch(store, retraining.JOB, ["retrain", f"--by={by}"], settings=Settings())
    except CoreError as error:
        messages.keep_message("error", str(error))


def _work(store: Store) -> None:
    """Show the progress of the training, or how the last training ended."""
    if job := jobs.running(store, retraining.JOB):
        _progress(store, job.job_id)
        return
    job = latest_job(store, retraining.JOB)
    if job is None:
        return
    state = "lost" if job.state == "running" else job.state
    silent = f"The training stopped responding at {whole_percent(job.progress)}. You can start again."
    message = silent if state == "lost" else job.message
    ended = f" at {local(job.ended_at)}" if job.ended_at else ""
    with st.expander(f"Last training: {state}{ended}", expanded=state != "done", icon=":material/history:"):
        _ENDS[state](messages.literal(message))
        log = jobs.log_file(Settings(), job)
        if state == "failed" and log.is_file():
            st.code(log.read_text(encoding="utf-8", errors="replace")[-3000:], language=None)


@st.fragment(run_every=1.0)
def _progress(store: Store, job_id: int) -> None:
    """Show the running training; redraw the page when it ends."""
    job = jobs.running(store, retraining.JOB)
    if job is None or job.job_id != job_id:
        st.rerun()
    with st.container(border=True):
        st.progress(job.progress, text=f"{messages.literal(job.message)} · {_since(job)}")
        if job.cancel:
            st.caption("It stops at its next step.")
        else:
            st.button("Cancel", icon=":material/cancel:", key="cancel", on_click=_cancel, args=(store, job_id))
        st.caption("It continues when you close this page.")


def _cancel(store: Store, job_id: int) -> None:
    try:
        cancel_job(store, job_id)
    except CoreError as error:
        messages.keep_message("error", str(error))


def _since(job: Job) -> str:
    return clock((pd.Timestamp.now("UTC") - job.started_at).total_seconds())


# --- what there is ---------------------------------------------------------------------------------------------------


def _material(current: TrainingStatus) -> None:
    """Show the clips for a training, and the labels that it cannot use."""
    with st.expander("Training data", icon=":material/dataset:"):
        show.frame(
            labelled_data.labels_by_emotion(current.data),
            hide_index=True,
            alt="Clips by emotion: published, labelled, held out",
            column_config={
                "held_out": st.column_config.NumberColumn("held out", help="These clips are never used for training.")
            },
        )
        st.caption(
            "The published rows were measured with MIRtoolbox, the others with this program's extractor; each row is "
            "marked. Clips of one recording are always in the same fold, so there is no leakage."
        )
        if len(current.data.left_out):
            st.markdown(f"**{len(current.data.left_out)} agreed labels cannot be used:**")
            show.frame(current.data.left_out, hide_index=True, alt="Labels that cannot be used, with the reason")


def _drift(current: TrainingStatus) -> None:
    """Show the features that drifted, and why PSI is no trigger."""
    if current.drift is None:
        return
    with st.expander("Drift, feature by feature", icon=":material/waves:"):
        table = current.drift.features.assign(feature=[readable(c) for c in current.drift.features["feature"]])
        st.caption(
            f"The newest {current.drift.clips} files, compared with the training music. A feature drifted if its "
            f"Kolmogorov-Smirnov distance is at least {LEAST_EFFECT} and q, its p-value corrected for the number of "
            f"features, is at most {FALSE_DISCOVERIES}. PSI exceeds {PSI_LIMIT} on "
            f"{whole_percent(current.drift.psi_share)} of "
            "the features; with this many files it would do so on "
            f"{whole_percent(current.drift.psi_by_chance)} without any "
            "drift. So PSI is shown, but it does not trigger a training."
        )
        show.frame(table, hide_index=True, alt="Drift of each feature")
        show.download(table, "drift")


def _limits(store: Store, limits: Limits) -> None:
    """Show the limits of the triggers, and whether a scheduled run may train."""
    with st.expander("Limits and schedule", icon=":material/tune:"), st.form("limits", border=False):
        one, two, three = st.columns(3)
        labels = one.number_input("New labels, % of the clips", 1, 100, round(100 * limits.new_labels))
        drop = two.number_input(
            "Drop of macro-F1 on feedback, points",
            1,
            100,
            round(100 * limits.f1_drop),
            help="Compared with the F1 that the model's own probabilities predict for these clips. Drops by chance "
            "do not count.",
        )
        drifted = three.number_input("Features that drifted, %", 1, 100, round(100 * limits.drifted))
        scheduled = st.toggle("A scheduled run may train if a trigger is active", limits.scheduled)
        st.caption(
            "It registers a challenger and does not promote it. For cron: `python -m core retrain --if-triggered`"
        )
        if st.form_submit_button("Save", key="limits_save"):
            status.set_limits(store, Limits(labels / 100, drop / 100, drifted / 100, scheduled))
            st.rerun()

"""Champion and challenger: compared on the same clips and in daily work; promoted, discarded, rolled back."""

import json

import pandas as pd
import streamlit as st

from core import file_names, wording
from core.access import Person
from core.errors import CoreError
from core.evaluation import before_after, policy_outcomes
from core.evaluation.before_after import read_change_table
from core.file_names import CHANGES, LEARNED
from core.models import description, registry
from core.models.description import ModelDescription
from core.models.policy import Policy
from core.pipeline import jobs
from core.pipeline.serving import Served
from core.schema import ALL
from core.settings import Settings
from core.store import Rater, Store, jobs_table
from core.training import labelled_data, promotion, retraining
from pages.figures import learning, models
from pages.shared import who
from pages.shared.messages import keep_message, literal
from pages.shared.show import chart, download, file_name

MEASURES = {
    "macro_f1": "Macro-F1",
    "accuracy": "Accuracy",
    "macro_auc": "Macro AUC",
    "log_loss": "Log-loss (lower is better)",
    "ece": "Calibration error (lower is better)",
}


def decide(store: Store, person: Rater, served: Served) -> None:
    """Compare the challenger with the champion, and offer to promote or discard it."""
    settings = Settings()
    registered = registry.find(file_names.CHALLENGER, settings=settings)
    challenger = description.describe_alias(file_names.CHALLENGER, settings=settings)
    if challenger is None or registered is None:
        st.info(
            "There is no challenger, so there is nothing to compare the champion with. Train one in the view *Train*.",
            icon=":material/swords:",
        )
        return
    shown = registered.version  # the decision is about the version on the screen
    champion = description.describe_alias(file_names.CHAMPION, settings=settings)
    learned = json.loads((challenger.folder / LEARNED).read_text()) if _has_labels(challenger) else {}
    _both_models(champion, challenger, learned)
    table = read_change_table(challenger, CHANGES)
    if table is None:
        st.info("This challenger comes from a full training run. Compare it on the page Compare models.")
    else:
        if champion is not None and learned["compared_with"] != champion.version:
            st.warning(
                "It was compared with an earlier champion. The gate compares it with the present champion when you "
                "promote it."
            )
        _compared(table, learned, challenger)
    with st.container(horizontal=True):
        st.button(
            "Promote the challenger",
            type="primary",
            icon=":material/trophy:",
            key="promote",
            on_click=_promote,
            args=(store, shown),
            help="The challenger becomes the champion if it passes the gate on the held-out clips. You can go back "
            "with one click.",
        )
        st.button("Discard it", icon=":material/delete:", key="discard", on_click=_discard, args=(store, shown))


def _has_labels(model: ModelDescription) -> bool:
    return (model.folder / LEARNED).is_file()


def _both_models(champion: ModelDescription | None, challenger: ModelDescription, learned: dict[str, object]) -> None:
    one, two = st.columns(2)
    with one.container(border=True, height="stretch"):
        st.markdown("**Champion**, in use")
        if champion is not None:
            labels = len(labelled_data.seen_clips(champion.folder))
            st.markdown(f"`{champion.version}`  \n{champion.source}")
            st.caption(f"Trained {champion.created_at[:10]} on {champion.metrics['protocol']['development']} clips, "
                       f"{labels} of them labelled here.")  # fmt: skip
    with two.container(border=True, height="stretch"):
        st.markdown("**Challenger**, in the shadow")
        by = f" by {literal(str(learned['by']))}" if learned.get("by") else ""
        st.markdown(f"`{challenger.version}`  \n{challenger.source}")
        st.caption(
            f"Trained {challenger.created_at[:10]}{by} on {challenger.metrics['protocol']['development']} clips, "
            f"{learned.get('labelled', 0)} of them labelled here."
        )


def _compared(table: pd.DataFrame, learned: dict[str, object], challenger: ModelDescription) -> None:
    """Show verdicts in words, figures on each part, and the result of the gate."""
    of_parts = table[table["measure"] == "macro_f1"]
    if of_parts.empty:
        st.info("There are too few clips for a comparison.")
        return
    st.markdown("**Is it better?**\n" + "\n".join(f"- {line}" for line in before_after.describe_changes(table)))
    parts = list(of_parts["part"])
    part = st.segmented_control(
        "Clips", parts, format_func=before_after.PARTS.__getitem__,
        default="development" if "development" in parts else parts[0],  # most clips, and chosen by no model
        required=True, key="part", bind="query-params",
        help="Held-out: clips that never trained a model. Development: out-of-fold predictions of each model. "
        "Labelled: clips labelled here; neither model was trained on the clips it predicts. The queue selected these "
        "clips because the champion was unsure, so the champion looks worse on them.",
    )  # fmt: skip
    show = st.segmented_control(
        "Show", ["both models", "the difference"], default="both models", required=True, key="show"
    )
    own = table[table["part"] == part]
    f1 = own[own["measure"].isin(["macro_f1", "f1"])]
    f1 = f1.assign(label=["all four" if e == ALL else wording.with_sign(e) for e in f1["emotion"]])
    name = file_name(f"champion-challenger-{part}", data_hash=challenger.data_hash, version=challenger.version)
    alt = "; ".join(f"{r.label}: {r.before:.2f} before, {r.after:.2f} after" for r in f1.itertuples())
    if show == "both models":
        figure = learning.before_after(f1, before="champion", after="challenger", title="F1 on the same clips")
    else:
        sure = (f1["low"] > 0) | (f1["high"] < 0)
        figure = models.differences(
            f1.assign(established=sure), title="Challenger minus champion", axis="difference of F1"
        )
    chart(figure, key=name, alt=f"F1 of both models. {alt}", data=own)
    rest = own[own["measure"].isin(list(MEASURES))]
    st.caption(
        " · ".join(f"{MEASURES[r.measure]} {r.before:.3f} → {r.after:.3f}" for r in rest.itertuples())
        + ". Intervals: 95 %, bootstrap over the same recordings for both models, without new training."
    )
    st.caption(_answers(challenger))
    if not (of_parts["low"] > 0).any():
        st.warning(
            "These figures do not show that the challenger is better. The gate only requires that it is not clearly "
            "worse.",
            icon=":material/balance:",
        )
    if isinstance(gate := learned.get("gate"), dict):
        sign = ":material/check_circle:" if gate["passed"] else ":material/block:"
        st.markdown(f"{sign} **The gate**, after the training: {literal(str(gate['reason']))}")


def _answers(challenger: ModelDescription) -> str:
    """How often each model gives one answer on its own clips, out of fold, and how often the answer is right."""
    threshold, parts = Policy().threshold, []
    for name, model in (("champion", description.describe_model_in_use(Settings())), ("challenger", challenger)):
        share, right = policy_outcomes.coverage_and_accuracy(model, Settings(), threshold=threshold)
        parts.append(
            f"the {name} for {wording.whole_percent(share)} of its clips, {wording.whole_percent(right)} of them right"
        )
    answers = "; ".join(parts)
    return f"One answer at a threshold of {threshold:.2f}, out of fold on the training clips of each model: {answers}."


# --- decisions -------------------------------------------------------------------------------------------------------


def _person(store: Store) -> Person:
    who.still_analyst(store)
    return store.by


def _promote(store: Store, shown: str) -> None:
    try:
        verdict = promotion.promote(Settings(), shown=shown, by=_person(store))
        if not verdict.passed:
            keep_message("error", f"Not promoted. {verdict.reason}")
            return
        keep_message("success", f"The challenger is the champion now. {verdict.reason} {_start_rescoring(store)}")
    except CoreError as error:
        keep_message("error", str(error))


def _discard(store: Store, shown: str) -> None:
    try:
        version = registry.discard(settings=Settings(), shown=shown, by=_person(store))
        keep_message("info", f"Version {version} was discarded. It no longer predicts in the shadow.")
    except CoreError as error:
        keep_message("error", str(error))


def _roll_back(store: Store, shown: str) -> None:
    try:
        version = registry.rollback(settings=Settings(), shown=shown, by=_person(store))
        keep_message(
            "success",
            f"In use again: {version}. The replaced model becomes the challenger, unless there is another challenger. "
            f"{_start_rescoring(store)}",
        )
    except CoreError as error:
        keep_message("error", str(error))


def _start_rescoring(store: Store) -> str:
    """Start to rescore the stored clips, unless a run is active (it takes up new models by itself)."""
    if jobs.running(store, retraining.RESCORE) is None:
        try:
            jobs.launch(store, retraining.RESCORE, ["rescore"], settings=Settings())
        except CoreError as error:
            return f"But the stored clips could not be scored again: {error}"
    return "The stored clips are scored again in the background."


def history(store: Store, person: Rater, served: Served) -> None:
    """Show all versions, the button that goes back, and past jobs."""
    st.markdown(f"In use: `{served.model.version}`, {literal(served.model.source)}.")
    present = registry.find(file_names.CHAMPION, settings=Settings())
    st.button(
        "Go back to the previous champion",
        icon=":material/undo:",
        key="rollback",
        on_click=_roll_back,
        args=(store, present.version if present else ""),
        disabled=present is None,
        help="Makes the model that the present champion replaced the champion again. Nothing is deleted.",
    )
    with st.spinner("Reading the registry …"):  # MLflow takes seconds to import
        table = registry.history(settings=Settings())
    if table.empty:
        st.info(
            "The registry is empty. The model that comes with the program is in use.", icon=":material/inventory_2:"
        )
    else:
        times = [name for name in ("created_at", "promoted_at") if name in table]
        shown = table.assign(**{name: pd.to_datetime(table[name], utc=True) for name in times}).fillna(
            {"rolled_back": ""}
        )
        st.dataframe(
            shown,
            hide_index=True,
            alt="Versions in the registry",
            column_config={
                name: st.column_config.DatetimeColumn(name.replace("_", " "), format="D MMM YYYY, HH:mm")
                for name in times
            },
        )
        download(table, "versions")
    with st.expander("Past jobs", icon=":material/history:"):
        st.dataframe(jobs_table(store).drop(columns=["result", "cancel"]), hide_index=True, alt="Jobs, newest first")

"""Champion and challenger: the gate, both models on the same clips, and the decision with its reason."""

import json

import pandas as pd
import streamlit as st

from core import file_names, wording
from core.errors import CoreError
from core.evaluation import before_after
from core.evaluation.before_after import read_change_table
from core.evaluation.evaluation_table import EvaluationTable
from core.evaluation.gate import GateResult
from core.evaluation.significance import findings_of_intervals
from core.file_names import CHANGES, LEARNED
from core.models import description, registry
from core.models.description import ModelDescription, training_words
from core.pipeline.serving import Served
from core.schema import ALL
from core.settings import Settings
from core.store import Rater, Store
from core.training import live, promotion
from core.training.labelled_data import TrainingData
from pages.figures import learning, models
from pages.shared import cached
from pages.shared.messages import keep_message, literal
from pages.shared.show import chart, file_name
from pages.views.models import criteria_views, learning_train, version_views
from pages.views.models.learning_models import person_now, start_rescoring

MEASURES = {
    "macro_f1": "Macro-F1",
    "accuracy": "Accuracy",
    "macro_auc": "Macro AUC",
    "log_loss": "Log-loss (lower is better)",
    "ece": "Calibration error (lower is better)",
}
_OUTCOMES = {"passed": st.success, "undecided": st.warning, "refused": st.error}
_REASON = "promotion_reason"  # session key


@st.cache_data(show_spinner="Comparing the challenger with the champion …", max_entries=8)
def _gate(challenger: str, champion: str, settings: Settings) -> GateResult:
    """The gate for the present challenger; the versions of both models are the cache key."""
    return promotion.preview(settings)


def decide(store: Store, person: Rater, served: Served) -> None:
    """Show the gate and both models, and offer to promote or discard the challenger."""
    settings = Settings()
    registered = registry.find(file_names.CHALLENGER, settings=settings)
    challenger = description.describe_alias(file_names.CHALLENGER, settings=settings)
    if challenger is None or registered is None:
        st.info(
            "There is no challenger, so there is nothing to compare the champion with. Train one in the view *Train*.",
            icon=":material/swords:",
        )
        return
    champion = description.describe_alias(file_names.CHAMPION, settings=settings)
    _both_models(store, served, champion, challenger)
    result = _gate(challenger.version, champion.version if champion else "", settings)
    _show_gate(result)
    lines = None if cached.table().synthetic else live.live_lines(store, challenger, _data(store, served))
    criteria_views.sign_off_download(challenger, live=lines)
    _decision(store, result, registered.version)
    if champion is not None:
        st.header("How both were made")
        version_views.made(champion, challenger)
    table = read_change_table(challenger, CHANGES)
    if table is None:
        return
    learned = json.loads(challenger.read(LEARNED))
    if champion is not None and learned["compared_with"] == champion.version:
        _compared(table, challenger)
    else:
        st.caption("The comparison after the training was with an earlier champion, so it is not shown.")


def _both_models(store: Store, served: Served, champion: ModelDescription | None, challenger: ModelDescription) -> None:
    one, two = st.columns(2)
    for place, model, title in ((one, champion, "**Champion**, in use"), (two, challenger, "**Challenger**")):
        with place.container(border=True, height="stretch"):
            st.markdown(title)
            if model is not None:
                st.markdown(f"`{model.version}`  \n{literal(model.source)}")
                st.caption(f"Trained {model.created_at[:10]} on {training_words(model)}.{_trained_by(model)}")
                _headline(cached.evaluation(model))
                _live(store, served, model)


def _trained_by(model: ModelDescription) -> str:
    by = str(json.loads(model.read(LEARNED)).get("by", "")) if model.has(LEARNED) else ""
    return f" Started by {literal(by)}." if by else ""


def _headline(table: EvaluationTable) -> None:
    one = table.find("macro_f1")
    if one is None:
        st.markdown("Macro-F1: not recorded")
        return
    accepted, right = table.figure("accepted"), table.figure("accepted_right")
    st.markdown(f"Macro-F1 {one.text}")
    shares = [wording.whole_percent(one.value) for one in (accepted, right)]
    answers = f" One answer for {shares[0]} of the clips, {shares[1]} of them right." if accepted.value else ""
    st.caption(f"{one.origin}.{answers}")


def _live(store: Store, served: Served, model: ModelDescription) -> None:
    """Live feedback of a model, if there are enough labelled clips outside its training."""
    if cached.table().synthetic:
        return  # without the published table it is not known which labelled clips are copies of its rows
    data = _data(store, served)
    found = live.live_result(store, model, data)
    if found is not None:
        table = live.evaluation_with_live(store, model, data, Settings())
        one = table.figure("macro_f1", row="live")
        st.caption(f"{one.origin}: macro-F1 {one.text}. The label queue prefers hard clips.")


def _data(store: Store, served: Served) -> TrainingData:
    return learning_train.current_status(store, served).data


def _show_gate(result: GateResult) -> None:
    st.header("The gate")
    _OUTCOMES[str(result.outcome)](literal(result.reason))
    st.markdown("**Criteria**, from the evaluation table of the challenger")
    criteria_views.checks(list(result.criteria), alt="Criteria of the challenger")
    if result.losses:
        st.markdown("**Challenger minus champion**, both on the same clips by the same protocol")
        criteria_views.checks(list(result.losses), alt="Challenger minus champion")


def _decision(store: Store, result: GateResult, shown: str) -> None:
    """Show the buttons. shown : version of the challenger on the screen; the decision is about it."""
    if result.needs_reason:
        st.text_area(
            "Your reason",
            key=_REASON,
            max_chars=promotion.LONGEST_REASON,
            help="The gate is undecided. Write why you promote the challenger all the same. The reason and your name "
            "stay in the history and in the sign-off report.",
        )
    with st.container(horizontal=True):
        st.button(
            "Promote the challenger",
            type="primary",
            icon=":material/trophy:",
            key="promote",
            on_click=_promote,
            args=(store, shown),
            help="The challenger becomes the champion if the gate lets it, or with your written reason. You can go "
            "back with one click.",
        )
        st.button("Discard it", icon=":material/delete:", key="discard", on_click=_discard, args=(store, shown))


def _promote(store: Store, shown: str) -> None:
    reason = str(st.session_state.get(_REASON, ""))
    try:
        result = promotion.promote(Settings(), shown=shown, by=person_now(store), reason=reason, store=store)
        if not promotion.is_promoted(result, reason):
            more = " Write your reason below, then press the button again." if result.needs_reason else ""
            keep_message("error", f"Not promoted. {result.reason}{more}")
            return
        st.session_state.pop(_REASON, None)
        keep_message("success", f"The challenger is the champion now. {result.reason} {start_rescoring(store)}")
    except CoreError as error:
        keep_message("error", str(error))


def _discard(store: Store, shown: str) -> None:
    try:
        version = registry.discard(settings=Settings(), shown=shown, by=person_now(store))
        keep_message("info", f"Version {version} was discarded. It no longer predicts in the shadow.")
    except CoreError as error:
        keep_message("error", str(error))


# --- both models after the training ----------------------------------------------------------------------------------


def _compared(table: pd.DataFrame, challenger: ModelDescription) -> None:
    """Show verdicts in words and the figures of both models on each part."""
    st.header("Both models on the same clips")
    of_parts = table[table["measure"] == "macro_f1"]
    if of_parts.empty:
        st.info("There are too few clips for a comparison.")
        return
    st.markdown("\n".join(f"- {line}" for line in before_after.describe_changes(table)))
    parts = list(of_parts["part"])
    part = st.segmented_control(
        "Clips", parts, format_func=before_after.PARTS.__getitem__,
        default="development" if "development" in parts else parts[0],  # most clips, and chosen by no model
        required=True, key="part", bind="query-params",
        help="Held-out: clips that never trained a model; each model predicts them itself. Development and labelled: "
        "cross-validated predictions of each model. Only labelled clips in the training of both models are compared; "
        "the view Shadow compares them on clips that neither was trained on.",
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
        figure = models.differences(
            f1.assign(finding=findings_of_intervals(f1)), title="Challenger minus champion", axis="difference of F1"
        )
    chart(figure, key=name, alt=f"F1 of both models. {alt}", data=own)
    rest = own[own["measure"].isin(list(MEASURES))]
    how = f" ({own['protocol'].iloc[0]})" if "protocol" in own else ""
    st.caption(
        " · ".join(f"{MEASURES[r.measure]} {r.before:.3f} → {r.after:.3f}" for r in rest.itertuples())
        + f". {own['clips'].iloc[0]} clips{how}. Intervals: 95 %, bootstrap over the same recordings for both models, "
        "without new training."
    )

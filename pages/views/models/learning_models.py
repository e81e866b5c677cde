"""Champion and challenger: compared on the same clips, side by side in daily work, promoted, discarded, rolled back."""

import json

import pandas as pd
import streamlit as st

from core import file_names, wording
from core.errors import CoreError
from core.evaluation import before_after, policy_outcomes
from core.evaluation import shadow_test as shadows
from core.evaluation.before_after import read_change_table
from core.evaluation.shadow_test import ALPHA, ShadowVerdict, compare_guesses
from core.file_names import CHANGES, LEARNED
from core.labelling.truth import raters_needed, stored_truth
from core.models import description, registry
from core.models.description import ModelDescription
from core.models.policy import Policy
from core.pipeline import jobs
from core.pipeline.serving import Served
from core.schema import ALL
from core.settings import Settings
from core.store import Rater, Store, jobs_table, predictions_table
from core.training import labelled_data, promotion, retraining, status
from pages.figures import learning, models
from pages.shared import who
from pages.shared.messages import keep_message, literal
from pages.shared.show import chart, download, file_name
from pages.views.models import learning_train

MEASURES = {
    "macro_f1": "Macro-F1",
    "accuracy": "Accuracy",
    "macro_auc": "Macro AUC",
    "log_loss": "Log-loss (lower is better)",
    "ece": "Calibration error (lower is better)",
}


def decide(kept: Store, person: Rater, served: Served) -> None:
    """The challenger beside the champion, and what to do with it."""
    settings = Settings()
    found = registry.find(file_names.CHALLENGER, settings=settings)
    challenger = description.describe_alias(file_names.CHALLENGER, settings=settings)
    if challenger is None or found is None:
        st.info(
            "There is no challenger. Train one in the view *Train*; until then the model in use has nobody to beat.",
            icon=":material/swords:",
        )
        return
    shown = found.version  # what is decided is what was seen
    champion = description.describe_alias(file_names.CHAMPION, settings=settings)
    learned = json.loads((challenger.folder / LEARNED).read_text()) if _has(challenger) else {}
    _who_is_who(champion, challenger, learned)
    table = read_change_table(challenger, CHANGES)
    if table is None:
        st.info("This challenger came from a full training; compare it on the page Compare models.")
    else:
        if champion is not None and learned["compared_with"] != champion.version:
            st.warning("It was compared with an earlier champion. The gate asks again when you promote it.")
        _compared(table, learned, challenger)
    with st.container(horizontal=True):
        st.button(
            "Promote the challenger",
            type="primary",
            icon=":material/trophy:",
            key="promote",
            on_click=_promote,
            args=(kept, shown),
            help="If it passes the gate on the held-out clips. The present champion can come back with one click.",
        )
        st.button("Discard it", icon=":material/delete:", key="discard", on_click=_discard, args=(kept, shown))


def _has(model: ModelDescription) -> bool:
    return (model.folder / LEARNED).is_file()


def _who_is_who(champion: ModelDescription | None, challenger: ModelDescription, learned: dict[str, object]) -> None:
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
    """Verdicts in words, figures on each part, and what the gate said."""
    of_parts = table[table["measure"] == "macro_f1"]
    if of_parts.empty:
        st.info("There are too few clips for a comparison.")
        return
    st.markdown("**Is it better?**\n" + "\n".join(f"- {said}" for said in before_after.describe_changes(table)))
    parts = list(of_parts["part"])
    part = st.segmented_control(
        "Clips", parts, format_func=before_after.PARTS.__getitem__,
        default="development" if "development" in parts else parts[0],  # most clips, and chosen by no model
        required=True, key="part", bind="query-params",
        help="Held-out: they never trained a model. Development: each model asked out of fold. Labelled: the "
        "challenger out of fold, the champion as it is or out of fold, so neither was fitted on what it is asked; but "
        "the queue asked for them because the champion was unsure.",
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
        + ". Intervals: 95 %, the same recordings drawn again for both models; neither is fitted again."
    )
    st.caption(_answers(challenger))
    if not (of_parts["low"] > 0).any():
        st.warning(
            "Nothing above shows that the challenger is better. The gate only asks that it is not clearly worse.",
            icon=":material/balance:",
        )
    if isinstance(gate := learned.get("gate"), dict):
        sign = ":material/check_circle:" if gate["passed"] else ":material/block:"
        st.markdown(f"{sign} **The gate**, when it was trained: {literal(str(gate['reason']))}")


def _answers(challenger: ModelDescription) -> str:
    """How often each of the two gives one answer, on its own clips out of fold, and how often that is right."""
    threshold, said = Policy().threshold, []
    for name, model in (("champion", description.describe_model_in_use(Settings())), ("challenger", challenger)):
        share, right = policy_outcomes.coverage_and_accuracy(model, Settings(), threshold=threshold)
        said.append(f"the {name} for {share:.0%} of its clips, {right:.0%} of them right")
    return f"One answer at {threshold:.2f}, each on the clips that it was trained on, out of fold: {'; '.join(said)}."


# --- decisions -------------------------------------------------------------------------------------------------------


def _promote(kept: Store, shown: str) -> None:
    try:
        verdict = promotion.promote(Settings(), shown=shown, by=who.still_analyst(kept).name)
        if not verdict.passed:
            keep_message("error", f"Not promoted. {verdict.reason}")
            return
        keep_message("success", f"The challenger is the champion now. {verdict.reason} {_score_anew(kept)}")
    except CoreError as error:
        keep_message("error", str(error))


def _discard(kept: Store, shown: str) -> None:
    try:
        version = registry.discard(settings=Settings(), shown=shown, by=who.still_analyst(kept).name)
        keep_message("info", f"Version {version} no longer works in the shadow.")
    except CoreError as error:
        keep_message("error", str(error))


def _roll_back(kept: Store, shown: str) -> None:
    try:
        version = registry.rollback(settings=Settings(), shown=shown, by=who.still_analyst(kept).name)
        keep_message(
            "success",
            f"In use again: {version}. The model that goes works in the shadow, unless another challenger does. "
            f"{_score_anew(kept)}",
        )
    except CoreError as error:
        keep_message("error", str(error))


def _score_anew(kept: Store) -> str:
    """Let the models judge the stored clips, and say so; a run that is going on looks after the new ones as well."""
    if jobs.running(kept, retraining.RESCORE) is None:
        try:
            jobs.launch(kept, retraining.RESCORE, ["rescore"], settings=Settings())
        except CoreError as error:
            return f"But stored clips are not scored anew: {error}"
    return "Stored clips are scored anew, in the background."


def history(kept: Store, person: Rater, served: Served) -> None:
    """All versions, the way back, and what ran."""
    st.markdown(f"In use: `{served.model.version}`, {literal(served.model.source)}.")
    present = registry.find(file_names.CHAMPION, settings=Settings())
    st.button(
        "Go back to the model before",
        icon=":material/undo:",
        key="rollback",
        on_click=_roll_back,
        args=(kept, present.version if present else ""),
        disabled=present is None,
        help="Gives the place back to the model that the present champion replaced. Nothing is deleted.",
    )
    with st.spinner("Reading the registry …"):  # MLflow takes seconds to import
        table = registry.history(settings=Settings())
    if table.empty:
        st.info("The registry is empty: the model of the repository is in use.", icon=":material/inventory_2:")
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
    with st.expander("What ran", icon=":material/history:"):
        st.dataframe(
            jobs_table(kept).drop(columns=["result", "cancel"]), hide_index=True, alt="Long work, newest first"
        )


# --- shadow ----------------------------------------------------------------------------------------------------------


def shadow(kept: Store, person: Rater, served: Served) -> None:
    """The two on the clips of daily work: how often they agree, where they differ, and who is ahead."""
    if served.shadow is None:
        st.info("There is no challenger, so nothing works in the shadow.", icon=":material/visibility_off:")
        return
    champion, challenger = served.model.version, served.shadow.model.version
    table = compare_guesses(
        predictions_table(kept),
        stored_truth(kept, raters_needed=raters_needed(kept)),
        champion=champion,
        challenger=challenger,
    )
    if table.empty:
        st.info(
            "No clip has been scored by both yet. From now on every prediction is; stored clips are after a training.",
            icon=":material/hourglass_empty:",
        )
        return
    differ = table[table["differ"]]
    st.markdown(
        f"### {1 - len(differ) / len(table):.0%} agreement\n"
        f"Both have scored {len(table)} clips, and hear another emotion in {len(differ)} of them. "
        "These come first in the label queue, because an answer tells the two apart."
    )
    if differ["label"].isna().any():
        st.page_link("pages/label.py", label="Label them", icon=":material/headphones:")
    elif len(differ):
        st.caption("All of these have a label. Where more evidence is needed, score more music.")
    proof = _proof(kept, served, challenger)
    _verdict(shadows.sequential_verdict(table, proof))
    if differ.empty:
        return
    st.markdown("**Where they differ**")
    st.caption(
        "Only clips with a tick are evidence: labelled music of which neither model has learned, and of which nobody "
        "was asked before both were in the queue."
    )
    shown = pd.DataFrame(
        {
            "clip": differ["file_name"],
            **{c: differ[c].map(wording.with_sign, na_action="ignore") for c in ("champion", "challenger")},
            "agreed label": differ["label"].map(wording.with_sign, na_action="ignore").fillna("–"),
            "evidence": differ.index.isin(proof.index),
        }
    ).sort_values("evidence", ascending=False, kind="stable")
    st.dataframe(shown, hide_index=True, alt="Clips on which the two differ")
    download(shown.reset_index(), file_name("champion-and-challenger-differ", data_hash="", version=challenger))


def _proof(kept: Store, served: Served, challenger: str) -> pd.Series:
    """The clips that may tell the two apart, with their recordings; see `core.training.status.test_clips`."""
    both = [
        description.describe_alias(alias, settings=Settings()) for alias in (file_names.CHAMPION, file_names.CHALLENGER)
    ]
    asked = predictions_table(kept, role="challenger", model_version=challenger)["created_at"]
    data = learning_train.now(kept, served).data
    return status.test_clips(kept, data, [model for model in both if model], since=asked.min())


def _verdict(found: ShadowVerdict) -> None:
    """The sequential test, in words."""
    with st.container(border=True):
        if found.better:
            st.markdown(f"**Verdict: the {found.better} is better**, as far as labels of daily work can tell.")
        elif found.more_labels is None:
            st.markdown("**Verdict: undecided**; so far nothing speaks for either.")
        else:
            st.markdown(
                f"**Verdict: undecided**; about {found.more_labels} more labels would decide it if things go on."
            )
        st.caption(
            f"{found.labelled} labelled clips of {found.recordings} recordings are evidence: music of which neither "
            f"has learned. The champion has more right in {found.only_champion} of the recordings, the challenger in "
            f"{found.only_challenger}. Evidence {found.evidence:.2g} to 1; {1 / ALPHA:.0f} to 1 decides, "
            f"however often one looks (sequential McNemar test; looked at once, p = {found.p:.2g}). "
            "Labels given with the champion's guess in sight lean towards the champion."
        )

"""The Shadow view of the Learning page: champion and challenger on the clips of daily work."""

import pandas as pd
import streamlit as st

from core import file_names, wording
from core.evaluation import shadow_test
from core.evaluation.shadow_test import ALPHA, ShadowVerdict, compare_guesses
from core.labelling.truth import raters_needed, stored_truth
from core.models import description
from core.pipeline.serving import Served
from core.settings import Settings
from core.store import Rater, Store, first_predicted, guesses_table
from core.training import status
from pages.shared.show import clip_names, download, file_name
from pages.views.models import learning_train


def shadow(store: Store, person: Rater, served: Served) -> None:
    """Compare both models on the clips of daily work: agreement, differences, and which one is better."""
    if served.shadow is None:
        st.info("There is no challenger, so no model predicts in the shadow.", icon=":material/visibility_off:")
        return
    champion, challenger = served.model.version, served.shadow.model.version
    table = compare_guesses(
        guesses_table(store, versions=(champion, challenger)),
        stored_truth(store, raters_needed=raters_needed(store)),
        champion=champion,
        challenger=challenger,
    )
    if table.empty:
        st.info(
            "No clip has been scored by both models yet. New clips will be; stored clips are scored after a training.",
            icon=":material/hourglass_empty:",
        )
        return
    differ = table[table["differ"]]
    st.markdown(
        f"### {wording.whole_percent(1 - len(differ) / len(table))} agreement\nBoth models have scored {len(table)} "
        "clips. They predict "
        f"different emotions for {len(differ)} of them. These clips come first in the label queue, because an answer "
        "shows which model is right."
    )
    if differ["label"].isna().any():
        st.page_link("pages/label.py", label="Label these clips", icon=":material/headphones:")
    elif len(differ):
        st.caption("All of these clips have a label. Score more music to get more evidence.")
    evidence = _evidence(store, served, challenger)
    _verdict(shadow_test.sequential_verdict(table, evidence))
    if differ.empty:
        return
    st.markdown("**Clips on which they differ**")
    st.caption(
        "Only clips with a tick are evidence: they have a label, neither model was trained on their recording, and "
        "they were labelled after the challenger had begun to score clips."
    )
    shown = pd.DataFrame(
        {
            "clip": clip_names(differ.reset_index()),
            **{c: differ[c].map(wording.with_sign, na_action="ignore") for c in ("champion", "challenger")},
            "agreed label": differ["label"].map(wording.with_sign, na_action="ignore").fillna("–"),
            "evidence": differ.index.isin(evidence.index),
        }
    ).sort_values("evidence", ascending=False, kind="stable")
    st.dataframe(shown, hide_index=True, alt="Clips on which both models differ")
    download(shown.reset_index(), file_name("champion-and-challenger-differ", data_hash="", version=challenger))


def _evidence(store: Store, served: Served, challenger: str) -> pd.Series:
    """Clips that count as evidence, with their recordings; see `core.training.status.test_clips`."""
    both = [
        description.describe_alias(alias, settings=Settings()) for alias in (file_names.CHAMPION, file_names.CHALLENGER)
    ]
    first_scored = first_predicted(store, role="challenger", model_version=challenger)
    data = learning_train.current_status(store, served).data
    return status.test_clips(store, data, [model for model in both if model], since=first_scored)


def _verdict(verdict: ShadowVerdict) -> None:
    """Show the result of the sequential test in words."""
    with st.container(border=True):
        if verdict.better:
            st.markdown(f"**Verdict: the {verdict.better} is better**, judged by the labels of daily work.")
        elif verdict.more_labels is None:
            st.markdown("**Verdict: undecided**; so far there is no evidence for either model.")
        else:
            st.markdown(
                f"**Verdict: undecided**; about {verdict.more_labels} more labels would decide it at the present rate."
            )
        st.caption(
            f"{verdict.labelled} labelled clips of {verdict.recordings} recordings are evidence: neither model was "
            f"trained on them. The champion has more clips right in {verdict.only_champion} recordings, the challenger "
            f"in {verdict.only_challenger}. The evidence is {verdict.evidence:.2g} to 1; the test decides at "
            f"{1 / ALPHA:.0f} to 1, however often you look (sequential McNemar test; for a single look, p = "
            f"{verdict.p:.2g}). Labels that were given while the champion's guess was visible favour the champion."
        )

"""Parts of the Decisions page. Each part gets a table from core and shows it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pandas as pd
import streamlit as st

from core import file_names, wording
from core.errors import CoreError
from core.evaluation import policy_outcomes
from core.evaluation.evaluation_table import EvaluationTable
from core.models import bundle, description
from core.models.description import ModelDescription
from core.models.policy import WINDOW_COUNTS, Policy, conformal_policy
from core.schema import EMOTIONS
from core.settings import Settings
from pages.shared import cached, messages, show
from pages.shared.policy import KINDS, active, address, default, use

MEASURES = {
    "accept": "accepted",
    "accuracy": "right if accepted",
    "choose": "two offered",
    "pair": "right if two offered",
    "review": "for review",
    "top2_rest": "top 2 on the rest",
}
PERCENT = st.column_config.NumberColumn(format="%.1f %%")  # of values that are multiplied by 100
HELP = {
    "accuracy": "How often the accepted emotion is the right one.",
    "pair": "How often the right emotion is one of the two offered emotions.",
    "top2_rest": "Clips without an accepted emotion: how often the right emotion is one of the two most probable.",
}


@dataclass(frozen=True, eq=False)
class Page:
    """Data that all parts share.

    stored : policies of the model, by name.  predictions : those of the headline, with labels and recordings.
    """

    model: ModelDescription
    stored: Mapping[str, Policy]
    evaluation: EvaluationTable
    predictions: pd.DataFrame

    @property
    def origin(self) -> str:
        """Row of the evaluation table, number of clips and protocol in words."""
        return self.evaluation.figure("macro_f1").origin

    def name(self, what: str) -> str:
        return show.file_name(what, data_hash=self.model.data_hash, version=self.model.version)


@dataclass(frozen=True, eq=False)
class Decided:
    """What a policy decides. clips : one row for each prediction.  summary : from ``policy_outcomes.summarise``."""

    clips: pd.DataFrame
    summary: pd.DataFrame


def open_page() -> Page:
    """The model in use and the predictions of its headline. Shows an error and stops the page without them."""
    try:
        model = description.describe_model_in_use(Settings())
        stored = bundle.read_policies(model.folder / file_names.POLICY)
        return Page(model, stored, cached.evaluation(model), cached.headline_predictions(model))
    except CoreError as error:
        messages.problem(error)
        st.stop()


def controls(page: Page) -> Policy:
    """Show the sliders. Their values are the policy in use."""
    now = active(page.stored)
    kind = st.segmented_control(
        "Policy",
        list(KINDS),
        format_func=KINDS.__getitem__,
        default=now.kind,
        required=True,
        key="policy_kind",
        help="A threshold compares the probability with a limit. A conformal set keeps all emotions that are "
        "probable enough, so that the right emotion is in the set for a chosen share of the clips.",
    )
    policy = _threshold(page, now) if kind == "threshold" else _conformal(page, now)
    policy = replace(policy, windows=_windows(now), apart_s=now.apart_s)
    use(policy)
    return policy


def _windows(now: Policy) -> int:
    return st.segmented_control(
        "Windows of a longer file",
        WINDOW_COUNTS[:3],
        default=now.windows if now.windows in WINDOW_COUNTS[:3] else WINDOW_COUNTS[1],
        required=True,
        key="policy_windows",
        help="Windows of 30 s around the middle of a file, each scored by itself; their mean probabilities decide. "
        "Several windows make the answer depend less on where a window starts. A clip of about 30 s is one window.",
    )


def _threshold(page: Page, now: Policy) -> Policy:
    one = st.slider(
        "One emotion is accepted from",
        0.25,
        1.0,
        now.threshold,
        0.01,
        format="percent",
        key="policy_threshold",
        help="Probability of the most probable emotion.",
        disabled=st.session_state.get("policy_by_emotion", bool(now.thresholds)),
    )
    limits = _by_emotion(page, now)
    two = st.slider(
        "Two are offered from",
        0.5,
        1.0,
        max(now.pair_threshold, 0.5),
        0.01,
        format="percent",
        key="policy_pair",
        help="Sum of the two highest probabilities. Below this value, a person has to listen.",
    )
    return Policy(threshold=one, pair_threshold=two, thresholds=limits)


def _by_emotion(page: Page, now: Policy) -> tuple[float, ...]:
    """Offer a limit for each emotion; return the limits, or nothing when one limit holds for all emotions."""
    learned = page.stored.get("by_emotion")
    if not st.toggle(
        "A limit for each emotion",
        value=bool(now.thresholds),
        key="policy_by_emotion",
        help="Each emotion gets the lowest limit at which "
        f"{wording.percent_limit(policy_outcomes.RIGHT)} of its accepted clips are right, or the limit that comes "
        "nearest.",
    ):
        return ()
    if now.thresholds:
        return now.thresholds
    return (learned or policy_outcomes.policy_by_emotion(page.predictions)).thresholds


def _conformal(page: Page, now: Policy) -> Policy:
    share = st.slider(
        "The right emotion is kept for",
        0.70,
        0.99,
        min(max(now.coverage, 0.70), 0.99),
        0.01,
        format="percent",
        key="policy_coverage",
        help="Share of the clips of each emotion whose set must contain the right emotion. A higher share needs "
        "larger sets.",
    )
    learned = conformal_policy(page.predictions, page.predictions.groupby("row")["y"].first(), coverage=share)
    st.caption("An emotion is kept if its probability reaches this value:")
    st.markdown(
        "\n".join(
            f"- {wording.with_sign(e)}: {wording.percent_limit(f)}"
            for e, f in zip(EMOTIONS, learned.floors, strict=True)
        ),
        help="One emotion kept: it is accepted. Two: both are offered. None, or more than two: a person has to listen.",
    )
    return replace(learned, threshold=now.threshold, pair_threshold=now.pair_threshold)


def decided(page: Page, policy: Policy) -> Decided:
    """Apply the policy to the out-of-fold predictions of all clips, and summarise it once for all parts."""
    if policy.kind == "conformal":
        clips = policy_outcomes.conformal_outcomes(page.predictions, coverage=policy.coverage)
    else:
        clips = policy_outcomes.outcomes(page.predictions, policy)
    return Decided(clips, policy_outcomes.summarise(clips))


def figures(page: Page, policy: Policy, done: Decided) -> None:
    """Show the headline figures: accepted, offered, for review, and how often the emotion is right."""
    table = done.summary.query("emotion == 'all'").set_index("measure")
    shown = wording.shares({str(m): float(v) for m, v in table["value"].items() if m in ("accept", "choose", "review")})
    with st.container(horizontal=True):
        for measure in ("accept", "choose", "review", "accuracy", "pair", "top2_rest"):
            value, low, high = map(float, table.loc[measure, ["value", "low", "high"]])
            st.metric(
                MEASURES[measure][0].upper() + MEASURES[measure][1:],
                "none" if pd.isna(value) else shown.get(measure, wording.whole_percent(value)),
                delta=None if pd.isna(value) else f"{wording.whole_percent(low)} to {wording.whole_percent(high)}",
                delta_color="off",
                delta_arrow="off",
                width=165,
                help=HELP.get(measure, "Share of all clips.") + " Below: 95 % confidence interval.",
            )


def share(page: Page, policy: Policy) -> None:
    """Show links and a download for the policy, and the button that restores the stored policy."""
    with st.container(horizontal=True, vertical_alignment="center"):
        link = address(policy)
        st.page_link(
            "pages/predict.py", label="Predict with this policy", icon=":material/graphic_eq:", query_params=link
        )
        st.download_button(
            "Download policy (JSON)",
            policy.to_json() + "\n",
            file_name=f"{page.name('policy')}.json",
            mime="application/json",
            key="policy_download",
            icon=":material/download:",
            on_click="ignore",
        )
        st.button(
            "Back to the stored policy",
            key="policy_reset",
            icon=":material/restart_alt:",
            on_click=_reset,
            args=(page.stored,),
            disabled=policy == default(page.stored),
        )
    st.caption(f"A link to Predict with this policy: `/predict?{'&'.join(f'{k}={v}' for k, v in link.items())}`")


def _reset(stored: Mapping[str, Policy]) -> None:
    use(default(stored))
    names = ("kind", "threshold", "pair", "coverage", "by_emotion", "windows")
    for key in (f"policy_{name}" for name in names):
        st.session_state.pop(key, None)

"""The parts of the Decisions page: each asks core for a table and shows it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pandas as pd
import streamlit as st

from core import file_names, wording
from core.errors import CoreError, ModelError
from core.evaluation import metrics, policy_outcomes
from core.models import bundle, description
from core.models.description import ModelDescription
from core.models.policy import Policy, conformal_policy
from core.models.reference import MOST_MISSING, read_reference
from core.schema import EMOTIONS
from core.settings import Settings
from pages.figures.decisions import reliability as reliability_figure
from pages.figures.decisions import risk_coverage
from pages.figures.decisions import shares as shares_figure
from pages.shared import messages, show
from pages.shared.policy import KINDS, active, address, default, use

MEASURES = {
    "accept": "accepted",
    "accuracy": "right if accepted",
    "choose": "two offered",
    "pair": "right if two offered",
    "review": "for review",
    "top2_rest": "top 2 on the rest",
}
HELP = {
    "accuracy": "How often the accepted emotion is the right one.",
    "pair": "How often the right emotion is one of the two that are offered.",
    "top2_rest": "Where nothing is accepted: how often the right emotion is one of the two most probable.",
}


@dataclass(frozen=True, eq=False)
class Page:
    """What all parts stand on.

    stored : policies of the model, by name.  predictions : out of fold, with labels and recordings.
    """

    model: ModelDescription
    stored: Mapping[str, Policy]
    predictions: pd.DataFrame

    @property
    def clips(self) -> int:
        return int(self.predictions["row"].nunique())

    def name(self, what: str) -> str:
        return show.file_name(what, data_hash=self.model.data_hash, version=self.model.version)


def open_page() -> Page:
    """The model in use and its out-of-fold predictions; ends the page with a sentence without them."""
    try:
        model = description.describe_model_in_use(Settings())
        rows = description.training_rows(model, Settings())
        if rows is None:
            raise ModelError("The labels of the clips that the model was trained on are not at hand. Train again.")
        stored = bundle.read_policies(model.folder / file_names.POLICY)
        return Page(model, stored, policy_outcomes.labelled_out_of_fold(model.folder, rows))
    except CoreError as error:
        messages.problem(error)
        st.stop()


def controls(page: Page) -> Policy:
    """The sliders. What they say is the policy in use; there is no other."""
    now = active(page.stored)
    kind = st.segmented_control(
        "Policy",
        list(KINDS),
        format_func=KINDS.__getitem__,
        default=now.kind,
        required=True,
        key="policy_kind",
        help="A threshold looks at the probability itself. A conformal set keeps every emotion that is probable enough "
        "for the right one to be kept in a chosen share of each emotion's clips.",
    )
    policy = _threshold(now) if kind == "threshold" else _conformal(page, now)
    use(policy)
    return policy


def _threshold(now: Policy) -> Policy:
    one = st.slider(
        "One emotion is accepted from",
        0.25,
        1.0,
        now.threshold,
        0.01,
        format="percent",
        key="policy_threshold",
        help="Probability of the most probable emotion.",
    )
    two = st.slider(
        "Two are offered from",
        0.5,
        1.0,
        max(now.pair_threshold, 0.5),
        0.01,
        format="percent",
        key="policy_pair",
        help="Probability of the two most probable emotions together. Below it, a person has to listen.",
    )
    return Policy(threshold=one, pair_threshold=two)


def _conformal(page: Page, now: Policy) -> Policy:
    share = st.slider(
        "The right emotion is kept for",
        0.70,
        0.99,
        min(max(now.coverage, 0.70), 0.99),
        0.01,
        format="percent",
        key="policy_coverage",
        help="Share of the clips of each emotion whose set has to hold the right emotion. More needs larger sets.",
    )
    learned = conformal_policy(page.predictions, page.predictions.groupby("row")["y"].first(), coverage=share)
    st.caption("An emotion is kept when it reaches its floor:")
    st.markdown(
        "\n".join(f"- {wording.with_sign(e)}: {f:.0%}" for e, f in zip(EMOTIONS, learned.floors, strict=True)),
        help="One emotion kept: accepted. Two: offered. None, or more than two: a person has to listen.",
    )
    return replace(learned, threshold=now.threshold, pair_threshold=now.pair_threshold)


def decided(page: Page, policy: Policy) -> pd.DataFrame:
    """What the policy does with each clip that the model did not know."""
    if policy.kind == "conformal":
        return policy_outcomes.conformal_outcomes(page.predictions, coverage=policy.coverage)
    return policy_outcomes.outcomes(page.predictions, policy)


def figures(page: Page, policy: Policy, done: pd.DataFrame) -> None:
    """The headline: what is accepted, offered and left, and how often it is right."""
    table = policy_outcomes.summarise(done).query("emotion == 'all'").set_index("measure")
    with st.container(horizontal=True):
        for measure in ("accept", "choose", "review", "accuracy", "pair", "top2_rest"):
            value, low, high = table.loc[measure, ["value", "low", "high"]].to_numpy(dtype=float)
            st.metric(
                MEASURES[measure][0].upper() + MEASURES[measure][1:],
                "none" if pd.isna(value) else f"{value:.1%}",
                delta=None if pd.isna(value) else f"{low:.0%} to {high:.0%}",
                delta_color="off",
                delta_arrow="off",
                width=165,
                help=HELP.get(measure, "Share of all clips.")
                + " Below: 95 % interval for other clips of the same kind.",
            )


def share(page: Page, policy: Policy) -> None:
    """Take the policy elsewhere: to Predict, to a file, to a link; or back to the stored one."""
    with st.container(horizontal=True, vertical_alignment="center"):
        link = address(policy)
        st.page_link("pages/predict.py", label="Predict with it", icon=":material/graphic_eq:", query_params=link)
        st.download_button(
            "Download policy (JSON)",
            policy.to_json() + "\n",
            file_name=f"{page.name('policy')}.json",
            mime="application/json",
            icon=":material/download:",
            on_click="ignore",
        )
        st.button(
            "Back to the stored policy",
            icon=":material/restart_alt:",
            on_click=_reset,
            args=(page.stored,),
            disabled=policy == default(page.stored),
        )
    st.caption(f"A link to Predict with this policy: `/predict?{'&'.join(f'{k}={v}' for k, v in link.items())}`")


def _reset(stored: Mapping[str, Policy]) -> None:
    use(default(stored))
    for key in ("policy_kind", "policy_threshold", "policy_pair", "policy_coverage"):
        st.session_state.pop(key, None)


def risk(page: Page, policy: Policy, done: pd.DataFrame) -> None:
    """Accuracy against coverage, with the threshold marked."""
    curve = metrics.risk_coverage(page.predictions)
    table = policy_outcomes.summarise(done, resamples=0).query("emotion == 'all'").set_index("measure")["value"]
    marked = f"from {policy.threshold:.0%}" if policy.kind == "threshold" else f"sets of {policy.coverage:.0%}"
    show.chart(
        risk_coverage(curve, mark=marked, coverage=table["accept"], accuracy=table["accuracy"]),
        key=page.name("risk-coverage"),
        alt=f"Accuracy of what is accepted against the share accepted; now {table['accept']:.0%} are accepted and "
        f"{table['accuracy']:.1%} of them are right",
        data=curve,
    )
    st.caption("The line is that of thresholds on the probability. A conformal policy is one point beside it.")


def each_emotion(page: Page, policy: Policy, done: pd.DataFrame) -> None:
    """The same for each emotion: a policy that is good on average may fail one."""
    table = policy_outcomes.summarise(done)
    shares = policy_outcomes.wide_summary(table).query("emotion != 'all'").rename(columns=MEASURES)
    colours = {"accepted": "#0072B2", "two offered": "#56B4E9", "for review": "#BBBBBB"}
    show.chart(
        shares_figure(shares, index="emotion", columns=colours, title="What happens to each emotion's clips"),
        key=page.name("decisions-by-emotion"),
        alt="Shares accepted, offered as two and left for review, for each emotion: "
        + ", ".join(f"{e} {a:.0%} accepted" for e, a in zip(shares["emotion"], shares["accepted"], strict=True)),
        data=table.assign(measure=table["measure"].replace(MEASURES)),
    )
    columns = ["emotion", *(MEASURES[m] for m in ("accuracy", "pair", "top2_rest"))]
    st.dataframe(
        shares[columns].round(3).assign(emotion=shares["emotion"].map(wording.with_sign)),
        hide_index=True,
        column_config={c: st.column_config.NumberColumn(format="percent") for c in columns[1:]},
    )


def sets(page: Page, policy: Policy, done: pd.DataFrame) -> None:
    """How many emotions are kept, and how often the right one is among them."""
    sizes = policy_outcomes.set_sizes(done)
    grey = dict(zip(("1", "2", "3", "4", "none"), ("#0072B2", "#56B4E9", "#E69F00", "#CC79A7", "#BBBBBB"), strict=True))
    show.chart(
        shares_figure(sizes, index="emotion", columns=grey, title="How many emotions are offered"),
        key=page.name("set-sizes"),
        alt="Share of clips with one, two, three, four or no emotion offered, by emotion",
        data=sizes,
    )
    summary = policy_outcomes.summarise(done)
    held, size = (summary[summary["measure"] == m].set_index("emotion") for m in ("held", "size"))
    table = pd.DataFrame(
        {
            "emotion": [wording.with_sign(e) for e in held.index],
            "right one is among them": held["value"].round(3).array,
            "from": held["low"].round(3).array,
            "to": held["high"].round(3).array,
            "mean number": size["value"].array,
        }
    )
    percent = st.column_config.NumberColumn(format="percent")
    st.dataframe(
        table,
        hide_index=True,
        column_config={
            **dict.fromkeys(("right one is among them", "from", "to"), percent),
            "mean number": st.column_config.NumberColumn(format="%.2f"),
        },
    )
    if policy.kind == "conformal":
        st.caption(
            "The floors were learned on other recordings than those that they are judged on here (five parts). "
            "The guarantee holds for clips like those of the table, not for other music."
        )


def badge(page: Page, policy: Policy, done: pd.DataFrame) -> None:
    """What forces review whatever the probabilities say."""
    try:
        reference = read_reference(page.model.folder / file_names.REFERENCE)
    except CoreError as error:
        messages.problem(error)
        return
    st.markdown(
        f"A clip that is **unlike the music this model knows** goes to a person, whatever its probabilities and "
        f"whatever the policy. It is unlike when one of {len(reference.used)} features lies more than "
        f"{reference.feature_limit:.1f} standard deviations from the mean of the {reference.clips} training clips, or "
        f"when all of them together lie more than {reference.distance_limit:.2f} times as far as usual (Mahalanobis "
        f"distance, which allows for features that go together), or when more than {MOST_MISSING} features "
        "cannot be measured."
    )
    st.metric(
        "False alarms",
        f"{reference.false_alarms:.1%}",
        help="Share of training clips that are called unlike the others, when the limits were learned without them.",
    )
    st.caption("So much coverage the badge costs on music like that of the table. On other music it rings more often.")


def reliability(page: Page, policy: Policy, done: pd.DataFrame) -> None:
    """Is 80 % right in 80 %? A threshold means little if not."""
    bins = metrics.reliability(page.predictions)
    bins = bins.assign(share=bins["count"] / bins["count"].sum())
    value, low, high = page.model.figure("ece")
    show.chart(
        reliability_figure(bins),
        key=page.name("reliability"),
        alt=f"Share that is right against the stated probability; calibration error {value:.3f}",
        data=bins,
    )
    perfect = page.model.table("perfect_ece").set_index("measure").loc["ece"]
    st.caption(
        f"Calibration error (ECE, 15 bins): {value:.3f}, 95 % interval {low:.3f} to {high:.3f}. A perfectly calibrated "
        f"model would show {perfect['expected']:.3f} with so few clips, and more than {perfect['p95']:.3f} once in "
        "twenty times. Dots grow with the share of clips; bars are 95 % intervals."
    )

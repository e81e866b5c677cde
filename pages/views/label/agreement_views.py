"""Agreement between raters, coverage of the ground truth, and the influence of a shown guess."""

from typing import Any

import pandas as pd
import streamlit as st

from core import wording
from core.evaluation.significance import findings_of_intervals
from core.labelling import agreement, disputes
from core.schema import SYNTHETIC
from core.store import Store, answers_about_guesses, answers_key, label_pool
from pages.figures import models
from pages.shared import show
from pages.views.label.answers_of_all import Answers

LEAST_EACH = 10  # answers needed with and without the guess, before the influence is estimated


def format_number(value: float, form: str = ".2f") -> str:
    """Format a number, or "not yet" if it cannot be computed."""
    return "not yet" if pd.isna(value) else f"{value:{form}}"


def show_overview(store: Store, answers: Answers, needed: int) -> None:
    """Show coverage of the ground truth, and agreement overall, by emotion and by pair of raters."""
    pool = label_pool(store)
    pool = pool if answers.synthetic else pool[pool["origin"].ne(SYNTHETIC)]
    truth = answers.truth(needed)
    reach = disputes.coverage(truth, pool)
    if not reach["clips"].sum():
        st.info(
            "There are no clips to label yet. Score clips on the Predict page, or switch on *Synthetic clips too*.",
            icon=":material/queue_music:",
        )
        return
    with st.spinner("Measuring agreement …"):
        total, by_emotion, pairs = answers.measured
    settled = int(truth["label"].notna().sum())
    boxes = st.columns(4)
    boxes[0].metric(
        "With a ground truth",
        f"{settled} of {reach['clips'].sum()}",
        border=True,
        help="Clips with a final emotion. Clips settled without an emotion, for example as bad audio, do not count.",
    )
    boxes[1].metric(
        "Two answers or more", int(total["clips"]), border=True, help="Clips on which agreement can be measured."
    )
    boxes[2].metric(
        "Raw agreement",
        "not yet" if pd.isna(total["raw"]) else wording.whole_percent(total["raw"]),
        border=True,
        help="Share of pairs of answers about the same clip that are equal.",
    )
    boxes[3].metric("Alpha", format_number(total["alpha"]), border=True, help=agreement.ALPHA_WORDS)
    if not pd.isna(total["alpha_low"]):
        boxes[3].caption(f"95 % interval {total['alpha_low']:.2f} to {total['alpha_high']:.2f}")
    who = "one rater is enough" if needed == 1 else f"{needed} agreeing raters make a label"
    st.caption(f"Rule: {who}; a tie gives no label. You can change the rule in the tab Raters.")
    left, right = st.columns(2)
    with left:
        st.header("Coverage")
        _table(
            reach.assign(status=reach["status"].map(disputes.status_word), share=100 * reach["share"]),
            "Clips by status",
            share=st.column_config.ProgressColumn(format="%.0f %%", min_value=0, max_value=100),
        )
    with right:
        st.header("Ground truth by emotion")
        labels = disputes.labels(truth)
        _table(labels.assign(emotion=labels["emotion"].map(wording.with_sign)), "Ground truth labels by emotion")
    _show_by_emotion(by_emotion)
    _show_by_pair(pairs)


def _show_by_emotion(by_emotion: pd.DataFrame) -> None:
    st.header("Agreement by emotion")
    _table(
        by_emotion.assign(
            emotion=by_emotion["emotion"].map(wording.with_sign),
            agreement=100 * by_emotion["agreement"],
            mistaken_for=by_emotion["mistaken_for"].map(wording.with_sign),
        ),
        "Agreement by emotion",
        answers=st.column_config.NumberColumn(help="On clips with two answers or more."),
        agreement=st.column_config.NumberColumn(
            format="%.0f %%", help="If one rater chooses this emotion: the chance that another rater chooses it too."
        ),
        alpha=st.column_config.NumberColumn(
            format="%.2f", help=f"This emotion against all others. {agreement.ALPHA_WORDS}"
        ),
        mistaken_for=st.column_config.TextColumn("others choose instead"),
    )


def _show_by_pair(pairs: pd.DataFrame) -> None:
    st.header("Agreement by pair")
    if pairs.empty:
        st.caption("No clip has answers of two raters yet.")
        return
    _table(
        pairs.assign(raw=100 * pairs["raw"]),
        "Agreement of each pair of raters",
        rater_a=st.column_config.TextColumn("one rater"),
        rater_b=st.column_config.TextColumn("the other"),
        raw=st.column_config.NumberColumn("raw agreement", format="%.0f %%"),
        kappa=st.column_config.NumberColumn(
            "Cohen's kappa", format="%.2f", help="Like alpha, for two raters. Empty if both used only one label."
        ),
    )
    show.download(pairs, "agreement-by-pair")


def _table(table: pd.DataFrame, alt: str, **columns: Any) -> None:
    st.dataframe(table, hide_index=True, alt=alt, column_config=columns)


@st.cache_resource(show_spinner="Measuring agreement …", max_entries=4, ttl=3600)
def _pull(key: tuple[object, ...], synthetic: bool, _store: Store) -> pd.DataFrame:
    answers = answers_about_guesses(_store)
    return agreement.anchoring(answers if synthetic else agreement.of_music(answers))


def show_pull(store: Store, *, synthetic: bool) -> None:
    """Show how much a shown guess influences the answers. synthetic : also answers about clips for practice."""
    table = _pull(answers_key(store), synthetic, store)
    everyone = table.iloc[0]
    st.markdown(
        "The Label page shows the model's guess only to people who switch it on. For "
        f"{wording.whole_percent(agreement.HIDDEN_SHARE)} of their clips, chosen at random, it stays hidden. "
        "If people agree with the guess more often when they see it, the guess influences them."
    )
    enough = table[["shown", "hidden"]].min(axis=1) >= LEAST_EACH
    if not enough.iloc[0]:
        st.info(
            f"Not enough answers yet: {everyone['shown']} with the guess shown, {everyone['hidden']} with the guess "
            "hidden. "
            f"At least {LEAST_EACH} of each are needed.",
            icon=":material/hourglass_empty:",
        )
        return
    low, high = everyone["low"], everyone["high"]
    if low > 0:
        verdict = "The guess influences people: labels are biased towards the model. Switch guesses off if labels "
        "must be unbiased."
    elif high < 0:
        verdict = "People disagree with the guess more often when they see it."
    else:
        verdict = "No influence is established; the interval shows how large it could still be."
    st.markdown(
        f"People agree with the guess in **{wording.whole_percent(everyone['shown_agree'] / everyone['shown'])}** "
        f"of {everyone['shown']} "
        "answers when it is shown and in "
        f"**{wording.whole_percent(everyone['hidden_agree'] / everyone['hidden'])}** of "
        f"{everyone['hidden']} when it is hidden: a difference of **{100 * everyone['effect']:+.0f} points** "
        f"(95 % interval {100 * low:+.0f} to {100 * high:+.0f}). {verdict}"
    )
    known = table[enough]
    drawn = known.rename(columns={"who": "label", "effect": "difference"})
    show.chart(
        models.differences(
            drawn.assign(finding=findings_of_intervals(drawn)),
            title="Pull of the shown guess",
            axis="agreement with the guess: shown minus hidden",
        ),
        key="pull-of-the-guess",
        alt="Difference of agreement with the guess, shown minus hidden: "
        + ", ".join(f"{r.label} {r.difference:+.2f}" for r in drawn.itertuples()),
        data=table,
    )

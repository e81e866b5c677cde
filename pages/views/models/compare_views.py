"""Views of the Compare page. Each view gets a table from core and shows it."""

from typing import Any

import pandas as pd
import streamlit as st

from core.errors import CoreError
from core.evaluation import leaderboard
from core.evaluation.leaderboard import MEASURES, PER_EMOTION, TIMES
from core.evaluation.run_files import Comparison
from core.evaluation.significance import ESTABLISHED, findings
from core.evaluation.stored_evaluation import is_winner
from core.models import description
from core.schema import EMOTIONS
from core.settings import Settings
from pages.figures import models
from pages.shared import messages, show
from pages.shared.run_source import model_id

PARTS = {"cv": "Cross-validation", "held_out": "Held-out part"}
OVER = {"clips": "95 % for other clips", "folds": "middle 90 % of folds"}


def name(comparison: Comparison, what: str, model: str = "run") -> str:
    """File name with the hash of the data and the run or model."""
    return show.file_name(what, data_hash=str(comparison.about["data_hash"]), version=model_id(comparison, model))


def another_in_use(comparison: Comparison) -> None:
    """Show a warning if the model in use is not the winner of this comparison."""
    try:
        model = description.describe_model_in_use(Settings())
    except CoreError:
        return  # views that need the model show the error
    if not is_winner(model, comparison):
        st.warning(
            f"The model in use is **{messages.literal(model.version)}**, trained on "
            f"{description.training_words(model)}. This page is about the algorithms of the full training of "
            f"{comparison.about['created_at'][:10]}; the model in use is not one of them. The views Criteria and "
            "Model card of the page Compare models, and the page Decisions, are about the model in use.",
            icon=":material/swap_horiz:",
        )
        st.page_link("pages/learning.py", label="Champion and challenger", icon=":material/model_training:")


def choose_model(comparison: Comparison, label: str = "Model", *, key: str = "model", **options: Any) -> str:
    """Show a select box of all models, the champion first, and return the chosen one."""
    names = sorted(comparison.labels_of, key=lambda m: m != comparison.champion)
    chosen: str = st.selectbox(label, names, format_func=lambda m: comparison.labels_of.get(m, m), key=key, **options)
    return chosen


def board(comparison: Comparison) -> None:
    """Show one figure of all models with intervals, and the table of all figures."""
    one, two, three = st.columns(3, vertical_alignment="bottom")
    measure = one.selectbox(
        "Figure",
        [*MEASURES, *TIMES],
        format_func=lambda m: (MEASURES | TIMES)[m].label,
        key="figure",
        bind="query-params",
    )
    part = two.segmented_control(
        "Measured by", list(PARTS), format_func=PARTS.__getitem__, default="cv", required=True, key="part",
        bind="query-params",
        help="Cross-validation: each development clip is predicted by a model that was not trained on it. Held-out "
        "part: clips that were never used to choose anything; they are few, so intervals are wide.",
    )  # fmt: skip
    over = three.segmented_control(
        "Interval", list(OVER), format_func=OVER.__getitem__, default="clips", required=True, key="over",
        bind="query-params",
        help="How much the figure would change with other clips of the same kind (bootstrap over recordings, 1000 "
        "times), or how much it varies between single folds.",
    )  # fmt: skip
    held_out = part == "held_out"
    about = (MEASURES | TIMES)[measure]
    table = leaderboard.ranking(comparison, measure, held_out=held_out, over=over)
    st.caption(f"{about.meaning} {'Higher' if about.high_is_good else 'Lower'} is better.")
    if table.empty:
        st.info("This figure is not measured on the held-out part.", icon=":material/info:")
    else:
        best = table.iloc[0]
        show.chart(
            models.ranking(table, name=about.label, champion=comparison.champion),
            key=name(comparison, f"ranking-{measure}-{part}-{over}"),
            alt=f"{about.label} of {len(table)} models with intervals; best: {best['model']}, {best['value']:.3f}",
            data=table,
        )
    st.markdown("**All figures.** Click a column heading to sort.")
    wide = leaderboard.model_table(comparison, held_out=held_out)
    _table(wide)
    with st.container(horizontal=True):
        show.download(wide, name(comparison, f"leaderboard-{part}"))
        show.download(
            leaderboard.scores(comparison, held_out=held_out),
            name(comparison, f"all-figures-with-intervals-{part}"),
            label="With intervals",
        )


# Figures of the second table; both tables are as wide as a page.
MORE = ("weighted_f1", "macro_precision", "macro_recall", "ece_adaptive", *(f"f1_{e}" for e in EMOTIONS))


def _table(wide: pd.DataFrame) -> None:
    columns = {
        m: st.column_config.NumberColumn(about.label, help=about.meaning, format="%.2f" if m in TIMES else "%.3f")
        for m, about in (MEASURES | TIMES).items()
    }
    columns |= {f"f1_{e}": st.column_config.NumberColumn(f"F1 {e}", format="%.3f") for e in EMOTIONS}
    columns["model"] = st.column_config.TextColumn(pinned=True)
    others = [c for c in wide.columns if c in MORE]
    for alt, shown in (
        ("Leaderboard of models", wide.drop(columns=["name", *others])),
        ("Leaderboard: F1 of each emotion, and further figures", wide[["model", *others]]),
    ):
        show.frame(shown, hide_index=True, height="content", alt=alt, column_config=columns)


@st.cache_data(show_spinner="Comparing the two models …", max_entries=64)
def _pair(_comparison: Comparison, stamp: str, a: str, b: str, question: str) -> leaderboard.Pair:
    return leaderboard.compare_pair(_comparison, a, b, question=question)


def pairs(comparison: Comparison) -> None:
    """Compare any two models, and one model with all others, with a verdict in words."""
    left, right = st.columns(2)
    with left:
        a = choose_model(comparison, "Model", key="a", bind="query-params")
    others = [m for m in comparison.labels_of if m != a]
    b = right.selectbox(
        "Against", others, format_func=lambda m: comparison.labels_of.get(m, m), key="b", bind="query-params"
    )
    question = st.segmented_control(
        "Question",
        [leaderboard.ONE_MODEL, leaderboard.ALL_PAIRS],
        format_func={
            leaderboard.ONE_MODEL: f"How does {comparison.labels_of[a]} do against each other model?",
            leaderboard.ALL_PAIRS: "Which of all models differ?",
        }.__getitem__,
        default=leaderboard.ONE_MODEL,
        required=True,
        key="question",
        bind="query-params",
        help="The more comparisons a question makes, the more often one of them looks large by chance. The correction "
        "(Holm) covers exactly the comparisons of the question.",
    )
    try:
        result = _pair(comparison, str(comparison.about["created_at"]), a, b, question)
    except CoreError as error:
        st.info(str(error), icon=":material/info:")
        return
    st.markdown(f"## {result.words}.")
    one, two, three = st.columns(3)
    one.metric("Difference in macro-F1", f"{result.difference:+.3f}", border=True, help="First minus second model.")
    one.caption(f"95 % interval {result.low:+.3f} to {result.high:+.3f}")
    two.metric("p of this pair", _p(result.p), border=True)
    two.caption("Paired t-test over folds, corrected because folds share training clips (Nadeau & Bengio 2003).")
    three.metric("p, corrected", _p(result.p_corrected), border=True)
    three.caption(f"Holm. Family: {result.family}.")
    st.caption(
        "A difference is established if the corrected p is below 0.05; p includes the effect of other training clips. "
        "The interval includes only the effect of other test clips, and is for this pair alone. No evidence of a "
        "difference does not prove that the models are equal."
    )
    table = leaderboard.comparisons_of(comparison, a, question=question)
    if table.empty:
        st.info("The run did not compare this model with others.", icon=":material/info:")
        return
    show.chart(
        models.differences(table, title=f"{comparison.labels_of[a]} against each model", axis="difference of macro-F1"),
        key=name(comparison, f"pairs-{question}", a),
        alt=f"{comparison.labels_of[a]} against {len(table)} models: better than {_count(table, 1)}, worse than "
        f"{_count(table, -1)}, not established for {(table['finding'] != ESTABLISHED).sum()}",
        data=table,
    )


def _p(p: float) -> str:
    return f"{p:.2g}" if p >= 0.001 else "< 0.001"


def _count(table: pd.DataFrame, sign: int) -> int:
    return int(((table["finding"] == ESTABLISHED) & (sign * table["difference"] > 0)).sum())


def tuning(comparison: Comparison) -> None:
    """Compare tuned settings with default settings."""
    if "tuned_against_default" not in comparison.tables:
        not_in_quick_run()
        return
    table = comparison.tables["tuned_against_default"]
    table = table.assign(label=table["b"].map(comparison.labels_of), finding=findings(table))
    better = _count(table, 1)
    st.caption(
        f"Settings that were tuned inside each training fold, compared with the default settings. {better} of "
        f"{len(table)} algorithms gain significantly. With few clips, tuning also picks settings that are good by "
        "chance."
    )
    show.chart(
        models.differences(table, title="Gain by tuning", axis="macro-F1 gained"),
        key=name(comparison, "tuned-against-default"),
        alt=f"Gain in macro-F1 by tuning of {len(table)} algorithms; {better} significant gains",
        data=table,
    )
    chosen = comparison.tables["tuning"].groupby(["model", "settings"]).size().rename("folds").reset_index()
    st.markdown("**Chosen settings**, and in how many folds.")
    chosen = chosen.assign(model=chosen["model"].map(comparison.labels_of)).sort_values(
        ["model", "folds"], ascending=[True, False]
    )
    show.frame(chosen, hide_index=True, alt="Settings chosen in the folds")
    show.download(comparison.tables["tuning"], name(comparison, "chosen-settings"))


def ablations(comparison: Comparison) -> None:
    """Show the effect of each choice in the champion's recipe."""
    if "ablations" not in comparison.tables:
        not_in_quick_run()
        return
    table = comparison.tables["ablations"]
    kinds = list(dict.fromkeys(table["kind"]))
    kind = st.pills("What is changed", kinds, default=kinds[0], required=True, key="changed", bind="query-params")
    table = table[table["kind"] == kind]
    shown = table.assign(finding=findings(table))
    st.caption(
        "One thing is changed at a time and compared on the same folds. Left of the line: the change makes the model "
        "worse. Right: better. The table also has macro-F1 with an error of 5 % in every feature."
    )
    show.chart(
        models.differences(shown, title="Effect of each change", axis="macro-F1 gained"),
        key=name(comparison, f"ablations-{kind}"),
        alt=f"Effect of {len(shown)} changes on macro-F1; {int((shown['finding'] == ESTABLISHED).sum())} significant",
        data=table,
    )


def not_in_quick_run() -> None:
    """Say that a quick training run has no such table."""
    st.info(
        "A quick training run does not include this. Start a full run with: python -m core train",
        icon=":material/bolt:",
    )


def emotions(comparison: Comparison) -> None:
    """Show one figure of one emotion for all models."""
    left, right = st.columns(2)
    measure = left.selectbox(
        "Figure", ["f1", "precision", "recall", "auc"], format_func=lambda m: PER_EMOTION[m].label, key="class_figure"
    )
    emotion = right.pills(
        "Emotion", EMOTIONS, default=EMOTIONS[0], required=True, key="class_emotion", bind="query-params"
    )
    table = leaderboard.ranking(comparison, measure, emotion=emotion)
    show.chart(
        models.ranking(table, name=f"{PER_EMOTION[measure].label}, {emotion}", champion=comparison.champion),
        key=name(comparison, f"ranking-{measure}-{emotion}"),
        alt=f"{PER_EMOTION[measure].label} of {emotion} by {len(table)} models; best {table['model'][0]}",
        data=table,
    )

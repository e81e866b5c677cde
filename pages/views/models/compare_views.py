"""The views of the Compare page: each asks core for a table and shows it."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from core.errors import CoreError
from core.evaluation import leaderboard, metrics
from core.evaluation.leaderboard import MEASURES, PER_EMOTION, TIMES
from core.evaluation.run_files import Comparison
from core.models import description
from core.schema import EMOTIONS
from core.settings import Settings
from pages.figures import models
from pages.shared import messages, show

PARTS = {"cv": "Cross-validation", "held_out": "Held-out part"}
OVER = {"clips": "95 % for other clips", "folds": "middle 90 % of folds"}
CURVES = ("ROC", "Precision and recall", "Calibration", "Learning", "Noise")


def name(found: Comparison, what: str, model: str = "run") -> str:
    """File name with the data's hash and the run or model."""
    return show.file_name(
        what, data_hash=str(found.about["data_hash"]), version=leaderboard.download_name(found, model)
    )


def another_in_use(found: Comparison) -> None:
    """Say so where the model in use is none of these."""
    try:
        model = description.describe_model_in_use(Settings())
    except CoreError:
        return  # said where a model is asked
    if model.data_hash != found.about["data_hash"]:
        st.warning(
            f"In use is **{messages.literal(model.version)}**, which people's labels trained too. This page is about "
            "the algorithms of the last full training and their champion; the page Learning compares that one with the "
            "model in use.",
            icon=":material/swap_horiz:",
        )
        st.page_link("pages/learning.py", label="Champion and challenger", icon=":material/model_training:")


def choose_model(found: Comparison, label: str = "Model", *, key: str = "model", **options: Any) -> str:
    """A select box over all models, the champion first."""
    names = sorted(found.labels_of, key=lambda m: m != found.champion)
    chosen: str = st.selectbox(label, names, format_func=lambda m: found.labels_of.get(m, m), key=key, **options)
    return chosen


def board(found: Comparison) -> None:
    """All models: a figure with intervals, and the table."""
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
        help="Cross-validation: clips that the model did not see, all development clips in turn. "
        "Held-out part: clips that never helped to choose anything; few, hence wide intervals.",
    )  # fmt: skip
    over = three.segmented_control(
        "Interval", list(OVER), format_func=OVER.__getitem__, default="clips", required=True, key="over",
        bind="query-params",
        help="How far the figure would move with other clips of the same kind (recordings drawn again, 1000 times), "
        "or how far single folds lie apart.",
    )  # fmt: skip
    held_out = part == "held_out"
    about = (MEASURES | TIMES)[measure]
    table = leaderboard.ranking(found, measure, held_out=held_out, over=over)
    st.caption(f"{about.meaning} {'Higher' if about.high_is_good else 'Lower'} is better.")
    if table.empty:
        st.info("This figure is not measured on the held-out part.", icon=":material/info:")
    else:
        best = table.iloc[0]
        show.chart(
            models.ranking(table, name=about.label, champion=found.champion),
            key=name(found, f"ranking-{measure}-{part}-{over}"),
            alt=f"{about.label} of {len(table)} models with intervals; best: {best['model']}, {best['value']:.3f}",
            data=table,
        )
    st.markdown("**All figures.** Click a column's head to sort by it.")
    wide = leaderboard.model_table(found, held_out=held_out)
    _table(wide)
    with st.container(horizontal=True):
        show.download(wide, name(found, f"leaderboard-{part}"))
        show.download(
            leaderboard.scores(found, held_out=held_out),
            name(found, f"all-figures-with-intervals-{part}"),
            label="With intervals",
        )


def _table(wide: pd.DataFrame) -> None:
    columns = {
        m: st.column_config.NumberColumn(about.label, help=about.meaning, format="%.2f" if m in TIMES else "%.3f")
        for m, about in (MEASURES | TIMES).items()
    }
    columns |= {f"f1_{e}": st.column_config.NumberColumn(f"F1 {e}", format="%.3f") for e in EMOTIONS}
    columns["model"] = st.column_config.TextColumn(pinned=True)
    st.dataframe(
        wide.drop(columns="name"), hide_index=True, height="content", alt="Leaderboard of models", column_config=columns
    )


@st.cache_data(show_spinner="Comparing the two models …", max_entries=64)
def _pair(_found: Comparison, stamp: str, a: str, b: str) -> leaderboard.Pair:
    return leaderboard.compare_pair(_found, a, b)


def pairs(found: Comparison) -> None:
    """Any two models, and one against all, with a verdict in words."""
    left, right = st.columns(2)
    with left:
        a = choose_model(found, "Model", key="a", bind="query-params")
    others = [m for m in found.labels_of if m != a]
    b = right.selectbox(
        "Against", others, format_func=lambda m: found.labels_of.get(m, m), key="b", bind="query-params"
    )
    try:
        result = _pair(found, str(found.about["created_at"]), a, b)
    except CoreError as error:
        st.info(str(error), icon=":material/info:")
        return
    st.markdown(f"#### {result.words}.")
    one, two = st.columns(2)
    one.metric("Difference in macro-F1", f"{result.difference:+.3f}", border=True, help="First minus second model.")
    one.caption(f"95 % interval {result.low:+.3f} to {result.high:+.3f}")
    two.metric("p", f"{result.p:.2g}" if result.p >= 0.001 else "< 0.001", border=True)
    two.caption(
        "Paired t-test over folds, corrected for folds that share training clips (Nadeau & Bengio 2003)"
        + ("; Holm-corrected for all pairs of the run." if result.corrected else "; this pair alone, not corrected.")
    )
    st.caption(
        "The verdict goes by p below 0.05, which counts what other training clips would change; the interval counts "
        "other clips to test on only. No evidence of a difference is not evidence of no difference."
    )
    table = leaderboard.comparisons_of(found, a)
    if table.empty:
        st.info("The run compared this model with no other.", icon=":material/info:")
        return
    show.chart(
        models.differences(table, title=f"{found.labels_of[a]} against each model", axis="macro-F1 ahead of the other"),
        key=name(found, "pairs", a),
        alt=f"{found.labels_of[a]} against {len(table)} models: better than {_count(table, 1)}, worse than "
        f"{_count(table, -1)}, no evidence of a difference to {(~table['established']).sum()}",
        data=table,
    )


def _count(table: pd.DataFrame, sign: int) -> int:
    return int((table["established"] & (sign * table["difference"] > 0)).sum())


def tuning(found: Comparison) -> None:
    """Default settings against searched ones."""
    if "tuned_against_default" not in found.tables:
        _left_out()
        return
    table = found.tables["tuned_against_default"]
    table = table.assign(label=table["b"].map(found.labels_of), established=table["p_holm"] < 0.05)
    better = int((table["established"] & (table["difference"] > 0)).sum())
    st.caption(
        f"Settings searched inside each training fold, against the settings as given. {better} of {len(table)} "
        "algorithms are established to gain by it. A search on few clips finds luck as well as better settings."
    )
    show.chart(
        models.differences(table, title="What tuning gains", axis="macro-F1 gained"),
        key=name(found, "tuned-against-default"),
        alt=f"Gain in macro-F1 by tuning of {len(table)} algorithms; {better} established gains",
        data=table,
    )
    chosen = found.tables["tuning"].groupby(["model", "settings"]).size().rename("folds").reset_index()
    st.markdown("**Settings that were chosen**, and in how many folds.")
    chosen = chosen.assign(model=chosen["model"].map(found.labels_of)).sort_values(
        ["model", "folds"], ascending=[True, False]
    )
    st.dataframe(chosen, hide_index=True, alt="Settings chosen in the folds")
    show.download(found.tables["tuning"], name(found, "chosen-settings"))


def ablations(found: Comparison) -> None:
    """What each choice of the champion is worth."""
    if "ablations" not in found.tables:
        _left_out()
        return
    table = found.tables["ablations"]
    kinds = list(dict.fromkeys(table["kind"]))
    kind = st.pills("What is changed", kinds, default=kinds[0], required=True, key="changed", bind="query-params")
    table = table[table["kind"] == kind]
    shown = table.assign(established=table["p_holm"] < 0.05)
    st.caption(
        "One thing is changed at a time and compared on the same folds. Left of the line: the change costs; right: it "
        "helps. The table also has macro-F1 with every feature 5 % off."
    )
    show.chart(
        models.differences(shown, title="What a change does", axis="macro-F1 gained"),
        key=name(found, f"ablations-{kind}"),
        alt=f"Effect of {len(shown)} changes on macro-F1; {int(shown['established'].sum())} established",
        data=table,
    )


def _left_out() -> None:
    st.info("A quick training run leaves this out. Train fully with: python -m core train", icon=":material/bolt:")


@st.cache_data(show_spinner="Drawing the curve …", max_entries=64)
def _curve(_found: Comparison, stamp: str, model: str, curve: str) -> pd.DataFrame:
    make: dict[str, Callable[[pd.DataFrame], pd.DataFrame]]
    make = {"ROC": metrics.roc, "Precision and recall": metrics.precision_recall, "Calibration": metrics.reliability}
    return make[curve](_found.predictions(model))


def curves(found: Comparison) -> None:
    """ROC, precision and recall, calibration, learning and noise."""
    curve = st.pills("Curve", CURVES, default=CURVES[0], required=True, key="curve", bind="query-params")
    if curve in ("Learning", "Noise"):
        _over_models(found, curve)
        return
    model = choose_model(found, key="of", bind="query-params")
    table = _curve(found, str(found.about["created_at"]), model, curve)
    label, key = found.labels_of[model], name(found, curve.lower().replace(" ", "-"), model)
    if curve == "Calibration":
        ece = leaderboard.ranking(found, "ece").set_index("name")["value"][model]
        st.caption(
            f"Expected calibration error {ece:.3f}. Points on the line are honest; below it the model is too sure. The "
            "size of a point is its number of clips, the bar its 95 % interval."
        )
        figure, alt = models.calibration(table), f"Reliability diagram of {label}, calibration error {ece:.3f}"
    elif curve == "ROC":
        st.caption("Each emotion against the rest, mean over repeats: clips found against false alarms.")
        figure = models.by_emotion_curves(
            table, x="false_positive_rate", y="true_positive_rate", title=f"ROC of {label}", diagonal=True,
            x_title="false alarms", y_title="found",
        )  # fmt: skip
        alt = f"ROC curves of {label}, one an emotion"
    else:
        st.caption("Each emotion against the rest, mean over repeats: how right the calls are, the more are found.")
        figure = models.by_emotion_curves(
            table, x="recall", y="precision", title=f"Precision and recall of {label}", x_title="recall",
            y_title="precision",
        )  # fmt: skip
        alt = f"Precision-recall curves of {label}, one an emotion"
    show.chart(figure, key=key, alt=alt, data=table)


def _over_models(found: Comparison, curve: str) -> None:
    stored = "learning_curve" if curve == "Learning" else "robustness"
    if stored not in found.tables:
        _left_out()
        return
    table = found.tables[stored]
    if curve == "Noise":
        measure = st.pills(
            "Figure", list(dict.fromkeys(table["measure"])), default="macro_f1", required=True, key="noise_figure",
            format_func=lambda m: MEASURES[m].label,
        )  # fmt: skip
        table = table[table["measure"] == measure]
        chosen = st.multiselect(
            "Models",
            list(dict.fromkeys(table["model"])),
            default=[m for m in (found.champion, "random_forest", "svm_rbf") if m in set(table["model"])],
            format_func=lambda m: found.labels_of.get(m, m),
            key="noise_models",
        )
        table = table[table["model"].isin(chosen)]
        x, x_title, x_format = "noise", "error of every feature", ".0%"
        title = f"{MEASURES[measure].label} when features are measured with an error"
        st.caption("Every feature of the tested clips is off by a random error of this share of its value.")
    else:
        x, x_title, x_format = "train", "clips to train on", ""
        title, measure = "What more clips are worth", "macro_f1"
        st.caption("Macro-F1 on unseen clips against the number of clips trained on.")
    if table.empty:
        st.info("Choose at least one model.", icon=":material/info:")
        return
    named = table.assign(model=table["model"].map(found.labels_of))
    show.chart(
        models.lines(named, x=x, title=title, x_title=x_title, y_title=MEASURES[measure].label, x_format=x_format),
        key=name(found, stored),
        alt=f"{title}: {', '.join(dict.fromkeys(named['model']))}",
        data=named,
    )


def emotions(found: Comparison) -> None:
    """One figure of each emotion over the models."""
    left, right = st.columns(2)
    measure = left.selectbox(
        "Figure", ["f1", "precision", "recall", "auc"], format_func=lambda m: PER_EMOTION[m].label, key="class_figure"
    )
    emotion = right.pills(
        "Emotion", EMOTIONS, default=EMOTIONS[0], required=True, key="class_emotion", bind="query-params"
    )
    table = leaderboard.ranking(found, measure, emotion=emotion)
    show.chart(
        models.ranking(table, name=f"{PER_EMOTION[measure].label}, {emotion}", champion=found.champion),
        key=name(found, f"ranking-{measure}-{emotion}"),
        alt=f"{PER_EMOTION[measure].label} of {emotion} by {len(table)} models; best {table['model'][0]}",
        data=table,
    )

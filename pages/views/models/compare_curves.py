"""The Curves view of the Compare page: ROC, precision and recall, calibration, learning, noise."""

from collections.abc import Callable

import pandas as pd
import streamlit as st

from core.evaluation import leaderboard, metrics
from core.evaluation.leaderboard import MEASURES
from core.evaluation.run_files import Comparison
from pages.figures import models
from pages.shared import show
from pages.views.models import compare_views

CURVES = ("ROC", "Precision and recall", "Calibration", "Learning", "Noise")


@st.cache_data(show_spinner="Drawing the curve …", max_entries=64)
def _curve(_comparison: Comparison, stamp: str, model: str, curve: str) -> pd.DataFrame:
    make: dict[str, Callable[[pd.DataFrame], pd.DataFrame]]
    make = {"ROC": metrics.roc, "Precision and recall": metrics.precision_recall, "Calibration": metrics.reliability}
    return make[curve](_comparison.predictions(model))


def curves(comparison: Comparison) -> None:
    """Show curves: ROC, precision and recall, calibration, learning, noise."""
    curve = st.pills("Curve", CURVES, default=CURVES[0], required=True, key="curve", bind="query-params")
    if curve in ("Learning", "Noise"):
        _over_models(comparison, curve)
        return
    model = compare_views.choose_model(comparison, key="of", bind="query-params")
    table = _curve(comparison, str(comparison.about["created_at"]), model, curve)
    label, key = comparison.labels_of[model], compare_views.name(comparison, curve.lower().replace(" ", "-"), model)
    if curve == "Calibration":
        ece = leaderboard.ranking(comparison, "ece").set_index("name")["value"][model]
        st.caption(
            f"Expected calibration error {ece:.3f}. On the line, the probabilities are right; below it, the model is "
            "too sure. The size of a point shows its number of clips, the bar its 95 % confidence interval."
        )
        figure, alt = models.calibration(table), f"Reliability diagram of {label}, calibration error {ece:.3f}"
    elif curve == "ROC":
        st.caption(
            "Each emotion against the rest, mean over repeats: share of clips found, against share of false alarms."
        )
        figure = models.by_emotion_curves(
            table, x="false_positive_rate", y="true_positive_rate", title=f"ROC of {label}", diagonal=True,
            x_title="false alarms", y_title="found",
        )  # fmt: skip
        alt = f"ROC curves of {label}, one for each emotion"
    else:
        st.caption(
            "Each emotion against the rest, mean over repeats: how often a predicted emotion is right, against the "
            "share of clips found."
        )
        figure = models.by_emotion_curves(
            table, x="recall", y="precision", title=f"Precision and recall of {label}", x_title="recall",
            y_title="precision",
        )  # fmt: skip
        alt = f"Precision-recall curves of {label}, one for each emotion"
    show.chart(figure, key=key, alt=alt, data=table)


def _over_models(comparison: Comparison, curve: str) -> None:
    stored = "learning_curve" if curve == "Learning" else "robustness"
    if stored not in comparison.tables:
        compare_views.not_in_quick_run()
        return
    table = comparison.tables[stored]
    if curve == "Noise":
        measure = st.pills(
            "Figure", list(dict.fromkeys(table["measure"])), default="macro_f1", required=True, key="noise_figure",
            format_func=lambda m: MEASURES[m].label,
        )  # fmt: skip
        table = table[table["measure"] == measure]
        chosen = st.multiselect(
            "Models",
            list(dict.fromkeys(table["model"])),
            default=[m for m in (comparison.champion, "random_forest", "svm_rbf") if m in set(table["model"])],
            format_func=lambda m: comparison.labels_of.get(m, m),
            key="noise_models",
        )
        table = table[table["model"].isin(chosen)]
        x, x_title = "noise", "error of every feature"
        title = f"{MEASURES[measure].label} when features are measured with an error"
        st.caption("Every feature of the test clips gets a random error of this share of its value.")
    else:
        x, x_title = "train", "training clips"
        title, measure = "Effect of more training clips", "macro_f1"
        st.caption("Macro-F1 on unseen clips, against the number of training clips.")
    if table.empty:
        st.info("Choose at least one model.", icon=":material/info:")
        return
    named = table.assign(model=table["model"].map(comparison.labels_of))
    show.chart(
        models.lines(named, x=x, title=title, x_title=x_title, y_title=MEASURES[measure].label, percents=x == "noise"),
        key=compare_views.name(comparison, stored),
        alt=f"{title}: {', '.join(dict.fromkeys(named['model']))}",
        data=named,
    )

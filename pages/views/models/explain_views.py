"""Views of the Explain page. Each view gets a table from core and shows it."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from core import wording
from core.errors import CoreError
from core.evaluation.run_files import Comparison
from core.evaluation.stored_evaluation import is_winner
from core.file_names import shap_file
from core.models import explanation, explanation_tables
from core.models.description import describe_model_in_use
from core.models.permutation import permutation_importance
from core.musical_words import explained
from core.schema import BY_COLUMN, EMOTIONS, readable
from core.settings import Settings
from pages.figures import clips
from pages.shared import cached, messages, show
from pages.shared.run_source import model_id

if TYPE_CHECKING:
    from core.pipeline.serving import Served

TOP = 15  # features in a bar chart


@dataclass(frozen=True, eq=False)
class Page:
    """The chosen model. shap : contributions in every clip.  known : the table of these clips, if it is available."""

    comparison: Comparison
    model: str
    shap: pd.DataFrame
    known: pd.DataFrame | None

    def name(self, what: str) -> str:
        version = model_id(self.comparison, self.model)
        return show.file_name(what, data_hash=str(self.comparison.about["data_hash"]), version=version)


def choose(comparison: Comparison) -> str:
    """Show a select box of the models with stored contributions, the champion first, and return the chosen one."""
    stored = {path.stem for path in Settings().comparison_dir.glob(shap_file("*"))}
    names = sorted((m for m in comparison.labels_of if m in stored), key=lambda m: m != comparison.champion)
    if not names:
        st.info("There are no stored explanations. A full training run makes them:", icon=":material/psychology:")
        st.code("python -m core train", language="shell")
        st.stop()
    return st.selectbox(
        "Model",
        names,
        format_func=lambda m: comparison.labels_of[m],
        key="model",
        bind="query-params",
        help="The contributions in every clip were computed when the model was trained.",
    )


def _emotion() -> str:
    """Show the choice of an emotion, which all views share."""
    return st.segmented_control(
        "Emotion",
        EMOTIONS,
        format_func=wording.with_sign,
        default=EMOTIONS[0],
        required=True,
        key="emotion",
        bind="query-params",
    )


@st.cache_data(show_spinner="Reading the explanations …", max_entries=4)
def _read(path: Path, stamp: int) -> pd.DataFrame:
    """Read the file; stamp : time of its last change, part of the cache key."""
    return explanation.read_shap(path)


def contributions(comparison: Comparison, model: str) -> pd.DataFrame:
    """SHAP values of every clip. Shows an error and stops the page if they cannot be read."""
    path = Settings().comparison_dir / shap_file(model)
    try:
        return _read(path, path.stat().st_mtime_ns)
    except CoreError as error:
        messages.problem(error)
        st.stop()


def own_table(comparison: Comparison) -> pd.DataFrame | None:
    """The table of the training clips; None, with a message, if it is not available."""
    known = cached.table_at_hand()
    if known is not None and known.content_hash == comparison.about["data_hash"]:
        return known.frame
    st.info(
        "The table of the training clips is not available, so the values of the clips cannot be shown: dots have no "
        "colours, and the views of one and two features are empty. The contributions come from the real table. Add "
        "the table on the Explore page.",
        icon=":material/table_view:",
    )
    return None


def overall(page: Page) -> None:
    """Show which features and groups of features change the probabilities most."""
    wanted = st.segmented_control(
        "Importance for",
        ["all", *EMOTIONS],
        format_func=wording.with_sign,
        default="all",
        required=True,
        key="importance_for",
        bind="query-params",
    )
    each = explanation.importance(page.shap, per_emotion=True)
    groups = explanation.importance(page.shap, by="group", per_emotion=True)
    if wanted != "all":
        each, groups = each[each["emotion"] == wanted], groups[groups["emotion"] == wanted]
    first = each.groupby("feature", observed=True)["importance"].sum().sort_values(ascending=False).index[:TOP]
    left, right = st.columns([3, 2], gap="large")
    with left:
        show.chart(
            clips.importance(each[each["feature"].isin(first)], title=f"The {TOP} strongest features"),
            key=page.name(f"importance-{wanted}"),
            alt=f"Strongest features: {', '.join(BY_COLUMN[str(c)].name for c in first[:5])}",
            data=each.assign(feature=each["feature"].astype(str).map(readable)),
        )
    with right:
        show.chart(
            clips.importance(groups, by="group", title="By group"),
            key=page.name(f"importance-groups-{wanted}"),
            alt="Importance of dynamics, rhythm, timbre and tonality",
            data=groups,
        )
        st.caption(
            "A bar shows how much a feature changes the probability of an emotion, up or down. It is the mean over all "
            "clips of the table. Each clip is compared with typical clips (method: SHAP). In a group of features, "
            "changes up and changes down cancel out. Two features with the same information share the importance, so "
            "a short bar does not prove that a feature is useless."
        )


def check(page: Page) -> None:
    """Check the importances with another method: how much worse are predictions with one feature permuted?"""
    served = own_model(page)
    if served is None:
        return
    if page.known is None:
        _say_table_is_missing()
        return
    held_out = page.comparison.rows.query("held_out")
    table = _permuted(
        served.model.version, str(page.comparison.about["data_hash"]), page.known, _page=page, _served=served
    )
    shap = explanation.importance(page.shap).set_index("feature")["importance"]
    agreement = table.set_index("feature")["importance"].corr(shap.reindex(table["feature"]), method="spearman")
    show.chart(
        clips.importance(
            table.head(TOP), title=f"By permutation, {len(held_out)} held-out clips", unit="rise of the log-loss"
        ),
        key=page.name("importance-permutation"),
        alt=f"Largest rise of the log-loss: {', '.join(BY_COLUMN[c].name for c in table['feature'].head(5))}",
        data=table.assign(feature=table["feature"].map(readable)),
    )
    st.caption(
        "How much worse the predictions become when the values of a feature are shuffled among the held-out clips. "
        f"Rank correlation with the SHAP importances of all 50 features: {agreement:.2f}. Features with the same "
        "information replace each other here, so each of them looks less important."
    )


def _say_table_is_missing() -> None:
    st.info(
        "This view needs the values of the table, and the table is not available. Add it on the Explore page.",
        icon=":material/table_view:",
    )


def own_model(page: Page, *, needed: bool = True) -> "Served | None":
    """The model in use, if it is the chosen model; None otherwise, because only results of the others are stored.

    needed : whether the view shows nothing without the model, and says so.
    """
    if page.model == page.comparison.champion and is_winner(describe_model_in_use(Settings()), page.comparison):
        return cached.champion()
    if not needed:
        return None
    st.info(
        "This view needs the model itself, and only the model in use is available. If the model in use is the winner "
        "of this comparison, choose it above.",
        icon=":material/model_training:",
    )
    return None


@st.cache_data(show_spinner="Shuffling each feature …", max_entries=4)
def _permuted(version: str, data_hash: str, _known: pd.DataFrame, _page: Page, _served: "Served") -> pd.DataFrame:
    rows = _page.comparison.rows.query("held_out")
    return permutation_importance(_served.model, _known.loc[rows["row"]], rows["y"].tolist())


def every_clip(page: Page) -> None:
    """Show one dot for each clip and feature."""
    emotion = _emotion()
    points = explanation_tables.beeswarm(page.shap, emotion, values=page.known)
    show.chart(
        clips.beeswarm(points, emotion=emotion, coloured=page.known is not None),
        key=page.name(f"every-clip-{emotion}"),
        alt=f"How far each of the strongest features moved the probability of {emotion} in each clip",
        data=points.drop(columns="offset"),
    )
    st.caption(
        "Right of the line, the feature increases the probability of the emotion in this clip. Bright dots: high "
        "values."
    )


def one_feature(page: Page) -> None:
    """Show the effect of each value of a feature."""
    emotion = _emotion()
    order = explanation.importance(page.shap[page.shap["emotion"] == emotion])["feature"].astype(str).tolist()
    column = st.selectbox(
        "Feature",
        order,
        format_func=readable,
        key="feature",
        bind="query-params",
        help="The most important feature is first. Type to search.",
    )
    st.caption(explained(BY_COLUMN[column]))
    if page.known is None:
        _say_table_is_missing()
        return
    points = explanation_tables.dependence(page.shap, emotion, column, table=page.known)
    show.chart(
        clips.dependence(points, column=column, emotion=emotion),
        key=page.name(f"dependence-{BY_COLUMN[column].name}-{emotion}"),
        alt=f"Change of the probability of {emotion} against {readable(column)}, one symbol for each clip",
        data=points,
    )
    st.caption(
        "The symbol shows the emotion of the clip. Dots with the same value and different heights: other features "
        "also have an effect."
    )


def two_features(page: Page) -> None:
    """Show whether two features together have more effect than each alone."""
    emotion = _emotion()
    strongest = explanation.importance(page.shap[page.shap["emotion"] == emotion])["feature"].astype(str).tolist()
    left, right = st.columns(2)
    first = left.selectbox("First feature", strongest, format_func=readable, key="first", bind="query-params")
    others = [c for c in strongest if c != first]
    second = right.selectbox("Second feature", others, format_func=readable, key="second", bind="query-params")
    if page.known is None:
        _say_table_is_missing()
        return
    served = own_model(page)
    if served is None:
        return
    table = _interaction(
        served.model.version, str(page.comparison.about["data_hash"]), first, second, page.known, _served=served
    )
    points = table[table["emotion"] == emotion]
    size = points["interaction"].abs().mean()
    show.chart(
        clips.interaction(points, first=first, second=second, emotion=emotion),
        key=page.name(f"together-{BY_COLUMN[first].name}-{BY_COLUMN[second].name}-{emotion}"),
        alt=f"Joint effect of {BY_COLUMN[first].name} and {BY_COLUMN[second].name}; mean {100 * size:.1f} points",
        data=points,
    )
    st.caption(
        f"Zero: the two effects simply add up. Mean size: {100 * size:.1f} percentage points of probability. For this, "
        "the first value, the second value and both are put into other clips of the table."
    )


@st.cache_data(show_spinner="Computing the effect of both features …", max_entries=16)
def _interaction(
    version: str, data_hash: str, first: str, second: str, _known: pd.DataFrame, _served: "Served"
) -> pd.DataFrame:
    return explanation.interaction(_served.model, _known, first, second)

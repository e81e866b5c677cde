"""The views of the Explain page: each asks core for a table and shows it."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from core import wording
from core.errors import CoreError
from core.evaluation import leaderboard
from core.evaluation.run_files import Comparison
from core.file_names import shap_file
from core.models import explanation, explanation_tables
from core.models.permutation import permutation_importance
from core.schema import BY_COLUMN, COLUMNS, EMOTIONS, readable
from core.settings import Settings
from pages.figures import clips
from pages.shared import cached, messages, show

if TYPE_CHECKING:
    from core.pipeline.serving import Served

TOP = 15  # features in a bar chart


@dataclass(frozen=True, eq=False)
class Page:
    """What was chosen. shap : contributions of every clip.  known : the table that they belong to, if it is at hand."""

    found: Comparison
    model: str
    shap: pd.DataFrame
    known: pd.DataFrame | None

    def name(self, what: str) -> str:
        version = leaderboard.download_name(self.found, self.model)
        return show.file_name(what, data_hash=str(self.found.about["data_hash"]), version=version)


def choose(found: Comparison) -> str:
    """One of the models whose contributions were computed at training time, the champion first."""
    stored = {path.stem for path in Settings().comparison_dir.glob(shap_file("*"))}
    names = sorted((m for m in found.labels_of if m in stored), key=lambda m: m != found.champion)
    if not names:
        st.info("No explanations were stored: they are made by a full training run.", icon=":material/psychology:")
        st.code("python -m core train", language="shell")
        st.stop()
    return st.selectbox(
        "Model",
        names,
        format_func=lambda m: found.labels_of[m],
        key="model",
        bind="query-params",
        help="Contributions of every clip were computed when the models were trained.",
    )


def _emotion() -> str:
    """The emotion that is asked about: the same in all views that ask."""
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
    """stamp : time of the file's last change."""
    return explanation.read_shap(path)


def contributions(found: Comparison, model: str) -> pd.DataFrame:
    """SHAP values of every clip; ends the page with a sentence when they cannot be read."""
    path = Settings().comparison_dir / shap_file(model)
    try:
        return _read(path, path.stat().st_mtime_ns)
    except CoreError as error:
        messages.problem(error)
        st.stop()


def own_table(found: Comparison) -> pd.DataFrame | None:
    """The table that the models were trained on, if it is at hand; says so if not."""
    known = cached.table_at_hand()
    if known is not None and known.content_hash == found.about["data_hash"]:
        return known.frame
    st.info(
        "The table that the models were trained on is not at hand, so the values of its clips cannot be shown: dots "
        "have no colours, and one feature's dependence cannot be drawn. The contributions themselves are those of the "
        "real table. Get the table on the Explore page.",
        icon=":material/table_view:",
    )
    return None


def overall(page: Page) -> None:
    """Which features, and which groups of them, move the probabilities most."""
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
            "The mean of how far a feature moves the probability of an emotion, up or down, over all clips of the "
            "table (SHAP values against typical clips). In a group, features that cancel each other count as nothing. "
            "Features that say the same share the credit: a short bar does not prove that a feature is of no use."
        )


def check(page: Page) -> None:
    """The same question by other means: what gets worse when a feature is taken from another clip?"""
    served = _own_model(page)
    if served is None or page.known is None:
        return
    held_out = page.found.rows.query("held_out")
    table = _permuted(served.model.version, str(page.found.about["data_hash"]), page.known, _page=page, _served=served)
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
        f"How much worse the answers get when a feature's values are dealt out anew among the held-out clips. Rank "
        f"correlation with the SHAP importances of all 50 features: {agreement:.2f}. Features that say the same cover "
        "for each other here, so that each looks less important."
    )


def _own_model(page: Page) -> "Served | None":
    """The model in use, if it is the one that the page is about: of the others only results are stored."""
    if page.model == page.found.champion:
        served = cached.champion()
        if served.model.version.startswith(page.model):
            return served
    st.info("This asks the model itself, and only the model in use is at hand.", icon=":material/model_training:")
    return None


@st.cache_data(show_spinner="Dealing out each feature anew …", max_entries=4)
def _permuted(version: str, data_hash: str, _known: pd.DataFrame, _page: Page, _served: "Served") -> pd.DataFrame:
    rows = _page.found.rows.query("held_out")
    return permutation_importance(_served.model, _known.loc[rows["row"]], rows["y"].tolist())


def every_clip(page: Page) -> None:
    """One dot a clip and feature."""
    emotion = _emotion()
    points = explanation_tables.beeswarm(page.shap, emotion, values=page.known)
    show.chart(
        clips.beeswarm(points, emotion=emotion, coloured=page.known is not None),
        key=page.name(f"every-clip-{emotion}"),
        alt=f"How far each of the strongest features moved the probability of {emotion} in each clip",
        data=points.drop(columns="offset"),
    )
    st.caption("Right of the line: the feature speaks for the emotion in this clip. Bright dots: its value is high.")


def one_feature(page: Page) -> None:
    """What each value of a feature does."""
    emotion = _emotion()
    order = explanation.importance(page.shap[page.shap["emotion"] == emotion])["feature"].astype(str).tolist()
    column = st.selectbox(
        "Feature",
        order,
        format_func=readable,
        key="feature",
        bind="query-params",
        help="The strongest first. Type to search.",
    )
    st.caption(BY_COLUMN[column].meaning)
    if page.known is None:
        st.info("This needs the table's own values, and the table is not at hand.", icon=":material/table_view:")
        return
    points = explanation_tables.dependence(page.shap, emotion, column, table=page.known)
    show.chart(
        clips.dependence(points, column=column, emotion=emotion),
        key=page.name(f"dependence-{BY_COLUMN[column].name}-{emotion}"),
        alt=f"Change of the probability of {emotion} against {readable(column)}, one symbol a clip",
        data=points,
    )
    st.caption("The symbol is the clip's own emotion. Dots of one value that lie apart: other features have a say.")


def two_features(page: Page) -> None:
    """Do two features say more together than each alone?"""
    emotion = _emotion()
    strongest = explanation.importance(page.shap[page.shap["emotion"] == emotion])["feature"].astype(str).tolist()
    left, right = st.columns(2)
    first = left.selectbox("First feature", strongest, format_func=readable, key="first", bind="query-params")
    others = [c for c in strongest if c != first]
    second = right.selectbox("Second feature", others, format_func=readable, key="second", bind="query-params")
    if page.known is None:
        st.info("This needs the table's own values, and the table is not at hand.", icon=":material/table_view:")
        return
    served = _own_model(page)
    if served is None:
        return
    table = _together(
        served.model.version, str(page.found.about["data_hash"]), first, second, page.known, _served=served
    )
    points = table[table["emotion"] == emotion]
    size = points["interaction"].abs().mean()
    show.chart(
        clips.interaction(points, first=first, second=second, emotion=emotion),
        key=page.name(f"together-{BY_COLUMN[first].name}-{BY_COLUMN[second].name}-{emotion}"),
        alt=f"What {BY_COLUMN[first].name} and {BY_COLUMN[second].name} say together; mean {100 * size:.1f} points",
        data=points,
    )
    st.caption(
        f"Zero: the two simply add up. Mean size: {100 * size:.1f} points of probability. The two values are put "
        "into other clips of the table, one, the other and both."
    )


@st.cache_data(show_spinner="Asking the model about both features …", max_entries=16)
def _together(
    version: str, data_hash: str, first: str, second: str, _known: pd.DataFrame, _served: "Served"
) -> pd.DataFrame:
    return explanation.interaction(_served.model, _known, first, second)


def one_clip(page: Page) -> None:
    """The way from the average clip to one row of the table."""
    emotion = _emotion()
    rows = sorted(page.shap["row"].unique().tolist())
    row = st.selectbox(
        "Row of the table",
        rows,
        key="row",
        bind="query-params",
        help="Row numbers of the published table, from 0. Type a number to search.",
    )
    labels = dict(zip(page.found.rows["row"], page.found.rows["y"], strict=True))
    if row in labels:
        st.caption(f"Row {row} is {wording.with_sign(labels[row])}.")
    values = None if page.known is None else page.known.loc[row, list(COLUMNS)]
    own = explanation_tables.stored_explanation(page.shap, row, values=values)
    _, steps = explanation_tables.steps(own, emotion, top=12)
    show.chart(
        clips.waterfall(steps, base=None, emotion=emotion),
        key=page.name(f"row-{row}-{emotion}"),
        alt=f"Steps that move the probability of {emotion} for row {row}: "
        + ", ".join(f"{n} {v:+.1%}" for n, v in zip(steps["name"], steps["shap"], strict=True)),
        data=own.drop(columns="base"),
    )

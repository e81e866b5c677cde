"""The versions of the model over time, and what changed between two of them."""

import time

import pandas as pd
import streamlit as st

from core import wording
from core.evaluation import before_after, model_history
from core.evaluation.evaluation_table import HEADLINE, ROW_WORDS
from core.evaluation.leaderboard import MEASURES
from core.evaluation.model_history import COMMITTED, ModelHistory, VersionChange
from core.evaluation.significance import findings_of_intervals
from core.file_names import CHALLENGER, CHAMPION
from core.models import registry
from core.models.description import ModelDescription
from core.pipeline.serving import models_stamp
from core.schema import ALL, EMOTIONS
from core.settings import Settings
from pages.figures import models, versions
from pages.shared import show
from pages.shared.messages import literal
from pages.shared.times import local_column

FRESH_S = 60  # seconds for which a registry on a server is believed; a file is read again when it changes
_FIGURES = {
    name: MEASURES[name].label for name in ("macro_f1", "accuracy", "macro_auc", "log_loss", "ece", "class_gap")
}
_FIGURES |= {f"f1 {emotion}": f"F1 of {wording.with_sign(emotion)}" for emotion in EMOTIONS}


@st.cache_resource(show_spinner="Reading the registry …", max_entries=2)
def _history(settings: Settings, stamp: tuple[object, ...]) -> ModelHistory:
    """Read all versions. stamp : state of the registry and of the model that comes with the program, the cache key."""
    return model_history.read_history(settings)


def all_versions() -> ModelHistory:
    """All versions of the model. All sessions share the object: do not change it. Raises CoreError."""
    settings = Settings()
    of_registry = registry.registry_stamp(settings) or (int(time.time()) // FRESH_S,)
    return _history(settings, (*of_registry, *models_stamp(settings)))


def over_time(history: ModelHistory) -> None:
    """Show one figure of each version with its interval, and when versions were promoted and rolled back."""
    st.header("Figures over time")
    parts = [row for row in ROW_WORDS if row in set(history.figures["row"])]
    if not parts:
        st.info("No version has recorded figures. A training records them.", icon=":material/model_training:")
        return
    left, right = st.columns(2)
    name = left.selectbox(
        "Figure", list(_FIGURES), format_func=_FIGURES.__getitem__, key="history_figure", bind="query-params"
    )
    part = right.selectbox(
        "Measured on", parts, index=parts.index(HEADLINE) if HEADLINE in parts else 0,
        format_func=lambda row: ROW_WORDS[row].label, key="history_part", bind="query-params",
    )  # fmt: skip
    measure, _, emotion = name.partition(" ")
    lines = history.figures
    lines = lines[
        lines["row"].eq(part) & lines["measure"].eq(measure) & lines["emotion"].eq(emotion or ALL)
    ].sort_values("created_at")
    if lines.empty:
        st.info("No version has this figure. Choose another one.", icon=":material/search_off:")
        return
    show.chart(
        versions.over_time(lines, history.decisions, name=_FIGURES[name]),
        key=f"versions-{measure}-{emotion or ALL}-{part}",
        alt=f"{_FIGURES[name]} of each version: "
        + ", ".join(f"{one.version} {one.value:.3f}" for one in lines.itertuples()),
        data=lines[["version", "model_version", "role", "created_at", "protocol", "clips", "value", "low", "high"]],
    )
    sets = lines["clips_hash"].nunique()
    how = ", ".join(lines["protocol"].unique())
    st.caption(
        f"{ROW_WORDS[part].meaning} Protocol: {how}. Bars: 95 % intervals. Symbols at the bottom: decisions. "
        + (
            f"The versions were measured on {sets} different sets of clips: only figures on one line can be compared. "
            if sets > 1
            else ""
        )
        + f"Version {COMMITTED} is the model that comes with the program."
    )
    _problems(history)


def _problems(history: ModelHistory) -> None:
    damaged = history.versions[history.versions["problem"] != ""]
    for one in damaged.itertuples():
        st.warning(f"Version {one.version} cannot be read. {literal(str(one.problem))}", icon=":material/broken_image:")


def decisions(history: ModelHistory) -> None:
    """Show who promoted, rolled back and discarded which version, the newest first."""
    if history.decisions.empty:
        return
    st.markdown("**Decisions**, the newest first")
    newest = history.decisions.iloc[::-1]
    show.frame(
        newest.drop(columns="kind").assign(at=local_column(newest["at"])),
        hide_index=True,
        alt="Promotions, rollbacks and discarded versions",
        column_config={"words": st.column_config.TextColumn("decision", width="large")},
    )


def two_versions(history: ModelHistory) -> None:
    """Let the person choose two versions, and show what changed between them."""
    st.header("What changed between two versions")
    readable = list(history.models)
    known = [v for v in history.versions["version"] if v in readable]
    if len(known) < 2:
        st.info("There is only one version. After a training, this part shows what the training changed.")
        return
    names = dict(zip(history.versions["version"], history.versions["model_version"], strict=True))
    newer = history.of_role(CHALLENGER) or known[-1]
    older = history.of_role(CHAMPION) or known[-2]
    older = known[-2] if older == newer else older
    left, right = st.columns(2)
    chosen = [
        place.selectbox(
            label, known, index=known.index(start), format_func=lambda v: f"{v}: {names[v]}", key=key,
            bind="query-params",
        )
        for place, label, start, key in (
            (left, "From", older, "history_from"),
            (right, "To", newer, "history_to"),
        )
    ]  # fmt: skip
    if chosen[0] == chosen[1]:
        st.info("Choose two different versions.", icon=":material/compare_arrows:")
        return
    changed(history.models[chosen[0]], history.models[chosen[1]])


@st.cache_resource(show_spinner="Comparing the two versions …", max_entries=8)
def _change(first: str, second: str, _first: ModelDescription, _second: ModelDescription) -> VersionChange:
    """Compare two models. first, second : their versions, which never change their files."""
    return model_history.compare_versions(_first, _second, Settings())


def changed(first: ModelDescription, second: ModelDescription) -> None:
    """Show what changed from one version to another: figures on the same clips, then how both were made."""
    change = _change(f"{first.registered} {first.version}", f"{second.registered} {second.version}", first, second)
    st.markdown(model_history.in_words(change.facts))
    if change.problem:
        st.info(f"The figures are not compared. {literal(change.problem)}", icon=":material/difference:")
    else:
        _figures(change, first, second)
    _facts(change.facts, first, second)


def made(first: ModelDescription, second: ModelDescription) -> None:
    """Show how two versions were made, without their figures."""
    table = model_history.made_differently(first, second, Settings())
    st.markdown(model_history.in_words(table))
    _facts(table, first, second)


def _figures(change: VersionChange, first: ModelDescription, second: ModelDescription) -> None:
    st.markdown("\n".join(f"- {line}" for line in before_after.describe_changes(change.figures)))
    f1 = change.figures[change.figures["measure"].isin(["macro_f1", "f1"])]
    labels = [
        f"{before_after.PARTS[part]}: {'macro-F1' if emotion == ALL else wording.with_sign(emotion)}"
        for part, emotion in zip(f1["part"], f1["emotion"], strict=True)
    ]
    f1 = f1.assign(label=labels, finding=findings_of_intervals(f1))
    show.chart(
        models.differences(f1, title="The second minus the first, on the same clips", axis="difference of F1"),
        key=show.file_name("two-versions", data_hash=second.data_hash, version=f"{first.version}-{second.version}"),
        alt="; ".join(f"{r.label}: {r.before:.2f} and {r.after:.2f}" for r in f1.itertuples()),
        data=change.figures,
    )


def _facts(table: pd.DataFrame, first: ModelDescription, second: ModelDescription) -> None:
    """Show how both versions were made, side by side: what changed first."""
    ordered = table.sort_values("changed", ascending=False, kind="stable")
    show.frame(
        ordered.assign(changed=ordered["changed"].map({True: "changed", False: "same"})),
        hide_index=True,
        alt="Training clips, features, algorithm and libraries of both versions",
        column_config={"first": first.version, "second": second.version, "what": "of the training"},
    )

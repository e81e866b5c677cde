"""The Cleaning tab of the Explore page: what each rule would change, which rules are on, and the cleaned table."""

import pandas as pd
import streamlit as st

from core.access import Action
from core.dataset.cleaning import CHOICES, RULES, SET_ASIDE, CleanResult, clean
from core.dataset.parsing import own_rows
from core.dataset.quality import CELL_MEASURES, data_quality
from core.dataset.table import as_table
from core.dataset.user_tables import UserTable, compare_quality, store_cleaned
from core.errors import CoreError
from core.pipeline import jobs
from core.schema import EMOTIONS, LABEL, readable
from core.settings import Settings
from core.source_note import SourceNote
from core.training.retraining import JOB
from core.wording import counted
from pages.figures import dataset
from pages.shared import cached, messages, show, who
from pages.views.data.explore_rows import with_row_numbers

CLEANED = "explore_cleaned"  # session key: name of a table -> rules that were switched off when it was cleaned


@st.cache_data(show_spinner="Cleaning the table …", max_entries=6)
def _cleaned(key: str, without: tuple[str, ...], _messy: pd.DataFrame) -> CleanResult:
    return clean(_messy, without=without, labels_needed=False)


def cleaned_name(name: str) -> str:
    """Name of an added table after cleaning, in the list of tables."""
    return f"{name}, cleaned"


def cleaned_table(name: str, table: UserTable) -> CleanResult | None:
    """The table with the rules that the person chose; None before the person asks for it."""
    without = st.session_state.get(CLEANED, {}).get(name)
    return None if without is None else _cleaned(table.rows.content_hash, without, table.messy)


def cleaning(extra: dict[str, UserTable], chosen: str) -> None:
    """Show what cleaning would change, rule by rule, and clean the table when the person asks for it.

    chosen : name of the table that the other views show. If the person added it, it is the one to clean.
    """
    if not extra:
        st.info(
            "Add a table above. It opens as it is, and this tab shows what cleaning would change.",
            icon=":material/upload_file:",
        )
        return
    name = _file_to_clean(extra, chosen)
    one = extra[name]
    found = one.cleaned.changes["rule"].value_counts()
    offered = [rule for rule in CHOICES if rule in found]
    rules = st.pills(
        "Rules that clean",
        offered,
        selection_mode="multi",
        default=offered,
        format_func=lambda rule: f"{rule} ({found[rule]})",
        key=f"rules_{name}",
        help="Switch off a rule to leave its cells as they are. The number: changes when all rules are on.",
        disabled=not offered,
    )
    without = tuple(rule for rule in offered if rule not in rules)
    result = _cleaned(one.rows.content_hash, without, one.messy)
    show.set_source(_source(name, one, result, without))
    _summary(one, result)
    left, right = st.columns(2)
    done = st.session_state.get(CLEANED, {}).get(name)
    left.button(
        "Clean with these rules",
        key=f"clean_{name}",
        type="primary",
        icon=":material/cleaning_services:",
        disabled=done == without,
        on_click=_apply,
        args=(name, without),
        help="Adds the cleaned table to the list of tables. The table that you added stays as it is.",
    )
    if done == without:
        right.success(f"The table “{cleaned_name(name)}” has these changes.", icon=":material/check:")
    _training(name, result, without, asked=done == without or result.changes.empty)
    _changes(result)
    _downloads(name, one, result)


def _file_to_clean(extra: dict[str, UserTable], chosen: str) -> str:
    """The added table that is chosen above; the person is asked only if another table is chosen there."""
    name = next((added for added in extra if chosen in (added, cleaned_name(added))), "")
    if name:
        st.markdown(f"This tab cleans **{messages.literal(name)}**, the table that you chose under Table.")
        return name
    return st.selectbox(
        "File to clean",
        list(extra),
        key="cleaned",
        help=f"{messages.literal(chosen)}, which you chose under Table, is not cleaned here. This tab cleans tables "
        "that you added, and CSV files in data/raw.",
    )


def _apply(name: str, without: tuple[str, ...]) -> None:
    st.session_state.setdefault(CLEANED, {})[name] = without


def _training(name: str, result: CleanResult, without: tuple[str, ...], *, asked: bool) -> None:
    """Offer a training on the labelled rows, once the person has agreed to the changes."""
    if result.table.empty:
        st.caption(
            "To train on this table, write the emotion of each row in the column Class: " + ", ".join(EMOTIONS) + "."
        )
        return
    st.button(
        f"Train a challenger on {counted(len(result.table), 'labelled row')}",
        key=f"train_{name}",
        icon=":material/model_training:",
        disabled=not asked,
        on_click=_train,
        args=(name, result, without),
        help="Trains on the published table, the agreed labels and these rows. Clean the table first. The model "
        "becomes the challenger and does not replace the model in use; its record names this table.",
    )
    store = cached.store()
    if store is None or not store.by.may(Action.TRAIN):
        st.caption("Training is for analysts. Begin to work as an analyst on the Learning page, then come back.")


def _train(name: str, result: CleanResult, without: tuple[str, ...]) -> None:
    store = cached.store()
    if store is None:
        return
    try:
        by = who.still_analyst(store).name
        path = store_cleaned(result.frame, name, Settings(), by=store.by)
        rules = [f"--without={rule}" for rule in without]
        jobs.launch(store, JOB, ["retrain", f"--by={by}", f"--table={path}", *rules], settings=Settings())
        messages.keep_message("success", "The training has started. The Learning page shows its progress.")
    except CoreError as error:
        messages.keep_message("error", str(error))


def _summary(one: UserTable, result: CleanResult) -> None:
    """Say what would change, and draw the doubtful cells before and after."""
    removed = len(one.messy) - len(result.frame)
    text = f"**{counted(len(result.changes), 'change')}** with these rules; nothing is changed until you ask for it. "
    text += f"{len(result.frame)} of {len(one.messy)} rows stay"
    text += f"; {counted(removed, 'row')} that repeat others are removed. " if removed else ". "
    if LABEL in one.messy.columns:
        text += f"{len(result.table)} rows have the label of an emotion. "
        text += f"{len(result.unlabelled)} have none: a training leaves them out. " if len(result.unlabelled) else ""
    st.markdown(
        text + "No value is estimated: impossible values become empty, and each model fills gaps from its own training "
        "rows. File names and other columns stay as they are."
    )
    if own := int(own_rows(one.messy).sum()):
        st.caption(
            f"{counted(own, 'row')} measured by this program: their values were computed, not typed, so the rules "
            "“outlier” and “more than three decimals” do not change them."
        )
    key = one.rows.content_hash
    before = _quality(f"{key} before", one.messy)
    after = _quality(f"{key} {len(result.changes)} {result.frame.shape}", result.frame)
    counts = pd.DataFrame({"before": before, "after": after}).loc[list(CELL_MEASURES)].rename_axis("measure")
    show.chart(
        dataset.before_after(counts),
        key=show.file_name("quality", data_hash=key),
        alt="Cells in question before and after cleaning: "
        + ", ".join(f"{m} {r.before} to {r.after}" for m, r in counts.iterrows()),
        data=counts.reset_index(),
    )


@st.cache_data(show_spinner="Checking the table …", max_entries=6)
def _quality(key: str, _frame: pd.DataFrame) -> pd.Series:
    return compare_quality({"table": data_quality(_frame)})["table"]


def _changes(result: CleanResult) -> None:
    """List every change, and the rows without a label."""
    st.header("Every change")
    report = result.report
    counts = report["rule"].value_counts().rename_axis("rule").rename("changes").reset_index()
    st.dataframe(
        counts.assign(meaning=counts["rule"].map(RULES)), hide_index=True, height="content", alt="Changes by rule"
    )
    st.caption(f"Not a change: {' and '.join(SET_ASIDE)}. These rows stay in the table; a training leaves them out.")
    rule = st.selectbox("Show", ["All rules", *counts["rule"]], key="rule")
    listed = report if rule == "All rules" else report[report["rule"] == rule]
    st.dataframe(
        listed.assign(column=listed["column"].map(readable)),
        hide_index=True,
        placeholder="",
        alt="Changes",
        column_config={"row": st.column_config.NumberColumn(help="Row of the file, counted from 0.")},
    )


def _source(name: str, one: UserTable, result: CleanResult, without: tuple[str, ...]) -> SourceNote:
    """Where the downloads of this tab come from: the added table and the rules, not the table that is shown above."""
    off = f"; rules that were off: {', '.join(without)}" if without else ""
    extractor = ", ".join(sorted(set(one.messy["extractor"].dropna().astype(str)))) if "extractor" in one.messy else ""
    return SourceNote(
        table=cleaned_name(name),
        data=_data_hash(one, result),
        rows=f"{len(result.frame)} of {len(one.messy)} rows, {counted(len(result.changes), 'change')}{off}",
        extractor=extractor,
    )


def _data_hash(one: UserTable, result: CleanResult) -> str:
    """Content hash of the cleaned, labelled rows; of the added table if no row has a label."""
    return as_table(result.table, origin="upload").content_hash if len(result.table) else one.rows.content_hash


def _downloads(name: str, one: UserTable, result: CleanResult) -> None:
    files = {"cleaned": result.frame, "changes": result.report, "rows-without-label": result.unlabelled}
    data_hash = _data_hash(one, result)
    with st.container(horizontal=True):
        for what, frame in files.items():
            if len(frame):
                numbered = frame if what == "changes" else with_row_numbers(frame)
                stem = show.file_name(what, data_hash=data_hash)
                show.download(numbered, stem, label=what.replace("-", " ").capitalize(), key=f"{what}_{name}")

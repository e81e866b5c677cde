"""Labels as files: exports for other programs, and the import of a file with a dry run."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

import pandas as pd
import streamlit as st

from core.errors import CoreError
from core.labelling import agreement, files, import_plan
from core.labelling.label_columns import ControlQuestion
from core.store import Rater, Store, clips_table, feedback_table, labels_cache_key, raters_table
from pages.shared import who
from pages.shared.messages import literal, problem
from pages.shared.show import download, file_name
from pages.views.label import label_studio
from pages.views.label.disputes import SAID, told

FORMATS = {
    "CSV": ("csv", "text/csv", "The answers that stand, one row each; opens in a spreadsheet."),
    "JSON": ("json", "application/json", "The same, with what to cite it by."),
    "Audit trail": ("audit.csv", "text/csv", "Everything that was ever said, also what was taken back."),
}
FEW = 5  # of the names of new raters
ICONS = {
    "add": ":material/add: add",
    "change": ":material/edit: change",
    "same": ":material/check: same",
    "left out": ":material/history: left out",
    "refused": ":material/block: refused",
}


@dataclass(frozen=True)
class Choices:
    """What a person said of a file. control : the column of the emotions, None where it is plain.

    accounts : account of Label Studio and its rater, empty = left out.  all_known : each account was asked about.
    """

    control: str | None
    accounts: tuple[tuple[str, str], ...]
    all_known: bool


def show(kept: Store, person: Rater, said: pd.DataFrame, everything: pd.DataFrame, needed: int) -> None:
    """Exports, then the import."""
    st.subheader("Export")
    if everything.empty:
        st.info("Nobody has answered yet.", icon=":material/history:")
    else:
        exports(said, everything, needed)
    label_studio.export(kept, said, needed, file_name=f"{file_name('labels', data_hash=_stamp(everything))}.zip")
    st.subheader("Import")
    bring(kept, person)


def _stamp(everything: pd.DataFrame) -> str:
    """Names the state of the answers."""
    return hashlib.sha256(everything["feedback_id"].astype(str).str.cat().encode()).hexdigest()


def exports(said: pd.DataFrame, everything: pd.DataFrame, needed: int) -> None:
    """One download a format."""
    stamp = _stamp(everything)
    stands = agreement.current_answers(said)
    st.caption(
        f"{len(stands)} answers stand, of {agreement.people(stands).nunique()} raters. "
        "Names of raters are in every file: handle them as personal data."
    )
    about = {
        "program": "Turkish Music Emotion",
        "exported_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "state": stamp[:16],
        "raters_needed": needed,
        "models": sorted(stands["model_version"].dropna().unique()),
    }
    make = {
        "CSV": lambda: files.to_csv(said),
        "JSON": lambda: files.to_json(said, about=about),
        "Audit trail": lambda: files.audit_csv(everything),
    }
    with st.container(horizontal=True):
        for name, (ending, mime, meaning) in FORMATS.items():
            st.download_button(
                name,
                make[name],
                file_name=f"{file_name('labels', data_hash=stamp)}.{ending}",
                mime=mime,
                icon=":material/download:",
                key=f"export_{ending}",
                on_click="ignore",
                help=meaning,
            )


def bring(kept: Store, person: Rater) -> None:
    """A file of labels: what would happen row by row, then the rows."""
    told()
    file = st.file_uploader(
        "CSV or JSON with clips and labels",
        type=["csv", "tsv", "txt", "json"],
        key="labels_file",
        max_upload_size=files.LARGEST >> 20,
        help="A column `clip_id`, `hash` or `file_name`, a column `label` or `skip_reason`; `rater` and `comment` if "
        "you have them. Also what this page exports, and what Label Studio exports (JSON, JSON-MIN, CSV, "
        "TSV). Of several answers of one rater about a clip the last one counts, and what was taken back is left out.",
    )
    if file is None:
        st.caption("Nothing is stored before you have seen what would happen.")
        return
    try:
        choices = _choices(kept, file.getvalue(), person, str(file.file_id))
        plan = None if choices is None else _plan(kept, file.getvalue(), person, choices)
    except CoreError as error:
        problem(error)
        return
    if choices is not None and plan is not None:
        _dry_run(kept, file.getvalue(), plan, choices, str(file.file_id))


def _choices(kept: Store, data: bytes, person: Rater, file_id: str) -> Choices | None:
    """What the file cannot say itself and a person is asked; None until the column of the emotions is known."""
    control = None
    try:
        file = _read(data, hashlib.sha256(data).hexdigest(), control)
    except ControlQuestion as question:
        control = label_studio.which_column(question.columns, str(question), file_id)
        if control is None:
            return None
        file = _read(data, hashlib.sha256(data).hexdigest(), control)
    if not file.complete:
        st.caption(
            "Of Label Studio's formats only JSON says which tasks were skipped and which answers are marked as ground "
            "truth. Export the project as JSON, where that matters."
        )
    if file.unread:
        st.caption(f"There is no place here for these columns: {literal(', '.join(file.unread))}.")
    accounts = file.accounts
    answers = label_studio.who_is_this(accounts, raters_table(kept), person, file_id)
    return Choices(control, tuple(answers.items()), all_known=accounts.keys() <= answers.keys())


def _dry_run(kept: Store, data: bytes, plan: pd.DataFrame, choices: Choices, file_id: str) -> None:
    """What would happen row by row, and the button that makes it happen."""
    counts = plan["action"].value_counts().reindex(import_plan.ACTIONS, fill_value=0)
    st.markdown(" · ".join(f"**{n}** {ICONS[str(action)]}" for action, n in counts.items()))
    new = plan.loc[plan["new_rater"], "rater"].unique()
    if len(new):
        named = ", ".join(map(str, new[:FEW])) + (f" and {len(new) - FEW} more" if len(new) > FEW else "")
        st.info(f"Raters who are new here: {len(new)} ({literal(named)})", icon=":material/person_add:")
    settlements = int((plan["action"].eq("add") & plan["kind"].eq(import_plan.SETTLEMENT)).sum())
    if settlements:
        st.info(f"Settlements in the file: {settlements}. Each decides what its clip is.", icon=":material/gavel:")
    only = st.pills(
        "Show only",
        [str(a) for a in import_plan.ACTIONS if counts[a]],
        selection_mode="multi",
        key="import_actions",
        format_func=lambda a: f"{a} ({counts[a]})",
    )
    first = [c for c in ("row", "action", "why", "file_name", "label", "skip_reason", "rater") if c in plan]
    table = plan[[*first, *plan.columns.drop([*first, "before"])]]  # the hashes last: nobody reads them
    shown = table[table["action"].isin(only)] if only else table
    st.dataframe(shown, hide_index=True, alt="What the import would do, row by row")
    download(table, "import-dry-run", label="Download the dry run")
    wanted = int(counts["add"] + counts["change"])
    if not choices.all_known:
        st.caption("Say above who each account is, or leave its answers out. Then the answers can be stored.")
    st.button(
        f"Store {wanted} answers" if wanted else "Nothing to store",
        type="primary",
        icon=":material/upload:",
        disabled=not wanted or not choices.all_known,
        key="import_apply",
        on_click=_apply,
        args=(kept, data, plan, choices, file_id),
        help=f"Up to {import_plan.AT_ONCE} of them or none; more are stored in such parts, and an import that was cut "
        "off is finished by importing the file again. Names in the file count as not verified; your own answers count "
        "as yours.",
    )


def _plan(kept: Store, data: bytes, person: Rater, choices: Choices) -> pd.DataFrame:
    """The dry run, made anew only where the file, the importer or the store is another. One object for all sessions."""
    file, mark = hashlib.sha256(data).hexdigest(), labels_cache_key(kept)
    return _planned(kept, data, kept.url, file, mark, person.name, person.verified, choices)


@st.cache_resource(show_spinner="Reading the file …", max_entries=4, ttl=600)
def _read(_data: bytes, file: str, control: str | None) -> files.LabelFile:
    """file : hash of the data."""
    return files.read_label_file(_data, control=control)


@st.cache_resource(show_spinner="Looking what the file would do …", max_entries=4, ttl=600)
def _planned(
    _kept: Store,
    _data: bytes,
    url: str,
    file: str,
    mark: tuple[object, ...],
    importer: str,
    verified: bool,
    choices: Choices,
) -> pd.DataFrame:
    """url, file, mark : of the store, of the data, of what the store holds, which is read after the mark was."""
    return import_plan.plan_import(
        _read(_data, file, choices.control).rows,
        clips_table(_kept),
        feedback_table(_kept),
        raters_table(_kept),
        importer=Rater(importer, verified, "analyst"),
        accounts=dict(choices.accounts),
    )


def _apply(kept: Store, data: bytes, plan: pd.DataFrame, choices: Choices, token: str) -> None:
    """Store what the dry run showed, unless somebody has answered meanwhile."""
    done = 0
    bar = st.empty()

    def progress(so_far: int, total: int) -> None:
        nonlocal done
        done = so_far
        bar.progress(so_far / total, text=f"{so_far} of {total} answers are stored …")

    try:
        person = who.still_analyst(kept)
        if not _plan(kept, data, person, choices).equals(plan):
            st.session_state[SAID] = ("error", "Somebody answered meanwhile. Look at the dry run again.")
            return
        with st.spinner("Storing the answers …", show_time=True):
            stored = import_plan.apply_import(kept, plan, token=token, progress=progress)
        st.session_state[SAID] = ("success", f"{stored} answers are stored.")
    except CoreError as error:
        rest = f" {done} answers were stored before that; import the file again for the others." if done else ""
        st.session_state[SAID] = ("error", f"{error}{rest}")
    finally:
        bar.empty()

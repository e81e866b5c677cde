"""Labels as files: exports for other programs, and the import of a file with a dry run."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

import pandas as pd
import streamlit as st

from core.errors import CoreError
from core.labelling import agreement, files, import_plan, import_report
from core.labelling.label_columns import ControlQuestion
from core.settings import Settings
from core.store import Rater, Store, feedback_table, labels_cache_key, raters_table
from core.wording import counted
from pages.shared import messages, uploads, who
from pages.shared.messages import literal, problem
from pages.shared.show import comments_for, download, frame
from pages.views.label import label_studio
from pages.views.label.answers_of_all import Answers

FORMATS = {
    "CSV": ("csv", "text/csv", "One row per answer that counts now. Opens in a spreadsheet."),
    "JSON": ("json", "application/json", "The same answers, with date, state and model versions to cite."),
    "Audit trail": (
        "audit.csv",
        "text/csv",
        "All answers ever given. The column `counts` says which of them count now.",
    ),
}
COUNTS = "The column counts is True for answers and settlements that count now and False for all other rows."
RESULT = "import_result"  # session key: the file that was imported last, and a sentence about the result
FEW = 5  # names of new raters that are shown
ICONS = {
    "add": ":material/add: add",
    "change": ":material/edit: change",
    "same": ":material/check: same",
    "left out": ":material/history: left out",
    "refused": ":material/block: refused",
}


@dataclass(frozen=True)
class Choices:
    """The person's choices about a file.

    control : column of the emotions; None if it is obvious.  accounts : Label Studio account and its rater, "" to leave
        its answers out.  all_known : every account has a choice.
    """

    control: str | None
    accounts: tuple[tuple[str, str], ...]
    all_known: bool


def show(store: Store, person: Rater, answers: Answers, needed: int) -> None:
    """Show the exports, then the import."""
    st.header("Export")
    if answers.every.empty:
        st.info("There are no answers yet.", icon=":material/history:")
    else:
        show_exports(store, answers, needed)
    label_studio.show_export(store, answers.synthetic, needed)
    st.header("Import")
    show_import(store, person)


def _exported(store: Store, *, synthetic: bool) -> tuple[pd.DataFrame, str]:
    """The answers of the moment when a person asks for a file, and the hash of all stored answers at this moment."""
    table = feedback_table(store)
    stamp = hashlib.sha256("".join(map(str, table["feedback_id"].tolist())).encode()).hexdigest()
    return (table if synthetic else agreement.of_music(table)), stamp


def show_exports(store: Store, answers: Answers, needed: int) -> None:
    """Show one download per format. The file says which state of the answers it has: its name is older than it."""
    n, practice = answers.counts, answers.counts_of_every.answers
    st.caption(
        f"{n.answers} answers of {n.people} raters count now"
        + (f", and {n.settlements} settlements" if n.settlements else "")
        + (f". {practice - n.answers} answers about synthetic clips are left out" if practice > n.answers else "")
        + ". "
        "Names of raters are in every file: handle them as personal data."
    )
    asked = store.as_now()  # a download is made outside the session
    least = Settings().least_heard

    def models(table: pd.DataFrame) -> list[str]:
        return sorted(agreement.current_answers(table)["model_version"].dropna().unique())

    def as_csv() -> bytes:
        table, stamp = _exported(asked, synthetic=answers.synthetic)
        first = counting(rows="the answers that count now", data=stamp, model=" and ".join(models(table)))
        return files.to_csv(table, comments=first, least_heard=least)

    def as_json() -> bytes:
        table, stamp = _exported(asked, synthetic=answers.synthetic)
        about = {
            "program": "Turkish Music Emotion",
            "exported_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "state": stamp[:16],
            "raters_needed": needed,
            "models": models(table),
        }
        return files.to_json(table, about=about, least_heard=least)

    def audit() -> bytes:
        table, stamp = _exported(asked, synthetic=True)
        first = every(rows=f"all answers, also those taken back. {COUNTS}", data=stamp)
        return files.audit_csv(table, comments=first, least_heard=least)

    counting, every = comments_for("labels"), comments_for("audit trail of labels")
    make = {"CSV": as_csv, "JSON": as_json, "Audit trail": audit}
    with st.container(horizontal=True):
        for name, (ending, mime, meaning) in FORMATS.items():
            st.download_button(
                name,
                make[name],
                file_name=f"labels.{ending}",
                mime=mime,
                icon=":material/download:",
                key=f"export_{ending}",
                on_click="ignore",
                help=meaning,
            )


def show_import(store: Store, person: Rater) -> None:
    """Import a file of labels: first a dry run row by row, then the import itself."""
    messages.show_pending_message()
    file = uploads.file_field(
        "CSV or JSON with clips and labels",
        type=["csv", "tsv", "txt", "json"],
        key="labels_file",
        largest_mb=files.LARGEST >> 20,
        way_out="Split the file into several files.",
        help="Required: a column `clip_id`, `hash` or `file_name`, and a column `label` or `skip_reason`. Optional: "
        "`rater` "
        "and `comment`. Exports of this page and of Label Studio (JSON, JSON-MIN, CSV, TSV) work too. If a rater has "
        "several answers about a clip, only the last one counts. Answers that were taken back are left out.",
    )
    if file is None:
        st.caption("You first see what the import would do. Nothing is stored before you confirm.")
        return
    try:
        choices = _choices(store, file.getvalue(), person, str(file.file_id))
        plan = None if choices is None else _plan(store, file.getvalue(), person, choices)
    except CoreError as error:
        problem(error)
        return
    if choices is not None and plan is not None:
        _dry_run(store, file.getvalue(), plan, choices, str(file.file_id))


def _choices(store: Store, data: bytes, person: Rater, file_id: str) -> Choices | None:
    """Ask the person what the file does not say; None until the column of the emotions is known."""
    control = None
    try:
        file = _read(data, hashlib.sha256(data).hexdigest(), control)
    except ControlQuestion as question:
        control = label_studio.ask_column(question.columns, str(question), file_id)
        if control is None:
            return None
        file = _read(data, hashlib.sha256(data).hexdigest(), control)
    if not file.complete:
        st.caption(
            "This format does not say which tasks were skipped or which answers are marked as ground truth. If you "
            "need "
            "this, export the project from Label Studio as JSON."
        )
    if file.unread:
        st.caption(f"These columns are not imported: {literal(', '.join(file.unread))}.")
    accounts = file.accounts
    answers = label_studio.ask_accounts(accounts, raters_table(store), person, file_id)
    return Choices(control, tuple(answers.items()), all_known=accounts.keys() <= answers.keys())


def _dry_run(store: Store, data: bytes, plan: pd.DataFrame, choices: Choices, file_id: str) -> None:
    """Show what the import would do row by row, and the button that starts it."""
    counts = plan["action"].value_counts().reindex(import_plan.ACTIONS, fill_value=0)
    st.markdown(" · ".join(f"**{n}** {ICONS[str(action)]}" for action, n in counts.items()))
    result_of, sentence = st.session_state.get(RESULT, ("", ""))
    if result_of == file_id:
        st.success(literal(sentence), icon=":material/check:")
    if read := import_report.words_read(plan):
        st.info(literal(" ".join(read)), icon=":material/translate:")
    if unknown := import_report.words_unknown(plan):
        st.warning(literal(unknown), icon=":material/help:")
    new = plan.loc[plan["new_rater"], "rater"].unique()
    if len(new):
        named = ", ".join(map(str, new[:FEW])) + (f" and {len(new) - FEW} more" if len(new) > FEW else "")
        st.info(f"New raters: {len(new)} ({literal(named)})", icon=":material/person_add:")
    settlements = int((plan["action"].eq("add") & plan["kind"].eq(import_plan.SETTLEMENT)).sum())
    if settlements:
        st.info(
            f"Settlements in the file: {settlements}. Each one decides the label of its clip.", icon=":material/gavel:"
        )
    only = st.pills(
        "Show only",
        [str(a) for a in import_plan.ACTIONS if counts[a]],
        selection_mode="multi",
        key="import_actions",
        format_func=lambda a: f"{a} ({counts[a]})",
    )
    first = [c for c in ("row", "action", "why", "file_name", "label", "skip_reason", "rater") if c in plan]
    table = plan[[*first, *plan.columns.drop([*first, "before"])]]  # the hashes last, because nobody reads them
    shown = table[table["action"].isin(only)] if only else table
    frame(shown, hide_index=True, alt="What the import would do, row by row")
    download(table, "import-dry-run", label="Download the dry run")
    wanted = int(counts["add"] + counts["change"])
    if not choices.all_known:
        st.caption("Choose a rater for each account above, or leave its answers out. Then you can store the answers.")
    st.button(
        f"Store {counted(wanted, 'answer')}" if wanted else "Nothing to store",
        type="primary",
        icon=":material/upload:",
        disabled=not wanted or not choices.all_known,
        key="import_apply",
        on_click=_apply,
        args=(store, data, plan, choices, file_id),
        help=f"Answers are stored in parts of up to {import_plan.AT_ONCE}, each part completely or not at all. If an "
        "import "
        "is interrupted, import the file again to finish it. Names in the file count as not verified; your own answers "
        "count as yours.",
    )


def _plan(store: Store, data: bytes, person: Rater, choices: Choices) -> pd.DataFrame:
    """The dry run, cached by file, importer and state of the store. All sessions share it: do not change it."""
    file, mark = hashlib.sha256(data).hexdigest(), labels_cache_key(store)
    return _planned(store, data, store.url, file, mark, person.name, person.verified, choices)


@st.cache_resource(show_spinner="Reading the file …", max_entries=4, ttl=600)
def _read(_data: bytes, file: str, control: str | None) -> files.LabelFile:
    """Read the file. file : hash of the data."""
    return files.read_label_file(_data, control=control)


@st.cache_resource(show_spinner="Checking what the import would do …", max_entries=4, ttl=600)
def _planned(
    _store: Store,
    _data: bytes,
    url: str,
    file: str,
    mark: tuple[object, ...],
    importer: str,
    verified: bool,
    choices: Choices,
) -> pd.DataFrame:
    """Plan the import. url, file, mark : address of the store, hash of the data, state of the store (read first)."""
    return import_plan.plan_from_store(
        _store,
        _read(_data, file, choices.control).rows,
        importer=Rater(importer, verified, "analyst"),
        accounts=dict(choices.accounts),
    )


def _apply(store: Store, data: bytes, plan: pd.DataFrame, choices: Choices, file_id: str) -> None:
    """Import what the dry run showed, unless the store has changed meanwhile."""
    done = 0
    bar = st.empty()

    def progress(so_far: int, total: int) -> None:
        nonlocal done
        done = so_far
        bar.progress(so_far / total, text=f"{so_far} of {total} answers are stored …")

    try:
        person = who.still_analyst(store)
        if not _plan(store, data, person, choices).equals(plan):
            messages.keep_message("error", "Someone answered meanwhile. Check the dry run again.")
            return
        with st.spinner("Storing the answers …", show_time=True):
            imported = import_plan.apply_import(store, plan, token=file_id, progress=progress)
        # Not `keep_message`: the result must stay on the page until another file is chosen.
        st.session_state[RESULT] = (file_id, import_report.what_was_stored(plan, imported))
    except CoreError as error:
        rest = (
            f" {done} answers were stored before the error. Import the file again to store the others." if done else ""
        )
        messages.keep_message("error", f"{error}{rest}")
    finally:
        bar.empty()

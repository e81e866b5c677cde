"""Tasks for raters: their progress, and the form that makes one."""

import secrets

import pandas as pd
import streamlit as st

from core import wording
from core.errors import CoreError
from core.labelling import raters, tasks
from core.labelling.tasks import Choice
from core.schema import EMOTIONS
from core.store import MAX_NAME, Store, end_task, files_for_tasks, labels_cache_key, raters_table, tasks_table
from pages.shared import login, messages, who
from pages.views.label import desk_actions
from pages.views.label.disputes import selected_row

ALL = ""  # choice of every mood, or of every folder
COUNT = 40  # clips of a task, unless the analyst says otherwise
_EMPTY = {
    "task_name": "",
    "task_raters": [],
    "task_count": COUNT,
    "task_order": tasks.ORDERS[0],
    "task_mood": ALL,
    "task_folder": ALL,
}  # the fields of the form before anything is chosen
MADE = "tasks_made"  # session key: how many tasks this form has made


def show_tasks(store: Store) -> None:
    """Show the progress of all tasks, and the form for a new one."""
    messages.show_pending_message()
    st.markdown(
        "A task asks named raters for the same clips. The Label page shows them before all other clips. About one "
        f"clip in {tasks.TWICE_EVERY} comes twice, so that you learn how well a rater agrees with their own earlier "
        "answers. Raters do not see which clips come twice."
    )
    try:
        _show_progress(store, tasks_table(store))
        _show_form(store)
    except CoreError as error:
        messages.problem(error)


def _show_progress(store: Store, table: pd.DataFrame) -> None:
    st.header("Progress")
    if table.empty:
        st.info("There are no tasks yet. Make one below.", icon=":material/assignment:")
        return
    done = table["answered"].ge(table["clips"])
    state = done.map({True: "done", False: "open"}).mask(table["ended_at"].notna(), "ended")
    event = st.dataframe(
        pd.DataFrame(
            {
                "task": table["name"],
                "rater": [raters.shown(n, v) for n, v in zip(table["rater"], table["verified"], strict=True)],
                "state": state,
                "progress": 100.0 * table["answered"] / table["clips"].clip(lower=1),
                "answered": table["answered"],
                "of": table["clips"],
                "last_at": table["last_at"],
                "chosen": table["chosen"],
            }
        ),
        hide_index=True,
        key="tasks",
        on_select="rerun",
        selection_mode="single-row",
        placeholder="–",
        alt="Tasks with their raters and progress",
        column_config={
            "progress": st.column_config.ProgressColumn(format="%.0f %%", min_value=0, max_value=100),
            "of": st.column_config.NumberColumn(
                help="Answers that the task asks for. Clips that come twice count twice."
            ),
            "last_at": st.column_config.DatetimeColumn("last answer", format="distance"),
            "chosen": st.column_config.TextColumn("clips", width="large"),
        },
    )
    row = selected_row(event, table)
    if row is None:
        st.caption("Choose a row to end its task.")
    elif pd.isna(row["ended_at"]):
        st.button(
            f"End the task “{messages.literal(row['name'])}” for all raters",
            key=f"task_end_{row['task_id']}",
            icon=":material/stop_circle:",
            on_click=_end,
            args=(store, int(row["task_id"]), str(row["name"])),
            help="Nobody is asked for it any more. All answers stay.",
        )


def _show_form(store: Store) -> None:
    """Show the form for a new task. Without a login, names that are not known yet can be typed."""
    st.header("New task")
    known = raters_table(store)
    names = {
        raters.shown(name, verified): (name, bool(verified))
        for name, verified in zip(known["rater"], known["verified"], strict=True)
        if not raters.nameless(name)
    }
    with st.form("new_task", enter_to_submit=False):
        st.text_input("Name of the task", key="task_name", max_chars=MAX_NAME, placeholder="Kaset archive, part 1")
        st.multiselect(
            "Raters",
            list(names),
            key="task_raters",
            accept_new_options=not login.login_configured(),
            placeholder="Choose raters" if login.login_configured() else "Choose raters or type their names",
        )
        with st.container(horizontal=True):
            st.session_state.setdefault("task_count", COUNT)
            st.number_input("Clips", 1, tasks.MOST_CLIPS, key="task_count")
            st.selectbox(
                "Which clips",
                tasks.ORDERS,
                format_func=lambda order: f"the {order}",
                key="task_order",
                help="Those that the model is least certain of, or those that differ most in sound.",
            )
            st.selectbox(
                "Mood",
                [ALL, *EMOTIONS],
                format_func=lambda mood: wording.with_sign(mood) if mood else "all moods",
                key="task_mood",
                help="The guess of the model.",
            )
            st.selectbox(
                "Folder",
                [ALL, *_folders(store, store.url, labels_cache_key(store))],
                format_func=lambda name: name or "all folders",
                key="task_folder",
            )
        st.caption("Clips that one of the raters has answered are left out, and synthetic clips too.")
        st.form_submit_button(
            "Make the task",
            key="task_make",
            icon=":material/assignment_add:",
            on_click=_make,
            args=(store, names, st.session_state.get(MADE, 0)),
        )


@st.cache_data(show_spinner=False, max_entries=4, ttl=600)
def _folders(_store: Store, url: str, mark: tuple[object, ...]) -> list[str]:
    """The folders with clips. url, mark : address and state of the store."""
    return tasks.folders(files_for_tasks(_store))


def _make(store: Store, names: dict[str, tuple[str, bool]], made: int) -> None:
    """Make the task of the form, and clear the form.

    made : how many tasks were made when the form was drawn. A second click on the same form makes no second task.
    """
    state = st.session_state
    if made != state.get(MADE, 0):
        return
    chosen = [names.get(name, (name, False)) for name in state["task_raters"]]
    try:
        who.still_analyst(store)
        choice = Choice(
            int(state["task_count"]), state["task_order"], mood=state["task_mood"], folder=state["task_folder"]
        )
        tasks.make_task(
            store,
            name=state["task_name"],
            choice=choice,
            raters=chosen,
            seed=secrets.randbits(31),
            champion=desk_actions.models().champion,
        )
        state[MADE] = made + 1
        for field, empty in _EMPTY.items():
            state[field] = empty
        counted = wording.counted(len(chosen), "rater")
        messages.keep_message("success", f"The task is made. The Label page shows it to {counted} now.")
    except CoreError as error:
        messages.keep_message("error", str(error))


def _end(store: Store, task_id: int, name: str) -> None:
    try:
        who.still_analyst(store)
        end_task(store, task_id)
        messages.keep_message("success", f"The task “{name}” has ended. All answers stay.")
    except CoreError as error:
        messages.keep_message("error", str(error))

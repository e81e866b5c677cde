"""What the Label page shows when there is no clip to label."""

import streamlit as st

from core import wording
from core.errors import CoreError
from core.labelling import practice
from core.labelling.desk import Seat, advance
from core.settings import Settings
from core.store import Store
from pages.shared import cached, messages
from pages.views.label.desk_actions import beside_tasks, next_clip, undo_button


def show_empty_desk(seat: Seat, store: Store) -> None:
    """Explain why the desk is empty: all tasks are done, there are no clips, or all are answered."""
    p = seat.desk.progress
    if seat.desk.finished and not seat.beside:
        _show_done_tasks(seat, store)
        return
    if p.clips == 0:
        st.info(
            "**There are no clips to label yet.** Score a library, or score a clip and press *Share this clip with "
            "raters*. You can also practise with synthetic clips. They are marked, and no model is trained on your "
            "answers.",
            icon=":material/queue_music:",
        )
        with st.container(horizontal=True, vertical_alignment="center"):
            st.page_link("pages/predict.py", label="Score a clip", icon=":material/graphic_eq:")
            st.page_link("pages/library.py", label="Score a library", icon=":material/library_music:")
            add_demo_clips(seat, store)
        return
    st.success(
        f"**You are done.** You have answered {p.answered} of {p.clips} clips"
        + (f"; {p.settled} are settled." if p.settled else "."),
        icon=":material/done_all:",
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.page_link("pages/predict.py", label="Score more clips", icon=":material/graphic_eq:")
        _look_again(seat, store, "Look for new clips")
        undo_button(seat, store)


def _show_done_tasks(seat: Seat, store: Store) -> None:
    """Tell a person that their tasks are done, and let them go on with the queue if they want to."""
    finished = seat.desk.finished
    names = ", ".join(f"“{messages.literal(task.name)}”" for task in finished)
    answers = sum(task.clips for task in finished)
    st.success(
        f"**You are done. Thank you.** You have given all {wording.counted(answers, 'answer')} of your "
        f"{'task' if len(finished) == 1 else 'tasks'} {names}. You can close this page.",
        icon=":material/done_all:",
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        undo_button(seat, store)
        _look_again(seat, store, "Look for a new task")
        if seat.desk.progress.left:
            st.button(
                "Label other clips",
                key="beside",
                icon=":material/queue_music:",
                on_click=beside_tasks,
                args=(seat, store),
                help="Clips of the common queue. They do not belong to a task.",
            )


def _look_again(seat: Seat, store: Store, label: str) -> None:
    st.button(label, key="look_again", icon=":material/refresh:", on_click=next_clip, args=(seat, store))


def add_demo_clips(seat: Seat, store: Store) -> None:
    """Show a button that adds synthetic clips to the queue."""
    recipes = practice.demo_recipes()
    if not st.button(f"Add {len(recipes)} synthetic clips to the queue", icon=":material/science:", key="put_demo"):
        return
    from pages.shared import policy

    served = cached.champion()
    bar = st.progress(0.0, text="Making and scoring synthetic clips …")
    try:
        for done, recipe in enumerate(recipes, 1):
            practice.add_demo(recipe, store, served, policy=policy.default(served.policies), settings=Settings())
            bar.progress(done / len(recipes), text=f"Made and scored {done} of {len(recipes)} synthetic clips")
        advance(seat, store)
    except CoreError as error:
        messages.problem(error)
        return
    st.rerun()

"""What is stored of the clips that a person brings to Predict: nothing at first; sharing and deleting a clip."""

import pandas as pd
import streamlit as st

from core.access import Action
from core.errors import CoreError
from core.pipeline import kept_audio, scoring
from core.pipeline.serving import Served
from core.settings import Settings
from core.store import Store, own_clips
from core.wording import clip_name, counted
from pages.shared import cached, messages
from pages.shared.times import local
from pages.views.clips.clip import RESULT, ShownClip, close_clip, show_answer_form

NOTHING = (
    "Nothing of this clip is stored. Its sound, its values and its name are gone when you close the clip or this page."
)
SHARING = (
    "If you share it, the sound that was analysed (at most 30 seconds), the name, the tags and the 50 values are "
    "stored on this server. All raters can hear it, and their labels can train the model. You can delete it again."
)
SHARED = "You share this clip: raters can hear and label it."
ANSWERED = "The name, the tags and the 50 values of this clip are stored with your answer. The sound is not."
DELETING = (
    "This deletes the sound, the values, the predictions and all answers about this recording. **Your own answers go "
    "too, also those that you gave on Moods, Playlists, Library or Label. It cannot be undone.** If somebody else "
    "brought the same file, or it is in the library, only your own answers are deleted. Backups of the database still "
    "contain the clip until they are removed."
)
DONE, PROBLEM = "own_clip_done", "own_clip_problem"  # session keys: the result of the last click


@st.fragment
def show_answer_and_sharing(shown: ShownClip, served: Served) -> None:
    """Show the form for an answer, and below it what is stored of the clip."""
    if RESULT not in st.session_state:
        st.rerun()  # the clip was deleted: the whole page must forget it
    show_answer_form(shown, served)
    _show_sharing(shown, served)


def _show_sharing(shown: ShownClip, served: Served) -> None:
    """Say what is stored of the clip on the screen, with the buttons that share or delete it."""
    store = cached.store()
    if store is None:
        return
    _show_result()
    try:
        stored = own_clips(store).set_index("clip_id")["shared"]
    except CoreError as error:
        messages.problem(error)
        return
    clip_id, is_demo = shown.scored.clip_id, shown.file.origin == "demo"
    is_stored, is_shared = clip_id in stored.index, bool(stored.get(clip_id, False))
    with st.container(border=True):
        icon = ":material/group:" if is_shared else ":material/lock:"
        st.markdown(f"{icon} {SHARED if is_shared else ANSWERED if is_stored else NOTHING}")
        if not is_shared and not is_demo and store.by.may(Action.KEEP_AUDIO):
            st.caption(SHARING)
            st.button(
                "Share this clip with raters",
                key="share_clip",
                icon=":material/group_add:",
                on_click=_share,
                args=(shown, served, store),
            )
        if is_stored:
            _delete_button(store, clip_id, place="shown")


def _share(shown: ShownClip, served: Served, store: Store) -> None:
    """Store the clip with its sound."""
    try:
        kept = scoring.keep_clip(shown.scored, shown.file, served, store, audio=kept_audio.folder(Settings()))
    except CoreError as error:
        st.session_state[PROBLEM] = str(error)
        return
    if kept.problem:
        st.session_state[PROBLEM] = f"The clip is not shared. {kept.problem}"
    else:
        shown.scored = kept


def show_own_clips() -> None:
    """Offer to delete the clips that the person had stored before. Shows nothing while there are none."""
    store = cached.store()
    if store is None:
        return
    try:
        stored = own_clips(store).set_index("clip_id")
    except CoreError as error:
        messages.problem(error)
        return
    if RESULT not in st.session_state:
        _show_result()
    if stored.empty:
        return
    with st.expander(f"Your stored clips: {counted(len(stored), 'clip')}", icon=":material/folder_shared:"):
        if not store.by.name:
            st.caption("You gave no name. You can delete these clips only while this page is open.")
        names = _names(stored)
        chosen = st.selectbox("Clip", list(names), format_func=names.__getitem__, key="own_clip")
        _delete_button(store, chosen, place="list")


def _names(stored: pd.DataFrame) -> dict[str, str]:
    """Names of stored clips for the list, by clip id."""
    names = {}
    for row in stored.reset_index().to_dict("records"):
        sound = "shared with raters" if row["shared"] else "without sound"
        names[row["clip_id"]] = f"{clip_name(row['file_name'], row['clip_id'])}, {sound}, {local(row['created_at'])}"
    return names


def _delete_button(store: Store, clip_id: str, *, place: str) -> None:
    """Offer to delete a clip; first say what goes with it."""
    with st.popover("Delete this clip", icon=":material/delete:"):
        st.markdown(DELETING)
        st.button(
            "Delete it for ever",
            key=f"erase_clip_{place}",
            icon=":material/delete_forever:",
            on_click=_erase,
            args=(store, clip_id),
        )


def _erase(store: Store, clip_id: str) -> None:
    """Delete a clip, and remove it from the screen with its explanation."""
    try:
        kept_audio.erase_clip(store, clip_id, settings=Settings())
    except CoreError as error:
        st.session_state[PROBLEM] = str(error)
        return
    st.session_state[DONE] = "Your clip is deleted."
    for answered in [key for key in st.session_state.get("answers", {}) if key[0] == clip_id]:
        del st.session_state["answers"][answered]
    shown: ShownClip | None = st.session_state.get(RESULT)
    if shown is not None and shown.scored.clip_id == clip_id:
        close_clip()


def _show_result() -> None:
    if problem := st.session_state.pop(PROBLEM, ""):
        st.error(messages.literal(problem), icon=":material/error:")
    if done := st.session_state.pop(DONE, ""):
        st.success(done, icon=":material/check:")

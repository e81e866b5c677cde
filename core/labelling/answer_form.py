"""The answer form below one prediction: each answer is stored at once, and one person has one voice.

A person may answer before they give a name. Such an answer is taken back when the same session answers under a name,
so that nobody counts twice.
"""

from dataclasses import dataclass, field

from core.labelling.feedback import rater_of, record_feedback, take_back
from core.labelling.truth import rater_answers
from core.pipeline.scoring import ScoredClip
from core.store import Rater, Store, feedback_table, new_token

NAME_CAME_LATER = "What you said of this clip before you gave your name is taken back."


@dataclass(frozen=True)
class Given:
    """An answer as the person gave it. rater : the name under which it is stored; verified : it comes from a login."""

    label: str
    comment: str
    rater: str
    verified: bool


@dataclass(frozen=True)
class TakenBack:
    """What became of an undo. label : the answer that was taken back.  left : the answer that counts now, or None."""

    label: str
    left: str | None


@dataclass(eq=False)
class AnswerForm:
    """What a session remembers of its answers to one prediction.

    token : names the form as it is shown, so that an answer that is sent twice is stored once.
    given, feedback_id : the answer that is on the screen and its row; None without one.  remark : of the store.
    taken_back : the last undo, until the next answer.
    """

    token: str = field(default_factory=new_token)
    given: Given | None = None
    feedback_id: int | None = None
    remark: str = ""
    taken_back: TakenBack | None = None


def store_answer(
    form: AnswerForm, store: Store, scored: ScoredClip, person: Rater | None, *, session: str, label: str, comment: str
) -> None:
    """Store an answer; a changed answer is another row, and the same one sent twice is not.

    person : None for somebody who gave no name.  session : random name of the session.
    Raises StoreError when the answer cannot be stored.
    """
    form.taken_back = None
    nameless = rater_of("", session)
    rater = nameless if person is None else rater_of(person.name, session)
    given = Given(label, comment, rater, person is not None and person.verified)
    if form.given is not None and given != form.given:
        form.token = new_token()
    receipt = record_feedback(
        scored, store, label=label, comment=comment, rater=rater, verified=given.verified, form=form.token
    )
    form.given, form.feedback_id, form.remark = given, receipt.feedback_id, receipt.remark
    if rater != nameless and _take_back_all(store, scored, nameless):
        form.remark = NAME_CAME_LATER


def _take_back_all(store: Store, scored: ScoredClip, rater: str) -> bool:
    """Take back all answers of an unverified rater about the clip. Returns whether there were any."""
    numbers = rater_answers(feedback_table(store, rater=rater, verified=False, clip_id=scored.clip_id))
    for number in numbers["feedback_id"]:
        take_back(scored, store, feedback_id=int(number), rater=rater)
    return not numbers.empty


def take_back_answer(form: AnswerForm, store: Store, scored: ScoredClip, feedback_id: int) -> None:
    """Take back the answer beside which the button was drawn; pressed twice, it takes back no other one.

    Raises StoreError when the store refuses; the answer then stays on the screen.
    """
    given = form.given
    if given is None or form.feedback_id != feedback_id:
        return
    left = take_back(scored, store, feedback_id=feedback_id, rater=given.rater, verified=given.verified)
    form.token, form.given, form.feedback_id, form.remark = new_token(), None, None, ""
    form.taken_back = TakenBack(given.label, left)

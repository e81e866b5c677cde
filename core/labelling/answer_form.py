"""Answer form below a prediction: each answer is stored at once, and each person counts once.

A person may answer before giving a name. That answer is taken back when the same session answers under a name.
"""

from dataclasses import dataclass, field

from core.labelling.feedback import rater_of, record_feedback, take_back, take_back_all
from core.pipeline.scoring import ScoredClip
from core.store import Rater, Store, new_token

NAME_CAME_LATER = "Your earlier answer for this clip without a name was taken back."


@dataclass(frozen=True)
class Given:
    """A person's answer, with the stored rater name and whether that name comes from a login."""

    label: str
    comment: str
    rater: str
    verified: bool


@dataclass(frozen=True)
class TakenBack:
    """Result of an undo: the answer that was taken back, and the answer that counts now (None if there is none)."""

    label: str
    left: str | None


@dataclass(eq=False)
class AnswerForm:
    """Answers of one session to one prediction.

    Attributes
    ----------
    token : identifier of the displayed form; a form that is submitted twice is stored once.
    given, feedback_id : displayed answer and its row; None if there is no answer.
    remark : message from the store.
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
    """Store an answer. A changed answer adds a row; a repeated submission does not.

    Parameters
    ----------
    person : None for a person without a name.
    session : random identifier of the session.

    Raises
    ------
    StoreError : the answer cannot be stored.
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
    if rater != nameless and take_back_all(store, scored.clip_id, nameless):
        form.remark = NAME_CAME_LATER


def take_back_answer(form: AnswerForm, store: Store, scored: ScoredClip, feedback_id: int) -> None:
    """Take back the answer with this feedback_id; pressing the button twice takes back one answer only.

    Raises StoreError if the store refuses; the answer then stays on the screen.
    """
    given = form.given
    if given is None or form.feedback_id != feedback_id:
        return
    left = take_back(scored, store, feedback_id=feedback_id, rater=given.rater, verified=given.verified)
    form.token, form.given, form.feedback_id, form.remark = new_token(), None, None, ""
    form.taken_back = TakenBack(given.label, left)

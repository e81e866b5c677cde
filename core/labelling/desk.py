"""The label desk: the displayed clip, and the actions of its buttons.

A ``Seat`` is the state of one person's session; answers are stored at once and are not part of it. All times come from
the seat's monotonic clock in seconds. None means "never", because a clock may start at zero.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from typing import Literal

from core.labelling import queue
from core.labelling.listening import Listening
from core.labelling.queue import Desk, Item, Models, Undone
from core.store import Rater, Store, add_feedback, new_token, undo

Clock = Callable[[], float]
Draft = tuple[str, bool]  # the clip of a draft, and whether it is the second turn of the clip

TOO_FAST_S = 1.0  # too short to hear a clip; a key that is held down repeats faster
RECOUNT_S = 10.0  # what others settle in between shows after this, or after RECOUNT_SHARE times what counting takes
RECOUNT_SHARE = 20

Kind = Literal[
    "stored",  # answer; before = the answer that it replaces, of which this person did not know
    "too soon",
    "taken back",  # answer = what counts again
    "taken back, clip is gone",
    "held down",  # the key for undo
    "nothing to take back",
    "clip is gone",
    "clip was deleted",  # the one on the desk; the next one came
    "failed",  # remark says why
]


@dataclass(frozen=True)
class Outcome:
    """Result of a button press. answer, before : an emotion or a reason to skip.  remark : message from the store."""

    kind: Kind
    answer: str | None = None
    before: str | None = None
    remark: str = ""


@dataclass(eq=False)
class Form:
    """One clip in front of a person. A button that is pressed late answers the form that it was drawn with.

    token : makes the answer one answer, however often it is sent.
    came_at_s : when the clip came, and later when it was drawn first; None for a clip that the person has heard before.
    before : the person's earlier answer that counts, None for a new clip.  comment : what they wrote then.
    seen : the person has seen the guess on another page.  guess_drawn : the guess is or was part of this page.
    """

    item: Item
    token: str
    came_at_s: float | None
    before: str | None = None
    comment: str = ""
    seen: bool = False
    guess_drawn: bool = False
    drawn: bool = False


@dataclass(eq=False)
class Seat:
    """State of a person's labelling session.

    models : gives the models in use.  guesses_seen : clips of which the person saw the guess on another page.
    pair : clips between these two emotions come first.
    undo_token : of the button for undo.  desk : the queue as it was last counted.  waiting : clips that come next.
    counting_s : how long counting took.  outcome : of the last press.
    beside : the person goes on with the queue after their tasks.
    drafts : comments that are not stored yet, for each clip and turn.
    """

    person: Rater
    clock: Clock
    models: Callable[[], Models] = Models
    guesses_seen: Collection[str] = ()
    pair: tuple[str, ...] = ()
    undo_token: str = field(default_factory=new_token)
    desk: Desk = field(default_factory=Desk)
    counted_at_s: float | None = None
    counting_s: float = 0.0
    form: Form | None = None
    waiting: list[Item] = field(default_factory=list)
    pressed_at_s: float | None = None
    undone_at_s: float | None = None
    outcome: Outcome | None = None
    beside: bool = False
    drafts: dict[Draft, str] = field(default_factory=dict)


def too_fast(now_s: float, *events_s: float | None) -> bool:
    """Return True if a press came less than ``TOO_FAST_S`` after an event, too soon to be intended.

    events_s : times of events such as a new clip or the previous press; None = never.
    """
    return any(now_s - moment < TOO_FAST_S for moment in events_s if moment is not None)


# --- which clip is on the desk ---------------------------------------------------------------------------------------


def count(seat: Seat, store: Store) -> None:
    """Read the whole queue again."""
    began = seat.clock()
    person = seat.person
    seat.desk = queue.desk(
        store,
        rater=person.name,
        verified=person.verified,
        models=seat.models(),
        pair=seat.pair,
        beside=seat.beside,
    )
    seat.counted_at_s = seat.clock()
    seat.counting_s = seat.counted_at_s - began


def prefer_pair(seat: Seat, pair: tuple[str, ...]) -> None:
    """Let clips between these two emotions come first from the next clip on. pair : empty for no preference."""
    if pair != seat.pair:
        seat.pair, seat.waiting = pair, []


def recount_due(seat: Seat) -> bool:
    """Return True if the queue should be read again; a slow queue is read less often."""
    if seat.counted_at_s is None:
        return True
    return seat.clock() - seat.counted_at_s > max(RECOUNT_S, RECOUNT_SHARE * seat.counting_s)


def refresh(seat: Seat, store: Store) -> None:
    """Bring the desk up to date before it is drawn: place the first clip, and replace a clip that was deleted."""
    if seat.counted_at_s is None and seat.form is None:
        advance(seat, store)
    elif seat.form is None and recount_due(seat):
        count(seat, store)
    if seat.form is not None and queue.item(store, seat.form.item.clip_id) is None:
        seat.outcome = Outcome("clip was deleted")
        advance(seat, store)


def catch_up(seat: Seat, store: Store) -> bool:
    """Count again after the desk was drawn, when that is due or no further clip waits.

    Counting takes longer than all else, so it happens while the person listens. Returns True when it happened.
    """
    empty = seat.form is not None and not seat.waiting
    if not empty and not recount_due(seat):
        return False
    count(seat, store)
    if empty and seat.form is not None:
        on_desk = seat.form.item
        seat.waiting = [item for item in seat.desk.items if not item.same(on_desk)]
    return True


def upcoming(seat: Seat) -> Item | None:
    """The clip that comes next, so that it can be loaded ahead; None when it is not known."""
    return seat.waiting[0] if seat.waiting else None


def go_on_beside(seat: Seat, store: Store) -> None:
    """Go on with clips of the queue when all tasks are done."""
    seat.beside = True
    advance(seat, store)


def advance(seat: Seat, store: Store) -> None:
    """Place the next clip on the desk; the desk is empty when there is none."""
    item = _next_item(seat, store)
    if item is None:
        count(seat, store)
        seat.waiting = list(seat.desk.items)
        item = _next_item(seat, store)
    if item is None:
        seat.form = None
        return
    seen = item.clip_id in seat.guesses_seen
    seat.form = Form(item, new_token(), seat.clock(), comment=seat.drafts.get(_draft_of(item), ""), seen=seen)


def _next_item(seat: Seat, store: Store) -> Item | None:
    """The next clip that waits; clips that were deleted in between are left out."""
    while seat.waiting:
        waiting = seat.waiting.pop(0)
        item = queue.item(store, waiting.clip_id, models=seat.models())
        if item is not None:
            return replace(item, task_id=waiting.task_id, turn=waiting.turn)
    return None


def place_on_desk(seat: Seat, store: Store, clip_id: str, *, undone: Undone | None = None) -> bool:
    """Place a certain clip on the desk, so that the person can answer it again; the clip that was there waits.

    undone : the answer that was taken back. When a task had asked for it, the new answer belongs to the task.
    Returns False when the clip is gone or its audio was not kept. Then the desk stays as it is.
    """
    item = queue.item(store, clip_id, models=seat.models())
    if item is None or item.path is None:
        return False
    if undone is not None:
        item = replace(item, task_id=undone.task_id, turn=undone.turn)
    before, comment = _said_before(seat, store, item)
    comment = seat.drafts.get(_draft_of(item), comment)
    if seat.form is not None:
        seat.waiting.insert(0, seat.form.item)
    seat.waiting = [other for other in seat.waiting if other.clip_id != clip_id or other.repeats != item.repeats]
    seen = clip_id in seat.guesses_seen
    seat.form = Form(item, new_token(), None, before=before, comment=comment, seen=seen, drawn=True)
    return True


def hold_draft(seat: Seat, comment: str) -> None:
    """Remember the comment that is written beside the clip on the desk, until an answer stores it.

    The clip may leave the desk for an earlier one. It comes back with this comment.
    """
    if seat.form is not None and comment != seat.form.comment:
        seat.drafts[_draft_of(seat.form.item)] = comment


def _draft_of(item: Item) -> Draft:
    return item.clip_id, item.repeats


def _said_before(seat: Seat, store: Store, item: Item) -> tuple[str | None, str]:
    """The person's answer that counts now, and their comment; nothing for a second turn, which is asked afresh."""
    if item.repeats:
        return None, ""
    return queue.answer_and_comment(store, item.clip_id, rater=seat.person.name, verified=seat.person.verified)


def mark_drawn(seat: Seat, form: Form) -> None:
    """Note that the clip is on the screen. The time to hear it begins when it is drawn first."""
    if not form.drawn:
        form.came_at_s, form.drawn = seat.clock(), True


# --- what the person was shown ---------------------------------------------------------------------------------------


def show_guess(seat: Seat, form: Form, *, wanted: bool) -> str:
    """Decide whether the guess is part of the page, one of ``core.store.DISPLAYS``, and remember it.

    wanted : the person has switched guesses on.
    """
    how = queue.display(form.item, rater=seat.person.name, wanted=wanted)
    form.guess_drawn = form.guess_drawn or how == "shown"
    return how


def display_of_answer(seat: Seat, form: Form, *, wanted: bool, guess_seen: bool | None = None) -> str:
    """What is stored as shown with an answer, one of ``core.store.DISPLAYS``.

    A guess that was seen once counts as shown: switching it off does not undo that. A guess that was switched on only
    now, and not drawn yet, was not seen. A guess that the page held, but the screen never showed in full, is "none".

    guess_seen : the guess was on the screen; None = the browser does not say it, so the guess may have been seen.
    """
    if form.seen or (form.guess_drawn and guess_seen is not False):
        return "shown"
    if form.guess_drawn:
        return "none"
    how = queue.display(form.item, rater=seat.person.name, wanted=wanted)
    return "hidden by choice" if how == "shown" else how


# --- what buttons and keys do ----------------------------------------------------------------------------------------


def answer(
    seat: Seat,
    store: Store,
    form: Form,
    *,
    label: str | None = None,
    skip: str | None = None,
    comment: str = "",
    wanted: bool = False,
    listening: Listening = Listening(),
) -> Outcome:
    """Store an answer and go on to the next clip. A repeated submission or a held key counts once.

    Parameters
    ----------
    form : the one that the button was drawn with. When another clip is on the desk by now, that one stays there. When
        its own clip is there again, because its answer was taken back, the answer belongs to the new form.
    label, skip : the emotion heard, or the reason to skip.
    wanted : the person has switched guesses on.
    listening : what the browser measured while the clip was on the desk.

    Raises CoreError when the answer cannot be stored; the clip then stays on the desk.
    """
    moment = seat.clock()
    early = too_fast(moment, form.came_at_s, seat.pressed_at_s)
    seat.pressed_at_s = moment
    if early:
        return Outcome("too soon")
    if seat.form is not None and form is not seat.form and seat.form.item.same(form.item):
        comment = comment or seat.form.comment
        form = seat.form
    person, item = seat.person, form.item
    before, _ = _said_before(seat, store, item)
    display = display_of_answer(seat, form, wanted=wanted, guess_seen=listening.guess_seen)
    receipt = add_feedback(
        store,
        token=form.token,
        rater=person.name,
        verified=person.verified,
        label=label,
        skip_reason=skip,
        prediction_id=item.prediction_id,
        clip_id=item.clip_id,
        display=display,
        shown_label=item.guess if display == "shown" else None,
        comment=comment,
        answer_s=listening.answer_s,
        heard_s=listening.heard_s,
        task_id=item.task_id,
        turn=item.turn,
    )
    seat.drafts.pop(_draft_of(item), None)
    if receipt.new:
        seat.desk = seat.desk.after_one(item, first=before is None and not item.repeats)
    if form is seat.form:
        advance(seat, store)
    unknown = before if form.before is None else None
    return Outcome("stored", answer=label or skip, before=unknown, remark=receipt.remark)


def take_back(seat: Seat, store: Store, token: str) -> Outcome:
    """Take back the person's newest answer of the Label page, and place its clip on the desk again.

    token : of the button that was pressed. A key that is held down takes back one answer.
    Raises CoreError when the store refuses.
    """
    moment = seat.clock()
    held = too_fast(moment, seat.undone_at_s)
    seat.undo_token, seat.undone_at_s, seat.pressed_at_s = new_token(), moment, moment
    if held:
        return Outcome("held down")
    person = seat.person
    receipt = undo(store, token=token, source="label", rater=person.name, verified=person.verified)
    if receipt is None:
        return Outcome("nothing to take back")
    undone = queue.newest_undo(store, rater=person.name, verified=person.verified)
    count(seat, store)
    if undone is None or not place_on_desk(seat, store, undone.clip_id, undone=undone) or seat.form is None:
        return Outcome("taken back, clip is gone")
    return Outcome("taken back", answer=seat.form.before)

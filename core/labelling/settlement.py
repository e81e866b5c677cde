"""Settle disputed clips: the answer of an analyst decides, and nobody overwrites a settlement they have not seen."""

from dataclasses import dataclass

from core.labelling.desk import Clock, too_fast
from core.labelling.identity import require_analyst
from core.labelling.truth import standing_settlement
from core.schema import EMOTIONS
from core.store import Answer, Rater, Receipt, Store, add_settlement, answers_table, clip_names, undo

VERDICTS = (*EMOTIONS, "none of the four", "bad audio")  # possible settlements of a clip


@dataclass(eq=False)
class Pace:
    """Times of an analyst's current clip and last button press in a session, to ignore accidental presses.

    Attributes
    ----------
    clock : monotonic clock in seconds.
    clip_id : displayed clip; None before the first clip.
    came_at_s : time when the clip was first displayed; None before the first clip.
    pressed_at_s : time of the last press; None before the first press.
    """

    clock: Clock
    clip_id: str | None = None
    came_at_s: float | None = None
    pressed_at_s: float | None = None


def show_clip(pace: Pace, clip_id: str) -> None:
    """Record that a clip is displayed. Displaying the same clip again keeps the first time."""
    if pace.clip_id != clip_id:
        pace.clip_id, pace.came_at_s = clip_id, pace.clock()


def accept_press(pace: Pace, *, settles: bool) -> bool:
    """Return True if a press is not too fast to be intended; record its time in any case.

    settles : the press settles the displayed clip, so the time since the clip was displayed is checked too.
    """
    moment = pace.clock()
    early = too_fast(moment, pace.pressed_at_s, pace.came_at_s if settles else None)
    pace.pressed_at_s = moment
    return not early


def settle(
    store: Store, person: Rater, clip_id: str, verdict: str, *, token: str, seen: int | None, comment: str = ""
) -> Receipt:
    """Store the settlement of a clip. The same token is stored only once.

    Parameters
    ----------
    person : an analyst, freshly read from the store.
    verdict : one of ``VERDICTS``.
    seen : feedback_id of the newest settlement on the screen (``truth.newest_settlement``); None if there was none.

    Raises
    ------
    CoreError : the person is not an analyst, or someone else settled the clip after it was opened.
    """
    require_analyst(person)
    emotion = verdict in EMOTIONS
    answer = Answer(
        token,
        person.name,
        verified=person.verified,
        clip_id=clip_id,
        label=verdict if emotion else None,
        skip_reason=None if emotion else verdict,
        comment=comment,
    )
    return add_settlement(store, answer, seen=seen)


def take_back_settlement(store: Store, person: Rater) -> str | None:
    """Take back the person's newest settlement; return the clip's file name, or None if there is no settlement.

    Answers that the person gave as a rater are not changed. Raises CoreError if the person is not an analyst.
    """
    require_analyst(person)
    last = standing_settlement(answers_table(store, rater=person.name, verified=person.verified))
    if last is None:
        return None
    number = int(last["feedback_id"])
    token = f"undo-settled-{number}"  # pressing the button twice gives one undo
    undo(store, token=token, rater=person.name, verified=person.verified, feedback_id=number)
    clip_id = str(last["clip_id"])
    return clip_names(store, [clip_id])[clip_id]

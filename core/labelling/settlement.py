"""How an analyst settles a dispute: one marked answer decides, and nobody overrules a settlement unseen."""

from dataclasses import dataclass

from core.labelling.desk import Clock, too_fast
from core.labelling.identity import require_analyst
from core.labelling.truth import standing_settlement
from core.schema import EMOTIONS
from core.store import Answer, Rater, Receipt, Store, add_settlement, feedback_table, undo

VERDICTS = (*EMOTIONS, "none of the four", "bad audio")  # what a clip can be settled as


@dataclass(eq=False)
class Pace:
    """When an analyst could hear the clip in front of them, and when they pressed a button; kept for a session.

    clock : seconds that never go back.  clip_id : the clip in front of the person.  came_at_s : when it came.
    pressed_at_s : the last press. None = never, or no clip yet.
    """

    clock: Clock
    clip_id: str | None = None
    came_at_s: float | None = None
    pressed_at_s: float | None = None


def show_clip(pace: Pace, clip_id: str) -> None:
    """Note that a clip is in front of the person. Drawn again, it keeps the moment when it came."""
    if pace.clip_id != clip_id:
        pace.clip_id, pace.came_at_s = clip_id, pace.clock()


def accept_press(pace: Pace, *, settles: bool) -> bool:
    """Whether a press can be meant; it is noted in any case.

    settles : the press settles the clip in front of the person, so it also needs time since that clip came.
    """
    moment = pace.clock()
    early = too_fast(moment, pace.pressed_at_s, pace.came_at_s if settles else None)
    pace.pressed_at_s = moment
    return not early


def settle(
    store: Store, person: Rater, clip_id: str, verdict: str, *, token: str, seen: int | None, comment: str = ""
) -> Receipt:
    """Store the answer that settles a clip. Sent twice with one token, it is stored once.

    Parameters
    ----------
    person : an analyst, read from the store just now.
    verdict : one of ``VERDICTS``.
    seen : number of the newest settlement of the clip that was on the screen (``truth.newest_settlement``); None when
        there was none.

    Raises CoreError when the person is no analyst, and when somebody else has settled the clip after it was opened.
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
    """Take back the person's newest settlement that counts; returns the clip's file name, or None without one.

    What they answered as a rater stays. Nobody takes back the settlement of another. Raises CoreError when the person
    is no analyst.
    """
    require_analyst(person)
    last = standing_settlement(feedback_table(store, rater=person.name, verified=person.verified))
    if last is None:
        return None
    number = int(last["feedback_id"])
    token = f"undo-settled-{number}"  # pressed twice, it is one undo
    undo(store, token=token, rater=person.name, verified=person.verified, feedback_id=number)
    return str(last["file_name"])

"""Store and take back a person's answer about a prediction."""

import hashlib

from core.errors import StoreError
from core.labelling import raters
from core.labelling.truth import latest_answer, rater_answers
from core.pipeline.scoring import ScoredClip
from core.store import Receipt, Store, add_feedback, feedback_table, new_token, rater_name, undo


def record_feedback(
    scored: ScoredClip,
    store: Store,
    *,
    label: str,
    rater: str,
    verified: bool = False,
    comment: str = "",
    form: str,
) -> Receipt:
    """Store a person's answer about the displayed prediction. Submitting the same form twice stores one answer.

    Parameters
    ----------
    label : the emotion heard.
    rater : name of the rater; see `rater_of` for people without a name.
    verified : the name comes from a login.
    form : identifier of the displayed form; a new one after every stored answer.

    Raises
    ------
    StoreError : the prediction was not stored, or the answer cannot be stored.
    """
    if scored.prediction_id is None:
        raise StoreError("The answer cannot be stored because this prediction was not stored. Score the clip again.")
    token = hashlib.sha256(f"{form}\n{scored.prediction_id}\n{rater}\n{label}".encode()).hexdigest()
    return add_feedback(
        store,
        token=token,
        rater=rater,
        verified=verified,
        label=label,
        prediction_id=scored.prediction_id,
        clip_id=scored.clip_id,
        display="shown",
        shown_label=scored.prediction.ranked[0],
        source="predict",
        comment=comment,
    )


def take_back(scored: ScoredClip, store: Store, *, feedback_id: int, rater: str, verified: bool = False) -> str | None:
    """Take back one answer of the rater. A repeated call changes nothing.

    Returns the rater's answer for the clip that now counts (an emotion or a reason to skip), or None.
    """
    undo(store, token=new_token(), rater=rater, verified=verified, feedback_id=feedback_id)
    return latest_answer(feedback_table(store, rater=rater, verified=verified, clip_id=scored.clip_id))


def take_back_all(store: Store, clip_id: str, rater: str) -> bool:
    """Take back all answers of an unverified rater about a clip. Returns True if there were any."""
    numbers = rater_answers(feedback_table(store, rater=rater, verified=False, clip_id=clip_id))["feedback_id"]
    for number in numbers:
        undo(store, token=new_token(), rater=rater, feedback_id=int(number))
    return not numbers.empty


def rater_of(name: str, session: str) -> str:
    """Name to store: the given name, or ``"anonymous 1f3a9c"`` for a person without a name.

    The session number distinguishes anonymous people in the audit trail, but all of them count as one rater.

    session : random identifier of the person's session.
    """
    given = bool(name.strip()) and not raters.nameless(name)
    return rater_name(name) if given else f"{raters.ANONYMOUS} {session[:6]}"

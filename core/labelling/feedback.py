"""Store and take back what a person says of a prediction."""

import hashlib

from core.errors import StoreError
from core.labelling import raters
from core.labelling.truth import latest_answer
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
    """Store what a person says of a prediction on the screen. The same answer to the same form is stored once.

    label : the emotion heard.  rater : a name; see ``rater_of`` for people without one.
    verified : the name comes from a login.
    form : names the form as it is shown; a new one after every stored answer.
    Raises StoreError when the prediction was not stored, or the answer cannot be.
    """
    if scored.prediction_id is None:
        raise StoreError("This prediction was not stored, so an answer has nothing to belong to. Score the clip again.")
    token = hashlib.sha256(f"{form}\n{scored.prediction_id}\n{rater}\n{label}".encode()).hexdigest()
    return add_feedback(
        store,
        token=token,
        rater=rater,
        verified=verified,
        label=label,
        prediction_id=scored.prediction_id,
        display="shown",
        shown_label=scored.prediction.ranked[0],
        source="predict",
        comment=comment,
    )


def take_back(scored: ScoredClip, store: Store, *, feedback_id: int, rater: str, verified: bool = False) -> str | None:
    """Take back this one answer of the rater's. Sent again, it changes nothing.

    Returns the rater's answer about the clip that counts afterwards, an emotion or a reason to skip; None for none.
    """
    undo(store, token=new_token(), rater=rater, verified=verified, feedback_id=feedback_id)
    said = feedback_table(store, rater=rater, verified=verified, clip_id=scored.clip_id)
    return latest_answer(said)


def rater_of(name: str, session: str) -> str:
    """The name to store: the given one, or one that keeps people without a name apart, ``"anonymous 1f3a9c"``.

    Apart in the audit trail, that is: they count as one person, and whoever calls themself anonymous is one of them.
    session : random name of the person's session.
    """
    given = bool(name.strip()) and not raters.nameless(name)
    return rater_name(name) if given else f"{raters.ANONYMOUS} {session[:6]}"

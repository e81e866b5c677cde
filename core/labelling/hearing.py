"""Store what a person hears in a piece or in one window of it, and take it back."""

from dataclasses import dataclass

from core.labelling.feedback import rater_of, take_back_all
from core.store import Receipt, Store, add_feedback, clip_of_piece, new_token, undo


@dataclass(frozen=True)
class Heard:
    """What a person is asked about, and the guess that they see.

    Attributes
    ----------
    guess : the model's mood on the screen.
    content_hash : of the piece, when the question is about the whole piece; else empty.
    clip_id : of the window, when the question is about one window; else empty.
    prediction_id : prediction of the window, if it is known.
    """

    guess: str
    content_hash: str = ""
    clip_id: str = ""
    prediction_id: int | None = None

    @property
    def subject(self) -> str:
        """Key of the tables of ``core.labelling.whose_word``."""
        return self.clip_id or self.content_hash


def say(store: Store, heard: Heard, label: str, *, form: str) -> Receipt:
    """Store the emotion that the person of the store hears. The same form stores one answer.

    A window's answer belongs to the window, a piece's answer to the piece. When a person answers with a name, the
    answers of the same session without a name about this piece or window are taken back.

    form : identifier of the displayed question; another one after each stored answer.

    Raises
    ------
    StoreError : the piece or window is no longer stored, or the database failed; nothing is stored then.
    """
    by = store.by
    clip_id, prediction_id = heard.clip_id, heard.prediction_id
    if not clip_id:
        piece = clip_of_piece(store, heard.content_hash)
        clip_id, prediction_id = piece.clip_id, piece.prediction_id
    receipt = add_feedback(
        store,
        token=form,
        rater=rater_of(by.name, by.session),
        verified=by.verified,
        label=label,
        clip_id=clip_id,
        prediction_id=prediction_id,
        display="shown",
        shown_label=heard.guess,
        source="predict",
    )
    if by.name and by.session:
        take_back_all(store, clip_id, by.anonymous)
    return receipt


def take_back(store: Store, feedback_id: int) -> bool:
    """Take back an answer of the person of the store. Returns False when it did not count any more."""
    by = store.by
    names = ((rater_of(by.name, by.session), by.verified), (by.anonymous, False))  # of this session before its name
    return any(
        undo(store, token=new_token(), rater=rater, verified=verified, feedback_id=feedback_id) is not None
        for rater, verified in dict.fromkeys(names)
    )

"""Undo answers: add rows of kind "undo" to the append-only table of feedback."""

from typing import Any

import sqlalchemy as sa

from core.access import Action, requires
from core.store.answers import Receipt, check_own, check_token, insert_answers, rater_name
from core.store.checks import check_choice, now
from core.store.connection import Store, write
from core.store.schema import SOURCES, UNDONE, feedback

UNDO_DEPTH = 20  # newest answers of a rater that ``undo`` looks through when no feedback_id is given


@requires(Action.ANSWER)
def undo(
    store: Store,
    *,
    token: str,
    rater: str,
    verified: bool = False,
    feedback_id: int | None = None,
    source: str | None = None,
) -> Receipt | None:
    """Undo the rater's newest answer that still counts, by adding a row of kind "undo".

    Parameters
    ----------
    source
        One of ``SOURCES``: only answers given on this page.
    feedback_id
        Undo exactly this answer or adjudication of the rater, however old. An adjudication needs its feedback_id.

    Returns
    -------
    Receipt or None
        None when none of the newest ``UNDO_DEPTH`` answers counts any more, or the named answer does not.

    Raises
    ------
    StoreError
        When the form was submitted before as something else.
    """
    check_own(store.by, rater, verified)
    name, form = rater_name(rater), check_token(token)
    mine = (feedback.c.rater == name) & (feedback.c.verified == verified)
    candidates = _candidates(mine, feedback_id, source)
    stored_undo = sa.select(feedback.c.id).where(mine, feedback.c.token == form, feedback.c.kind == "undo")

    def work(c: sa.Connection) -> Receipt | None:
        # FOR UPDATE makes two undos of one person wait for each other, so it comes first. SQLite does not need it.
        c.execute(sa.select(feedback.c.id).where(mine).order_by(feedback.c.id).limit(1).with_for_update())
        before = c.execute(stored_undo).scalar()
        if before is not None:
            return Receipt(int(before), new=False, remark="This undo was already stored.")
        target = next((row for row in c.execute(candidates) if not row.undone), None)
        if target is None:
            return None
        row = {
            "token": form,
            "kind": "undo",
            "clip_id": target.clip_id,
            "prediction_id": target.prediction_id,
            "display": "none",
            "shown_label": None,
            "label": None,
            "skip_reason": None,
            "rater": name,
            "verified": verified,
            "source": target.source,
            "comment": "",
            "target_id": target.id,
            **dict.fromkeys(("answer_s", "heard_s", "task_id", "turn")),
            "created_at": now(),
        }
        (receipt,) = insert_answers(c, [row])
        return receipt

    return write(store, work)


def _candidates(mine: sa.ColumnElement[bool], feedback_id: int | None, source: str | None) -> sa.Select[Any]:
    """Return the query for the rater's rows that can be undone, newest first."""
    candidates = (
        sa.select(feedback.c.id, feedback.c.clip_id, feedback.c.prediction_id, feedback.c.source)
        .add_columns(UNDONE.label("undone"))
        .where(mine)
        .order_by(feedback.c.id.desc())
        .limit(UNDO_DEPTH)
    )
    if feedback_id is None:
        candidates = candidates.where(feedback.c.kind == "answer")
    else:
        candidates = candidates.where(feedback.c.id == feedback_id, feedback.c.kind != "undo")
    if source is not None:
        candidates = candidates.where(feedback.c.source == check_choice(source, SOURCES, "source of an answer"))
    return candidates

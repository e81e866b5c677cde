"""How long a person listened before an answer, as the browser measured it, and answers that came too early."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from core.labelling.agreement import current_answers, people
from core.settings import LEAST_HEARD
from core.store import REPEAT

LONGEST_S = 24 * 3600.0  # a page that stayed open for longer measured something else


@dataclass(frozen=True)
class Listening:
    """What the browser measured while one clip was on the desk. None = not measured.

    Attributes
    ----------
    answer_s : seconds from the first sound to the answer.
    heard_s : seconds of the clip that were played; a part that was played twice counts once.
    guess_seen : the guess was on the screen, in full.
    """

    answer_s: float | None = None
    heard_s: float | None = None
    guess_seen: bool | None = None


def read_listening(sent: object, *, form: str, duration_s: float) -> Listening:
    """Read what the browser sent; what is missing or impossible is not measured.

    Parameters
    ----------
    sent : mapping with form, answer_s, heard_s and guess_seen. It comes from outside, so nothing in it is certain.
    form : token of the form that is answered. What was measured for another form does not count.
    duration_s : length of the clip.
    """
    if not isinstance(sent, Mapping) or sent.get("form") != form:
        return Listening()
    heard_s = _seconds(sent.get("heard_s"))
    seen = sent.get("guess_seen")
    return Listening(
        answer_s=_seconds(sent.get("answer_s")),
        heard_s=None if heard_s is None else min(heard_s, duration_s),
        guess_seen=seen if isinstance(seen, bool) else None,
    )


def _seconds(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) and 0 <= value <= LONGEST_S else None


def hasty(feedback: pd.DataFrame, least_heard: float = LEAST_HEARD) -> pd.Series:
    """Whether each answer came before the person had heard enough of the clip; False where nothing was measured.

    What a person heard before an earlier answer about the same clip counts too, because they knew the clip when they
    changed their answer. The second turn of a task is judged by itself.

    Parameters
    ----------
    feedback : as from ``store.feedback_table``, oldest first.
    least_heard : share of the clip, 0 to 1.
    """
    if feedback.empty:
        return pd.Series(False, index=feedback.index, dtype=bool)
    key = [feedback["clip_id"], people(feedback), feedback["kind"].eq(REPEAT)]
    heard_s = feedback["heard_s"].astype(float).groupby(key).cummax()
    return feedback["heard_s"].notna() & heard_s.lt(least_heard * feedback["clip_s"])


def mark_hasty(feedback: pd.DataFrame, least_heard: float = LEAST_HEARD) -> pd.DataFrame:
    """The feedback with a column ``hasty``, see `hasty`."""
    return feedback.assign(hasty=hasty(feedback, least_heard))


def by_rater(feedback: pd.DataFrame, least_heard: float = LEAST_HEARD) -> pd.DataFrame:
    """How each rater listened, from the answers that count: rater, measured, hasty, answer_s, heard_share.

    measured : answers for which the browser measured the listening.  hasty : those of them that came too early.
    answer_s : median seconds from the first sound to the answer.  heard_share : median share of the clip, 0 to 1.
    """
    answers = current_answers(mark_hasty(feedback, least_heard))
    answers = answers[answers["kind"].eq("answer") & answers["heard_s"].notna()]
    answers = answers.assign(rater=people(answers), heard_share=answers["heard_s"] / answers["clip_s"])
    grouped = answers.groupby("rater", sort=True)
    return pd.DataFrame(
        {
            "measured": grouped.size(),
            "hasty": grouped["hasty"].sum(),
            "answer_s": grouped["answer_s"].median(),
            "heard_share": grouped["heard_share"].median(),
        }
    ).reset_index()

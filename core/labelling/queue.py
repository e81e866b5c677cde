"""The queue of clips to label, the display of the guess, and the progress."""

from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from core.errors import ModelError
from core.labelling import agreement
from core.labelling.truth import latest_answer, raters_needed, settled_clips
from core.settings import Settings
from core.store import ORIGINS, Store, clips_to_label, feedback_table, label_pool, queue_item, rater_name

BATCH = 10  # clips fetched together, so that an answer does not read the whole queue


@dataclass(frozen=True)
class Models:
    """Versions of the models whose predictions order the queue.

    Attributes
    ----------
    champion : version in use; None uses the newest prediction for each clip.
    challenger : version in the shadow test; empty if there is none.
    """

    champion: str | None = None
    challenger: str = ""


@dataclass(frozen=True)
class Item:
    """One clip to label. guess, confidence : of the champion.  differs : the challenger hears another emotion."""

    clip_id: str
    file_name: str
    origin: str
    path: str | None
    start_s: float
    duration_s: float
    prediction_id: int
    guess: str
    confidence: float
    margin: float
    differs: bool

    @property
    def synthetic(self) -> bool:
        return self.origin == "demo"


@dataclass(frozen=True)
class Progress:
    """Labelling progress.

    answered : clips that this person has answered, one answer each.  left : clips that wait for this person.
    settled : clips with a ground truth.  clips : all that can be labelled.
    practice : how many of the answered clips are synthetic.
    """

    answered: int
    left: int
    settled: int
    clips: int
    practice: int = 0

    def after_one(self, *, done: int = 1) -> "Progress":
        """As it stands after this person's next answer, until it is counted again."""
        return Progress(self.answered + done, max(self.left - done, 0), self.settled, self.clips, self.practice)


@dataclass(frozen=True)
class Desk:
    """A person's next clips, most informative first, and their progress."""

    items: tuple[Item, ...] = ()
    progress: Progress = field(default_factory=lambda: Progress(0, 0, 0, 0))


def desk(
    store: Store,
    *,
    rater: str,
    verified: bool,
    models: Models = Models(),
    size: int = BATCH,
    pair: tuple[str, ...] = (),
) -> Desk:
    """The next clips for a person, and the progress. pair : clips between these two emotions come first."""
    labelled = label_pool(store)
    feedback = feedback_table(store.for_program())  # for which clips are settled; the person sees only numbers
    pool = set(labelled["clip_id"])
    settled = settled_clips(agreement.ground_truth(feedback, raters_needed=raters_needed(store)))
    queue = clips_to_label(
        store,
        rater=rater,
        verified=verified,
        limit=size,
        settled=settled,
        champion=models.champion,
        challenger=models.challenger,
        origins=ORIGINS,  # of demo clips only those have audio that were put into the queue
        with_audio=True,
        pair=pair,
    )
    mine = feedback[feedback["rater"].eq(rater_name(rater)) & feedback["verified"].eq(verified)]
    answers = agreement.current_answers(mine.assign(counts=True))
    answered = pool & set(answers.loc[answers["kind"].eq("answer"), "clip_id"])
    synthetic = set(labelled.loc[labelled["origin"].eq("demo"), "clip_id"])
    progress = Progress(
        len(answered), len(pool - answered - settled), len(pool & settled), len(pool), len(answered & synthetic)
    )
    return Desk(tuple(_item(row) for row in queue.to_dict("records")), progress)


def item(store: Store, clip_id: str, *, models: Models = Models()) -> Item | None:
    """One clip, also when it is settled or answered; None when it is gone."""
    found = queue_item(store, clip_id, champion=models.champion, challenger=models.challenger)
    rows = found.to_dict("records")
    return _item(rows[0]) if rows else None


def _item(row: dict[Any, Any]) -> Item:
    return Item(
        clip_id=row["clip_id"],
        file_name=row["file_name"],
        origin=row["origin"],
        path=None if pd.isna(row["path"]) else row["path"],
        start_s=row["start_s"],
        duration_s=row["duration_s"],
        prediction_id=int(row["prediction_id"]),
        guess=row["guess"],
        confidence=row[f"p_{row['guess']}"],
        margin=row["margin"],
        differs=bool(row["differs"]),
    )


def display(item: Item, *, rater: str, wanted: bool) -> str:
    """Whether the guess is on the screen, one of ``core.store.DISPLAYS``; the same after a reload.

    wanted : the person has not switched guesses off. A person's choice takes precedence over random hiding.
    """
    if not wanted:
        return "hidden by choice"
    return "hidden at random" if agreement.hides_guess(item.clip_id, rater) else "shown"


def answer_and_comment(store: Store, clip_id: str, *, rater: str, verified: bool) -> tuple[str | None, str]:
    """A person's answer about a clip that counts now, None without one; and the comment of their newest answer.

    The comment also comes from an answer that was taken back. A deleted clip is treated like any other.
    """
    rows = feedback_table(store, rater=rater_name(rater), verified=verified, clip_id=clip_id)
    given = rows[rows["kind"].eq("answer")]
    return latest_answer(rows.assign(deleted=False)), "" if given.empty else str(given["comment"].iloc[-1])


def newest_undo(store: Store, *, rater: str, verified: bool) -> str | None:
    """The clip of the answer that this person took back last on the Label page; None when they took none back."""
    said = feedback_table(store, rater=rater_name(rater), verified=verified)
    undone = said.loc[said["kind"].eq("undo") & said["source"].eq("label"), "clip_id"]
    return None if undone.empty else str(undone.iloc[-1])


def models(settings: Settings) -> Models:
    """The models in use and in the shadow; without one that can be read, the queue goes by what is stored."""
    from core import file_names
    from core.models import description, registry

    try:
        champion = description.describe_model_in_use(settings).version
    except ModelError:
        return Models()
    try:
        found = registry.find(file_names.CHALLENGER, settings=settings)
        return Models(champion, description.read_description(found.folder, "").version if found else "")
    except ModelError:
        return Models(champion)  # the queue then uses only the champion's uncertainty

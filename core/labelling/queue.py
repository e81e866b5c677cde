"""The queue of clips to label, the display of the guess, and the progress."""

from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from core.errors import ModelError
from core.labelling import agreement
from core.labelling.tasks import TaskState, tasks_of
from core.labelling.truth import latest_answer, raters_needed, settled_clips, stored_truth
from core.same_recording import SameRecordings
from core.schema import SYNTHETIC
from core.settings import Settings
from core.store import (
    ORIGINS,
    Store,
    answers_table,
    clips_to_label,
    feedback_table,
    label_pool,
    queue_item,
    rater_name,
    same_recordings,
    task_items,
)
from core.store.schema import TURNS

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
    """One clip to label.

    guess, confidence : of the champion.  differs : the challenger hears another emotion.
    task_id, turn : the task that asks for the clip, and whether it asks for the first or the second time; else None.
    """

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
    task_id: int | None = None
    turn: int | None = None

    @property
    def synthetic(self) -> bool:
        return self.origin == SYNTHETIC

    @property
    def repeats(self) -> bool:
        """Whether the person has answered this clip in the same task before. They are not told so."""
        return self.turn == TURNS[1]

    def same(self, other: "Item") -> bool:
        """Whether both ask for the same answer."""
        return (self.clip_id, self.task_id, self.turn) == (other.clip_id, other.task_id, other.turn)


@dataclass(frozen=True)
class Progress:
    """Labelling progress.

    answered : clips that this person has answered, one answer each.  left : clips that wait for this person, one of
        each recording.
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
    """A person's next clips and their progress.

    items : those of the task, else those of the queue, the most informative first.
    task : the task that is asked now.  finished : tasks in which this person has answered everything.
    """

    items: tuple[Item, ...] = ()
    progress: Progress = field(default_factory=lambda: Progress(0, 0, 0, 0))
    task: TaskState | None = None
    finished: tuple[TaskState, ...] = ()

    def after_one(self, item: Item, *, first: bool) -> "Desk":
        """As it stands after an answer to this item, until it is counted again. first : the person's first about it."""
        task = self.task
        if task is not None and item.task_id == task.task_id:
            task = task.after_one()
        return replace(self, progress=self.progress.after_one() if first else self.progress, task=task)


def desk(
    store: Store,
    *,
    rater: str,
    verified: bool,
    models: Models = Models(),
    size: int = BATCH,
    pair: tuple[str, ...] = (),
    beside: bool = False,
) -> Desk:
    """The next clips for a person, and the progress. Tasks come before the queue, the oldest task first.

    pair : clips between these two emotions come first.
    beside : a person whose tasks are all done also gets clips of the queue.
    """
    labelled = label_pool(store)
    program = store.for_program()  # for which clips are settled; the person sees only numbers
    same = same_recordings(program)
    settled = same.members(settled_clips(stored_truth(program, raters_needed=raters_needed(store))))
    mine = answers_table(program, rater=rater_name(rater), verified=verified)
    progress = _progress(labelled, mine, settled, same)
    tasks = tasks_of(store, rater=rater, verified=verified)
    finished = tuple(task for task in tasks if task.done)
    task = next((task for task in tasks if not task.done), None)
    if task is not None:
        found = task_items(
            store,
            task.task_id,
            rater=rater,
            verified=verified,
            limit=size,
            champion=models.champion,
            challenger=models.challenger,
        )
        items = tuple(
            replace(_item(row), task_id=task.task_id, turn=int(row["turn"])) for row in found.to_dict("records")
        )
        return Desk(items, progress, task, finished)
    if finished and not beside:
        return Desk((), progress, None, finished)
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
    return Desk(tuple(_item(row) for row in queue.to_dict("records")), progress, None, finished)


def _progress(labelled: pd.DataFrame, mine: pd.DataFrame, settled: set[str], same: SameRecordings) -> Progress:
    """Count the clips that can be labelled. labelled : clips of the queue.  mine : all rows of the person."""
    pool = set(labelled["clip_id"])
    answers = agreement.current_answers(mine.assign(counts=True))
    answered = pool & set(answers.loc[answers["kind"].eq("answer"), "clip_id"])
    synthetic = set(labelled.loc[labelled["origin"].eq(SYNTHETIC), "clip_id"])
    left = {same.name(clip) for clip in pool - same.members(answered) - settled}
    return Progress(len(answered), len(left), len(pool & settled), len(pool), len(answered & synthetic))


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


@dataclass(frozen=True)
class Undone:
    """What a person took back. task_id, turn : of the answer, None outside of a task."""

    clip_id: str
    task_id: int | None = None
    turn: int | None = None


def newest_undo(store: Store, *, rater: str, verified: bool) -> Undone | None:
    """What this person took back last on the Label page; None when they took nothing back."""
    said = answers_table(store, rater=rater_name(rater), verified=verified)
    undone = said.loc[said["kind"].eq("undo") & said["source"].eq("label"), "target_id"]
    if undone.empty:
        return None
    row = said[said["feedback_id"].eq(undone.iloc[-1])].iloc[0]
    task = None if pd.isna(row["task_id"]) else int(row["task_id"])
    return Undone(str(row["clip_id"]), task, None if task is None else int(row["turn"]))


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

"""What a person is asked next, what is shown with it, and how far the work is."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from core import agreement, demo
from core import store as db
from core.errors import ModelError, StoreError
from core.inference import Policy
from core.labelling.truth import latest_answer, settled_clips
from core.settings import Settings

if TYPE_CHECKING:  # what scores a clip takes a second to import, and only demo clips are scored here
    from core.pipeline import ScoredClip, Served

BATCH = 10  # clips that are fetched at once, so that an answer costs no look at the whole queue
SETTING = "raters_needed"  # in the store
MOST_RATERS = 9
SYNTHETIC = "synthetic demo"  # source of the track of a demo clip
SEEDS = (1, 2, 3)  # of the variations of each character that can be put into the queue


def raters_needed(store: db.Store) -> int:
    """Agreeing raters that make a label in this installation."""
    return int(db.get_setting(store, SETTING, agreement.RATERS_NEEDED))


def set_raters_needed(store: db.Store, number: int) -> None:
    """Two is the rule; one is for a person who labels alone. Raises StoreError for what is no number of raters."""
    if not 1 <= number <= MOST_RATERS:
        raise StoreError(f"Between 1 and {MOST_RATERS} raters can be asked to agree, not {number}.")
    db.set_setting(store, SETTING, int(number))


@dataclass(frozen=True)
class Models:
    """Versions of the models by whose answers people are asked.

    champion : in use; None = of each clip the newest answer.  challenger : in the shadow, empty = there is none.
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
    """How far the work is.

    answered : clips that this person has answered.  left : clips that wait for this person.
    settled : clips with a ground truth.  clips : all that can be labelled.
    """

    answered: int
    left: int
    settled: int
    clips: int

    def after_one(self, *, done: int = 1) -> "Progress":
        """As it stands after this person's next answer, until it is counted again."""
        return Progress(self.answered + done, max(self.left - done, 0), self.settled, self.clips)


@dataclass(frozen=True)
class Desk:
    """What lies before a person: the next clips, the one worth most first, and the progress."""

    items: tuple[Item, ...] = ()
    progress: Progress = field(default_factory=lambda: Progress(0, 0, 0, 0))


def desk(store: db.Store, *, rater: str, verified: bool, models: Models = Models(), size: int = BATCH) -> Desk:
    """The next clips for a person, and the progress."""
    feedback, pool = db.feedback_table(store), set(db.label_pool(store)["clip_id"])
    settled = settled_clips(agreement.ground_truth(feedback, raters_needed=raters_needed(store)))
    queue = db.label_queue(
        store,
        rater=rater,
        verified=verified,
        limit=size,
        settled=settled,
        champion=models.champion,
        challenger=models.challenger,
        origins=db.ORIGINS,  # of demo clips only those have audio that were put into the queue
        with_audio=True,
    )
    mine = feedback[feedback["rater"].eq(db.rater_name(rater)) & feedback["verified"].eq(verified)]
    answers = agreement.current_answers(mine)
    answered = pool & set(answers.loc[answers["kind"].eq("answer"), "clip_id"])
    progress = Progress(len(answered), len(pool - answered - settled), len(pool & settled), len(pool))
    return Desk(tuple(_item(row) for row in queue.to_dict("records")), progress)


def item(store: db.Store, clip_id: str, *, models: Models = Models()) -> Item | None:
    """One clip, also when it is settled or answered; None when it is gone."""
    found = db.queue_item(store, clip_id, champion=models.champion, challenger=models.challenger)
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

    wanted : the person has not switched guesses off. Switched off is a choice, and then no coin decides.
    """
    if not wanted:
        return "hidden by choice"
    return "hidden at random" if agreement.hides_guess(item.clip_id, rater) else "shown"


def said(store: db.Store, clip_id: str, *, rater: str, verified: bool) -> tuple[str | None, str]:
    """A person's answer about a clip that counts now, None without one; and the comment of their newest answer.

    The comment also comes from an answer that was taken back. A deleted clip is treated like any other.
    """
    rows = db.feedback_table(store, rater=db.rater_name(rater), verified=verified, clip_id=clip_id)
    given = rows[rows["kind"].eq("answer")]
    return latest_answer(rows.assign(deleted=False)), "" if given.empty else str(given["comment"].iloc[-1])


def newest_undo(store: db.Store, *, rater: str, verified: bool) -> str | None:
    """The clip of the answer that this person took back last on the Label page; None when they took none back."""
    said = db.feedback_table(store, rater=db.rater_name(rater), verified=verified)
    undone = said.loc[said["kind"].eq("undo") & said["source"].eq("label"), "clip_id"]
    return None if undone.empty else str(undone.iloc[-1])


def demo_recipes() -> list[demo.Demo]:
    """The synthetic clips that can be put into the queue: three variations of each character, mixed."""
    return [demo.variation(character, seed) for seed in SEEDS for character in demo.DEMOS]


def add_demo(
    recipe: demo.Demo, store: db.Store, served: "Served", *, policy: Policy, settings: Settings
) -> "ScoredClip":
    """Put a synthetic clip into the queue. Its origin is ``demo``, and nothing that people say of it trains a model.

    Its name does not tell the character that the recipe aims at.
    """
    from core.pipeline import score_clip

    metre = recipe.usul.replace("/", "\N{FRACTION SLASH}")  # a metre, not a folder
    name = f"Synthetic clip: {recipe.makam}, {metre}, {recipe.voice}, {recipe.seed}"
    data = demo.wav(demo.render(recipe))
    scored = score_clip(data, name, served, policy=policy, store=store, origin="demo", audio=settings.clips_dir)
    if scored.problem:
        raise StoreError(scored.problem)
    track = db.add_track(store, artist="this program", title=name, source=SYNTHETIC, makam=recipe.makam)
    clip = scored.recording.clip
    db.add_clip(
        store, clip.clip_id, file_name=name, duration_s=clip.duration_s, sr=clip.sr, origin="demo", track_id=track
    )
    return scored


def models(settings: Settings) -> Models:
    """The models in use and in the shadow; without one that can be read, the queue goes by what is stored."""
    from core import in_use, registry

    try:
        champion = in_use.in_use(settings).version
    except ModelError:
        return Models()
    try:
        found = registry.find(registry.CHALLENGER, settings=settings)
        return Models(champion, in_use.read(found.folder, "").version if found else "")
    except ModelError:
        return Models(champion)  # the queue then goes by the champion's doubt alone

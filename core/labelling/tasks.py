"""Tasks: an analyst chooses clips for named raters. About one clip in twenty comes twice.

The choice and the order are pure functions of their arguments; a seed decides what is random.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import PurePath

import numpy as np
import pandas as pd

from core import wording
from core.access import Action, requires
from core.errors import StoreError
from core.schema import COLUMNS, EMOTIONS
from core.store import Store, add_task, clips_for_tasks, features_of, tasks_table

TWICE_EVERY = 20  # one clip in so many comes twice
LEAST_TO_REPEAT = 4  # with fewer clips a rater would recognise the one that comes twice
FAR_APART = 10  # other clips between the two turns of a clip, where the task is long enough
MOST_CLIPS = 1000
OUTLIER_SD = 3.0  # a measured value further from the mean counts as this far, so that one odd value does not decide
ORDERS = ("least certain", "most different")


@dataclass(frozen=True)
class Choice:
    """How the clips of a task are chosen. Raises StoreError when it is invalid.

    Attributes
    ----------
    count : number of different clips.
    order : one of ``ORDERS``: what the model is least certain of comes first, or clips that differ most in sound.
    mood : only clips that the model hears as this emotion; empty for all.
    folder : only clips of files in this folder, or below it; empty for all.
    """

    count: int
    order: str = ORDERS[0]
    mood: str = ""
    folder: str = ""

    def __post_init__(self) -> None:
        if not 1 <= self.count <= MOST_CLIPS:
            raise StoreError(f"A task has 1 to {MOST_CLIPS} clips, not {self.count}.")
        if self.order not in ORDERS or self.mood not in ("", *EMOTIONS):
            raise StoreError("This way to choose clips is not known. Choose one of the list.")

    @property
    def sentence(self) -> str:
        """Sentence for people: ``"40 clips, the most different; only relax; only from Kaset/A."``."""
        parts = [f"{wording.counted(self.count, 'clip')}, the {self.order}"]
        parts += [f"only {self.mood}"] if self.mood else []
        parts += [f"only from {self.folder}"] if self.folder else []
        return "; ".join(parts) + "."


@dataclass(frozen=True)
class TaskState:
    """A rater's progress in a task. clips : number of answers that it asks for.  answered : those that were given."""

    task_id: int
    name: str
    clips: int
    answered: int

    @property
    def done(self) -> bool:
        """Whether the rater has answered everything that can be answered."""
        return self.answered >= self.clips

    def after_one(self) -> "TaskState":
        """As it stands after this rater's next answer, until it is counted again."""
        return TaskState(self.task_id, self.name, self.clips, min(self.answered + 1, self.clips))


# --- the clips, and their order --------------------------------------------------------------------------------------


def folders_of(pool: pd.DataFrame) -> list[str]:
    """Folder of the file of each clip: that of the library, and the folders in it; empty for a clip without a folder.

    pool : columns source and file_name.
    """
    sources = pool["source"].fillna("").tolist()
    inner = [name.replace("\\", "/").rpartition("/")[:2] for name in pool["file_name"].tolist()]
    pairs = list(zip(sources, map("".join, inner), strict=True))
    known = {pair: _folder(*pair) for pair in set(pairs)}
    return [known[pair] for pair in pairs]


def _folder(source: str, inner: str) -> str:
    """inner : the folders in the folder of the library, with a sign at their end; empty for none."""
    inside = PurePath(f"{inner}x").parent.as_posix()
    return "/".join(part for part in (source.rstrip("/"), "" if inside == "." else inside) if part)


def folders(pool: pd.DataFrame) -> list[str]:
    """The folders of a pool of clips, sorted. pool : as from ``files_for_tasks`` or ``clips_for_tasks``."""
    return sorted(set(folders_of(pool)) - {""})


def fitting(pool: pd.DataFrame, choice: Choice) -> pd.DataFrame:
    """The clips of the pool that have the mood and the folder of the choice, in the order of the pool."""
    if pool.empty:
        return pool
    fits = pd.Series(True, index=pool.index)
    if choice.mood:
        fits &= pool["guess"].eq(choice.mood)
    if choice.folder:
        names = pd.Series(folders_of(pool), index=pool.index)
        fits &= names.eq(choice.folder) | names.str.startswith(f"{choice.folder}/")
    return pool[fits]


def most_different(values: np.ndarray, count: int) -> list[int]:
    """Numbers of the rows that differ most from one another (farthest-point sampling).

    The first is the row nearest to the mean. Each further row is the one whose nearest chosen row is farthest away,
    after Gonzalez (1985). So ten recordings of one kind give one clip and not ten.

    Parameters
    ----------
    values : shape (clips, features); NaN = not measurable, which counts as the mean. Columns are standardised.
    count : at most the number of rows.
    """
    values = values[:, ~np.isnan(values).all(axis=0)]
    spread = np.nanstd(values, axis=0)
    centred = values - np.nanmean(values, axis=0)
    z = np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 0)
    z = np.clip(np.nan_to_num(z), -OUTLIER_SD, OUTLIER_SD)
    chosen = [int((z**2).sum(axis=1).argmin())]
    nearest = ((z - z[chosen[0]]) ** 2).sum(axis=1)
    while len(chosen) < count:
        nearest[chosen[-1]] = -1.0  # never twice, even when all rows are alike
        farthest = int(nearest.argmax())
        chosen.append(farthest)
        nearest = np.minimum(nearest, ((z - z[farthest]) ** 2).sum(axis=1))
    return chosen


def sequence(clip_ids: Sequence[str], *, seed: int) -> list[tuple[str, int]]:
    """The order of asking: each clip once in random order, and about one in ``TWICE_EVERY`` a second time.

    Between the two turns of a clip there are at least ``FAR_APART`` other clips; in a short task, at least half of it.

    Returns
    -------
    Clip and turn, 1 or 2. The same clips and the same seed give the same order.
    """
    rng = np.random.default_rng(seed)
    first = [clip_ids[k] for k in rng.permutation(len(clip_ids))]
    n = len(first)
    if n < LEAST_TO_REPEAT:
        return [(clip_id, 1) for clip_id in first]
    apart = min(FAR_APART, n // 2)
    repeats = max(1, round(n / TWICE_EVERY))
    places = rng.choice(n - apart, size=repeats, replace=False)
    keyed = [(float(k), clip_id, 1) for k, clip_id in enumerate(first)]
    keyed += [(float(rng.integers(k + apart, n)) + 0.5, first[k], 2) for k in places]
    return [(clip_id, turn) for _, clip_id, turn in sorted(keyed)]


# --- with the store --------------------------------------------------------------------------------------------------


@requires(Action.MAKE_TASK)
def make_task(
    store: Store,
    *,
    name: str,
    choice: Choice,
    raters: Collection[tuple[str, bool]],
    seed: int,
    champion: str | None = None,
) -> int:
    """Choose clips and store them as a task for these raters. Returns the number of the task.

    Clips of music with audio that none of the raters has answered.

    Parameters
    ----------
    raters : name of each rater, and whether the name comes from a login.
    seed : decides the order, and which clips come twice.
    champion : version of the model in use.

    Raises
    ------
    StoreError : too few clips fit, or the task cannot be stored. Nothing is stored then.
    """
    if not raters:
        raise StoreError("Choose at least one rater for the task.")
    pool = fitting(clips_for_tasks(store, raters=raters, champion=champion), choice)
    if choice.order == ORDERS[1]:
        pool = _measured(store, pool)
    if len(pool) < choice.count:
        raise StoreError(
            f"Only {wording.counted(len(pool), 'clip')} can be chosen in this way, because clips that one of the "
            f"raters has answered are left out. Ask for {len(pool)} or fewer, or choose another mood or folder."
            if len(pool)
            else "No clip can be chosen in this way. Choose another mood or folder, or score more music."
        )
    if choice.order == ORDERS[1]:
        rows = most_different(pool[list(COLUMNS)].to_numpy(dtype=float), choice.count)
    else:
        rows = list(range(choice.count))
    chosen = [str(clip_id) for clip_id in pool["clip_id"].iloc[rows]]
    items = sequence(chosen, seed=seed)
    return add_task(store, name=name, seed=seed, chosen=choice.sentence, items=items, raters=raters)


@requires(Action.MAKE_TASK)
def make_check_task(
    store: Store, *, name: str, clip_ids: Sequence[str], raters: Collection[tuple[str, bool]], seed: int
) -> int:
    """Store a task for raters with these clips, because their labels are doubtful. Returns the number of the task.

    raters, seed : as in ``make_task``.

    Raises
    ------
    StoreError : a clip cannot be heard, or one of the raters has answered it. Nothing is stored then.
    """
    if not clip_ids or not raters:
        raise StoreError("Choose at least one clip and one rater.")
    free = set(clips_for_tasks(store, raters=raters, clip_ids=clip_ids)["clip_id"])
    if taken := [clip_id for clip_id in clip_ids if clip_id not in free]:
        raise StoreError(
            f"{wording.part(len(taken), len(clip_ids), 'clip')} not free for this task: one of the raters has answered "
            "already, or the sound is no longer stored. Choose raters who have not heard these clips, or other clips."
        )
    chosen = f"{wording.counted(len(clip_ids), 'clip')} whose labels the model contradicts."
    return add_task(store, name=name, seed=seed, chosen=chosen, items=sequence(clip_ids, seed=seed), raters=raters)


def _measured(store: Store, pool: pd.DataFrame) -> pd.DataFrame:
    """The clips with the features that their prediction was made from; clips without them are left out."""
    parts = [
        features_of(store, list(part["clip_id"]), extractor=str(extractor))
        for extractor, part in pool.groupby("extractor")
    ]
    if not parts:
        return pool
    return pool.merge(pd.concat(parts), left_on="clip_id", right_index=True, how="inner").reset_index(drop=True)


def tasks_of(store: Store, *, rater: str, verified: bool) -> list[TaskState]:
    """The rater's tasks that did not end, oldest first. A task without any clip left is not listed."""
    table = tasks_table(store, rater=rater, verified=verified)
    table = table[table["ended_at"].isna() & table["clips"].gt(0)]
    return [
        TaskState(int(row["task_id"]), str(row["name"]), int(row["clips"]), int(row["answered"]))
        for row in table.to_dict("records")
    ]

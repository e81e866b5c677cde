"""The ZIP for Label Studio: the clips of the store with their sound, answers and guesses."""

import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import IO, Any
from urllib.parse import urlsplit

import pandas as pd

from core.access import Action, requires
from core.errors import AudioError, StoreError, TableError
from core.labelling.agreement import RATERS_NEEDED, current_answers
from core.labelling.label_studio_export import as_json, readme, tasks
from core.labelling.label_studio_interface import FOLDER, ROOT, label_studio_config, sound_name
from core.labelling.truth import is_settled, stored_truth, truth_of
from core.pipeline import kept_audio
from core.schema import SYNTHETIC
from core.settings import Settings
from core.store import (
    Store,
    answers_table,
    champion_margins,
    clips_table,
    clips_with_audio,
    feedback_table,
    first_content,
    predictions_table,
    same_recordings,
)

CHOICES = {  # choices of clips to export
    "all": "all of them",
    "waiting": "those without a label yet",
    "answered": "those with answers",
}


@dataclass(frozen=True)
class Package:
    """Content of a ZIP.

    Attributes
    ----------
    clips : number of tasks.
    silent : tasks without audio, because the audio was not kept.
    left : clips that did not fit into the ZIP.
    """

    clips: int
    silent: int
    left: int


def choose_clips(
    store: Store,
    feedback: pd.DataFrame | None = None,
    *,
    which: str = "all",
    synthetic: bool = False,
    raters_needed: int = RATERS_NEEDED,
) -> pd.DataFrame:
    """The clips to export, as ``store.clips_table`` has them; those come first of which the model is least sure.

    feedback, which, synthetic : as in ``chosen_clips``. Raises TableError when there is none.
    """
    chosen = chosen_clips(store, feedback, which=which, synthetic=synthetic, raters_needed=raters_needed)
    return with_facts(store, chosen)


def with_facts(store: Store, chosen: pd.Series) -> pd.DataFrame:
    """What ``store.clips_table`` has about these clips, in their order, and their margin. chosen : ``chosen_clips``."""
    table = clips_table(store, clip_ids=chosen.index)
    order = chosen.index[chosen.index.isin(table["clip_id"])]  # one may have been deleted meanwhile
    table = table.set_index("clip_id").loc[order].rename_axis("clip_id").reset_index()
    return table.assign(margin=chosen[order].to_numpy())


def chosen_clips(
    store: Store,
    feedback: pd.DataFrame | None = None,
    *,
    which: str = "all",
    synthetic: bool = False,
    raters_needed: int = RATERS_NEEDED,
) -> pd.Series:
    """Margin of each clip to export, the smallest first. Index: clip_id.

    feedback : the answers; None takes all that are stored.  which : one of ``CHOICES``.  synthetic : also the clips
    for practice. Raises TableError when there is none.
    """
    table = clips_with_audio(store)
    if not synthetic:
        table = table[table["origin"].ne(SYNTHETIC)]
    if feedback is None:
        truth = stored_truth(store, raters_needed=raters_needed)
    else:
        truth = truth_of(feedback, same_recordings(store), raters_needed=raters_needed)
    answered = table["clip_id"].isin(truth.index)
    waiting = table["audio"] & ~table["clip_id"].isin(truth.index[is_settled(truth)])
    chosen = table.loc[{"all": answered | waiting, "waiting": waiting, "answered": answered}[which], "clip_id"]
    if chosen.empty:
        raise TableError("No clip matches this choice. Score files and keep their audio, or choose other clips.")
    return champion_margins(store).reindex(chosen).rename_axis("clip_id").sort_values(kind="stable")


@requires(Action.EXCHANGE_LABELS)
def write_package(
    file: IO[bytes],
    store: Store,
    feedback: pd.DataFrame | None,
    chosen: pd.DataFrame,
    settings: Settings,
    *,
    guesses: bool = True,
    most_bytes: int | None = None,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> Package:
    """Write the ZIP; its folders are as Label Studio's storage for local files takes them.

    feedback : the answers; None reads those about the exported clips.  chosen : from ``choose_clips``.
    guesses : also what the model in use says.
    most_bytes : of sound; further clips are left for another ZIP.  progress : told how many clips are done.
    A clip without sound is left out, unless it has answers.
    """
    answered = set(current_answers(answers_table(store) if feedback is None else feedback)["clip_id"])
    taken, addresses, silent, size, done = [], {}, 0, 0, 0
    with zipfile.ZipFile(file, "w") as packed:
        for done, row in enumerate(chosen.to_dict("records"), 1):
            sound = None if (address := _address(row)) else _sound(row, settings, store)
            if sound is not None:  # FLAC is packed already
                packed.writestr(f"{ROOT}/{FOLDER}/audio/{sound_name(row['clip_id'], row['file_name'])}", sound)
                size += len(sound)
            if address:
                addresses[row["clip_id"]] = address
            elif sound is None:
                silent += row["clip_id"] in answered
            if address or sound is not None or row["clip_id"] in answered:
                taken.append(row)
            progress(done, len(chosen))
            if most_bytes is not None and size >= most_bytes:
                break
        exported = pd.DataFrame(taken, columns=chosen.columns)
        ids = exported["clip_id"].tolist()
        said = feedback_table(store, clip_ids=ids) if feedback is None else feedback
        made = tasks(said, exported, _guesses(store, ids), addresses=addresses)
        if not guesses:
            made = [{**task, "predictions": []} for task in made]
        packed.writestr(f"{ROOT}/{FOLDER}/tasks.json", as_json(made), zipfile.ZIP_DEFLATED)
        packed.writestr("interface.xml", label_studio_config(), zipfile.ZIP_DEFLATED)
        packed.writestr("README.txt", readme(), zipfile.ZIP_DEFLATED)
    return Package(len(taken), silent, len(chosen) - done)


def _guesses(store: Store, clip_ids: Sequence[str]) -> pd.DataFrame:
    """The newest guess of a champion about each of these clips."""
    found = predictions_table(store, role="champion", latest=True, clip_ids=clip_ids)
    return found.drop_duplicates("clip_id", keep="last")


def _address(row: dict[Any, Any]) -> str:
    """Where a browser can play the clip from: its file at a public address, empty without one.

    Of a part of a file, the address says which seconds it is. One with a password in it is no public address.
    """
    path = row["path"]
    if not isinstance(path, str) or not path.startswith(("http://", "https://")) or "@" in urlsplit(path).netloc:
        return ""
    part = "@" in row["clip_id"]
    return f"{path}#t={row['start_s']:g},{row['start_s'] + row['duration_s']:g}" if part else path


def _sound(row: dict[Any, Any], settings: Settings, store: Store) -> bytes | None:
    """The clip as FLAC; None where it was not kept, or is no longer what was scored."""
    path = row["path"] if isinstance(row["path"], str) else None
    if path is None:
        return None
    try:
        kept = kept_audio.load_audio(
            row["clip_id"],
            path,
            start_s=row["start_s"],
            duration_s=row["duration_s"],
            settings=settings,
            by=store.by,
            first=partial(first_content, store),
        )
    except (AudioError, StoreError):  # counted as silent
        return None
    return kept.data

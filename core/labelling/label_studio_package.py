"""The ZIP for Label Studio: the clips of the store with their sound, answers and guesses."""

import zipfile
from collections.abc import Callable
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
from core.labelling.truth import truth_of
from core.pipeline import kept_audio
from core.schema import SYNTHETIC
from core.settings import Settings
from core.store import Store, clips_table, first_content, predictions_table, same_recordings

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
    feedback: pd.DataFrame,
    *,
    which: str = "all",
    synthetic: bool = False,
    raters_needed: int = RATERS_NEEDED,
) -> pd.DataFrame:
    """The clips to export, as ``store.clips_table`` has them; those come first of which the model is least sure.

    which : one of ``CHOICES``.  synthetic : also the clips for practice.
    Raises TableError when there is none.
    """
    table, guesses = clips_table(store), _guesses(store)
    if not synthetic:
        table = table[table["origin"].ne(SYNTHETIC)]
    truth = truth_of(feedback, same_recordings(store), raters_needed=raters_needed)
    answered = table["clip_id"].isin(truth.index)
    waiting = table["path"].notna() & ~table["clip_id"].isin(
        truth.index[truth["status"].isin(["agreed", "adjudicated"])]
    )
    chosen = table[{"all": answered | waiting, "waiting": waiting, "answered": answered}[which]]
    if chosen.empty:
        raise TableError("No clip matches this choice. Score files and keep their audio, or choose other clips.")
    margin = chosen["clip_id"].map(guesses.set_index("clip_id")["margin"])
    return chosen.assign(margin=margin).sort_values("margin", kind="stable").reset_index(drop=True)


@requires(Action.EXCHANGE_LABELS)
def write_package(
    file: IO[bytes],
    store: Store,
    feedback: pd.DataFrame,
    chosen: pd.DataFrame,
    settings: Settings,
    *,
    guesses: bool = True,
    most_bytes: int | None = None,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> Package:
    """Write the ZIP; its folders are as Label Studio's storage for local files takes them.

    feedback, chosen : from the store and from ``choose_clips``.  guesses : also what the model in use says.
    most_bytes : of sound; further clips are left for another ZIP.  progress : told how many clips are done.
    A clip without sound is left out, unless it has answers.
    """
    answered = set(current_answers(feedback)["clip_id"])
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
        made = tasks(feedback, pd.DataFrame(taken, columns=chosen.columns), _guesses(store), addresses=addresses)
        if not guesses:
            made = [{**task, "predictions": []} for task in made]
        packed.writestr(f"{ROOT}/{FOLDER}/tasks.json", as_json(made), zipfile.ZIP_DEFLATED)
        packed.writestr("interface.xml", label_studio_config(), zipfile.ZIP_DEFLATED)
        packed.writestr("README.txt", readme(), zipfile.ZIP_DEFLATED)
    return Package(len(taken), silent, len(chosen) - done)


def _guesses(store: Store) -> pd.DataFrame:
    """The newest guess of a champion about each clip."""
    return predictions_table(store, role="champion", latest=True).drop_duplicates("clip_id", keep="last")


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

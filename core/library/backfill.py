"""Bring stored answers up to date after the extractor changed. Old measurements, answers and tables stay.

Only what the present extractor has not measured is measured again: clips from their stored audio, files of libraries by
repeating the runs that scored them. New answers of a new model need no measuring, see ``core.training.retraining``.
"""

import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from core.errors import AudioError
from core.features import EXTRACTOR, extract
from core.library import addresses
from core.models.policy import Policy
from core.pipeline.kept_audio import load_audio
from core.records import Plan, ReportProgress
from core.settings import Settings
from core.store import Job, Store, outdated_clips, save_features


@dataclass(frozen=True)
class PastRun:
    """A run over a library that has to be repeated. makam : it also measured melody, karar and makam."""

    folder: str
    plan: Plan
    policy: Policy
    makam: bool = False


def runs_to_repeat(jobs: Iterable[Job], outdated: Collection[tuple[str, str]]) -> tuple[list[PastRun], int]:
    """Return the runs that measure the outdated files again, and the number of files that no run reaches.

    Files that are not there any more are not counted: nothing can be measured, and their answers stay.

    jobs : done runs of libraries, newest first.  outdated : plan and path of files, see ``store.outdated_files``.
    """
    left = {(plan, path) for plan, path in outdated if not addresses.is_local(path) or os.path.exists(path)}
    runs: list[PastRun] = []
    for job in jobs:
        folder, plan = str(job.result.get("folder", "")), str(job.result.get("plan", ""))
        place = os.path.abspath(addresses.local_path(folder)) if addresses.is_local(folder) else folder
        below = place.rstrip("/") + "/"
        reached = {file for file in left if file[0] == plan and (file[1] == place or file[1].startswith(below))}
        if folder and reached:
            policy = Policy.from_json(str(job.result["policy"]))
            runs.append(PastRun(folder, _plan(plan), policy, bool(job.result.get("makam"))))
            left -= reached
    return runs, len(left)


def _plan(name: str) -> Plan:
    """The plan of a name; the number of windows around the middle comes from the policy."""
    window, slash, hop = name.partition("/")
    return Plan(float(window), float(hop)) if slash else Plan()


def measure_clips(store: Store, settings: Settings, *, progress: ReportProgress) -> tuple[int, int]:
    """Measure stored clips again that the present extractor has not measured.

    Returns the number of measured clips, and of those whose audio is missing or damaged.
    """
    clips, lost = outdated_clips(store, EXTRACTOR), 0
    for number, clip in enumerate(clips.to_dict("records"), 1):
        place = {"start_s": clip["start_s"], "duration_s": clip["duration_s"]}
        try:
            audio = load_audio(clip["clip_id"], clip["path"], **place, settings=settings, by=store.by)
            save_features(store, extract(audio.clip))
        except AudioError:
            lost += 1  # its old answer stays; the command says how many there are
        progress(number / len(clips), f"Measuring clip {number:,} of {len(clips):,}")
    return len(clips) - lost, lost

"""Measure how often small changes of the same music give another answer, on table rows or on audio files."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from core.atomic import replacing
from core.audio.changes import (
    CHANGES_VERSION,
    GAINS_DB,
    changed_clips,
    gain_name,
    small_changes,
    window_starts,
)
from core.audio.decoding import Clip, content_hash, inspect
from core.audio.formats import ENDINGS
from core.errors import AudioError
from core.evaluation.stability import AS_IS, Stability, measure_stability
from core.features import EXTRACTOR, extract
from core.models.policy import Policy
from core.pipeline.deciding import Decided, Part, decide_pieces, predict_and_decide
from core.pipeline.serving import Served
from core.records import ReportProgress
from core.schema import COLUMNS, EMOTIONS, GAIN_POWER, FeatureVector
from core.settings import Settings

FIRM = 0.95  # share of small changes that must leave a decision as it is: 19 of 20
Key = tuple[str, str, str]  # track, window, change


def answers(vectors: Mapping[Key, FeatureVector], served: Served, *, policy: Policy) -> pd.DataFrame:
    """Answers of a model for measured windows, as ``core.evaluation.stability.measure_stability`` expects them."""
    decided = predict_and_decide(list(vectors.values()), served, policy=policy)
    lines = [
        {
            "track": track,
            "window": window,
            "change": change,
            "accepted": one.decision.action == "accept",
            "unlike": one.unlike.flag,
            **{f"p_{emotion}": one.prediction.proba[emotion] for emotion in EMOTIONS},
        }
        for (track, window, change), one in zip(vectors, decided, strict=True)
    ]
    return pd.DataFrame(lines)


def level_stability(
    clips: pd.DataFrame, recordings: Sequence[object], served: Served, *, music: str, policy: Policy | None = None
) -> Stability:
    """Effect of the level on the answers for rows of a table.

    There is no audio, so the changes follow exact laws: a gain of g multiplies RMS energy by g and roughness by g².
    Fluctuation, which follows no simple law, stays as it is.

    Parameters
    ----------
    clips : the 50 columns.
    recordings : number of the recording of each clip; intervals are by recording.
    music : description of the clips, for display.
    policy : decides which answers are accepted; the model's threshold policy by default.
    """
    vectors: dict[Key, FeatureVector] = {}
    for change, table in _changed_levels(clips):
        for (row, recording), values in zip(
            zip(clips.index, recordings, strict=True), table.to_numpy(dtype=float), strict=True
        ):
            vectors[str(recording), str(row), change] = FeatureVector(str(row), "table", values)
    policy = policy or served.policies.get("threshold", Policy())
    return measure_stability(answers(vectors, served, policy=policy), model=served.model.version, music=music)


def _changed_levels(clips: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """The clips as they are, and at each gain."""
    yield AS_IS, clips[list(COLUMNS)]
    for gain_db in GAINS_DB:
        gain = 10 ** (gain_db / 20)
        powers = {c: gain**power for c, power in GAIN_POWER.items() if np.isfinite(power)}
        yield gain_name(gain_db), clips[list(COLUMNS)].assign(**{c: clips[c] * f for c, f in powers.items()})


# --- audio files -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class MeasuredWindows:
    """Features of the windows of audio files, as they are and after each change.

    vectors : by track, window and change.  refused : file -> why it could not be used.
    """

    vectors: Mapping[Key, FeatureVector]
    refused: Mapping[str, str]


def measure_windows(folder: Path, *, most: int, settings: Settings, progress: ReportProgress) -> MeasuredWindows:
    """Measure windows of all audio files in a folder and its subfolders, as they are and after each change.

    The features of each file are stored in the cache, so that another model needs no new measurement. A file that
    cannot be read does not end the measurement.

    Parameters
    ----------
    most : largest number of windows of one file.
    progress : called with the finished share in [0, 1] and a short text.

    Raises
    ------
    AudioError : the folder has no audio file that can be used.
    """
    files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in ENDINGS and p.is_file())
    vectors: dict[Key, FeatureVector] = {}
    refused: dict[str, str] = {}
    for done, file in enumerate(files):
        progress(done / len(files), f"Measuring file {done + 1} of {len(files)}")
        name = file.relative_to(folder).as_posix()
        try:
            table = _file_windows(file, most=most, settings=settings)
        except (AudioError, OSError) as error:
            refused[name] = str(error)
            continue
        values = table[list(COLUMNS)].to_numpy(dtype=float)
        for window, change, row in zip(table["window"], table["change"], values, strict=True):
            vectors[name, str(window), str(change)] = FeatureVector(f"{name} {window} {change}", EXTRACTOR, row)
    progress(1.0, "Measured")
    if not vectors:
        why = next(iter(refused.values()), "It has no audio files.")
        raise AudioError(f"No music could be measured in {folder}. {why}")
    return MeasuredWindows(vectors, refused)


def _file_windows(file: Path, *, most: int, settings: Settings) -> pd.DataFrame:
    """Features of the windows of one file: window, change and the 50 columns; from the cache if they are there."""
    with file.open("rb") as opened:
        data = opened.read(int(settings.max_upload_mb * 1e6) + 1)
    cache = settings.cache_dir / "stability"
    kind = f"{EXTRACTOR} {CHANGES_VERSION} {most}".replace(" ", "-")
    cached = cache / f"{content_hash(data)}-{kind}.parquet"
    if cached.is_file():
        return pd.read_parquet(cached)
    source = inspect(data, file.name, max_mb=settings.max_upload_mb)
    lines = []
    for start_s in window_starts(source.duration_s, most=most):
        for changed in changed_clips(source, start_s):
            values = dict(zip(COLUMNS, extract(changed.clip).values, strict=True))
            lines.append({"window": f"{start_s:g}", "change": changed.change or AS_IS, **values})
    table = pd.DataFrame(lines)
    cache.mkdir(parents=True, exist_ok=True)
    with replacing(cached) as unfinished:
        table.to_parquet(unfinished, index=False)
    return table


def folder_stability(
    windows: MeasuredWindows, served: Served, *, music: str, policy: Policy | None = None
) -> Stability:
    """Effect of each change on the answers for measured windows; intervals are by file. music : for display."""
    policy = policy or served.policies.get("threshold", Policy())
    known = answers(windows.vectors, served, policy=policy)
    return measure_stability(known, model=served.model.version, music=music)


# --- one clip --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Firmness:
    """How many small changes of a clip leave its decision as it is.

    same, tried : numbers of changes.  others : change -> the other decision, as emotions or "review".
    """

    same: int
    tried: int
    others: Mapping[str, str]

    @property
    def text(self) -> str:
        """The result in words: ``firm: 19 of 20``."""
        word = "firm" if self.same >= FIRM * self.tried else "not firm"
        return f"{word}: {self.same} of {self.tried}"


def firmness(clips: Sequence[Clip], before: Decided, served: Served, *, policy: Policy) -> Firmness:
    """Decide again after each small change of a clip (`core.audio.changes.small_changes`). Takes about 10 s a window.

    Parameters
    ----------
    clips : the analysed windows, the one that names the answer first; all are changed in the same way.
    before : its decision without a change.
    """
    others: dict[str, str] = {}
    tried = 0
    for changed in zip(*[small_changes(clip) for clip in clips], strict=True):
        (after,) = decide_pieces([[Part(extract(one.clip)) for one in changed]], served, policy=policy)
        tried += 1
        if set(after.decision.candidates) != set(before.decision.candidates):
            others[changed[0].change] = " or ".join(after.decision.candidates) or "review"
    return Firmness(tried - len(others), tried, others)

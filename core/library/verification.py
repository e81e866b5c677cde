"""Check this program against the audio of the published table: which file is which row, and how well values agree."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.audio.decoding import content_hash, decode, inspect
from core.audio.encoding import mp3
from core.dataset.matching import Match, RowFinder, agreement
from core.dataset.table import Table
from core.errors import AudioError, CoreError
from core.features import EXTRACTOR, extract
from core.library.find import find_audio
from core.library.reading import UnreadError, read_content
from core.pipeline.measure import measure
from core.records import FoundFile, ReportProgress
from core.schema import COLUMNS, readable
from core.store import Store, load_features, save_table_clip

PROVED = 0.95  # share of values that must agree
_SLOPES = ("_Roughness_Slope", "_AttackTime_Slope", "_HarmonicChangeDetectionFunction_Slope")
# Which features show which setting of MIRtoolbox: beginning of the columns, and the setting.
SETTINGS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("RMS energy of the whole clip, without frames", ("_RMSenergy",)),
    ("frames of 50 ms that overlap by half, for low energy and roughness", ("_Lowenergy", "_Roughness_Mean")),
    ("fluctuation as the mean of all bands and rates, not as a summary", ("_Fluctuation",)),
    ("one tempo of the whole clip, between 40 and 200 bpm", ("_Tempo",)),
    ("MFCC of the whole clip, with 40 mel bands", ("_MFCC",)),
    (
        "one spectrum of the whole clip, without frames",
        ("_Spectral", "_EntropyofSpectrum", "_Rolloff", "_Brightness"),
    ),
    ("zero crossings counted in one direction, for each second", ("_Zero",)),
    ("attack times of release 1.7.1", ("_AttackTime_Mean",)),
    ("slopes with the time axis of releases up to 1.7.1", _SLOPES),
    ("onset curve of the spectrum with 100 values a second", ("_Eventdensity", "_Pulseclarity")),
    ("chromagram of the whole clip, with a floor of 20 dB", ("_Chromagram",)),
    ("harmonic change and its periods as in releases up to 1.7.1", ("_HarmonicChange",)),
)


@dataclass(frozen=True, eq=False)
class CheckedClip:
    """One file of the folder.

    Attributes
    ----------
    name : path relative to the folder.
    match : the row of the clip; None when the file could not be measured.
    problem : why it could not be measured.
    agrees : shape (50,), agreement of each feature with the row, see ``core.dataset.matching.agreement``.
    away : shape (50,), difference from the row in robust standard deviations of the table.
    """

    name: str
    match: Match | None
    problem: str = ""
    agrees: np.ndarray | None = None
    away: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Verification:
    """The result for a folder.

    Attributes
    ----------
    clips : all files, in the order of their names.
    rows : number of rows of the table.
    """

    clips: tuple[CheckedClip, ...]
    rows: int

    @property
    def found(self) -> tuple[CheckedClip, ...]:
        """Clips whose row was found."""
        return tuple(clip for clip in self.clips if clip.agrees is not None)

    def by_feature(self) -> pd.DataFrame:
        """Return one row for each feature: feature, rounding, MP3, off (shares of the found clips), away (median)."""
        agrees = np.array([clip.agrees for clip in self.found]).reshape(-1, len(COLUMNS))
        away = np.array([clip.away for clip in self.found]).reshape(-1, len(COLUMNS))
        shares = {name: (agrees == name).mean(axis=0) for name in ("rounding", "MP3", "off")} if len(agrees) else {}
        middle = np.nanmedian(away, axis=0) if len(away) else np.nan
        return pd.DataFrame({"feature": COLUMNS, **shares, "away": middle})

    def settings(self) -> list[tuple[str, str]]:
        """Return each setting of MIRtoolbox with the verdict: "proved", "agrees after MP3" or "not confirmed"."""
        table = self.by_feature().set_index("feature")
        verdicts = []
        for text, begins in SETTINGS if self.found else ():
            own = table[[column.startswith(begins) for column in table.index]]
            equal, near = own["rounding"].mean(), (own["rounding"] + own["MP3"]).mean()
            verdict = "proved" if equal >= PROVED else "agrees after MP3" if near >= PROVED else "not confirmed"
            verdicts.append((text, verdict))
        return verdicts

    @property
    def confirmed(self) -> bool:
        """Whether the row of every file was found and no setting is left without confirmation."""
        return len(self.found) == len(self.clips) and all(v != "not confirmed" for _, v in self.settings())


def verify_folder(folder: str, table: Table, store: Store, *, max_mb: float, progress: ReportProgress) -> Verification:
    """Find the row of each clip in a folder, compare the values, and store the links between clips and rows.

    Parameters
    ----------
    folder
        Path or address of a folder with clips of the table, under any names.
    table
        The published table.

    Raises
    ------
    CoreError
        When the table is the synthetic stand-in, or the folder holds no audio.
    """
    if table.synthetic:
        raise CoreError(
            "The published table is not on this machine, so no clip can be compared with it. Open the Explore page "
            f"once with a connection to the internet, or set TME_TABLE to the file of the table. {table.note}".strip()
        )
    files = list(find_audio(folder))
    if not files:
        raise CoreError(f"There is no audio in {folder}. Give the folder with the clips of the table.")
    finder, clips = RowFinder(table.frame), []
    measured: list[tuple[int, np.ndarray, np.ndarray]] = []  # position, values, values after an MP3 round trip
    for k, item in enumerate(files):
        progress(k / len(files), f"Clip {k + 1} of {len(files)}")
        clip, values, changed = _check(item, finder, store, max_mb)
        clips.append(clip)
        if values is not None and changed is not None:
            measured.append((k, values, changed))
    _compare(clips, measured, finder)
    return Verification(tuple(clips), len(table.frame))


def _check(
    item: FoundFile, finder: RowFinder, store: Store, max_mb: float
) -> tuple[CheckedClip, np.ndarray | None, np.ndarray | None]:
    """Measure one file, find its row, and store the link. Returns the values too, if the row was found."""
    if item.problem:
        return CheckedClip(item.name, None, item.problem), None, None
    try:
        data = read_content(item, max_mb=max_mb).data
        digest = content_hash(data)
        source = inspect(data, item.name.rpartition("/")[2], max_mb=max_mb)
        measured = measure(source, known=lambda *part: load_features(store, part[0], EXTRACTOR, part=part[1:]))
        match = finder.find(measured.vector.values)
        if match.state != "found":
            return CheckedClip(item.name, match), None, None
        changed = extract(decode(mp3(measured.recording.clip.y), "clip.mp3", start_s=0.0).clip).values
    except (AudioError, UnreadError) as error:
        return CheckedClip(item.name, None, str(error)), None, None
    save_table_clip(
        store,
        digest,
        row=match.row,
        row_key=match.key,
        same_rows=match.same,
        distance=match.distance,
        file_name=item.name,
        extractor=EXTRACTOR,
    )
    return CheckedClip(item.name, match), measured.vector.values, changed


def _compare(
    clips: list[CheckedClip], measured: Sequence[tuple[int, np.ndarray, np.ndarray]], finder: RowFinder
) -> None:
    """Fill in the agreement of the clips whose row was found."""
    if not measured:
        return
    values, changed = (np.array(column) for column in list(zip(*measured, strict=True))[1:])
    rows = [clips[k].match for k, _, _ in measured]
    wanted = np.array([finder.values(match.row) for match in rows if match is not None])
    agrees, away = agreement(values, changed, wanted), np.abs(values - wanted) / finder.scale
    for (k, _, _), own, far in zip(measured, agrees, away, strict=True):
        clips[k] = CheckedClip(clips[k].name, clips[k].match, agrees=own, away=far)


def report(result: Verification) -> str:
    """Return the result as text for the terminal."""
    states = Counter("not measured" if clip.match is None else clip.match.state for clip in result.clips)
    rows = {clip.match.row for clip in result.found if clip.match}
    lines = [
        f"{len(result.clips)} files: {states['found']} are clips of the table, {states['ambiguous']} are close to rows "
        f"of two recordings, {states['no row']} have no row, {states['not measured']} could not be measured.",
        f"{len(rows)} of {result.rows} rows have a clip.",
    ]
    lines += [f"  {clip.name}: {_why(clip)}" for clip in result.clips if clip.agrees is None]
    several = [clip for clip in result.found if clip.match and clip.match.same]
    lines += [
        f"  {clip.name}: row {clip.match.row}; the table has this recording again in row "
        f"{', '.join(map(str, clip.match.same))}."
        for clip in several
        if clip.match
    ]
    if not result.found:
        return "\n".join(lines)
    lines += ["", f"{'feature':<30}{'equal':>8}{'MP3':>8}{'off':>8}{'median difference (sd)':>26}"]
    for row in result.by_feature().itertuples():
        shares = [f"{100 * float(share):.0f} %" for share in (row.rounding, row.MP3, row.off)]  # type: ignore[arg-type]
        lines.append(f"{readable(str(row.feature)):<30}{shares[0]:>8}{shares[1]:>8}{shares[2]:>8}{row.away:>26.3f}")
    lines += ["", "equal: equal to rounding. MP3: not further away than an MP3 round trip moves the value.", ""]
    lines += [f"{verdict}: {text}" for text, verdict in result.settings()]
    return "\n".join(lines)


def _why(clip: CheckedClip) -> str:
    """Return why a clip has no row."""
    match = clip.match
    if match is None:
        return clip.problem
    if match.state == "ambiguous":
        return (
            f"row {match.row} is the nearest ({match.distance:.2f}), but a row of another recording is only "
            f"{match.margin:.2f} further away. Nothing was stored."
        )
    return f"no row is near; the nearest is row {match.row} at {match.distance:.2f}. It is no clip of the table."


def results_table(result: Verification) -> pd.DataFrame:
    """Return one row for each file: file, state, row, same_rows, distance, margin, the agreement of each feature."""
    lines = []
    for clip in result.clips:
        match = clip.match
        line: dict[str, object] = {"file": clip.name, "state": match.state if match else "not measured"}
        if match:
            line |= {"row": match.row, "same_rows": " ".join(map(str, match.same))}
            line |= {"distance": round(match.distance, 4), "margin": round(match.margin, 4)}
        if clip.agrees is not None:
            line |= dict(zip(COLUMNS, clip.agrees, strict=True))
        lines.append({**line, "reason": "" if clip.agrees is not None else _why(clip)})
    columns = ["file", "state", "row", "same_rows", "distance", "margin", *COLUMNS, "reason"]
    return pd.DataFrame(lines).reindex(columns=columns).astype({"row": "Int64"})

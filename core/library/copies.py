"""Find files of a library that hold the same recording: by length, by fingerprint, by the distance of features.

Files with the same bytes are one piece anyway. Of two other files, the lengths must agree first. Then the fingerprints
decide, where fpcalc is installed. Features alone only propose a pair. In doubt two files stay two, until a person says
that they are one. The search changes no file, and no word of a person.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.audio import fingerprint as fingerprints
from core.audio.decoding import inspect
from core.audio.matching import Verdict, compare, lengths_agree, likely_pairs, with_a_partner
from core.errors import CoreError
from core.features import EXTRACTOR
from core.library.copy_pairs import State, stored_pairs
from core.library.near_copies import alike_pairs
from core.library.reading import read_content
from core.locations import present_path
from core.models.reference import Reference, deviations
from core.records import FoundFile, ReportProgress
from core.settings import Settings
from core.store import (
    Link,
    Store,
    features_of,
    files_of_library,
    fingerprints_of,
    first_content,
    replace_links,
    same_recordings,
    save_fingerprints,
    without_fingerprint,
)
from core.wording import counted

JOB = "copies"  # name of the job and of its lock
AT_ONCE = 50  # fingerprints in one transaction: a search that was stopped goes on there
THREADS = 2  # decoders and fpcalc are processes of their own
MEASURING = 0.9  # share of the progress that measuring takes


@dataclass(frozen=True)
class Search:
    """What a search found, together with what people say.

    Attributes
    ----------
    pieces : pieces with another one of about the same length, which were compared.
    measured : new fingerprints.  unread : files without one, because they cannot be read or fpcalc fails.
    files, recordings : files that share their recording with another file, and their recordings.
    questions : pairs that wait for a person.
    by_fingerprint : fpcalc is installed.
    """

    pieces: int
    measured: int
    unread: int
    files: int
    recordings: int
    questions: int
    by_fingerprint: bool

    @property
    def report(self) -> str:
        """What was found, in sentences."""
        text = f"{counted(self.pieces, 'piece')} compared. "
        if self.files:
            text += f"{counted(self.files, 'file')} hold {counted(self.recordings, 'recording')} under several names. "
        else:
            text += "No recording has several files. "
        text += f"Pairs that wait for a person on the page Same recordings: {self.questions:,}."
        if self.unread:
            text += f" Files without a fingerprint, because they cannot be read or fpcalc fails: {self.unread:,}."
        if not self.by_fingerprint:
            text += " fpcalc is not installed, so only features were compared (Debian: libchromaprint-tools)."
        return text


def find_copies(
    store: Store,
    settings: Settings,
    reference: Reference,
    *,
    max_mb: float = 200,
    beat: ReportProgress = lambda share, text: None,
) -> Search:
    """Compare all pieces of the library, and store the pairs that are or may be one recording.

    Fingerprints that are stored are not measured again.

    Parameters
    ----------
    max_mb
        Size limit of a file in MB.
    beat
        Called with the progress in [0, 1] and the present step. An exception that it raises ends the search; the
        fingerprints so far stay.
    """
    files = files_of_library(store)
    files = files.assign(path=[present_path(path, settings) for path in files["path"]])
    pieces = files.drop_duplicates("content_hash").reset_index(drop=True)
    pieces = pieces[with_a_partner(pieces["duration_s"].to_numpy(dtype=float))].reset_index(drop=True)
    by_fingerprint, measured, unread = fingerprints.installed(), 0, 0
    if by_fingerprint:
        measured, unread = _measure(store, files[files["content_hash"].isin(pieces["content_hash"])], max_mb, beat)
    beat(MEASURING, "Comparing the pieces")
    replace_links(store, _links(store, pieces, reference, beat))
    named = same_recordings(store).named
    questions = int(stored_pairs(store)["state"].eq(State.OPEN).sum())
    return Search(len(pieces), measured, unread, len(named), len(set(named.values())), questions, by_fingerprint)


# --- fingerprints -----------------------------------------------------------------------------------------------------


def _measure(store: Store, files: pd.DataFrame, max_mb: float, beat: ReportProgress) -> tuple[int, int]:
    """Measure the missing fingerprints, and return the number of new ones and of files that still have none."""
    places = files.groupby("content_hash", sort=False)
    missing = without_fingerprint(store, files["content_hash"], maker=fingerprints.MAKER)
    measured = unread = 0

    def one(content: str) -> tuple[str, np.ndarray | None]:
        rows = places.get_group(content)
        return content, _fingerprint(store, content, rows["path"].tolist(), rows["size"].tolist(), max_mb)

    with ThreadPoolExecutor(THREADS) as pool:
        for start in range(0, len(missing), AT_ONCE):
            found = dict(pool.map(one, missing[start : start + AT_ONCE]))
            done = {content: items for content, items in found.items() if items is not None}
            save_fingerprints(store, done, maker=fingerprints.MAKER)
            measured, unread = measured + len(done), unread + len(found) - len(done)
            share = (measured + unread) / len(missing)
            beat(MEASURING * share, f"Fingerprints of {measured + unread:,} of {len(missing):,} files")
    return measured, unread


def _fingerprint(
    store: Store, content: str, paths: Sequence[str], sizes: Sequence[int], max_mb: float
) -> np.ndarray | None:
    """The fingerprint of the first of the files that still has this content; None when there is none."""
    for path, size in zip(paths, sizes, strict=True):
        try:
            data = read_content(FoundFile(path, os.path.basename(path), int(size)), max_mb=max_mb).data
            source = inspect(data, os.path.basename(path), max_mb=max_mb)
            if first_content(store, source.digest) == content:
                return fingerprints.fingerprint(source)
        except CoreError:  # another path may have it; a later search tries this one again
            continue
    return None


# --- pairs ------------------------------------------------------------------------------------------------------------


def _links(store: Store, pieces: pd.DataFrame, reference: Reference, beat: ReportProgress) -> list[Link]:
    contents, durations = pieces["content_hash"].tolist(), pieces["duration_s"].to_numpy(dtype=float)
    known = fingerprints_of(store, contents, maker=fingerprints.MAKER)
    prints = [known.get(content, fingerprints.NONE) for content in contents]
    alike = _alike(store, contents, durations, reference)
    pairs = {(int(one), int(other)) for one, other in likely_pairs(prints, durations)} | alike
    links = []
    for number, (one, other) in enumerate(sorted(pairs)):
        if number % 1000 == 0:
            beat(MEASURING + (1 - MEASURING) * number / len(pairs), "Comparing the pieces")
        link = _link(contents[one], contents[other], prints[one], prints[other], alike=(one, other) in alike)
        if link is not None:
            links.append(link)
    return links


def _alike(store: Store, contents: Sequence[str], durations: np.ndarray, reference: Reference) -> set[tuple[int, int]]:
    """Pairs whose features and lengths are alike."""
    if len(contents) < 2:
        return set()
    table = features_of(store, contents, extractor=EXTRACTOR).reindex(list(contents))
    z = deviations(table.to_numpy(dtype=float), reference).astype(np.float32)
    left, right = alike_pairs(z, reference.used)
    near = lengths_agree(durations[left], durations[right])
    return {(min(a, b), max(a, b)) for a, b in zip(left[near].tolist(), right[near].tolist(), strict=True)}


def _link(one: str, other: str, a: np.ndarray, b: np.ndarray, *, alike: bool) -> Link | None:
    """The link of two files; None for two that have nothing in common."""
    if one > other:  # as pairs are stored: the offset says in which of the two the music begins later
        one, other, a, b = other, one, b, a
    match = compare(a, b)
    if match.verdict is Verdict.NOTHING:
        return Link(one, other, "doubt", {"by": "features"}) if alike else None
    found = {"by": "chromaprint", "error": round(match.error, 4), "common_s": round(match.common_s, 1)}
    found |= {"offset_s": round(match.offset_s, 2)}
    if match.verdict is Verdict.SAME:
        return Link(one, other, "sure", found)
    if match.verdict is Verdict.DOUBT:
        return Link(one, other, "doubt", found)
    return Link(one, other, "apart", found) if alike else None

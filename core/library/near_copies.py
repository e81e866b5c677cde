"""Find near-duplicates in a library: files that sound the same but differ in encoding, level, sample rate or start.

The limits come from 40 generated recordings in nine versions each, 50,000 pairs of different recordings, and the
published table. The twelve chroma values of two encodings differ by at most 0.02 standard deviations (0.09 at the
lowest MP3 quality), those of different recordings by 0.5 or more. Trimming the start by 1 s changes chroma by up to 0.3
and the other features only little.
"""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from core.audio.formats import LOSSLESS_ENDINGS
from core.features import EXTRACTOR
from core.library.find import do_nothing
from core.models.reference import Reference, deviations
from core.records import FoundFile, LibraryFile, Plan
from core.same_recording import SameRecordings
from core.store import Store, features_of, known_files, same_recordings

AT_ONCE = 2_000  # clips per nearest-neighbour query, between two progress reports
MOST = 200_000  # clips, 40 MB of features; larger libraries are not searched
FEW = 400  # up to this number of clips, importing scipy's search tree takes longer than comparing all with all
NEIGHBOURS = 8  # nearest clips that each clip is compared with
# Limits for another encoding and for another start, in standard deviations of the training music: (largest chroma
# difference, mean difference of all features, each difference clipped to 1).
LIMITS = ((0.1, 0.35), (0.3, 0.1))


def near_duplicates(
    batches: Iterable[Sequence[FoundFile]],
    *,
    store: Store,
    plan: Plan,
    reference: Reference,
    beat: Callable[[], None] = do_nothing,
) -> dict[str, str]:
    """Find near-duplicates: clip_id -> name of the best file that sounds the same, see `quality`.

    Windows are not compared, because windows of one piece resemble each other. Empty for more than ``MOST`` clips.

    beat : called regularly during the search.
    """
    if not plan.whole:
        return {}
    names: dict[str, str] = {}
    ranks: dict[str, Quality] = {}
    values: list[np.ndarray] = []
    for batch in batches:
        files = known_files(store, plan.name, [item.path for item in batch])
        clips = {w.clip_id: f for f in batch if f.path in files for w in files[f.path].windows[:1] if w.clip_id}
        clips = {clip: item for clip, item in clips.items() if clip not in names}
        table = features_of(store, list(clips), extractor=EXTRACTOR).reindex(list(clips))
        values.append(deviations(table.to_numpy(dtype=float), reference).astype(np.float32))
        names |= {clip: item.name for clip, item in clips.items()}
        ranks |= {clip: quality(files[item.path]) for clip, item in clips.items()}
        if len(names) > MOST:
            return {}
    if len(names) < 2:
        return {}
    ids = list(names)
    first = first_alike(ids, alike_pairs(np.concatenate(values), reference.used, beat=beat), same_recordings(store))
    best: dict[int, str] = {}
    for clip, k in zip(ids, first, strict=True):  # of equally good files, the first one is the original
        if int(k) not in best or ranks[clip] > ranks[best[int(k)]]:
            best[int(k)] = clip
    originals = [best[int(k)] for k in first]
    return {clip: names[original] for clip, original in zip(ids, originals, strict=True) if original != clip}


def first_alike(ids: Sequence[str], pairs: tuple[np.ndarray, np.ndarray], same: SameRecordings) -> np.ndarray:
    """Return for each clip the index of the first near-duplicate; its own index when there is none. Shape (n,).

    pairs : from ``alike_pairs``.  same : what people and fingerprints say; it comes first.
    """
    named = same.with_links((ids[one], ids[other]) for one, other in zip(*pairs, strict=True))
    first: dict[str, int] = {}
    return np.array([first.setdefault(named.get(clip, clip), k) for k, clip in enumerate(ids)], dtype=int)


Quality = tuple[bool, int, int]


def quality(file: LibraryFile) -> Quality:
    """Rank of a file among copies of one recording: lossless format, then kilobytes per second, then whole seconds.

    The best file counts as the original, because the others can be made from it and it cannot be made from them.
    """
    seconds = file.duration_s or 0.0
    rate = round(file.size / seconds / 1000) if seconds else 0
    return file.path.lower().endswith(LOSSLESS_ENDINGS), rate, round(seconds)


def alike_pairs(
    z: np.ndarray, used: Sequence[str], *, beat: Callable[[], None] = do_nothing
) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of the two clips of each pair that sounds the same: two arrays of shape (m,).

    Each clip is compared with its ``NEIGHBOURS`` nearest clips by chroma, so that time grows as n log n, not n².

    z : shape (n, m), deviations from the training music in standard deviations, NaN = not measured; columns `used`.
    """
    chroma = [k for k, column in enumerate(used) if column.startswith("_Chromagram_Mean")]
    chroma_values, n = np.nan_to_num(z[:, chroma]), len(z)
    search = nearest_of_few if n <= FEW else nearest_in_tree
    distance, neighbour = search(chroma_values, min(NEIGHBOURS + 1, n), max(limit for limit, _ in LIMITS), beat=beat)
    left, place = np.nonzero(np.isfinite(distance) & (neighbour != np.arange(n)[:, None]))
    right = neighbour[left, place]
    difference = np.minimum(np.abs(z[left] - z[right]), 1)
    known = (~np.isnan(difference)).sum(axis=1)
    mean = np.nansum(difference, axis=1) / np.maximum(known, 1)
    similar = np.any(
        [(distance[left, place] <= chroma_limit) & (mean <= mean_limit) for chroma_limit, mean_limit in LIMITS], axis=0
    )
    similar &= known >= z.shape[1] / 2
    return left[similar], right[similar]


def nearest_in_tree(
    values: np.ndarray, count: int, limit: float, *, beat: Callable[[], None] = do_nothing
) -> tuple[np.ndarray, np.ndarray]:
    """Return distance and index of the nearest rows of each row, itself included: both of shape (n, count).

    The distance of two rows is their largest difference. A place without a row nearer than ``limit`` holds inf and n.
    """
    from scipy.spatial import cKDTree

    tree, found = cKDTree(values), []
    for k in range(0, len(values), AT_ONCE):
        beat()
        found.append(tree.query(values[k : k + AT_ONCE], k=count, p=np.inf, distance_upper_bound=limit))
    distance, neighbour = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return distance, neighbour


def nearest_of_few(
    values: np.ndarray, count: int, limit: float, *, beat: Callable[[], None] = do_nothing
) -> tuple[np.ndarray, np.ndarray]:
    """Return what `nearest_in_tree` returns, by comparing each row with each: for few rows, less than its import."""
    beat()
    all_of_them = np.abs(values[:, None] - values).max(axis=2)
    neighbour = np.argsort(all_of_them, axis=1, kind="stable")[:, :count]
    distance = np.take_along_axis(all_of_them, neighbour, axis=1).astype(float)
    far = distance >= limit
    return np.where(far, np.inf, distance), np.where(far, len(values), neighbour)

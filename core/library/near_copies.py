"""Which files of a library sound the same though their bytes differ: other encodings, levels, rates, a trimmed start.

Measured on 40 generated recordings in nine versions each, 50,000 pairs of different ones, and the published table: the
twelve chroma values of two encodings stay within 0.02 standard deviations (0.09 at the lowest MP3 quality), those of
different recordings differ by 0.5 and more; a start trimmed by a second moves them by up to 0.3 and little else.
"""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from core.components import connected_groups
from core.features import EXTRACTOR
from core.library.find import do_nothing
from core.models.reference import Reference, deviations
from core.records import Found, Plan
from core.store import Store, features_of, known_files

AT_ONCE = 2_000  # clips whose neighbours are looked for between two signs of life
MOST = 200_000  # clips that are compared: 40 MB; a larger library goes without
NEIGHBOURS = 8  # nearest clips that each is compared with
# (difference of any chroma value, mean difference of all features counting 1 at most), in standard deviations of the
# training music: another encoding, and another start.
LIMITS = ((0.1, 0.35), (0.3, 0.1))


def near_duplicates(
    batches: Iterable[Sequence[Found]],
    *,
    store: Store,
    plan: Plan,
    reference: Reference,
    beat: Callable[[], None] = do_nothing,
) -> dict[str, str]:
    """clip_id -> name of the first file that sounds the same, for those that have one. beat : called on the way.

    Only excerpts are compared: windows of one piece repeat each other. Empty for more than ``MOST`` clips.
    """
    if plan.hop_s is not None:
        return {}
    names: dict[str, str] = {}
    values: list[np.ndarray] = []
    for batch in batches:
        files = known_files(store, plan.name, [found.path for found in batch])
        clips = {w.clip_id: f.name for f in batch if f.path in files for w in files[f.path].windows if w.clip_id}
        clips = {clip: name for clip, name in clips.items() if clip not in names}
        table = features_of(store, list(clips), extractor=EXTRACTOR).reindex(list(clips))
        values.append(deviations(table.to_numpy(dtype=float), reference).astype(np.float32))
        names |= clips
        if len(names) > MOST:
            return {}
    if len(names) < 2:
        return {}
    first = first_alike(np.concatenate(values), reference.used, beat=beat)
    ids = list(names)
    return {clip: names[ids[k]] for clip, k in zip(ids, first, strict=True) if ids[k] != clip}


def first_alike(z: np.ndarray, used: Sequence[str], *, beat: Callable[[], None] = do_nothing) -> np.ndarray:
    """For each clip the position of the first one that sounds the same; its own where there is none.

    z : shape (n, m), deviations from the training music in standard deviations, NaN = not measured; columns `used`.
    Each is compared with its ``NEIGHBOURS`` nearest ones by chroma, so that the work grows with n and not its square.
    """
    from scipy.spatial import cKDTree

    chroma = [k for k, column in enumerate(used) if column.startswith("_Chromagram_Mean")]
    tones, n = np.nan_to_num(z[:, chroma]), len(z)
    reach = max(limit for limit, _ in LIMITS)
    tree, found = cKDTree(tones), []
    for k in range(0, n, AT_ONCE):
        beat()
        part = tones[k : k + AT_ONCE]
        found.append(tree.query(part, k=min(NEIGHBOURS + 1, n), p=np.inf, distance_upper_bound=reach))
    away, near = (np.concatenate(parts) for parts in zip(*found, strict=True))
    one, place = np.nonzero(np.isfinite(away) & (near != np.arange(n)[:, None]))
    other = near[one, place]
    both = np.minimum(np.abs(z[one] - z[other]), 1)
    known = (~np.isnan(both)).sum(axis=1)
    mean = np.nansum(both, axis=1) / np.maximum(known, 1)
    alike = np.any([(away[one, place] <= tone) & (mean <= all_) for tone, all_ in LIMITS], axis=0)
    alike &= known >= z.shape[1] / 2
    group = connected_groups(one[alike], other[alike], n)
    _, firsts = np.unique(group, return_index=True)
    return np.asarray(firsts[group])

"""Compare pieces by their sound: similar pieces, equal recordings, and a map of the library."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.errors import CoreError
from core.models.reference import Reference, deviations
from core.same_recording import SameRecordings
from core.schema import COLUMNS

FAR = 5.0  # standard deviations; larger deviations are cut to this value, so that one outlier does not dominate


def sound_table(clips: pd.DataFrame, features: pd.DataFrame, reference: Reference) -> pd.DataFrame:
    """Sound of each piece: mean features of its parts, as deviations from the training music.

    Parameters
    ----------
    clips : columns clip_id and content_hash.
    features : ``store.features_table``, index clip_id.

    Returns
    -------
    One row for each measured piece, index ``piece_id``. The columns are the compared features of the reference, in its
    standard deviations, cut to [-FAR, FAR]; NaN for a feature that was not measurable.
    """
    away = _deviations(clips, features, reference)
    return away.clip(-FAR, FAR)


def _deviations(clips: pd.DataFrame, features: pd.DataFrame, reference: Reference) -> pd.DataFrame:
    of_piece = clips.set_index("clip_id")["content_hash"]
    known = features[features.index.isin(of_piece.index)]
    mean = known.groupby(of_piece.loc[known.index].to_numpy()).mean().rename_axis("piece_id")
    away = deviations(mean[list(COLUMNS)].to_numpy(dtype=float), reference)
    return pd.DataFrame(away, index=mean.index, columns=list(reference.used))


def recordings(
    clips: pd.DataFrame, features: pd.DataFrame, reference: Reference, same: SameRecordings = SameRecordings()
) -> pd.Series:
    """Recording of each measured piece, see ``recordings_of``. clips, features : as in ``sound_table``."""
    return recordings_of(alike_pieces(clips, features, reference), same)


def alike_pieces(clips: pd.DataFrame, features: pd.DataFrame, reference: Reference) -> pd.DataFrame:
    """Pairs of pieces that sound the same: one, other. Each measured piece has a row with itself, in order.

    Copies of one recording with other encodings, levels, sample rates or slightly different starts sound the same
    (`core.library.near_copies`). The middles of files are compared with each other (their clip id is the hash of the
    file), and the means of the windows with each other.

    clips, features : as in ``sound_table``.
    """
    from core.library.near_copies import alike_pairs  # imported here, because only this function needs the store

    ids = sorted(set(clips.loc[clips["clip_id"].isin(features.index), "content_hash"]))
    one, other = list(ids), list(ids)
    middle = clips["clip_id"] == clips["content_hash"]
    for parts in (clips[middle], clips[~middle]):
        away = _deviations(parts, features, reference)
        if len(away) > 1:
            left, right = alike_pairs(away.to_numpy(), reference.used)
            one += away.index[left].tolist()
            other += away.index[right].tolist()
    return pd.DataFrame({"one": pd.Series(one, dtype="str"), "other": pd.Series(other, dtype="str")})


def recordings_of(alike: pd.DataFrame, same: SameRecordings = SameRecordings()) -> pd.Series:
    """Recording of each measured piece: piece_id -> the first piece of the same recording.

    What people and fingerprints say (``same``) comes first, then the sound.

    alike : from ``alike_pieces``.
    """
    itself = alike["one"] == alike["other"]
    ids = pd.Index(alike.loc[itself, "one"], name="piece_id")
    pairs = alike[~itself]
    joined = same.with_links(zip(pairs["one"].tolist(), pairs["other"].tolist(), strict=True))
    firsts: dict[str, str] = {}  # the first piece of each recording: its name may be a file that is no piece here
    for piece in sorted(set(ids) & joined.keys()):
        firsts.setdefault(joined[piece], piece)
    named = [firsts[joined[p]] if p in joined else p for p in ids.tolist()]
    return pd.Series(named, ids, dtype=ids.dtype, name="recording")


@dataclass(frozen=True, eq=False)
class LibraryMap:
    """Map of the library.

    points : x and y, index ``piece_id``.  shares : share of the training music's variance on each axis.
    telling : the features with the largest weights on each axis, and the signed weights.
    """

    points: pd.DataFrame
    shares: tuple[float, float]
    telling: tuple[tuple[tuple[str, float], ...], tuple[tuple[str, float], ...]]


def library_map(sounds: pd.DataFrame, reference: Reference, *, named: int = 3) -> LibraryMap:
    """Map of the pieces on the first two principal components of the training music.

    The axes come from the training music, not from the library, so new pieces do not move the others. Missing features
    count as average.

    sounds : from ``sound_table``.  named : number of features to name for each axis.
    """
    variance, axes = np.linalg.eigh(reference.correlation)
    axes = axes[:, ::-1][:, :2]
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), [0, 1]])  # a component's sign has no meaning
    at = np.nan_to_num(sounds.to_numpy()) @ axes
    strongest = np.argsort(-np.abs(axes), axis=0, kind="stable")[:named]
    first, second = (tuple((reference.used[i], float(axes[i, k])) for i in strongest[:, k]) for k in range(2))
    shares = variance[::-1][:2] / variance.sum()
    return LibraryMap(
        pd.DataFrame(at, index=sounds.index, columns=["x", "y"]), (float(shares[0]), float(shares[1])), (first, second)
    )


def similar_pieces(
    sounds: pd.DataFrame, piece_id: str, *, among: Sequence[str] | None = None, count: int = 10
) -> pd.Series:
    """Distances of the pieces that sound most similar to one piece, nearest first, index piece_id.

    The distance is the root mean square difference over the features that both pieces have, in standard deviations of
    the training music. Two random pieces have a distance of 1.4 (the square root of 2).

    Parameters
    ----------
    sounds : from ``sound_table``.
    among : search only these pieces.
    count : number of pieces to return.

    Raises
    ------
    CoreError
        The piece was not measured.
    """
    if piece_id not in sounds.index:
        raise CoreError("This piece has no features of the current extractor. Score the library again.")
    others = sounds.drop(index=piece_id)
    if among is not None:
        others = others.loc[others.index.intersection(list(among))]
    away = (
        np.sqrt(np.nanmean((others.to_numpy() - sounds.loc[piece_id].to_numpy()) ** 2, axis=1)) if len(others) else []
    )
    return pd.Series(away, index=others.index, name="distance", dtype=float).sort_values(kind="stable").head(count)

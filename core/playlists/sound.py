"""Compare pieces by their sound: which ones are alike, and a map of all."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.components import connected_groups
from core.errors import CoreError
from core.models.reference import Reference, deviations
from core.schema import COLUMNS

FAR = 5.0  # standard deviations; beyond, a feature counts as this far, so that one odd value does not decide alone


# --- sound -----------------------------------------------------------------------------------------------------------


def sound_table(clips: pd.DataFrame, features: pd.DataFrame, reference: Reference) -> pd.DataFrame:
    """The sound of each piece: mean features of its parts, as deviations from the training music.

    clips : columns clip_id and content_hash.  features : ``store.features_table``, index clip_id.
    Returns one row a piece that was measured, index ``piece_id``; columns are the features that the reference compares,
    in its standard deviations, no further than ``FAR``; NaN where a feature was not measurable.
    """
    away = _deviations(clips, features, reference)
    return away.clip(-FAR, FAR)


def _deviations(clips: pd.DataFrame, features: pd.DataFrame, reference: Reference) -> pd.DataFrame:
    of_piece = clips.set_index("clip_id")["content_hash"]
    known = features[features.index.isin(of_piece.index)]
    mean = known.groupby(of_piece.loc[known.index].to_numpy()).mean().rename_axis("piece_id")
    away = deviations(mean[list(COLUMNS)].to_numpy(dtype=float), reference)
    return pd.DataFrame(away, index=mean.index, columns=list(reference.used))


def recordings(clips: pd.DataFrame, features: pd.DataFrame, reference: Reference) -> pd.Series:
    """Which recording each piece is, by its sound: piece_id -> the first piece that sounds the same, or itself.

    clips, features : as in ``sound``; pieces that were not measured are not in it. Middles of files are compared with
    each other (their clip is named like the file), and so are windows, in their mean: other encodings, levels and
    rates of one recording are alike (`core.library.near_copies`), and so is one that begins a little later.
    """
    from core.library.near_copies import first_alike  # opens the store's module, which the rest does without

    ids = pd.Index(sorted(set(clips.loc[clips["clip_id"].isin(features.index), "content_hash"])), name="piece_id")
    middle = clips["clip_id"] == clips["content_hash"]
    pairs = [np.zeros((2, 0), dtype=int)]
    for parts in (clips[middle], clips[~middle]):
        away = _deviations(parts, features, reference)
        if len(away) > 1:
            first = first_alike(away.to_numpy(), reference.used)
            pairs.append(np.stack([ids.get_indexer(away.index), ids.get_indexer(away.index[first])]))
    one, other = np.concatenate(pairs, axis=1)
    group = connected_groups(one, other, len(ids))
    named = pd.Series(ids, ids).groupby(group).transform("first")
    return named.rename("recording")


@dataclass(frozen=True, eq=False)
class Map:
    """Pieces on a plane: x and y by ``piece_id``. shares : of the training music's variance that the axes hold.
    telling : the features with the largest weight on each axis, with their sign.
    """

    points: pd.DataFrame
    shares: tuple[float, float]
    telling: tuple[tuple[tuple[str, float], ...], tuple[tuple[str, float], ...]]


def library_map(heard: pd.DataFrame, reference: Reference, *, named: int = 3) -> Map:
    """The pieces along the two principal components of the training music.

    heard : as from ``sound``. The axes belong to the model's training music and not to the library, so that a piece
    keeps its place when others come. What was not measurable counts as usual.
    """
    variance, axes = np.linalg.eigh(reference.correlation)
    axes = axes[:, ::-1][:, :2]
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), [0, 1]])  # a component's sign has no meaning
    at = np.nan_to_num(heard.to_numpy()) @ axes
    strongest = np.argsort(-np.abs(axes), axis=0, kind="stable")[:named]
    first, second = (tuple((reference.used[i], float(axes[i, k])) for i in strongest[:, k]) for k in range(2))
    shares = variance[::-1][:2] / variance.sum()
    return Map(
        pd.DataFrame(at, index=heard.index, columns=["x", "y"]), (float(shares[0]), float(shares[1])), (first, second)
    )


def similar(heard: pd.DataFrame, piece_id: str, *, among: Sequence[str] | None = None, count: int = 10) -> pd.Series:
    """The pieces that sound most like one: distance by piece_id, nearest first, without the piece itself.

    heard : as from ``sound``.  among : only these.
    distance : root mean square difference over the features that both have, in standard deviations of the training
    music, of which two pieces picked at random differ by 1.4 (the root of 2).
    Raises CoreError when the piece was not measured.
    """
    if piece_id not in heard.index:
        raise CoreError("This piece has no features of the present extractor. Score the library again.")
    others = heard.drop(index=piece_id)
    if among is not None:
        others = others.loc[others.index.intersection(list(among))]
    away = np.sqrt(np.nanmean((others.to_numpy() - heard.loc[piece_id].to_numpy()) ** 2, axis=1)) if len(others) else []
    return pd.Series(away, index=others.index, name="distance", dtype=float).sort_values(kind="stable").head(count)

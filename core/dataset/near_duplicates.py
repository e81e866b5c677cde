"""Which rows are the same recording: copies that agree cell by cell, and recordings that sound the same.

Duplicates leak: a model that has seen one copy knows the other.
"""

import hashlib

import numpy as np
import pandas as pd

from core.components import connected_groups
from core.schema import COLUMNS, LABEL

# Mean difference of quantile positions below which two rows are one recording. Measured on the published table: eight
# pairs at 0.007 to 0.033, two probable ones at 0.049 and 0.085, the next of all other pairs at 0.114.
NEAR = 0.10
COPY_SHARE = 0.9  # of the cells that both rows know; measured: copies 0.98 and more, all other pairs 0.27 at most
_BLOCK = 256  # rows compared with the whole table at a time: bounds the memory at 256 * n values
_BAND = 5  # columns that must agree entirely before two rows are compared
_LAGS = 8  # rows of equal band that a row is compared with


def clip_keys(frame: pd.DataFrame, *, salt: str = "") -> np.ndarray:
    """SHA-256 of each row's 50 values: the same clip has the same key in any table and at any place.

    Values are rounded to three decimals, the precision of the published table, so that ``28.105999999999998`` and
    ``28.106`` are one clip. The label does not count.
    Returns shape (n,), str of 64 hexadecimal digits.
    """
    values = np.round(frame[list(COLUMNS)].to_numpy(dtype="<f8"), 3) + 0.0  # + 0.0 turns -0.0 into 0.0
    values[np.isnan(values)] = np.nan  # one bit pattern for every NaN
    return np.array([hashlib.sha256(salt.encode() + row.tobytes()).hexdigest() for row in values], dtype="U64")


def unique_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """The table without exact copies (label and 50 values alike): the first of each is kept, with its row number."""
    return frame.loc[~frame[[LABEL, *COLUMNS]].duplicated()]


def cell_copies(values: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    """Rows that repeat an earlier row cell by cell: all cells (unknown ones included), or 90 % of those both know.

    values : shape (n, 50).  labels : shape (n,); only rows with equal labels are copies.
    At least half of the cells must be known to both. Only rows that agree in five neighbouring columns are compared,
    each with the eight before it that do, so that the work grows with n and not with its square.
    Returns columns first, second (positions from 0, first < second; a row is second at most once and first is never
    itself a copy) and exact (no cell differs), in the order of second.
    """
    values = values + 0.0  # one bit pattern for 0
    distinct, firsts = _first_of_equal(values, labels)
    pairs = distinct[_candidates(values[distinct])]
    pairs = pairs[labels[pairs[:, 0]] == labels[pairs[:, 1]]]
    near = [
        _alike(values[chunk[:, 0]], values[chunk[:, 1]]) for chunk in np.array_split(pairs, len(pairs) // 10**5 + 1)
    ]
    original = np.arange(len(values))
    for first, second in pairs[
        np.concatenate(near)
    ]:  # ascending, so that the first of a chain is settled before the next
        original[second] = min(original[second], original[first])
    original = original[firsts]  # an exact copy of a near copy is a copy of the same row
    second = np.flatnonzero(original != np.arange(len(values)))
    return pd.DataFrame({"first": original[second], "second": second, "exact": original[second] == firsts[second]})


def _alike(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Whether rows of `one` have 90 % of the cells of the same rows of `other`, among those that both know."""
    both = (~np.isnan(one) & ~np.isnan(other)).sum(axis=1)
    return ((one == other).sum(axis=1) >= COPY_SHARE * both) & (both >= len(COLUMNS) / 2)


def _first_of_equal(values: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the distinct rows, and for every row the position of the first that equals it."""
    rows = pd.DataFrame(values).assign(label=labels)
    codes = pd.factorize(pd.util.hash_pandas_object(rows, index=False))[0]
    distinct = np.flatnonzero(~pd.Series(codes).duplicated())
    return distinct, distinct[codes]


def _candidates(values: np.ndarray) -> np.ndarray:
    """Pairs of rows that agree in a whole band of columns; shape (k, 2), ascending, first < second."""
    found = [np.empty((0, 2), dtype=np.int64)]
    for start in range(0, len(COLUMNS), _BAND):
        band = values[:, start : start + _BAND]
        whole = np.flatnonzero(~np.isnan(band).any(axis=1))
        hashes = pd.util.hash_pandas_object(pd.DataFrame(band[whole]), index=False).to_numpy()
        order = np.argsort(hashes, kind="stable")
        for lag in range(1, _LAGS + 1):
            alike = hashes[order[lag:]] == hashes[order[:-lag]]
            found.append(np.column_stack([whole[order[:-lag][alike]], whole[order[lag:][alike]]]))
    return np.unique(np.concatenate(found), axis=0)


def near_pairs(frame: pd.DataFrame, *, limit: float = NEAR) -> pd.DataFrame:
    """Pairs of rows that are so alike that they must be one recording, exact copies included.

    Two excerpts or encodings of one recording agree in most features, and may differ wildly in a few (a tempo doubles,
    an attack is missed). So the distance is taken between quantile positions, which bound what one feature can add:
    each value is replaced by its rank over the number of rows, and a pair's distance is the mean absolute difference
    over the features that both rows have (at least half of them).

    Returns columns first, second (positions from 0, first < second) and distance in [0, limit], nearest first.
    Ranks belong to the table: find the pairs in the whole table before taking a part of it.
    """
    ranks = frame[list(COLUMNS)].rank(pct=True).to_numpy(dtype=np.float32)
    known = (~np.isnan(ranks)).astype(np.float32)
    found = []
    for start in range(0, len(ranks), _BLOCK):
        block = slice(start, start + _BLOCK)
        shared = known[block] @ known[start:].T
        difference = np.zeros_like(shared)
        for one, other in zip(ranks[block].T, ranks[start:].T, strict=True):
            difference += np.nan_to_num(np.abs(one[:, None] - other[None, :]))
        with np.errstate(invalid="ignore", divide="ignore"):
            distance = difference / shared
        first, second = np.nonzero((distance <= limit) & (shared >= len(COLUMNS) / 2))
        keep = first < second
        found.append(
            pd.DataFrame(
                {
                    "first": first[keep] + start,
                    "second": second[keep] + start,
                    "distance": distance[first[keep], second[keep]].astype(float),
                }
            )
        )
    pairs = pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=["first", "second", "distance"])
    return pairs.sort_values(["distance", "first", "second"], ignore_index=True)


def duplicate_groups(frame: pd.DataFrame) -> np.ndarray:
    """Number of the recording each row belongs to: exact and near copies (`near_pairs`) share one.

    Returns shape (n,), int64 from 0 in order of first appearance.
    """
    pairs = near_pairs(frame)
    n = len(frame)
    # Sparse rows have no near_pairs, yet exact copies of them are copies.
    keys = pd.factorize(clip_keys(frame))[0]
    firsts = pd.Series(np.arange(n)).groupby(keys).transform("first").to_numpy() if n else keys
    left = np.concatenate([pairs["first"].to_numpy(dtype=np.int64), np.arange(n)])
    right = np.concatenate([pairs["second"].to_numpy(dtype=np.int64), firsts])
    return connected_groups(left, right, n)

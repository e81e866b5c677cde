"""Find rows of the same recording: exact copies, copies with changed cells, and recordings that sound the same.

Duplicates cause leakage: a model that was trained on one copy recognises the other one in the test.
"""

import hashlib
from collections.abc import Iterator
from math import ceil

import numpy as np
import pandas as pd

from core.components import connected_groups
from core.schema import COLUMNS, LABEL

# Two rows are one recording if their mean difference of quantile positions is at most this. In the published table,
# eight pairs have 0.007 to 0.033, two probable pairs 0.049 and 0.085; the closest other pair has 0.114.
NEAR = 0.10
COPY_SHARE = 0.9  # share of equal cells among those known in both rows; measured: copies >= 0.98, other pairs <= 0.27
_BLOCK = 256  # rows compared with the whole table at once; limits the memory to 256 * n values
_FEW = 2_000  # rows that are compared without compiled code
_BAND = 5  # neighbouring columns that must be equal before two rows are compared
_LAGS = 8  # number of earlier rows with an equal band that a row is compared with


def clip_keys(frame: pd.DataFrame, *, salt: str = "") -> np.ndarray:
    """Hash the 50 values of each row (SHA-256), so that a clip has the same key in every table and every row.

    Values are rounded to three decimals, the precision of the published table, so ``28.105999999999998`` and
    ``28.106`` give the same key. The label is ignored. Returns shape (n,), strings of 64 hexadecimal digits.
    """
    values = np.round(frame[list(COLUMNS)].to_numpy(dtype="<f8"), 3) + 0.0  # + 0.0 turns -0.0 into 0.0
    values[np.isnan(values)] = np.nan  # one bit pattern for every NaN
    return np.array([hashlib.sha256(salt.encode() + row.tobytes()).hexdigest() for row in values], dtype="U64")


def unique_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """Remove exact copies (same label and same 50 values); the first row of each group stays, with its row number."""
    return frame.loc[~frame[[LABEL, *COLUMNS]].duplicated()]


def cell_copies(values: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    """Find rows that copy an earlier row: all cells are equal, or 90 % of the cells that are known in both rows.

    At least half of the cells must be known in both rows. A row is compared only with the eight previous rows that are
    equal in five neighbouring columns, so the cost grows with n and not with n².

    Parameters
    ----------
    values
        Shape (n, 50).
    labels
        Shape (n,). Only rows with equal labels can be copies.

    Returns
    -------
    pd.DataFrame
        Columns first and second (positions from 0, first < second) and exact (no cell differs), ordered by second.
        Each copy is listed once, with the first original row.
    """
    values = values + 0.0  # one bit pattern for 0
    distinct, firsts = _first_of_equal(values, labels)
    pairs = distinct[_candidates(values[distinct])]
    pairs = pairs[labels[pairs[:, 0]] == labels[pairs[:, 1]]]
    near = [
        _alike(values[chunk[:, 0]], values[chunk[:, 1]]) for chunk in np.array_split(pairs, len(pairs) // 10**5 + 1)
    ]
    original = np.arange(len(values))
    # ascending order: the original of `first` is final before it is passed on to `second`
    for first, second in pairs[np.concatenate(near)]:
        original[second] = min(original[second], original[first])
    original = original[firsts]  # an exact copy of a near copy is a copy of the same row
    second = np.flatnonzero(original != np.arange(len(values)))
    return pd.DataFrame({"first": original[second], "second": second, "exact": original[second] == firsts[second]})


def _alike(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return for each row whether `one` and `other` share 90 % of the cells that are known in both."""
    both = (~np.isnan(one) & ~np.isnan(other)).sum(axis=1)
    return ((one == other).sum(axis=1) >= COPY_SHARE * both) & (both >= len(COLUMNS) / 2)


def _first_of_equal(values: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions of the distinct rows, and for each row the position of the first equal row."""
    rows = pd.DataFrame(values).assign(label=labels)
    codes = pd.factorize(pd.util.hash_pandas_object(rows, index=False))[0]
    distinct = np.flatnonzero(~pd.Series(codes).duplicated())
    return distinct, distinct[codes]


def _candidates(values: np.ndarray) -> np.ndarray:
    """Return pairs of rows that are equal in a whole band of columns; shape (k, 2), ascending, first < second."""
    pairs = [np.empty((0, 2), dtype=np.int64)]
    for start in range(0, len(COLUMNS), _BAND):
        band = values[:, start : start + _BAND]
        whole = np.flatnonzero(~np.isnan(band).any(axis=1))
        hashes = pd.util.hash_pandas_object(pd.DataFrame(band[whole]), index=False).to_numpy()
        order = np.argsort(hashes, kind="stable")
        for lag in range(1, _LAGS + 1):
            alike = hashes[order[lag:]] == hashes[order[:-lag]]
            pairs.append(np.column_stack([whole[order[:-lag][alike]], whole[order[lag:][alike]]]))
    return np.unique(np.concatenate(pairs), axis=0)


def near_pairs(frame: pd.DataFrame, *, limit: float = NEAR) -> pd.DataFrame:
    """Find pairs of rows that are so similar that they must be one recording, exact copies included.

    Two excerpts or encodings of one recording agree in most features but can differ strongly in a few (for example a
    doubled tempo). Quantile positions limit the influence of one feature: each value is replaced by its rank divided
    by the number of rows. The distance of a pair is the mean absolute difference over the features known in both rows
    (at least half of the features).

    Ranks depend on the table: search the whole table before you select a part of it.

    Returns
    -------
    pd.DataFrame
        Columns first and second (positions from 0, first < second) and distance in [0, limit], nearest first.
    """
    ranks = frame[list(COLUMNS)].rank(pct=True).to_numpy(dtype=np.float32)
    most = limit * len(COLUMNS) + 0.001  # the largest sum of a near pair, and more than the error of rounding
    found = _close(ranks, most) if len(ranks) <= _FEW else _close_of_many(ranks, most)
    tables = [_near(ranks, pairs, limit) for pairs in found]
    pairs = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=["first", "second", "distance"])
    return pairs.sort_values(["distance", "first", "second"], ignore_index=True)


def _near(ranks: np.ndarray, pairs: np.ndarray, limit: float) -> pd.DataFrame:
    """The pairs of ``near_pairs`` among these. pairs : shape (k, 2)."""
    one, other = ranks[pairs[:, 0]], ranks[pairs[:, 1]]
    difference = np.zeros(len(one), dtype=np.float32)
    for column in np.abs(one - other).T:
        difference += np.nan_to_num(column)
    shared = (~np.isnan(one) & ~np.isnan(other)).sum(axis=1).astype(np.float32)
    with np.errstate(invalid="ignore", divide="ignore"):
        distance = difference / shared
    near = (distance <= limit) & (shared >= len(COLUMNS) / 2)
    first, second = pairs[near].T
    return pd.DataFrame({"first": first, "second": second, "distance": distance[near].astype(float)})


def _close(ranks: np.ndarray, most: float) -> Iterator[np.ndarray]:
    """Pairs as from ``_close_of_many``, for few rows: less than the time to load the compiled code."""
    for start in range(0, len(ranks), _BLOCK):
        block = ranks[start : start + _BLOCK]
        total = np.zeros((len(block), len(ranks) - start), dtype=np.float32)
        for one, other in zip(block.T, ranks[start:].T, strict=True):
            total += np.nan_to_num(np.abs(one[:, None] - other[None, :]))
        yield start + np.argwhere(np.triu(total <= most, k=1))


def _close_of_many(ranks: np.ndarray, most: float) -> Iterator[np.ndarray]:
    """Pairs of rows whose positions may differ by at most ``most`` in sum, in parts of shape (k, 2)."""
    from core.dataset.close_rows import HALF, STEPS, coded, find_close

    codes, slack = coded(ranks)
    largest = ceil(STEPS * most) + len(COLUMNS)
    found = np.empty((len(ranks), 2), dtype=np.int64)
    for start in range(0, len(ranks), _BLOCK):
        block = codes, slack, start, min(start + _BLOCK, len(ranks)), largest, HALF
        if (number := find_close(*block, found)) > len(found):
            found = np.empty((number, 2), dtype=np.int64)
            find_close(*block, found)
        yield found[:number].copy()


def duplicate_groups(frame: pd.DataFrame) -> np.ndarray:
    """Number the recordings: exact copies and near copies (`near_pairs`) get the same number.

    Returns shape (n,), int64, numbered from 0 in order of first appearance.
    """
    pairs = near_pairs(frame)
    n = len(frame)
    # near_pairs ignores rows with many missing values, but their exact copies must be grouped too.
    keys = pd.factorize(clip_keys(frame))[0]
    firsts = pd.Series(np.arange(n)).groupby(keys).transform("first").to_numpy() if n else keys
    left = np.concatenate([pairs["first"].to_numpy(dtype=np.int64), np.arange(n)])
    right = np.concatenate([pairs["second"].to_numpy(dtype=np.int64), firsts])
    return connected_groups(left, right, n)

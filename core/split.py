"""Which rows are the same recording, which part is never used for choosing, and the split as files.

Duplicates leak: a model that has seen one copy knows the other. Rows of one group therefore stay in one part, and the
held-out part is chosen by a hash of the clip's values alone, so that no seed and no row order can change it.
"""

import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from core.schema import COLUMNS, EMOTIONS, LABEL

if TYPE_CHECKING:
    from core.dataset import Table

# Mean difference of quantile positions below which two rows are one recording. Measured on the published table: eight
# pairs at 0.007 to 0.033, two probable ones at 0.049 and 0.085, the next of all other pairs at 0.114.
NEAR = 0.10
HELD_OUT_SHARE = 0.15
VALIDATION_SHARE = 0.15  # of all clips, like the held-out part
_BLOCK = 256  # rows compared with the whole table at a time: bounds the memory at 256 * n * 50 values


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
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    pairs = near_pairs(frame)
    n = len(frame)
    # Sparse rows have no near_pairs, yet exact copies of them are copies.
    keys = pd.factorize(clip_keys(frame))[0]
    firsts = pd.Series(np.arange(n)).groupby(keys).transform("first").to_numpy() if n else keys
    left = np.concatenate([pairs["first"].to_numpy(dtype=np.int64), np.arange(n)])
    right = np.concatenate([pairs["second"].to_numpy(dtype=np.int64), firsts])
    _, component = connected_components(coo_array((np.ones(len(left)), (left, right)), shape=(n, n)), directed=False)
    return pd.factorize(component)[0].astype(np.int64)


def held_out(frame: pd.DataFrame) -> np.ndarray:
    """The part that never helps to choose a model: about 15 % of the clips of each emotion.

    frame : the published table. Rows that people add later are never held out: do not pass them.
    Groups of copies are kept whole. Returns shape (n,), bool.
    """
    return _choose(frame, duplicate_groups(frame), share=HELD_OUT_SHARE, salt="held out")


def split_parts(frame: pd.DataFrame, *, seed: int) -> pd.Series:
    """``train``, ``val`` or ``test`` for each row; ``test`` is `held_out` whatever the seed.

    Returns a Series of str on the frame's index. Copies of one recording are in one part.
    """
    groups = duplicate_groups(frame)
    test = _choose(frame, groups, share=HELD_OUT_SHARE, salt="held out")
    rest = frame.loc[~test]
    share = VALIDATION_SHARE / (1 - HELD_OUT_SHARE)
    val = np.zeros(len(frame), dtype=bool)
    val[~test] = _choose(rest, groups[~test], share=share, salt=f"validation {seed}")
    return pd.Series(np.select([test, val], ["test", "val"], "train"), index=frame.index, name="part")


def _choose(frame: pd.DataFrame, groups: np.ndarray, *, share: float, salt: str) -> np.ndarray:
    """Whole groups in the order of their hash until each emotion has its share of distinct clips."""
    keys = clip_keys(frame, salt=salt)
    rows = pd.DataFrame({"key": keys, "group": groups, "label": frame[LABEL].to_numpy()})
    by_group = rows.groupby("group").agg(key=("key", "min"), clips=("key", "nunique"), label=("label", "first"))
    chosen: list[int] = []
    for _, of_label in by_group.sort_values("key").groupby("label", sort=True):
        wanted = round(share * int(of_label["clips"].sum()))
        for group, clips in zip(of_label.index.to_numpy(), of_label["clips"], strict=True):
            if clips <= wanted:
                chosen.append(int(group))
                wanted -= clips
    return np.isin(groups, chosen)


def write_split(table: "Table", folder: Path, *, seed: int) -> dict[str, object]:
    """Write the three parts as X_*.csv and y_*.csv with split_metadata.json: the same bytes for one table and seed.

    The parts hold distinct clips (exact copies are left out); column ``row`` is the row of the table from 0.
    Every file is replaced in one step, and the metadata, which holds the files' hashes, comes last.
    Returns the metadata.
    """
    parts = split_parts(table.frame, seed=seed)
    groups = pd.Series(duplicate_groups(table.frame), index=table.frame.index)
    distinct = unique_rows(table.frame)
    folder.mkdir(parents=True, exist_ok=True)
    files, counts = {}, {}
    for part in ("train", "val", "test"):
        rows = distinct.loc[parts[distinct.index] == part]
        counts[part] = {"clips": len(rows), **{e: int((rows[LABEL] == e).sum()) for e in EMOTIONS}}
        for name, content in ((f"X_{part}.csv", rows[list(COLUMNS)]), (f"y_{part}.csv", rows[[LABEL]])):
            data = content.to_csv(index_label="row", lineterminator="\n").encode()
            files[name] = hashlib.sha256(data).hexdigest()
            replace_file(folder / name, data)
    alike = groups.groupby(groups).filter(lambda g: len(g) > 1)
    metadata: dict[str, object] = {
        "data_hash": table.content_hash,
        "origin": table.origin,
        "synthetic": table.synthetic,
        "seed": seed,
        "rule": f"copies: mean difference of quantile positions <= {NEAR}; test: hash of the clip; val: hash and seed",
        "rows": len(table.frame),
        "distinct": len(distinct),
        "groups": int(groups.nunique()),
        "copies": [[int(row) for row in rows] for rows in alike.groupby(alike).groups.values()],
        "counts": counts,
        "sha256": files,
    }
    replace_file(folder / "split_metadata.json", (json.dumps(metadata, indent=1) + "\n").encode())
    return metadata


def replace_file(path: Path, data: bytes) -> None:
    """Write a file whole or not at all: a reader sees the old content or the new one, never a part."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(name, 0o644)  # mkstemp makes the file private
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise

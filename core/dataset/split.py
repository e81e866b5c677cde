"""Split the published table into training, validation and held-out test clips, and write the parts as files.

All rows of one recording are in the same part. The held-out clips are chosen by a hash of their values, so the choice
does not depend on a seed or on the row order.
"""

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from core.atomic import replace_file
from core.dataset.near_duplicates import NEAR, clip_keys, duplicate_groups, unique_rows
from core.file_names import SPLIT
from core.schema import COLUMNS, EMOTIONS, LABEL

if TYPE_CHECKING:
    from core.dataset.table import Table

HELD_OUT_SHARE = 0.15
VALIDATION_SHARE = 0.15  # share of all clips, as for the held-out clips


def held_out(frame: pd.DataFrame) -> np.ndarray:
    """Mark the held-out clips, about 15 % of each emotion, which are never used for model selection.

    All copies of one recording are marked together.

    Parameters
    ----------
    frame
        The published table. Do not pass rows that people added later; they are never held out.

    Returns
    -------
    np.ndarray
        Shape (n,), bool.
    """
    return _choose(frame, duplicate_groups(frame), share=HELD_OUT_SHARE, salt="held out")


def split_parts(frame: pd.DataFrame, *, seed: int) -> pd.Series:
    """Assign each row to ``train``, ``val`` or ``test``; ``test`` is `held_out` for every seed.

    All copies of one recording get the same part. Returns a Series of str with the index of the frame.
    """
    groups = duplicate_groups(frame)
    test = _choose(frame, groups, share=HELD_OUT_SHARE, salt="held out")
    rest = frame.loc[~test]
    share = VALIDATION_SHARE / (1 - HELD_OUT_SHARE)
    val = np.zeros(len(frame), dtype=bool)
    val[~test] = _choose(rest, groups[~test], share=share, salt=f"validation {seed}")
    return pd.Series(np.select([test, val], ["test", "val"], "train"), index=frame.index, name="part")


def _choose(frame: pd.DataFrame, groups: np.ndarray, *, share: float, salt: str) -> np.ndarray:
    """Choose whole groups in the order of their hash until each emotion has its share of distinct clips."""
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
    """Write the parts as X_*.csv and y_*.csv, and split_metadata.json; return the metadata.

    The same table and seed give the same bytes. Exact copies are left out; the column ``row`` is the row number in the
    table, from 0. Each file is replaced atomically; the metadata with the file hashes is written last.
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
    replace_file(folder / SPLIT, (json.dumps(metadata, indent=1) + "\n").encode())
    return metadata

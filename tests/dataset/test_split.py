"""The held-out part and the split as files."""

import hashlib
import json

import numpy as np
import pandas as pd
import pytest

from core.dataset import stand_in
from core.dataset.near_duplicates import duplicate_groups
from core.dataset.split import held_out, split_parts, write_split
from core.dataset.table import as_table
from core.schema import COLUMNS, EMOTIONS, LABEL


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """The stand-in with copies: ten exact ones, and five with a doubled tempo."""
    sample = stand_in.sample()
    near = sample.iloc[201:206].copy()
    near["_Tempo_Mean"] /= 2
    return pd.concat([sample, sample.iloc[::40], near], ignore_index=True)


def test_the_held_out_part_is_15_percent_of_the_clips_of_each_emotion(frame):
    chosen = frame[held_out(frame)].drop_duplicates()
    assert chosen[LABEL].value_counts().tolist() == pytest.approx([15, 15, 15, 15], abs=1)


def test_the_held_out_part_depends_on_the_clips_alone(frame):
    chosen = pd.Series(held_out(frame), index=frame.index)
    shuffled = frame.sample(frac=1, random_state=3)
    assert (pd.Series(held_out(shuffled), index=shuffled.index).sort_index() == chosen).all()
    distinct = frame.drop_duplicates()
    assert (held_out(distinct) == chosen[distinct.index]).all()


def test_the_held_out_part_of_the_published_table_is_fixed(published):
    chosen = held_out(published)
    rows = ",".join(map(str, np.flatnonzero(chosen)))
    assert chosen.sum() == 61
    assert published[chosen].drop_duplicates()[LABEL].value_counts().to_dict() == {
        "angry": 15,
        "happy": 14,
        "relax": 15,
        "sad": 15,
    }
    # A change of this hash gives every published figure another meaning.
    assert hashlib.sha256(rows.encode()).hexdigest()[:16] == "ab34edeb53e1d536"


@pytest.mark.parametrize("seed", [0, 1])
def test_copies_are_in_one_part_and_the_test_part_is_the_held_out_one(frame, seed):
    parts = split_parts(frame, seed=seed)
    assert parts.groupby(duplicate_groups(frame)).nunique().max() == 1
    assert ((parts == "test") == held_out(frame)).all()
    clips = parts[frame.drop_duplicates().index].value_counts()
    assert clips["val"] == pytest.approx(61, abs=4)
    assert clips["train"] == pytest.approx(284, abs=6)


def test_the_seed_changes_the_validation_part_only(frame):
    one, other = split_parts(frame, seed=0), split_parts(frame, seed=1)
    assert (one != other).any()
    assert ((one == "test") == (other == "test")).all()
    assert set(one[one != other]) == {"train", "val"}


def contents(folder) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def test_the_split_files_are_the_same_bytes_each_time(frame, tmp_path):
    table = as_table(frame, origin="synthetic", synthetic=True)
    metadata = write_split(table, tmp_path / "one", seed=5)
    write_split(table, tmp_path / "two", seed=5)
    write_split(table, tmp_path / "two", seed=5)  # over the first
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert set(contents(tmp_path / "one")) == {
        *(f"{x}_{part}.csv" for x in "Xy" for part in ("train", "val", "test")),
        "split_metadata.json",
    }
    assert json.loads((tmp_path / "one" / "split_metadata.json").read_text()) == metadata


def test_the_split_files_hold_every_distinct_clip_once(frame, tmp_path):
    metadata = write_split(as_table(frame, origin="upload"), tmp_path, seed=5)
    parts = {p: pd.read_csv(tmp_path / f"X_{p}.csv", index_col="row") for p in ("train", "val", "test")}
    labels = {p: pd.read_csv(tmp_path / f"y_{p}.csv", index_col="row") for p in parts}
    together = pd.concat(parts.values()).sort_index()
    pd.testing.assert_frame_equal(together, frame.drop_duplicates()[list(COLUMNS)], check_names=False)
    for part, rows in parts.items():
        assert (labels[part][LABEL] == frame.loc[rows.index, LABEL]).all()
        assert metadata["counts"][part]["clips"] == len(rows)
        assert sum(metadata["counts"][part][e] for e in EMOTIONS) == len(rows)
    assert metadata["data_hash"] == as_table(frame, origin="upload").content_hash
    assert (metadata["rows"], metadata["distinct"], metadata["groups"], metadata["seed"]) == (415, 405, 400, 5)
    assert [0, 400] in metadata["copies"]
    assert len(metadata["copies"]) == 15
    for name, expected in metadata["sha256"].items():
        assert hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() == expected

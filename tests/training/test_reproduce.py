"""A model is trained again from its own files, and what differs is said with its size."""

from dataclasses import replace

import numpy as np
import pytest

from core.cli.reproducing import reproduction_text
from core.dataset.table import as_table
from core.errors import ModelError, TableError
from core.models.description import read_description
from core.training import reproduce as reproduce_module
from core.training.folds import distinct_clips
from core.training.publish import write_bundle
from core.training.reproduce import compare_numbers, reproduce
from tests.small_training import few_candidates, in_one_process, small_run, small_table

NAME = "logistic_regression"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The stored model of a small training, with a recipe that is fitted in milliseconds."""
    folder = tmp_path_factory.mktemp("model")
    write_bundle(replace(small_run()[0], champion=NAME), small_table(), folder)
    return read_description(folder, "a test")


@pytest.fixture
def again(monkeypatch):
    monkeypatch.setattr(reproduce_module, "all_candidates", few_candidates)

    def run(model, table=None):
        table = table or small_table()
        with in_one_process():
            return reproduce(model, table, distinct_clips(table))

    return run


def test_the_same_table_and_seed_give_the_same_model_to_the_bit(model, again):
    result = again(model)
    assert result.equal
    assert result.changed_parts == 0 < result.parts
    assert [one.n for one in result.probabilities] == [137 * 4, 24 * 4]  # development and held-out clips
    assert result.figures.n > 100
    assert result.versions == {}
    text = reproduction_text(result)
    assert "Everything is equal." in text
    assert "Library versions: the same" in text


def test_another_seed_is_found_and_its_size_is_said(model, again):
    facts = model.metrics["run"] | {"seed": 1, "versions": {"numpy": "1.0"}}
    result = again(replace(model, metrics={**model.metrics, "run": facts}))
    assert not result.equal
    assert result.versions["numpy"][0] == "1.0"
    out_of_fold, _ = result.probabilities
    assert out_of_fold.differ > 0 < out_of_fold.largest
    assert len(result.changed_figures)
    text = reproduction_text(result)
    assert "numpy 1.0 then, " in text
    assert f"{out_of_fold.differ} of {out_of_fold.n} numbers differ, by at most {out_of_fold.largest:.2g}" in text
    assert "not reproduced exactly" in text


def test_another_table_is_refused_with_the_way_to_the_right_one(model, again):
    frame = small_table().frame.copy()
    frame.iloc[3, 5] += 1
    with pytest.raises(TableError, match=r"content hash .*TME_TABLE\. Its data version: not recorded"):
        again(model, as_table(frame, origin="a test"))


def test_clips_that_belong_together_in_another_way_are_refused(model, monkeypatch):
    monkeypatch.setattr(reproduce_module, "all_candidates", few_candidates)
    clips = distinct_clips(small_table())
    with pytest.raises(TableError, match="other clips belonged together as one recording then"):
        reproduce(model, small_table(), replace(clips, group=clips.group[::-1]))


def test_a_recipe_that_is_gone_is_refused(model, again):
    with pytest.raises(ModelError, match="does not know the recipe forest"):
        again(replace(model, manifest={**model.manifest, "name": "forest"}))


def test_a_number_beside_nothing_is_a_difference():
    old, new = np.array([1.0, np.nan, np.nan, 2.0]), np.array([1.0, np.nan, 3.0, 2.5])
    found = compare_numbers("numbers", old, new)
    assert (found.n, found.differ, found.largest) == (4, 2, 0.5)
    assert np.isnan(compare_numbers("none", old[1:2], new[1:2]).largest)

"""The bytes of a model file depend on the model only."""

import io
import zipfile

import numpy as np
import pytest

from core.models.bundle import load_pipeline
from core.models.canonical import canonical
from core.models.model_files import skops_io
from core.schema import COLUMNS
from tests.small_training import small_run


@pytest.fixture(scope="module")
def pipeline():
    return small_run()[0].pipelines["blend"]


def copied(pipeline):
    """An equal model whose objects are at other addresses."""
    return skops_io().loads(skops_io().dumps(pipeline), trusted=skops_io().get_untrusted_types(data=_data(pipeline)))


def _data(pipeline):
    return skops_io().dumps(pipeline)


def test_equal_models_have_equal_files_whoever_writes_them(pipeline):
    first, second = _data(pipeline), _data(copied(pipeline))
    assert first != second
    assert canonical(first) == canonical(second) == canonical(canonical(first))


def test_the_file_loads_and_gives_the_same_probabilities(pipeline):
    again = load_pipeline(canonical(_data(pipeline)), where="a test")
    X = np.random.default_rng(0).normal(size=(5, len(COLUMNS)))
    assert np.array_equal(again.predict_proba(_table(X)), pipeline.predict_proba(_table(X)))


def _table(X):
    import pandas as pd

    return pd.DataFrame(X, columns=list(COLUMNS))


def test_one_other_bit_gives_another_file(pipeline):
    other = copied(pipeline)
    imputer = (
        other[1] if hasattr(other[1], "statistics_") else next(s for _, s in other.steps if hasattr(s, "statistics_"))
    )
    imputer.statistics_[0] = np.nextafter(imputer.statistics_[0], np.inf)
    assert canonical(_data(other)) != canonical(_data(pipeline))


def test_unused_bytes_in_records_do_not_count():
    kind = np.dtype([("a", "u1"), ("b", "f8")], align=True)
    written = []
    for rest in (0, 255):
        raw = np.full(3 * kind.itemsize, rest, "u1").view(kind)
        raw["a"], raw["b"] = 1, 2.5
        buffer, array = io.BytesIO(), io.BytesIO()
        np.save(array, raw, allow_pickle=False)
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("7.npy", array.getvalue())
            archive.writestr("schema.json", '{"__class__": "ndarray", "__id__": 7, "file": "7.npy"}')
        written.append(buffer.getvalue())
    assert written[0] != written[1]
    assert canonical(written[0]) == canonical(written[1])

"""A model file may hold the estimators of the candidates, and no type that skops would not have trusted itself."""

import subprocess
import sys
from pathlib import Path

import pytest
import sklearn.utils
from sklearn.base import BaseEstimator

from core.models.model_files import SKLEARN_ESTIMATORS, TRUSTED, skops_io
from core.training.candidates import all_candidates

ROOT = Path(__file__).resolve().parent.parent.parent
NEW_PROCESS = """
import sys
from sklearn.linear_model import Ridge
from core.models.bundle import load_pipeline
from core.models.model_files import skops_io
from core.errors import ModelError
data = skops_io().dumps(Ridge())
try:
    load_pipeline(data, where="here")
except ModelError as error:
    print("refused" if "sklearn.linear_model._ridge.Ridge" in str(error) else error)
import sklearn.utils
print(len(sklearn.utils.all_estimators()) > 100)
"""


def type_name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def estimators_in(value: object) -> set[str]:
    """Names of the types of all estimators in the settings of an estimator."""
    if isinstance(value, BaseEstimator):
        return {type_name(type(value))}.union(*map(estimators_in, value.get_params(deep=False).values()))
    if isinstance(value, list | tuple):
        return set().union(*map(estimators_in, value))
    return set()


def test_every_trusted_estimator_of_scikit_learn_is_one_that_skops_trusts_by_itself():
    public = {type_name(kind) for _, kind in sklearn.utils.all_estimators()}
    assert set(SKLEARN_ESTIMATORS) <= public


@pytest.mark.parametrize("name", all_candidates(0))
def test_the_estimators_of_each_candidate_are_trusted(name):
    assert estimators_in(all_candidates(0)[name].pipeline) <= set(TRUSTED)


def test_a_new_process_refuses_an_estimator_that_no_candidate_has():
    run = subprocess.run([sys.executable, "-c", NEW_PROCESS], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["refused", "True"]


def test_the_list_of_all_estimators_is_there_again_after_the_import():
    skops_io()
    assert len(sklearn.utils.all_estimators()) > 100

"""One clip uses two cores where they are free, with the same 50 values to the last bit."""

import gc
import threading

import numpy as np
import pytest

from core import features
from core.audio import synthetic
from core.audio.decoding import Clip
from core.features import rhythm, timbre
from core.schema import SR


@pytest.fixture(scope="module")
def clip() -> Clip:
    return Clip("clip", synthetic.render(synthetic.DEMOS["happy"], seconds=3), SR)


@pytest.fixture
def threads(monkeypatch) -> list[str]:
    """Names of the threads that measured the rhythm."""
    names: list[str] = []
    measure = rhythm.measure

    def noted(y, sr):
        names.append(threading.current_thread().name)
        return measure(y, sr)

    monkeypatch.setattr(rhythm, "measure", noted)
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    return names


def test_two_threads_and_one_give_the_same_values(clip, threads, monkeypatch):
    beside = features.extract(clip)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    alone = features.extract(clip)
    own = threading.current_thread().name
    assert threads[0].startswith("features")
    assert threads[1] == own
    np.testing.assert_array_equal(beside.values, alone.values)


def test_a_clip_takes_no_second_core_while_another_is_measured(clip, threads, monkeypatch):
    inside: list[np.ndarray] = []
    measure = timbre.measure

    def with_another(y, sr, spectrum=None):
        if not inside:
            inside.append(np.empty(0))
            inside[0] = features.extract(clip).values
        return measure(y, sr, spectrum)

    monkeypatch.setattr(timbre, "measure", with_another)
    outside = features.extract(clip).values
    assert sorted(name.startswith("features") for name in threads) == [False, True]
    np.testing.assert_array_equal(inside[0], outside)
    features.extract(clip)
    assert threads[-1].startswith("features")  # the core is free again


def test_an_error_beside_is_raised_and_frees_the_core(clip, threads, monkeypatch):
    def fail(y, sr):
        raise ArithmeticError("no rhythm")

    with monkeypatch.context() as patch:
        patch.setattr(rhythm, "measure", fail)
        with pytest.raises(ArithmeticError, match="no rhythm"):
            features.extract(clip)
    features.extract(clip)
    assert threads[-1].startswith("features")


@pytest.mark.parametrize("searches", [True, False])
def test_kernels_load_without_a_search_for_garbage(searches, monkeypatch):
    seen: list[bool] = []
    monkeypatch.setattr(features, "import_module", lambda _name: seen.append(gc.isenabled()))
    before = gc.isenabled()
    try:
        (gc.enable if searches else gc.disable)()
        features.load.__wrapped__()
        assert gc.isenabled() == searches
    finally:
        (gc.enable if before else gc.disable)()
    assert seen == [False] * 5

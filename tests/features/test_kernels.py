"""No compiled kernel holds the interpreter's lock, and numba is imported without what the kernels do not use."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest
from numba.core.dispatcher import Dispatcher

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCES = {path: text for path in (ROOT / "core").rglob("*.py") if "\n@njit" in (text := path.read_text("utf-8"))}
MODULES = [importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts)) for path in sorted(SOURCES)]
KERNELS = {
    f"{name} of {module.__name__}": value
    for module in MODULES
    for name, value in vars(module).items()
    if isinstance(value, Dispatcher) and value.__module__ == module.__name__
}


def test_all_kernels_are_found():
    assert len(KERNELS) == sum(text.count("\n@njit") for text in SOURCES.values()) > 25


@pytest.mark.parametrize("name", KERNELS)
def test_no_kernel_holds_the_lock_of_the_interpreter(name):
    assert KERNELS[name].targetoptions["nogil"]


def test_the_kernels_load_without_scipy_and_numbas_linear_algebra_works_after_them():
    code = (
        "import sys, core.features.kernels.rhythm; print(*sorted({'scipy.linalg', 'pycparser'} & set(sys.modules)));"
        "import cffi, numba, numpy as np; cffi.FFI();"
        "dot = numba.njit(lambda a, b: np.dot(a, b)); print(dot(np.eye(2), np.ones((2, 2))).sum())"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.splitlines() == ["", "4.0"]

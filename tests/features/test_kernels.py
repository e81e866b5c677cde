"""No compiled kernel holds the interpreter's lock, and numba is imported without what the kernels do not use."""

import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest
from numba.core.dispatcher import Dispatcher

from core.features import kernels
from core.models import forest_kernel

ROOT = Path(__file__).resolve().parent.parent.parent
MODULES = [
    *(importlib.import_module(f"{kernels.__name__}.{found.name}") for found in pkgutil.iter_modules(kernels.__path__)),
    forest_kernel,
]
KERNELS = {
    f"{name} of {module.__name__}": value
    for module in MODULES
    for name, value in vars(module).items()
    if isinstance(value, Dispatcher) and value.__module__ == module.__name__
}


def test_all_kernels_are_found():
    sources = [Path(str(module.__file__)).read_text(encoding="utf-8") for module in MODULES]
    assert len(KERNELS) == sum(source.count("\n@njit") for source in sources) > 25


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

"""Compiled kernels (numba) of the features. Each one has a plain numpy or scipy version with the same result.

No kernel holds the interpreter's lock: two clips are measured on two cores at the same time.

numba imports two libraries that no kernel here uses, for a third of the time to the first clip of a new process. This
package imports numba without them.
"""

import sys


def _import_numba() -> None:
    """Import numba and its array functions without the C parser of cffi and without scipy.linalg.

    pycparser : numba then does not recognise C functions that are called from a kernel.
    scipy.linalg : the array functions only ask whether it is installed, which requirements.txt answers. A kernel with
    linear algebra imports it when it is compiled.
    """
    unused = not {"numba", "pycparser"} & sys.modules.keys()
    if unused:
        sys.modules["pycparser"] = None  # type: ignore[assignment]  # an import of it now raises ImportError
    try:
        import numba.core.typing.cffi_utils  # noqa: F401
    finally:
        if unused:
            del sys.modules["pycparser"]
    from numba.np import linalg

    ask, linalg.ensure_blas = linalg.ensure_blas, lambda: None
    try:
        import numba.np.arraymath  # noqa: F401
    finally:
        linalg.ensure_blas = ask


_import_numba()

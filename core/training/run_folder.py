"""The folder of a training run, which disappears when the run registers no model."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.atomic import remove_abandoned

NOT_REGISTERED = (  # what a full disk means for a training
    "no model was registered, and the champion is the same as before. Free some space and train again."
)


@contextmanager
def folder_of_run(folder: Path) -> Iterator[None]:
    """Remove the folder of a run if its model is not registered in the block. Also remove what killed runs left."""
    for other in folder.parent.glob("*/"):
        remove_abandoned(other)
        if not any(other.iterdir()):
            other.rmdir()
    try:
        yield
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise

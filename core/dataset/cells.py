"""Work on the cells of many columns at once: for short columns, a call of pandas takes longer than its work."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd

AT_ONCE = 200_000  # cells; more would only take more memory


def blocks(frame: pd.DataFrame, columns: Sequence[str]) -> Iterator[tuple[list[str], pd.Series]]:
    """Yield the names of some columns and their cells, one column below the other."""
    step = max(1, AT_ONCE // max(1, len(frame)))
    for first in range(0, len(columns), step):
        names = list(columns[first : first + step])
        yield names, pd.concat([frame[name] for name in names], ignore_index=True)


def by_cell(
    frame: pd.DataFrame, columns: Sequence[str], work: Callable[[pd.Series], pd.Series | np.ndarray]
) -> np.ndarray:
    """Return what ``work`` makes of each cell: shape (rows, columns)."""
    made = [np.asarray(work(cells)).reshape(len(names), len(frame)).T for names, cells in blocks(frame, columns)]
    return np.concatenate(made, axis=1)

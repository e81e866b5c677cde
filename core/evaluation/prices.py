"""Prices of the errors of a model: a price for each confusion, a price for a review, and presets for kinds of use."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.schema import EMOTIONS

_N = len(EMOTIONS)


def _matrix(other: float, **dear: float) -> np.ndarray:
    """Return prices, shape (4, 4): rows are the right emotion, columns the accepted one. dear : ``right_accepted``."""
    prices = np.full((_N, _N), other)
    np.fill_diagonal(prices, 0.0)
    for pair, price in dear.items():
        right, accepted = pair.split("_")
        prices[EMOTIONS.index(right), EMOTIONS.index(accepted)] = price
    return prices


@dataclass(frozen=True, eq=False)
class Preset:
    """Prices for one kind of use.

    prices : shape (4, 4), rows right emotion, columns accepted one.  review : price.
    caution : what a person must think of before a lower limit is set for its cost; empty if nothing.
    """

    name: str
    why: str
    prices: np.ndarray
    review: float
    caution: str = ""


PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset(
            "Recommender",
            "A wrong song is skipped. All confusions cost the same, and a review costs as much as half a wrong song.",
            _matrix(1.0),
            0.5,
        ),
        Preset(
            "Therapy",
            "Music that excites a client who needs calm is the most expensive error: an angry piece played as relax "
            "costs ten times as much as a common confusion. A review costs as much as one common confusion.",
            _matrix(1.0, angry_relax=10.0, angry_sad=5.0, happy_relax=3.0, angry_happy=3.0, sad_happy=2.0),
            1.0,
            "The cost is in prices, and they do not measure harm to a client. Do not lower the limit for its cost "
            "alone, and listen to each piece before a session.",
        ),
        Preset(
            "Archive",
            "A wrong entry in a catalogue stays for years and is found late, so each confusion costs much more than a "
            "review.",
            _matrix(4.0),
            0.5,
        ),
    )
}


def prices_table(prices: np.ndarray) -> pd.DataFrame:
    """Return prices as a table: one row for each right emotion, one column for each accepted one."""
    return pd.DataFrame(prices, index=pd.Index(EMOTIONS, name="right emotion"), columns=list(EMOTIONS))


def read_prices(table: pd.DataFrame | Mapping[str, Mapping[str, float]]) -> np.ndarray:
    """Return the prices of a table as ``prices_table`` makes it. The diagonal becomes 0: a right answer is free."""
    prices = pd.DataFrame(table).reindex(index=list(EMOTIONS), columns=list(EMOTIONS)).to_numpy(dtype=float).copy()
    np.fill_diagonal(prices, 0.0)
    return prices

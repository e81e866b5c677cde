"""Pinned pieces: a person chose them, so they stay in every new list of the same person, near their places.

Pins are a table of pieces, index ``piece_id``, with one more column *pin_at*: the place in the list as a share, from 0
(first) to 1 (last).
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

PIN_AT = "pin_at"


def pins_table(pieces: pd.DataFrame, places: Mapping[str, float]) -> pd.DataFrame:
    """Pins for these pieces of a library. places : share of each pinned piece; pieces that are gone are left out."""
    known = [piece for piece in places if piece in pieces.index]
    return pieces.loc[known].assign(**{PIN_AT: [float(places[piece]) for piece in known]})


def pin_places(pins: pd.DataFrame | None, number: int) -> dict[str, int]:
    """Place (from 0) of each pinned piece in a list of ``number`` pieces; two pins never have the same place."""
    if pins is None or not len(pins):
        return {}
    order = pins.sort_values(PIN_AT, kind="stable")
    wanted = np.round(order[PIN_AT].to_numpy() * (number - 1)).astype(int)
    places: list[int] = []
    for k, place in enumerate(wanted):
        rest = len(wanted) - 1 - k
        places.append(min(max(place, places[-1] + 1 if places else 0), number - 1 - rest))
    return dict(zip(order.index, places, strict=True))

"""Pinned pieces: a person chose them, so they stay in every new list of the same person, near their places.

Pins are a table of pieces, index ``piece_id``, with one more column *pin_at*: the place in the list as a share, from 0
(first) to 1 (last).
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from core.records import Remark, RemarkKind
from core.wording import counted

PIN_AT = "pin_at"


def pins_table(pieces: pd.DataFrame, places: Mapping[str, float]) -> tuple[pd.DataFrame | None, list[Remark]]:
    """Pins for pieces of a library, and a remark about those that are gone; None when there is no pin.

    places : beginning of the id of each pinned piece, and its share.
    """
    known: dict[str, float] = {}
    for ref, share in places.items():
        known |= dict.fromkeys(pieces.index[pieces.index.str.startswith(ref)][:1], share)
    gone = len(places) - len(known)
    text = f"{counted(gone, 'pinned piece')} cannot be played now: the file is gone, or the piece was excluded."
    remarks = [Remark(RemarkKind.PIN_GONE, text)] if gone else []
    if not known:
        return None, remarks
    return pieces.loc[list(known)].assign(**{PIN_AT: list(known.values())}), remarks


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


def with_pins(table: pd.DataFrame, listed: Sequence[str], pins: pd.DataFrame | None) -> pd.DataFrame:
    """The listed pieces of a table in their order, and the pins between them at their places."""
    if pins is None:
        return table.loc[list(listed)]
    places = {place: piece for piece, place in pin_places(pins, len(listed) + len(pins)).items()}
    rest = iter(listed)
    order = [places.get(k) or next(rest) for k in range(len(listed) + len(pins))]
    return pd.concat([table, pins.drop(columns=PIN_AT)]).loc[order]

"""Commas of Turkish music: 53 to the octave, the names of the perdes, and their numbers in SymbTr.

The names are those of the Arel-Ezgi-Uzdilek theory: 24 perdes in an octave. Source: H. S. Arel, *Türk Mûsıkîsi
Nazariyatı Dersleri*. The numbers are those of the SymbTr collection of scores, where 305 is the written La (dügâh) and
the frequency of number k is ``440 x 2 ** ((k - 305) / 53)`` Hz.
"""

from bisect import bisect_left
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.makams import COMMAS

FloatArray = NDArray[np.float64]  # not from core.features, because every page loads this module

CENTS = 1200 / COMMAS  # of one comma
DUGAH = 305  # number of the perde dügâh in SymbTr
_KABA_CARGAH = 265
_LOW = (
    *((0, "kaba çargâh"), (4, "kaba nim hicaz"), (5, "kaba hicaz"), (8, "kaba dik hicaz"), (9, "yegâh")),
    *((13, "kaba nim hisar"), (14, "kaba hisar"), (17, "kaba dik hisar"), (18, "hüseynî aşîran")),
    *((22, "acemaşîran"), (23, "dik acemaşîran"), (26, "ırak"), (27, "geveşt"), (30, "dik geveşt"), (31, "rast")),
    *((35, "nim zirgûle"), (36, "zirgûle"), (39, "dik zirgûle"), (40, "dügâh"), (44, "kürdî"), (45, "dik kürdî")),
    *((48, "segâh"), (49, "bûselik"), (52, "dik bûselik")),
)
_MIDDLE = (
    *((0, "çargâh"), (4, "nim hicaz"), (5, "hicaz"), (8, "dik hicaz"), (9, "nevâ"), (13, "nim hisar"), (14, "hisar")),
    *((17, "dik hisar"), (18, "hüseynî"), (22, "acem"), (23, "dik acem"), (26, "eviç"), (27, "mâhur")),
    *((30, "dik mâhur"), (31, "gerdâniye"), (35, "nim şehnaz"), (36, "şehnaz"), (39, "dik şehnaz"), (40, "muhayyer")),
    *((44, "sünbüle"), (45, "dik sünbüle"), (48, "tiz segâh"), (49, "tiz bûselik"), (52, "tiz dik bûselik")),
)
PERDES: dict[str, int] = {  # name -> number in SymbTr, from low to high
    **{name: _KABA_CARGAH + k for k, name in _LOW},
    **{name: _KABA_CARGAH + COMMAS + k for k, name in _MIDDLE},
    **{f"tiz {name}": _KABA_CARGAH + 2 * COMMAS + k for k, name in _MIDDLE[:15]},
}
_NUMBERS = list(PERDES.values())
_NAMES = list(PERDES)


@dataclass(frozen=True)
class NearestPerde:
    """The perde that is nearest to a pitch. deviation : the pitch minus the perde, in commas."""

    name: str
    deviation: float


def commas_over(cents: FloatArray, karar_hz: float) -> FloatArray:
    """Return the height over the karar in commas. cents : over 440 Hz, any shape; NaN stays NaN."""
    return (np.asarray(cents, dtype=float) - cents_of_hz(karar_hz)) / CENTS


def cents_of_hz(hz: float) -> float:
    """Return the cents of a frequency over 440 Hz."""
    return 1200 * float(np.log2(hz / 440))


def hz_of_cents(cents: float) -> float:
    """Return the frequency in Hz of a pitch in cents over 440 Hz."""
    return 440 * 2.0 ** (cents / 1200)


def nearest_perde(commas: float, karar: str) -> NearestPerde:
    """Find the perde at a height over the karar.

    A height outside the named perdes gets the name of the same perde in the nearest named octave.

    Parameters
    ----------
    commas
        Height over the karar in commas.
    karar
        Perde of the karar, such as ``"dügâh"`` or ``"rast"``.
    """
    number = PERDES[karar] + commas
    while number < _NUMBERS[0] - 0.5:
        number += COMMAS
    while number > _NUMBERS[-1] + 0.5:
        number -= COMMAS
    after = min(bisect_left(_NUMBERS, number), len(_NUMBERS) - 1)
    best = min((max(after - 1, 0), after), key=lambda k: abs(_NUMBERS[k] - number))
    return NearestPerde(_NAMES[best], number - _NUMBERS[best])


def perde_name(commas: float, karar: str | None) -> str:
    """Name the perde at a height over the karar: ``perde_name(13, "dügâh")`` is ``"çargâh"``.

    karar : its perde; None if it is not known: the name is then empty.
    """
    return "" if karar is None else nearest_perde(commas, karar).name


def note_name(hz: float) -> str:
    """Name a frequency as a tempered note with its deviation in cents, A4 = 440 Hz: ``"A3 −12 cents"``."""
    cents = cents_of_hz(hz)
    key = round(cents / 100)
    off = round(cents - 100 * key)
    names = ("A", "A♯", "B", "C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯")
    octave = 4 + (key + 9) // 12
    sign = "+" if off > 0 else "−"
    return f"{names[key % 12]}{octave}" + (f" {sign}{abs(off)} cents" if off else "")


def karar_height(hz: float) -> str:
    """Name the nearest tempered pitch class of a karar, without its octave: ``"A"``.  It shows the ahenk."""
    return note_name(hz).split(" ")[0].rstrip("0123456789-")

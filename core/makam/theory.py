"""Makams as the Arel-Ezgi-Uzdilek theory describes them: scale, karar, güçlü and seyir.

The facts follow the article on each makam in *TDV İslâm Ansiklopedisi* (islamansiklopedisi.org.tr) and İ. H. Özkan,
*Türk Mûsikîsi Nazariyatı ve Usûlleri* (Ötüken); scales are rounded to 53 commas. Özkan wrote most of the articles,
C. Tanrıkorur those on Acemkürdi and Bayatî, A. Yavaşça the one on Bestenigâr. Performers deviate from the theory: the
segâh of Uşşak and the hisar of Hüzzam are examples that Özkan names himself. A makam is more than these facts.
"""

from dataclasses import dataclass, field
from typing import Literal

from core.errors import CoreError
from core.makam.commas import PERDES
from core.makams import COMMAS
from core.turkish import fold

Seyir = Literal["ascending", "descending", "ascending-descending"]
SEYIR_IN_TURKISH: dict[Seyir, str] = {
    "ascending": "çıkıcı",
    "descending": "inici",
    "ascending-descending": "inici-çıkıcı",
}
SOURCE = (
    "Articles on the makams in TDV İslâm Ansiklopedisi (İ. H. Özkan; Acemkürdi, Bayatî: C. Tanrıkorur; Bestenigâr: "
    "A. Yavaşça), https://islamansiklopedisi.org.tr"
)


@dataclass(frozen=True)
class Makam:
    """One makam in theory.

    name : in Turkish.  karar : perde of the tonic.  guclu : perdes of the dominants, the first one first.
    steps : commas from each degree to the next, from the karar to its octave.
    seyir : direction of the melody.  also : commas over the karar of other perdes that the makam uses often.
    """

    name: str
    karar: str
    guclu: tuple[str, ...]
    steps: tuple[int, ...]
    seyir: Seyir
    also: tuple[int, ...] = field(default=())

    def __post_init__(self) -> None:
        if sum(self.steps) != COMMAS:
            raise ValueError(f"The steps of {self.name} add up to {sum(self.steps)} commas, not to {COMMAS}.")

    @property
    def degrees(self) -> tuple[int, ...]:
        """Commas of the degrees over the karar, from 0 to below the octave."""
        return tuple(sum(self.steps[:k]) for k in range(len(self.steps)))

    @property
    def guclu_commas(self) -> tuple[int, ...]:
        """Commas of the dominants over the karar."""
        return tuple(PERDES[perde] - PERDES[self.karar] for perde in self.guclu)


_UP: Seyir = "ascending"
_DOWN: Seyir = "descending"
_BOTH: Seyir = "ascending-descending"
_ALL: tuple[Makam, ...] = (
    Makam("Acemaşiran", "acemaşîran", ("acem", "çargâh", "dügâh"), (9, 9, 4, 9, 9, 9, 4), _DOWN),
    Makam("Acemkürdi", "dügâh", ("acem", "çargâh"), (4, 9, 9, 9, 4, 9, 9), _DOWN, (8,)),
    Makam("Bestenigâr", "ırak", ("çargâh", "segâh", "dügâh"), (5, 9, 8, 5, 5, 12, 9), _BOTH, (45, 49)),
    Makam("Beyati", "dügâh", ("nevâ",), (8, 5, 9, 9, 4, 9, 9), _BOTH),
    Makam("Hicaz", "dügâh", ("nevâ", "hüseynî"), (5, 12, 5, 9, 8, 5, 9), _BOTH, (35,)),
    Makam("Hicazkâr", "rast", ("gerdâniye", "nevâ"), (5, 12, 5, 9, 5, 12, 5), _DOWN),
    Makam("Hüseyni", "dügâh", ("hüseynî",), (8, 5, 9, 9, 8, 5, 9), _BOTH, (35,)),
    Makam("Hüzzam", "segâh", ("nevâ",), (5, 9, 5, 12, 5, 9, 8), _BOTH, (48,)),
    Makam("Karcığar", "dügâh", ("nevâ",), (8, 5, 9, 5, 12, 5, 9), _BOTH),
    Makam("Kürdilihicazkâr", "rast", ("gerdâniye",), (4, 9, 9, 9, 4, 9, 9), _DOWN),
    Makam("Mahur", "rast", ("gerdâniye", "nevâ"), (9, 9, 4, 9, 9, 9, 4), _DOWN),
    Makam("Muhayyer", "dügâh", ("muhayyer", "hüseynî"), (8, 5, 9, 9, 8, 5, 9), _DOWN, (35,)),
    Makam("Neva", "dügâh", ("nevâ",), (8, 5, 9, 9, 8, 5, 9), _BOTH),
    Makam("Nihavent", "rast", ("nevâ",), (9, 4, 9, 9, 4, 9, 9), _BOTH, (48,)),
    Makam("Rast", "rast", ("nevâ",), (9, 8, 5, 9, 9, 8, 5), _UP, (44,)),
    Makam("Saba", "dügâh", ("çargâh",), (8, 5, 5, 12, 5, 9, 9), _UP, (31, 49)),
    Makam("Segâh", "segâh", ("nevâ",), (5, 9, 8, 9, 5, 13, 4), _UP, (27, 45)),
    Makam("Sultaniyegâh", "yegâh", ("nevâ", "dügâh"), (9, 4, 9, 9, 5, 12, 5), _DOWN, (35, 44)),
    Makam("Suzinak", "rast", ("nevâ",), (9, 8, 5, 9, 5, 12, 5), _BOTH),
    Makam("Uşşak", "dügâh", ("nevâ",), (8, 5, 9, 9, 4, 9, 9), _UP),
)
_OTHER_SPELLINGS = {"bayati": "beyati", "nihavend": "nihavent", "huzam": "huzzam", "acemasîran": "acemasiran"}


def key_of(name: str) -> str:
    """Return a name without case, accents, spaces and hyphens: ``"Kürdîli-Hicazkâr"`` is ``"kurdilihicazkar"``."""
    folded = "".join(letter for letter in fold(name) if letter.isalnum())
    return _OTHER_SPELLINGS.get(folded, folded)


MAKAMS: dict[str, Makam] = {key_of(makam.name): makam for makam in _ALL}


def makam_named(name: str) -> Makam:
    """Find a makam by its name in any usual spelling. Raises CoreError for a makam whose theory is not here."""
    makam = MAKAMS.get(key_of(name))
    if makam is None:
        raise CoreError(f"The theory of {name!r} is not here. Choose one of: {', '.join(m.name for m in _ALL)}.")
    return makam

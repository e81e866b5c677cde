"""The words of makam music: Turkish form, one plain sentence, and a phrase that lets one hear it.

Sources: Arel, Türk Musikîsi Nazariyatı Dersleri (1968); Özkan, Türk Mûsikîsi Nazariyatı ve Usûlleri (1984); Signell,
Makam (1977). The phrases are our own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.makams import COMMAS, MAKAMS, USULS
from core.schema import SR

KARAR_HZ = 220.0
PEAK = 0.5
REST = float("nan")  # height of a rest in a phrase

Phrase = tuple[tuple[float, float], ...]  # height in commas over the karar, and length in s, of each note


@dataclass(frozen=True)
class Term:
    """A word of makam music.

    Parameters
    ----------
    english, turkish
        The two forms of the word.
    sentence
        What it means.
    heard
        What one hears in the example.
    phrase
        Notes of the example; empty for a drum.
    usul
        Name of the cycle in `core.makams` that a drum plays; empty without a drum.
    drone
        Whether the karar sounds along.
    """

    english: str
    turkish: str
    sentence: str
    heard: str
    phrase: Phrase = ()
    usul: str = ""
    drone: bool = False


def _scale(makam: str) -> list[float]:
    return [0.0, *np.cumsum(MAKAMS[makam]).astype(float).tolist()]


def _notes(*heights: float, seconds: float = 0.4, last: float = 1.2) -> Phrase:
    return (*((height, seconds) for height in heights[:-1]), (heights[-1], last))


RAST, HICAZ, HUSEYNI = _scale("Rast"), _scale("Hicaz"), _scale("Hüseynî")
_TESLIM = _notes(31, 22, 17, 9, 0, seconds=0.3, last=0.7)

TERMS = (
    Term("makam", "makam", "A scale with its intervals, its important notes and its way of moving.",
         "A phrase in Rast, then one in Hicaz, from the same karar.",
         (*_notes(0, 9, 17, 22, 17, 9, 0), (REST, 0.4), *_notes(0, 5, 17, 22, 17, 5, 0))),
    Term("comma", "koma", "The smallest step that the theory names: an octave has 53 of them, each of 22.6 cents.",
         "A note, and the note one comma higher.", ((0, 1.0), (1, 1.0))),
    Term("note, fret", "perde", "A note of the system with its own name, and the place of the finger that plays it.",
         "The perdes rast and dügâh, a whole tone of nine commas apart.", ((0, 1.0), (9, 1.0))),
    Term("tonic", "karar (durak)", "The note on which a piece ends and finds its rest.",
         "A phrase that falls to the karar and stays there.", _notes(31, 22, 17, 9, 0, last=2.0)),
    Term("dominant", "güçlü", "The second most important note, on which phrases rest before the end.",
         "A phrase that rises to the güçlü of Rast, 31 commas over the karar.", _notes(0, 9, 17, 22, 31, last=2.0)),
    Term("suspended rest", "asma karar", "A note on which a phrase stops for a while; more follows.",
         "A phrase that stops 17 commas over the karar.", _notes(0, 9, 22, 31, 22, 17, last=1.8)),
    Term("leading note", "yeden", "The note just below the karar, which leads into it.",
         "The yeden, five commas below the karar, and then the karar.", ((-5, 0.8), (0, 1.5))),
    Term("upper tonic", "tiz durak", "The karar an octave higher.", "The karar and its octave.",
         ((0, 1.0), (53, 1.0))),
    Term("scale", "dizi", "The notes of a makam in order.", "The scale of Rast, upwards.", _notes(*RAST)),
    Term("flavour", "çeşni", "Four or five neighbouring notes with a colour of their own.",
         "The lower four notes of Hicaz, with the wide step of 12 commas.", _notes(*HICAZ[:4], *HICAZ[2::-1])),
    Term("course of the melody", "seyir", "Where a melody begins, rises, rests and ends.",
         "A melody that begins at the karar, rises to its octave, and comes back.",
         _notes(0, 9, 17, 31, 40, 53, 44, 31, 22, 9, 0, seconds=0.3)),
    Term("rising course", "çıkıcı seyir", "The melody begins near the karar.", "A phrase that rises from the karar.",
         _notes(0, 9, 17, 22, 31)),
    Term("falling course", "inici seyir", "The melody begins near the octave of the karar, and falls.",
         "A phrase that falls from the octave.", _notes(53, 44, 40, 31, 22)),
    Term("rising and falling course", "inici-çıkıcı seyir", "The melody begins near the güçlü.",
         "A phrase that begins at the güçlü.", _notes(31, 40, 31, 22, 31)),
    Term("verse, section", "hane", "A section of an instrumental piece; each hane brings something new.",
         "A hane, the teslim, another hane, and the teslim again.",
         (*_notes(0, 9, 17, 22, 31, seconds=0.3, last=0.6), *_TESLIM,
          *_notes(31, 40, 53, 44, 40, seconds=0.3, last=0.6), *_TESLIM)),
    Term("refrain", "teslim", "The part that returns after each hane.", "The same teslim, twice.",
         (*_TESLIM, (REST, 0.5), *_TESLIM)),
    Term("improvisation", "taksim", "A free solo without a metre, which shows a makam.",
         "A phrase whose notes have free lengths.",
         ((0, 1.3), (9, 0.2), (17, 0.5), (22, 0.15), (31, 1.7), (22, 0.3), (17, 0.8), (9, 0.25), (0, 1.5))),
    Term("drone", "dem", "A note that sounds all the time, usually the karar.", "A phrase over the drone of its karar.",
         _notes(0, 9, 17, 22, 17, 9, 0), drone=True),
    Term("pitch level", "ahenk", "The height from which a makam is played; it depends on the ney or the singer.",
         "The same phrase twice, the second time nine commas higher.",
         (*_notes(0, 9, 17, 9, 0), (REST, 0.4), *_notes(9, 18, 26, 18, 9))),
    Term("cycle", "usul", "The rhythm of a piece, as strokes of different weight that return.",
         "The usul Düyek on a drum.", usul="Düyek (8/8)"),
    Term("limping metre", "aksak", "A metre with beats of unequal length, such as 2 + 2 + 2 + 3.",
         "The usul Aksak on a drum.", usul="Aksak (9/8)"),
    Term("pulse", "nabız (vuruş)", "The beats that people clap to. Half and twice as fast is possible too.",
         "A note that is repeated twice a second, and then four times a second.",
         tuple((0.0, 0.5) for _ in range(5)) + tuple((0.0, 0.25) for _ in range(10))),
    Term("comma profile", "koma profili", "How long a recording stays on each of the 53 commas over its karar.",
         "The scale of Hüseynî; the longest notes are the karar and the güçlü.",
         tuple((height, 1.2 if height in (0.0, 31.0) else 0.4) for height in HUSEYNI)),
    Term("drift of the karar", "karar kayması", "The karar becomes higher or lower in the course of a recording.",
         "The same note four times, each time a comma lower.", ((0, 0.7), (-1, 0.7), (-2, 0.7), (-3, 0.7))),
    Term("transposition", "göçürme (şed)", "The same scale from another note.",
         "The lower four notes of Hicaz from the karar, and from 22 commas higher.",
         (*_notes(*HICAZ[:4]), *_notes(*(22 + height for height in HICAZ[:4])))),
)  # fmt: skip


def example(term: Term) -> np.ndarray:
    """Return the sound of a term: shape (n,), float64, mono at 44.1 kHz, peak 0.5."""
    if term.usul:
        y = _drum(USULS[term.usul])
    else:
        y = np.concatenate([_note(height, seconds) for height, seconds in term.phrase])
        if term.drone:
            y = y + 0.4 * _note(-COMMAS, y.size / SR)
    return y * (PEAK / np.abs(y).max())


def _note(commas: float, seconds: float) -> np.ndarray:
    """A soft tone; silence for a rest."""
    n = round(seconds * SR)
    t = np.arange(n) / SR
    if np.isnan(commas):
        return np.zeros(n)
    hz = KARAR_HZ * 2 ** (commas / COMMAS)
    tone = sum(a * np.sin(2 * np.pi * k * hz * t) for k, a in enumerate((1, 0.5, 0.3, 0.15), 1))
    return np.asarray(tone * np.minimum(1, t / 0.02) * np.minimum(1, (n / SR - t) / 0.05))


def _drum(strokes: Sequence[str], *, cycles: int = 3, unit_s: float = 0.22) -> np.ndarray:
    """Play a cycle: düm is a falling low tone, tek is a short noise."""
    t = np.arange(round(0.18 * SR)) / SR
    dum = np.sin(2 * np.pi * 70 * t + 18 * (1 - np.exp(-t / 0.03))) * np.exp(-t / 0.06)
    tek = 0.5 * np.random.default_rng(0).standard_normal(t.size) * np.exp(-t / 0.012)
    y = np.zeros(round(cycles * len(strokes) * unit_s * SR) + t.size)
    for k, sign in enumerate(cycles * list(strokes)):
        if sign != ".":
            first = round(k * unit_s * SR)
            y[first : first + t.size] += dum if sign == "D" else tek
    return y

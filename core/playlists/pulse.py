"""The pulse of a piece: its tempo with the octave doubt.

Music of 120 bpm can be felt as 60 bpm, and a measured tempo is often wrong by a factor of two. So the pulse is the
measured tempo, or half or double of it where that fits the wished tempo much better.
"""

import numpy as np

from core.playlists.wish import FASTEST, SLOWEST

PACE = 2.0  # cost of an octave between the pulse and the wished tempo
DOUBT = 0.6  # cost of counting a tempo at half or double
TEMPO_RISE = 1.03  # a larger ratio to the piece before is a rise
UNKNOWN = 0.5  # cost of a tempo that is not known, where one is wished: as a quarter of an octave


def pulse(tempo: np.ndarray, wished: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pulse of pieces (log2 of bpm) at a wished tempo, and its cost. The two shapes are broadcast."""
    tempo, wished = np.broadcast_arrays(tempo, wished)
    best, least = tempo.copy(), PACE * np.abs(tempo - wished)
    for octave in (-1.0, 1.0):
        other = tempo + octave
        cost = PACE * np.abs(other - wished) + DOUBT
        better = (cost < least) & (other >= np.log2(SLOWEST) - 1e-9) & (other <= np.log2(FASTEST) + 1e-9)
        best, least = np.where(better, other, best), np.where(better, cost, least)
    return best, np.where(np.isnan(wished), 0.0, np.where(np.isnan(tempo), UNKNOWN, least))


def counted(tempo: float, pulse_bpm: float) -> str:
    """How a tempo is counted, as text: ``"120 bpm, counted as 60"``, ``"90 bpm"``, ``"tempo not known"``."""
    if np.isnan(tempo):
        return "tempo not known"
    text = f"{tempo:.0f} bpm"
    return text if np.isnan(pulse_bpm) or same_count(tempo, pulse_bpm) else f"{text}, counted as {pulse_bpm:.0f}"


def same_count(tempo: float, pulse_bpm: float) -> bool:
    """Whether the pulse is the measured tempo, and not half or double of it."""
    return abs(np.log2(pulse_bpm / tempo)) < 0.5

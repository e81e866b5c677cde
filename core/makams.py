"""Makam scales and rhythmic cycles (usul) of the synthetic music.

Scales follow the Arel-Ezgi-Uzdilek intervals, rounded to Holdrian commas (53 per octave, 22.64 cents each). Usuls are
simplified to düm (low) and tek (high) strokes.
"""

import numpy as np

COMMAS = 53
MAKAMS = {  # steps in commas from the tonic (karar) to its octave
    "Rast": (9, 8, 5, 9, 9, 8, 5),
    "Hüseynî": (8, 5, 9, 9, 8, 5, 9),
    "Hicaz": (5, 12, 5, 9, 8, 5, 9),
    "Nihavend": (9, 4, 9, 9, 4, 9, 9),
    "Mahur": (9, 9, 4, 9, 9, 9, 4),
    "Segâh": (5, 9, 8, 9, 5, 13, 4),
}
USULS = {  # strokes of one cycle, one character per unit: D = düm, T = tek, . = rest
    "Nim Sofyan (2/4)": "D.T.",
    "Sofyan (4/4)": "D...T.T.",
    "Düyek (8/8)": "DT.TD.T.",
    "Aksak (9/8)": "D.T.D.T.T",
    "Devr-i Hindi (7/8)": "DT.D.T.",
    "Curcuna (10/8)": "D.TT.D.T.T",
    "free (taksim)": "",
}


def scale_hz(makam: str, tonic_hz: float, degrees: np.ndarray) -> np.ndarray:
    """Return the frequencies in Hz of scale degrees: 0 = tonic, 7 = its octave, negative = below the tonic."""
    steps = np.concatenate([[0], np.cumsum(MAKAMS[makam])])[:-1]
    octave, degree = np.divmod(degrees, len(steps))
    return tonic_hz * 2.0 ** (octave + steps[degree] / COMMAS)

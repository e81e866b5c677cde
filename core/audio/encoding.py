"""Encode samples as a WAV file."""

import io

import numpy as np
import soundfile

from core.schema import SR


def wav(y: np.ndarray) -> bytes:
    """Encode samples as a 16-bit WAV file at 44.1 kHz."""
    buffer = io.BytesIO()
    soundfile.write(buffer, y, SR, format="WAV", subtype="PCM_16")
    return buffer.getvalue()

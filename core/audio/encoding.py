"""Encode samples as a WAV or an MP3 file."""

import io

import numpy as np
import soundfile

from core.schema import SR


def wav(y: np.ndarray) -> bytes:
    """Encode samples as a 16-bit WAV file at 44.1 kHz."""
    buffer = io.BytesIO()
    soundfile.write(buffer, y, SR, format="WAV", subtype="PCM_16")
    return buffer.getvalue()


def mp3(y: np.ndarray) -> bytes:
    """Encode mono samples at 44.1 kHz as an MP3 file of about 128 kbit/s."""
    buffer = io.BytesIO()
    # libsndfile maps the compression level 0..1 to 320..32 kbit/s: 128 kbit/s is two thirds of the way
    soundfile.write(buffer, y, SR, format="MP3", bitrate_mode="CONSTANT", compression_level=2 / 3)
    return buffer.getvalue()

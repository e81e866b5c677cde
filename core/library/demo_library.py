"""Generate a small synthetic library, to try moods and playlists without music files.

Each piece is an ensemble of the voices of `core.audio.synthetic` in one makam and metre, with reverberation, in the
form hane, teslim, hane, teslim (a part and its refrain). Title, artist, album and genre of the files say that they are
synthetic. The pieces have no labels.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from core import makams
from core.atomic import replacing
from core.audio import synthetic
from core.errors import CoreError
from core.schema import GENRE, SR

COUNT = 24
METRES = tuple(usul for usul, strokes in makams.USULS.items() if strokes)
_ARTISTS = tuple(f"Ensemble {name}" for name in ("Çınar", "Gülşen", "Işık", "Örnek", "Şafak", "Üsküdar"))
_BLOCK = 1 << 16  # samples per write: libsndfile's Vorbis encoder accepts no more at once


@dataclass(frozen=True)
class Piece:
    """Recipe of one piece.

    Parameters
    ----------
    saz
        Number of saz.
    ney, zurna
        Level of the wind instruments, relative to one saz.
    unit_s
        Length of the metre's unit in s.
    drums
        Level of the drum strokes.
    room, room_s
        Level of the reverberation, and its length in s.
    drive
        Gain before saturation.
    peak
        Peak level; full scale = 1.
    section_s
        Length of each of the four sections in s.
    """

    title: str
    artist: str
    album: str
    makam: str
    usul: str
    unit_s: float
    tonic_hz: float
    saz: int
    ney: float
    zurna: float
    drums: float
    room: float
    room_s: float
    noise: float
    drive: float
    peak: float
    section_s: float
    seed: int


def pieces(count: int = COUNT) -> list[Piece]:
    """Return the recipes of a library, from quiet to lively in cycles of eight; the same recipes every time."""
    return [_recipe(k) for k in range(count)]


def _recipe(k: int) -> Piece:
    rng = np.random.default_rng([41, k])
    energy = (k % 8) / 7 + rng.uniform(-0.06, 0.06)  # from a quiet saz to a wedding outdoors
    winds = rng.random()
    makam = str(rng.choice(list(makams.MAKAMS)))
    artist = _ARTISTS[int(rng.integers(len(_ARTISTS)))]
    return Piece(
        title=f"{makam} ezgi {k + 1} (synthetic)",
        artist=f"{artist} (synthetic)",
        album=f"Demo album {k % 4 + 1} (synthetic)",
        makam=makam,
        usul=str(rng.choice(METRES)),
        unit_s=float(
            np.interp(energy, [0, 0.4, 0.5, 0.75, 0.85], [0.5, 0.3, 0.15, 0.11, 0.16]) * rng.uniform(0.85, 1.15)
        ),
        tonic_hz=float(rng.choice([146.8, 196.0, 220.0])),
        saz=int(rng.integers(1, 4)),
        ney=float(np.interp(energy, [0, 0.4, 0.5, 0.82, 1], [0.45, 0.2, 0, 0, 1.2]) * winds),
        zurna=float(np.interp(energy, [0.72, 0.85, 1], [0, 0.3, 0.8])),
        drums=float(np.interp(energy, [0, 0.4, 0.5, 0.75, 1], [0.02, 0.1, 0.4, 0.6, 0.3])),
        room=float(rng.uniform(0.2, 0.6)),
        room_s=float(rng.uniform(0.5, 1.0)),
        noise=float(10 ** (rng.uniform(-60, -42) / 20)),
        drive=float(np.interp(energy, [0.42, 0.5, 0.75, 0.85], [1, 3, 5, 1.5])),
        peak=float(np.interp(energy, [0, 1], [0.25, 0.95]) * rng.uniform(0.8, 1.0)),
        section_s=float(rng.uniform(13, 18)),
        seed=k,
    )


def render(piece: Piece) -> np.ndarray:
    """Return samples at 44.1 kHz, shape (n,), float64, peak = piece.peak: hane, teslim, another hane, same teslim."""
    hane, teslim, other = (_section(piece, part) for part in range(3))
    y = np.concatenate([hane, teslim, other, teslim])
    rng = np.random.default_rng([piece.seed, 9])
    y = _in_room(y / np.abs(y).max(), piece, rng)
    y = np.tanh(piece.drive * (y / np.abs(y).max() + piece.noise * rng.standard_normal(y.size)))
    return y * (piece.peak / np.abs(y).max())


def _section(piece: Piece, part: int) -> np.ndarray:
    """Return one section. Each voice plays its own variant of a melody on the same scale and drum strokes."""
    voices = [("saz", 1.0 / piece.saz, (1, 2, 1)[k]) for k in range(piece.saz)]
    voices += [(name, level, 1) for name, level in (("ney", piece.ney), ("zurna", piece.zurna)) if level > 0.02]
    y = np.zeros(round(piece.section_s * SR))
    for k, (voice, level, octave) in enumerate(voices):
        seed = 1000 * piece.seed + 10 * part + k
        recipe = synthetic.Demo(
            "", piece.makam, piece.usul, voice, piece.unit_s, piece.tonic_hz * octave, 1.0, 0.0, seed
        )
        y += level * synthetic.render(recipe, seconds=piece.section_s)
    struck = synthetic.Demo("", piece.makam, piece.usul, "saz", piece.unit_s, piece.tonic_hz, 1.0, 1.0, part)
    return y / np.abs(y).max() + piece.drums * synthetic.drum_strokes(struck, y.size, np.random.default_rng(part))


def _in_room(y: np.ndarray, piece: Piece, rng: np.random.Generator) -> np.ndarray:
    """Add reverberation: convolution with noise that decays by 60 dB in ``room_s``."""
    from scipy.signal import oaconvolve

    t = np.arange(round(piece.room_s * SR)) / SR
    echo = rng.standard_normal(t.size) * 10 ** (-3 * t / piece.room_s)
    echo *= piece.room / np.sqrt((echo**2).sum())
    return np.asarray(y + oaconvolve(y, echo)[: y.size])


def write(
    folder: Path, *, count: int = COUNT, on_progress: Callable[[int, int], None] = lambda done, of: None
) -> list[Path]:
    """Write the library as OGG files with tags and return their paths. Existing files are kept after an interruption.

    on_progress : called with the number of finished files and the total.
    Raises CoreError when a file cannot be written.
    """
    paths = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for k, piece in enumerate(pieces(count)):
            on_progress(k, count)
            path = folder / f"{k + 1:02d} {piece.title}.ogg"
            if not path.is_file():
                with replacing(path) as part:
                    _write(part, piece)
            paths.append(path)
    except (OSError, soundfile.LibsndfileError) as error:
        raise CoreError(f"The demo library cannot be written into {folder}: {error}.") from error
    on_progress(count, count)
    return paths


def _write(path: Path, piece: Piece) -> None:
    y = render(piece).astype(np.float32)
    with soundfile.SoundFile(path, "w", SR, 1, format="OGG", subtype="VORBIS") as file:
        file.title, file.artist, file.album, file.genre = piece.title, piece.artist, piece.album, GENRE
        file.comment = f"makam: {piece.makam}; usul: {piece.usul}; made by a program"
        for start in range(0, y.size, _BLOCK):
            file.write(y[start : start + _BLOCK])

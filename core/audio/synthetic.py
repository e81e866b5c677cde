"""Synthesise demo clips with makam scales, simple and aksak metres, and four characters.

All demo clips are labelled as synthetic. A character is the intention of the recipe; it is not ground truth for the
emotion that listeners feel. `core.makams` defines the scales and the metres.
"""

from dataclasses import dataclass

import numpy as np

from core.makams import COMMAS, USULS, scale_hz
from core.schema import SR

ECHO_S = 0.6
LOWEST_NOISE_HZ = 50.0


@dataclass(frozen=True)
class Demo:
    """Recipe of one synthetic clip.

    Parameters
    ----------
    character
        Intended character, one of the four emotions.
    makam, usul
        Names in `core.makams`.
    voice
        "saz" (plucked), "ney" (blown) or "zurna" (reed, loud).
    unit_s
        Duration of one unit of the metre in seconds.
    tonic_hz
        Frequency of the tonic (karar) in Hz.
    gain
        Peak of the samples; 1 = full scale.
    drums
        Level of the drum relative to the melody.
    seed
        Seed of the random numbers.
    room
        Level of the echo of a room relative to the dry sound; a room also has a little noise. 0 = no room.
    """

    character: str
    makam: str
    usul: str
    voice: str
    unit_s: float
    tonic_hz: float
    gain: float
    drums: float
    seed: int = 0
    room: float = 0.0

    @property
    def title(self) -> str:
        return f"{self.character.capitalize()} character: {self.makam}, {self.usul}, {self.voice} (synthetic)"


DEMOS = {
    "angry": Demo("angry", "Hicaz", "Aksak (9/8)", "zurna", 0.115, 146.8, 0.98, 1.0),
    "happy": Demo("happy", "Mahur", "Düyek (8/8)", "saz", 0.16, 220.0, 0.7, 0.45),
    "relax": Demo("relax", "Rast", "Sofyan (4/4)", "ney", 0.34, 196.0, 0.3, 0.0),
    "sad": Demo("sad", "Hüseynî", "free (taksim)", "ney", 0.42, 146.8, 0.22, 0.0),
}

# Two recipes in a room, which the committed model accepts. The dry clips of DEMOS are unlike the training music, so
# they end in a review. Key -> recipe; the key says which emotion is accepted.
EXAMPLES = {
    "accepted as angry": Demo(
        "angry", "Nihavend", "Devr-i Hindi (7/8)", "zurna", 0.092137, 148.7325, 0.724493, 0.932740, seed=3, room=0.8
    ),
    "accepted as sad": Demo(
        "happy", "Mahur", "Curcuna (10/8)", "saz", 0.1925803, 211.5355, 0.699966, 0.408911, seed=2, room=0.8
    ),
}


def variation(character: str, seed: int) -> Demo:
    """Return another recipe of the same character, with makam, metre, tempo, tonic and level drawn from the seed."""
    base = DEMOS[character]
    rng = np.random.default_rng([seed, *character.encode()])
    makams = {"angry": ("Hicaz", "Nihavend"), "happy": ("Mahur", "Rast"), "relax": ("Rast", "Segâh")}
    usuls = {"sad": ("free (taksim)",), "relax": ("Sofyan (4/4)", "free (taksim)")}
    metrical = tuple(u for u in USULS if USULS[u])
    return Demo(
        character,
        str(rng.choice(makams.get(character, ("Hüseynî", "Hicaz", "Nihavend")))),
        str(rng.choice(usuls.get(character, metrical))),
        base.voice,
        base.unit_s * rng.uniform(0.8, 1.25),
        base.tonic_hz * 2 ** (rng.integers(-12, 13) / COMMAS),
        base.gain * rng.uniform(0.7, 1.0),
        base.drums * rng.uniform(0.7, 1.0),
        seed,
    )


def render(demo: Demo, *, seconds: float = 15.0) -> np.ndarray:
    """Synthesise a clip at 44.1 kHz: shape (n,), float64, peak = demo.gain. Equal recipes give equal samples."""
    rng = np.random.default_rng(demo.seed)
    y = np.zeros(round(seconds * SR))
    free = not USULS[demo.usul]
    degree, at = 0, 0.0
    while at < seconds - 0.1:
        length = demo.unit_s * (rng.choice([2, 3, 5, 7]) * rng.uniform(0.8, 1.2) if free else rng.choice([1, 2, 2, 4]))
        hz = scale_hz(demo.makam, demo.tonic_hz, np.array(degree)).item()
        _add(y, at, _VOICES[demo.voice](hz, min(length * 1.1, seconds - at), rng))
        # The melody moves in small steps and often returns to the tonic. Its range is limited.
        degree = int(np.clip(degree + rng.choice([-2, -1, -1, 1, 1, 2]), -2, 8)) if rng.random() > 0.12 else 0
        at += length
    if demo.voice == "ney":
        _add(y, 0, 0.25 * _tone(demo.tonic_hz / 2, seconds, np.array([1, 0.4, 0.15])))  # dem: a sustained tonic
    y /= np.abs(y).max()
    if demo.drums:
        y += demo.drums * drum_strokes(demo, y.size, rng)
    if demo.room:
        y = _in_a_room(y, demo)
    return y * (demo.gain / np.abs(y).max())


def _in_a_room(y: np.ndarray, demo: Demo) -> np.ndarray:
    """Add the echo of a room (decaying noise of ``ECHO_S``) and pink noise of a tenth of the level."""
    rng = np.random.default_rng([demo.seed, 1])
    n = round(ECHO_S * SR)
    echo = rng.standard_normal(n) * np.exp(-6.9 * np.arange(n) / n)  # -60 dB at its end
    size = 1 << (y.size + n).bit_length()
    wet = np.fft.irfft(np.fft.rfft(y, size) * np.fft.rfft(echo / np.linalg.norm(echo), size), size)[: y.size]
    y = y + demo.room * wet
    spectrum = np.fft.rfft(rng.standard_normal(y.size))
    noise = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.fft.rfftfreq(y.size, 1 / SR), LOWEST_NOISE_HZ)), y.size)
    return y + 0.1 * np.sqrt((y**2).mean()) * noise / noise.std()


def medley(*, seconds: float = 45.0) -> np.ndarray:
    """Synthesise the four characters in sequence, each for ``seconds``: one recording with changing mood."""
    return np.concatenate([render(demo, seconds=seconds) for demo in DEMOS.values()])


def _add(y: np.ndarray, at_s: float, note: np.ndarray) -> None:
    first = round(at_s * SR)
    part = note[: max(0, y.size - first)]
    y[first : first + part.size] += part


def _tone(hz: float | np.ndarray, seconds: float, partials: np.ndarray) -> np.ndarray:
    """Sum the harmonics below the Nyquist frequency; hz : one number, or one value per sample for a gliding pitch."""
    n = round(seconds * SR)
    phase = 2 * np.pi * np.cumsum(np.broadcast_to(hz, n)) / SR
    top = float(np.max(hz))
    return np.asarray(sum(a * np.sin(k * phase) for k, a in enumerate(partials, 1) if k * top < SR / 2))


def _fade(n: int, rise_s: float, fall_s: float) -> np.ndarray:
    t = np.arange(n) / SR
    return np.minimum(1, t / rise_s) * np.minimum(1, (n / SR - t) / fall_s)


def _saz(hz: float, seconds: float, rng: np.random.Generator) -> np.ndarray:
    t = np.arange(round(seconds * SR)) / SR
    k = np.arange(1, 13)
    decay = np.exp(-t * (2.5 + 0.9 * k[:, None]))
    strings = np.sin(2 * np.pi * hz * k[:, None] * t) / k[:, None] ** 0.8
    return (strings * decay).sum(axis=0) * _fade(t.size, 0.003, 0.02)


def _ney(hz: float, seconds: float, rng: np.random.Generator) -> np.ndarray:
    n = round(seconds * SR)
    t = np.arange(n) / SR
    vibrato = 1 + 0.006 * np.sin(2 * np.pi * 4.5 * t) * np.minimum(1, t / 0.4)
    breath = np.convolve(rng.standard_normal(n), np.ones(24) / 24, mode="same")
    tone = _tone(hz * vibrato, seconds, np.array([1, 0.45, 0.25, 0.08, 0.05]))
    return (tone + 0.12 * breath) * _fade(n, 0.12, 0.15)


def _zurna(hz: float, seconds: float, rng: np.random.Generator) -> np.ndarray:
    n = round(seconds * SR)
    trill = 1 + 0.012 * np.sin(2 * np.pi * 7 * np.arange(n) / SR)
    reed = _tone(hz * trill, seconds, 1 / np.arange(1, 41) ** 0.6)
    return np.tanh(2.5 * reed) * _fade(n, 0.01, 0.02)


_VOICES = {"saz": _saz, "ney": _ney, "zurna": _zurna}


def drum_strokes(demo: Demo, n: int, rng: np.random.Generator) -> np.ndarray:
    """Play the metre on a drum: düm is a falling low tone, tek is a short noise."""
    t = np.arange(round(0.18 * SR)) / SR
    dum = np.sin(2 * np.pi * 70 * t + 18 * (1 - np.exp(-t / 0.03))) * np.exp(-t / 0.06)
    tek = rng.standard_normal(t.size) * np.exp(-t / 0.012)
    y = np.zeros(n)
    pattern = USULS[demo.usul]
    for i in range(int(n / SR / demo.unit_s)):
        sign = pattern[i % len(pattern)]
        if sign != ".":
            _add(y, i * demo.unit_s, dum if sign == "D" else 0.5 * tek)
    return y

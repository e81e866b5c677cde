"""What the recognition of karar and makam compares a melody with: weights that were learned from melodies.

A file of templates is a NumPy archive without pickled objects, so to load one executes no code from it.
"""

import io
import json
import zipfile
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from core.errors import ModelError
from core.features.frames import FloatArray
from core.makam.description import SIZE, VERSION

SHIPPED = Path(__file__).with_name("shipped_templates.npz")
WHOLE_S, CLIP_S = 120.0, 30.0  # voiced seconds of a whole recording, and of a clip
SHORT_S = 60.0  # voiced seconds: a shorter melody is compared as a clip
MOST_BYTES = 50_000_000


@dataclass(frozen=True)
class Trust:
    """How far the probabilities can be trusted; measured on recordings that were not learned from.

    Temperatures divide the scores: above 1 they make the probabilities more careful. karar_clip is for 30 s, karar and
    makam are for 2 minutes and more. clear : from this probability on, a makam counts as clear.
    """

    karar: float
    karar_clip: float
    makam: float
    clear: float


@dataclass(frozen=True, eq=False)
class Weights:
    """Learned weights. of : shape (makams, ``SIZE``).  bias : shape (makams,)."""

    of: FloatArray
    bias: FloatArray


@dataclass(frozen=True, eq=False)
class Templates:
    """What was learned.

    makams : names, in Turkish.  whole, clip : weights for whole recordings, and for clips, whose end proves nothing.
    learned_from : a sentence for people.  recordings : how many.
    """

    makams: tuple[str, ...]
    whole: Weights
    clip: Weights
    trust: Trust
    learned_from: str
    recordings: int

    def __post_init__(self) -> None:
        for weights in (self.whole, self.clip):
            if weights.of.shape != (len(self.makams), SIZE) or weights.bias.shape != weights.of.shape[:1]:
                raise ModelError(f"The templates have weights of the wrong shape: {weights.of.shape}.")
            if not (np.isfinite(weights.of).all() and np.isfinite(weights.bias).all()):
                raise ModelError("The templates contain weights that are not numbers.")
        if not self.makams:
            raise ModelError("The templates have no makam.")
        if not all(np.isfinite(value) and value > 0 for value in asdict(self.trust).values()):
            raise ModelError("The templates contain a temperature or a limit that is not above 0.")

    def scores(self, descriptions: FloatArray, voiced_s: float) -> FloatArray:
        """Score each candidate karar with each makam: shape (candidates, makams).

        descriptions : shape (candidates, ``SIZE``), from `core.makam.description.describe`.
        voiced_s : seconds of melody; they decide which weights are used.
        """
        weights = self.whole if voiced_s >= SHORT_S else self.clip
        return np.asarray(descriptions @ weights.of.T + weights.bias, dtype=np.float64)


def probabilities(scores: FloatArray, temperature: float) -> FloatArray:
    """Return the probability of each pair of karar and makam; all pairs together add up to 1."""
    shares = np.exp((scores - scores.max()) / temperature)
    return np.asarray(shares / shares.sum(), dtype=np.float64)


def karar_temperature(trust: Trust, voiced_s: float) -> float:
    """Return the temperature for the karar of a melody of this length, between a clip and a whole recording."""
    part = np.interp(np.log(max(voiced_s, 1.0)), np.log([CLIP_S, WHOLE_S]), [1.0, 0.0])
    return float(trust.karar * (1 - part) + trust.karar_clip * part)


def templates_bytes(templates: Templates) -> bytes:
    """Return the content of a file of templates."""
    about = {
        "version": VERSION,
        "makams": list(templates.makams),
        "trust": asdict(templates.trust),
        "learned_from": templates.learned_from,
        "recordings": templates.recordings,
    }
    file = io.BytesIO()
    np.savez_compressed(
        file,
        about=np.array(json.dumps(about, ensure_ascii=False)),
        whole=templates.whole.of.astype(np.float16),
        whole_bias=templates.whole.bias.astype(np.float32),
        clip=templates.clip.of.astype(np.float16),
        clip_bias=templates.clip.bias.astype(np.float32),
    )
    return file.getvalue()


def read_templates(path: Path) -> Templates:
    """Read a file of templates.

    Raises
    ------
    ModelError
        If the file cannot be read, is too large, is not a file of templates, or has another version.
    """
    again = "Learn them again with: python -m core learn-makams"
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ModelError(f"{path.name} is too large for a file of makam templates. {again}")
        with np.load(path, allow_pickle=False) as file:
            about = json.loads(str(file["about"]))
            whole, clip = (
                Weights(file[name].astype(np.float64), file[f"{name}_bias"].astype(np.float64))
                for name in ("whole", "clip")
            )
        if about["version"] != VERSION:
            raise ModelError(f"{path.name} has templates of another version of this program. {again}")
        makams = tuple(str(name) for name in about["makams"])
        trust = Trust(**{name: float(value) for name, value in about["trust"].items()})
        return Templates(makams, whole, clip, trust, str(about["learned_from"]), int(about["recordings"]))
    except FileNotFoundError as error:
        raise ModelError(f"The file of makam templates is not there: {path.name}. {again}") from error
    except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise ModelError(f"{path.name} is not a file of makam templates. {again}") from error


@lru_cache(maxsize=1)
def shipped_templates() -> Templates:
    """Return the templates that come with the program: from theory, by our own synthetic scores."""
    return read_templates(SHIPPED)


@lru_cache(maxsize=4)
def _read_cached(path: Path, changed_ns: int) -> Templates:
    return read_templates(path)


def templates_in_use(data_dir: Path) -> Templates:
    """Return the templates that were learned here; without them the shipped ones. data_dir : of the settings."""
    path = learned_path(data_dir)
    return _read_cached(path, path.stat().st_mtime_ns) if path.is_file() else shipped_templates()


def learned_path(data_dir: Path) -> Path:
    """Return the place of the learned templates."""
    return data_dir / "makam" / "templates.npz"

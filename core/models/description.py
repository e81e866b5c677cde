"""Describe a model from the small files in its folder, without loading the model: version, source, figures, card."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from core import file_names
from core.errors import ModelError
from core.file_names import ABOUT, CARD, LEARNED, MANIFEST, METRICS, ROWS
from core.models import registry
from core.settings import Settings


@dataclass(frozen=True, eq=False)
class ModelDescription:
    """Description of a model, read from its folder.

    source : text that names the origin of the model.  created_at : time of the training, ISO 8601.
    metrics : content of metrics.json.  card : the model card in Markdown; empty when the folder has none.
    role : champion, challenger or candidate.  registered : version number in the registry; empty without one.
    """

    version: str
    source: str
    created_at: str
    folder: Path
    metrics: Mapping[str, Any]
    card: str
    role: str = "candidate"
    registered: str = ""

    @property
    def data_hash(self) -> str:
        """Content hash of the training table."""
        return str(self.metrics["run"]["data_hash"])

    def table(self, name: str) -> pd.DataFrame:
        """Table with this name in metrics.json, such as robustness."""
        return pd.DataFrame(self.metrics.get(name, []))


def training_words(model: ModelDescription) -> str:
    """Numbers of clips that the model was trained on, in words: published clips, and clips that people labelled."""
    clips, labelled = int(model.metrics["protocol"]["development"]), 0
    path = model.folder / LEARNED
    if path.is_file():
        labelled = int(json.loads(path.read_text(encoding="utf-8"))["labelled"])
    published = f"{clips - labelled} published clips"
    return f"{published} and {labelled} labelled clips" if labelled else published


def describe_model_in_use(settings: Settings) -> ModelDescription:
    """Describe the champion of the registry, or the model in models/champion when there is none.

    Raises ModelError when neither exists. `registry.load` loads the same model.
    """
    committed, role = settings.champion_dir, file_names.CHAMPION
    model = registry.find(role, settings=settings)
    if model is None:
        return read_description(committed, "models/champion", role=role)
    try:
        source = f"registry (champion, version {model.version})"
        return read_description(model.folder, source, role=role, registered=model.version)
    except ModelError as error:
        return read_description(committed, f"models/champion, because of the registry: {error}", role=role)


def read_description(folder: Path, source: str, *, role: str = "candidate", registered: str = "") -> ModelDescription:
    """Describe the model in a folder. Raises ModelError when a file is missing or damaged.

    source : text that names the folder.  role, registered : see `ModelDescription`.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        metrics = json.loads((folder / METRICS).read_text(encoding="utf-8"))
        card = folder / CARD
        text = card.read_text(encoding="utf-8") if card.is_file() else ""
        version, created_at = str(manifest["version"]), str(manifest["created_at"])
        return ModelDescription(version, source, created_at, folder, metrics, text, role, registered)
    except FileNotFoundError as error:
        raise ModelError("There is no trained model yet. Train one with: python -m core train") from error
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"The description of the model in {source} cannot be read. Train again.") from error


def training_rows(model: ModelDescription, settings: Settings) -> pd.DataFrame | None:
    """Return the clips of the model's training run (row, y, group, held_out), or None when the file is not available.

    A full training of version 0.2 stored the file with the comparison of models, not with the model.
    """
    if (model.folder / ROWS).is_file():
        return pd.read_csv(model.folder / ROWS, dtype={"clip_id": str})
    results = settings.comparison_dir
    if not (results / ABOUT).is_file():
        return None
    about = json.loads((results / ABOUT).read_text(encoding="utf-8"))
    return pd.read_csv(results / ROWS) if about["data_hash"] == model.data_hash else None


def describe_alias(alias: str, *, settings: Settings) -> ModelDescription | None:
    """Describe the model with this alias, or return None when no model has the alias."""
    if alias == file_names.CHAMPION:
        try:
            return describe_model_in_use(settings)
        except ModelError:
            return None
    model = registry.find(alias, settings=settings)
    if model is None:
        return None
    source = f"registry ({alias}, version {model.version})"
    return read_description(model.folder, source, role=alias, registered=model.version)


def describe_version(version: str, *, settings: Settings, role: str = "candidate") -> ModelDescription:
    """Describe a version of the registry. Raises ModelError when it does not exist or a file is damaged."""
    model = registry.find_version(version, settings=settings)
    return read_description(model.folder, f"registry (version {version})", role=role, registered=version)

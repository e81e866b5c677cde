"""Describe a model from the small files in its folder, without loading the model: version, source, figures, card."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from core import file_names
from core.errors import ModelError
from core.file_names import ABOUT, CARD, METRICS, ROWS
from core.models import registry
from core.models.manifest import read_file, read_manifest
from core.schema import ALL
from core.settings import Settings


@dataclass(frozen=True, eq=False)
class ModelDescription:
    """Description of a model, read from its folder.

    source : text that names the origin of the model.  created_at : time of the training, ISO 8601.
    metrics : content of metrics.json.  card : the model card in Markdown; empty when the folder has none.
    """

    version: str
    source: str
    created_at: str
    folder: Path
    metrics: Mapping[str, Any]
    card: str

    @property
    def data_hash(self) -> str:
        """Content hash of the training table."""
        return str(self.metrics["run"]["data_hash"])

    def figure(self, measure: str, *, emotion: str = ALL) -> tuple[float, float, float]:
        """Value and interval (low, high) of a cross-validated figure."""
        for line in self.metrics["scores"]:
            if (line["measure"], line["emotion"]) == (measure, emotion):
                return float(line["value"]), float(line["low"]), float(line["high"])
        raise ModelError(f"The model's metrics.json has no {measure}. Train again.")

    def table(self, name: str) -> pd.DataFrame:
        """Table with this name in metrics.json: acceptance, gap_price, robustness, ..."""
        return pd.DataFrame(self.metrics.get(name, []))


def describe_model_in_use(settings: Settings) -> ModelDescription:
    """Describe the champion of the registry, or the model in models/champion when there is none.

    Raises ModelError when neither exists. `registry.load` loads the same model.
    """
    committed = settings.champion_dir
    model = registry.find(file_names.CHAMPION, settings=settings)
    if model is None:
        return read_description(committed, "models/champion")
    try:
        return read_description(model.folder, f"registry (champion, version {model.version})")
    except ModelError as error:
        return read_description(committed, f"models/champion, because of the registry: {error}")


def read_description(folder: Path, source: str) -> ModelDescription:
    """Describe the model in a folder. Raises ModelError when a file is missing or was changed.

    source : text that names the folder.
    """
    try:
        manifest = read_manifest(folder, source)
        metrics = json.loads(read_file(folder, manifest, METRICS, source))
        text = read_file(folder, manifest, CARD, source).decode() if CARD in manifest["sha256"] else ""
        return ModelDescription(str(manifest["version"]), source, str(manifest["created_at"]), folder, metrics, text)
    except (ValueError, KeyError) as error:
        raise ModelError(f"The description of the model in {source} cannot be read. Train again.") from error


def training_rows(model: ModelDescription, settings: Settings) -> pd.DataFrame | None:
    """Return the clips of the model's training run (row, y, group), or None when the file is not available.

    A retrained model has the file in its own folder. The other models use the file of the model comparison.
    """
    if (model.folder / ROWS).is_file():
        return pd.read_csv(model.folder / ROWS)
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
    return None if model is None else read_description(model.folder, f"registry ({alias}, version {model.version})")

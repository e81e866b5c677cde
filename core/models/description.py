"""Describe a model from the small files in its folder, without loading the model: version, source, figures, card."""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from core import file_names
from core.errors import ModelError
from core.file_names import ABOUT, CARD, LEARNED, METRICS, ROWS
from core.models import registry
from core.models.manifest import read_file, read_manifest
from core.settings import Settings


@dataclass(frozen=True, eq=False)
class ModelDescription:
    """Description of a model, read from its folder.

    source : text that names the origin of the model.  created_at : time of the training, ISO 8601.
    metrics : content of metrics.json.  card : the model card in Markdown; empty when the folder has none.
    role : champion, challenger or candidate.  registered : version number in the registry; empty without one.
    manifest : content of manifest.json, with the SHA-256 of each file.
    """

    version: str
    source: str
    created_at: str
    folder: Path
    metrics: Mapping[str, Any]
    card: str
    role: str = "candidate"
    registered: str = ""
    manifest: Mapping[str, Any] = field(default_factory=dict)

    def has(self, file: str) -> bool:
        """True if the file belongs to the model."""
        return file in self.manifest.get("sha256", {})

    def read(self, file: str) -> bytes:
        """Read a file of the model. Raises ModelError when it is missing or was changed after the training."""
        return read_file(self.folder, self.manifest, file, self.source)

    @property
    def data_hash(self) -> str:
        """Content hash of the training table."""
        return str(self.metrics["run"]["data_hash"])

    @property
    def inputs(self) -> dict[str, str]:
        """MD5 of each input file of the training, by name: the data version. Empty for models before version 0.3."""
        return {str(name): str(md5) for name, md5 in self.metrics["run"].get("inputs", {}).items()}

    def table(self, name: str) -> pd.DataFrame:
        """Table with this name in metrics.json, such as robustness."""
        return pd.DataFrame(self.metrics.get(name, []))


def data_version_words(model: ModelDescription) -> str:
    """The data version of the training in words: the MD5 of each input file with its name."""
    return ", ".join(f"{md5} ({name})" for name, md5 in model.inputs.items()) or "not recorded"


def training_words(model: ModelDescription) -> str:
    """Numbers of clips that the model was trained on, in words: published clips, and clips that people labelled."""
    clips, labelled = int(model.metrics["protocol"]["development"]), 0
    if model.has(LEARNED):
        labelled = int(json.loads(model.read(LEARNED))["labelled"])
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
        return read_description(model.folder, source, role=role, registered=model.version, seal=model.seal)
    except ModelError as error:
        return read_description(committed, f"models/champion, because of the registry: {error}", role=role)


def read_description(
    folder: Path, source: str, *, role: str = "candidate", registered: str = "", seal: str = ""
) -> ModelDescription:
    """Describe the model in a folder. Raises ModelError when a file is missing or was changed.

    source : text that names the folder.  role, registered : see `ModelDescription`.  seal : of the manifest, if the
    registry knows it.
    """
    try:
        manifest = read_manifest(folder, source, seal=seal)
        metrics = json.loads(read_file(folder, manifest, METRICS, source))
        text = read_file(folder, manifest, CARD, source).decode() if CARD in manifest["sha256"] else ""
        version, created_at = str(manifest["version"]), str(manifest["created_at"])
    except (ValueError, KeyError) as error:
        raise ModelError(f"The description of the model in {source} cannot be read. Train again.") from error
    return ModelDescription(version, source, created_at, folder, metrics, text, role, registered, manifest)


def training_rows(model: ModelDescription, settings: Settings) -> pd.DataFrame | None:
    """Return the clips of the model's training run (row, y, group, held_out), or None when the file is not available.

    A full training of version 0.2 stored the file with the comparison of models, not with the model.
    """
    if model.has(ROWS):
        return pd.read_csv(io.BytesIO(model.read(ROWS)), dtype={"clip_id": str})
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
    return read_description(model.folder, source, role=alias, registered=model.version, seal=model.seal)


def describe_version(version: str, *, settings: Settings, role: str = "candidate") -> ModelDescription:
    """Describe a version of the registry. Raises ModelError when it does not exist or a file is damaged."""
    model = registry.find_version(version, settings=settings)
    return read_description(
        model.folder, f"registry (version {version})", role=role, registered=version, seal=model.seal
    )

"""What is known of the model in use without loading it: version, source, figures, card. Small files, read quickly."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from core import file_names
from core.errors import ModelError
from core.file_names import ABOUT, CARD, MANIFEST, METRICS, ROWS
from core.models import registry
from core.schema import ALL
from core.settings import Settings


@dataclass(frozen=True, eq=False)
class InUse:
    """The champion as its folder describes it.

    source : where it is loaded from, in words.  created_at : ISO 8601, of the training.
    metrics : content of metrics.json.  card : the model card, Markdown; empty when there is none.
    """

    version: str
    source: str
    created_at: str
    folder: Path
    metrics: Mapping[str, Any]
    card: str

    @property
    def data_hash(self) -> str:
        """Content hash of the table that it was trained on."""
        return str(self.metrics["run"]["data_hash"])

    def figure(self, measure: str, *, emotion: str = ALL) -> tuple[float, float, float]:
        """Value, low and high of a cross-validated figure."""
        for line in self.metrics["scores"]:
            if (line["measure"], line["emotion"]) == (measure, emotion):
                return float(line["value"]), float(line["low"]), float(line["high"])
        raise ModelError(f"The model's metrics.json holds no {measure}. Train again.")

    def table(self, name: str) -> pd.DataFrame:
        """A list of metrics.json as a table: acceptance, gap_price, robustness, ..."""
        return pd.DataFrame(self.metrics.get(name, []))


def describe_model_in_use(settings: Settings) -> InUse:
    """The champion that `registry.load` loads: of the registry, else of models/champion. ModelError without one."""
    committed = settings.champion_dir
    found = registry.find(file_names.CHAMPION, settings=settings)
    if found is None:
        return read_description(committed, "models/champion")
    try:
        return read_description(found.folder, f"registry (champion, version {found.version})")
    except ModelError as error:
        return read_description(committed, f"models/champion, because of the registry: {error}")


def read_description(folder: Path, source: str) -> InUse:
    """The model in a folder; source : where that is, in words. Raises ModelError when it is not described there."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        metrics = json.loads((folder / METRICS).read_text(encoding="utf-8"))
        card = folder / CARD
        text = card.read_text(encoding="utf-8") if card.is_file() else ""
        return InUse(str(manifest["version"]), source, str(manifest["created_at"]), folder, metrics, text)
    except FileNotFoundError as error:
        raise ModelError("There is no trained model yet. Train one with: python -m core train") from error
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"The description of the model in {source} cannot be read. Train again.") from error


def rows(model: InUse, settings: Settings) -> pd.DataFrame | None:
    """The clips of the model's training run: row, y, group; None where they are not at hand.

    They lie beside a model that people's labels trained, else with the comparison.
    """
    if (model.folder / ROWS).is_file():
        return pd.read_csv(model.folder / ROWS)
    results = settings.comparison_dir
    if not (results / ABOUT).is_file():
        return None
    about = json.loads((results / ABOUT).read_text(encoding="utf-8"))
    return pd.read_csv(results / ROWS) if about["data_hash"] == model.data_hash else None


def describe_alias(alias: str, *, settings: Settings) -> InUse | None:
    """The model under an alias as its folder describes it; None when there is none."""
    if alias == file_names.CHAMPION:
        try:
            return describe_model_in_use(settings)
        except ModelError:
            return None
    found = registry.find(alias, settings=settings)
    return None if found is None else read_description(found.folder, f"registry ({alias}, version {found.version})")

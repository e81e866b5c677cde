"""Provenance of a trained model: data, seed, library versions, code revision, settings of each model."""

import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import metadata
from inspect import signature
from platform import python_version
from typing import Any

from sklearn.pipeline import Pipeline

from core.dataset.table import Table
from core.settings import ROOT

LIBRARIES = ("scikit-learn", "numpy", "scipy", "pandas", "xgboost-cpu", "lightgbm", "imbalanced-learn", "skops")


def facts(table: Table, *, seed: int, quick: bool) -> dict[str, Any]:
    """Provenance of a run: data_hash, inputs, origin, synthetic, seed, quick, versions, revision, created_at."""
    return {
        "data_hash": table.content_hash,
        "inputs": dict(table.inputs),
        "origin": table.origin,
        "synthetic": table.synthetic,
        "seed": seed,
        "quick": quick,
        "versions": {"python": python_version(), **{name: metadata.version(name) for name in LIBRARIES}},
        "revision": _revision(),
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def parameters(pipelines: Mapping[str, Pipeline], *, seed: int) -> dict[str, dict[str, Any]]:
    """Estimator, seed and non-default settings of each candidate, by name."""
    settings = {}
    for name, pipeline in pipelines.items():
        model = pipeline.named_steps["model"]
        settings[name] = {"estimator": type(model).__name__, "seed": seed, **_changed(model)}
    return settings


def _changed(model: Any) -> dict[str, Any]:
    """Settings of a model and its nested models (``svm__C``), without the defaults of other libraries."""
    ours = type(model).__module__.startswith("core.")
    defaults = {} if ours else {name: p.default for name, p in signature(type(model)).parameters.items()}
    found: dict[str, Any] = {}
    for name, value in model.get_params(deep=False).items():
        inside = value if name == "estimators" else [(name, value)] if hasattr(value, "get_params") else []
        for inner, part in inside:
            found |= {f"{inner}__{key}": setting for key, setting in _changed(part).items()}
        if isinstance(value, str | int | float | bool | tuple) and value not in (defaults.get(name), ()):
            found |= {name: value} if value == value else {}  # XGBoost marks missing values with NaN
    return found


def _revision() -> str:
    """Commit of the code, with ``+changes`` if files of core were edited; empty outside a git checkout."""

    def git(*arguments: str) -> str:
        command = ["git", *arguments]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603

    try:
        return git("rev-parse", "--short=12", "HEAD") + ("+changes" if git("status", "--porcelain", "core") else "")
    except (OSError, subprocess.CalledProcessError):
        return ""

"""A model as a folder of files that execute nothing: the pipeline (skops), what explains it, and a manifest.

``model.skops``     the pipeline
``background.csv``  typical clips, against which a clip is explained (`core.models.explanation`)
``reference.json``  summary of the training music (`core.models.reference`)
``policy.json``     decision policies by name (`core.models.policy.Policy`)
``manifest.json``   version, classes, columns, library versions, and the SHA-256 of every file
and whatever else belongs to it: model card, metrics, out-of-fold predictions.
"""

import hashlib
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from core.atomic import replace_folder
from core.errors import ModelError
from core.file_names import BACKGROUND, MANIFEST, MODEL, POLICY, REFERENCE
from core.models.policy import Policy
from core.models.prediction import Model
from core.models.reference import Reference, read_reference
from core.schema import COLUMNS, EMOTIONS

DRIFT = 1e-3  # change of a probability on the background that other library versions may cause
# Our own estimators. Model files of version 0.2 name the first place, newer ones the second.
_ESTIMATORS_IN = ("estimators", "training.estimators")
_ESTIMATORS = ("CalibratedBlend", "ClipScores", "EncodedLabels", "FeatureColumns", "RegularisedDiscriminant")
# All that a model file may be made of beside skops' own list of safe types (scikit-learn's estimators, numpy arrays).
TRUSTED = (
    "collections.OrderedDict",
    *(f"core.{place}.{name}" for place in _ESTIMATORS_IN for name in _ESTIMATORS),
    "lightgbm.basic.Booster",
    "lightgbm.sklearn.LGBMClassifier",
    "numpy.dtype",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._TemperatureScaling",
    "sklearn.model_selection._split.StratifiedKFold",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.tree._tree.Tree",
    "sklearn.utils._bunch.Bunch",
    "xgboost.core.Booster",
    "xgboost.sklearn.XGBClassifier",
)


@dataclass(frozen=True, eq=False)
class Bundle:
    """A loaded model and the folder that it came with.

    manifest : name, version, created_at, classes, columns, libraries, check, sha256.
    """

    model: Model
    folder: Path
    manifest: Mapping[str, Any]

    def background(self) -> pd.DataFrame:
        """Typical clips, 50 columns."""
        return _read_background(self.folder)

    def reference(self) -> Reference:
        """Summary of the training music."""
        return read_reference(self.folder / REFERENCE)

    def policies(self) -> dict[str, Policy]:
        """Decision policies by name: "threshold", "conformal"."""
        return read_policies(self.folder / POLICY)


def save_bundle(
    folder: Path,
    pipeline: Any,
    *,
    name: str,
    created_at: str,
    background: pd.DataFrame,
    libraries: Mapping[str, str],
    files: Mapping[str, bytes],
) -> str:
    """Write a model and what belongs to it; an earlier content of the folder is replaced as a whole.

    pipeline : fitted; gives the probabilities of the four emotions.  name : of the candidate.
    created_at : ISO 8601, of the training.  background : from `explain.make_background`.
    libraries : name -> version, of what it was trained with.  files : file name -> content, for the rest.
    Returns the version: name, day and the beginning of the model file's SHA-256.
    Raises ModelError when the pipeline holds a type that is not in ``TRUSTED``: it could not be loaded again.
    """
    import skops.io as sio

    data = sio.dumps(pipeline, compression=zipfile.ZIP_DEFLATED, compresslevel=9)
    unknown = sorted(set(sio.get_untrusted_types(data=data)) - set(TRUSTED))
    if unknown:
        raise ModelError(f"The model holds {', '.join(unknown)}, which is not in the list of trusted types.")
    contents = {**files, MODEL: data, BACKGROUND: background.to_csv(index=False, lineterminator="\n").encode()}
    hashes = {file: hashlib.sha256(content).hexdigest() for file, content in sorted(contents.items())}
    version = f"{name}-{created_at[:10]}-{hashes[MODEL][:8]}"
    manifest = {
        "name": name,
        "version": version,
        "created_at": created_at,
        "classes": [str(c) for c in pipeline.classes_],
        "columns": list(COLUMNS),
        "libraries": dict(libraries),
        "check": np.round(pipeline.predict_proba(background[list(COLUMNS)]), 6).tolist(),
        "sha256": hashes,
    }
    contents[MANIFEST] = (json.dumps(manifest, indent=1) + "\n").encode()
    replace_folder(folder, contents)
    return version


def load_bundle(folder: Path, *, source: str | None = None) -> Bundle:
    """Load a model from its folder. Nothing in the files is executed.

    source : where it comes from in words; the folder's last two names when not given.
    Raises ModelError when a file is missing or altered, when the model holds a type that is not in ``TRUSTED``, when
    it was made for other columns or classes, or when it gives other probabilities here than where it was trained.
    """
    where = source or "/".join(folder.parts[-2:])
    manifest = _read_manifest(folder, where)
    for file, expected in manifest["sha256"].items():
        path = folder / file
        if not path.is_file():
            raise ModelError(f"{where}: {file} is missing. Restore it from the repository, or train again.")
        if hashlib.sha256(path.read_bytes()).hexdigest() != expected:
            raise ModelError(
                f"{where}: {file} is not the file that was stored (its SHA-256 differs). "
                "Restore it from the repository, or train again."
            )
    if tuple(manifest["columns"]) != COLUMNS:
        raise ModelError(f"{where}: the model was trained on other columns than the 50 features. Train again.")
    pipeline = load_pipeline(folder / MODEL, where=where)
    classes = tuple(str(c) for c in getattr(pipeline, "classes_", ()))
    if list(classes) != manifest["classes"] or sorted(classes) != sorted(EMOTIONS):
        raise ModelError(f"{where}: the model knows {', '.join(classes) or 'no classes'}, not the four emotions.")
    _check(pipeline, folder, manifest, where)
    return Bundle(Model(str(manifest["version"]), pipeline, classes, where), folder, manifest)


def load_pipeline(path: Path, *, where: str) -> Any:
    """The object in a skops file, if all its types are trusted; else ModelError."""
    import skops.io as sio
    from skops.io.exceptions import UnsupportedTypeException, UntrustedTypesFoundException

    try:
        return sio.load(path, trusted=list(TRUSTED))
    except (UntrustedTypesFoundException, UnsupportedTypeException) as error:
        raise ModelError(f"{where}: {path.name} holds what is not trusted and was not loaded. {error}") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ImportError, zipfile.BadZipFile) as error:
        raise ModelError(f"{where}: {path.name} is no readable model ({error}). Train again.") from error


def _read_manifest(folder: Path, where: str) -> dict[str, Any]:
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        needed = {"version", "classes", "columns", "sha256", "check"}
        plain = all(Path(file).name == file for file in manifest["sha256"])
    except FileNotFoundError:
        raise ModelError(f"{where}: there is no trained model. Train one with: python -m core train") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{where}: {MANIFEST} cannot be read ({error}). Train again.") from error
    if not needed <= manifest.keys() or not {MODEL, BACKGROUND} <= manifest["sha256"].keys() or not plain:
        raise ModelError(f"{where}: {MANIFEST} does not describe a model. Train again.")
    return manifest


def _check(pipeline: Any, folder: Path, manifest: Mapping[str, Any], where: str) -> None:
    """Ask the model about the background: the same answers as when it was stored?"""
    try:
        now = np.asarray(pipeline.predict_proba(_read_background(folder)), dtype=float)
        change = float(np.abs(now - np.array(manifest["check"], dtype=float)).max())
    except (ValueError, TypeError, AttributeError) as error:
        raise ModelError(f"{where}: the model gives no probabilities ({error}). Train again.") from error
    if not change <= DRIFT:
        raise ModelError(
            f"{where}: with the libraries installed here the model gives other probabilities than when it was "
            f"trained (by up to {change:.2g}). Install the versions of requirements.txt, or train again."
        )


def _read_background(folder: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(folder / BACKGROUND, dtype=float)[list(COLUMNS)]
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"{folder.name}: {BACKGROUND} cannot be read. Train again.") from error


def policies_json(policies: Mapping[str, Policy]) -> bytes:
    """Policies by name as the content of policy.json."""
    return (json.dumps({name: json.loads(p.to_json()) for name, p in policies.items()}, indent=1) + "\n").encode()


def read_policies(path: Path) -> dict[str, Policy]:
    """The policies in policy.json. Raises ModelError when there are none."""
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        return {name: Policy.from_json(json.dumps(policy)) for name, policy in known.items()}
    except (OSError, ValueError, AttributeError) as error:
        raise ModelError(f"The decision policies {path.name} cannot be read. Train again.") from error

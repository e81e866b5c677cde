"""A model bundle: a folder with the pipeline and its supporting files. Loading a bundle executes no code from it.

``model.skops``     the pipeline
``background.csv``  typical clips, the background of the SHAP explanations (`core.models.explanation`)
``reference.json``  summary of the training music (`core.models.reference`)
``policy.json``     decision policies by name (`core.models.policy.Policy`)
``manifest.json``   version, classes, columns, library versions, the SHA-256 of every file (`core.models.manifest`)

A bundle also contains the model card, the metrics and the out-of-fold predictions.
"""

import hashlib
import io
import json
import threading
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from core.atomic import replace_folder
from core.errors import ModelError
from core.file_names import BACKGROUND, MANIFEST, MODEL, POLICY, REFERENCE
from core.models import forests
from core.models.canonical import canonical
from core.models.manifest import manifest_bytes, read_file, read_manifest
from core.models.model_files import TRUSTED, skops_io
from core.models.policy import Policy
from core.models.prediction import Model
from core.models.reference import Reference, read_reference
from core.schema import COLUMNS, EMOTIONS
from core.windows import PIECE_APART_S, PIECE_WINDOWS

DRIFT = 1e-3  # largest accepted change of a probability on the background, caused by other library versions


@dataclass(frozen=True, eq=False)
class Bundle:
    """A loaded model and its folder. A file that was changed after the loading raises ModelError when it is read.

    manifest : name, version, created_at, classes, columns, libraries, check, sha256, seal.
    """

    model: Model
    folder: Path
    manifest: Mapping[str, Any]

    def background(self) -> pd.DataFrame:
        """Typical clips for the explanations, 50 columns."""
        return _background(self._verified(BACKGROUND))

    def reference(self) -> Reference:
        """Summary of the training music."""
        self._verified(REFERENCE)
        return read_reference(self.folder / REFERENCE)

    def policies(self) -> dict[str, Policy]:
        """Decision policies by name: "threshold", "conformal"."""
        self._verified(POLICY)
        return read_policies(self.folder / POLICY)

    def _verified(self, file: str) -> bytes:
        return read_file(self.folder, self.manifest, file, self.model.source)


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
    """Write a model bundle. Replaces the whole content of the folder.

    Parameters
    ----------
    pipeline : fitted classifier of the four emotions.
    name : name of the candidate.
    created_at : time of the training, ISO 8601.
    background : typical clips, from `core.models.explanation.make_background`.
    libraries : library -> version used for the training.
    files : file name -> content of the other files.

    Returns
    -------
    The version: name, day and the first digits of the model file's SHA-256.

    Raises
    ------
    ModelError
        The pipeline contains a type that is not in ``TRUSTED``, so it could not be loaded again.
    """
    sio = skops_io()
    data = canonical(sio.dumps(pipeline))
    unknown = sorted(set(sio.get_untrusted_types(data=data)) - set(TRUSTED))
    if unknown:
        raise ModelError(
            f"The model contains types that are not trusted: {', '.join(unknown)}. Train another kind of model."
        )
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
    contents[MANIFEST] = manifest_bytes(manifest)
    replace_folder(folder, contents)
    return version


class PipelineOnDemand:
    """A pipeline that is loaded when it is first asked. All files of its bundle were checked before."""

    def __init__(self, load: Callable[[], Any]) -> None:
        self._load, self._lock = load, threading.Lock()
        self._pipeline: Any = None

    @property
    def loaded(self) -> bool:
        return self._pipeline is not None

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        """Probabilities, shape (n, 4). Raises ModelError when the pipeline cannot be loaded."""
        with self._lock:
            if self._pipeline is None:
                self._pipeline = self._load()
        return forests.predict_proba(self._pipeline, X)


def load_bundle(folder: Path, *, source: str | None = None, seal: str = "", on_demand: bool = False) -> Bundle:
    """Load a model from its folder without executing code from the files.

    Parameters
    ----------
    source : text that names the origin of the model; default: the last two parts of the folder's path.
    seal : the seal of the manifest that the registry knows; empty when it knows none.
    on_demand : check the files now, and load the pipeline with its libraries, which takes seconds, when it is asked.

    Raises
    ------
    ModelError
        A file is missing or was changed; the model contains a type that is not in ``TRUSTED``; the model was trained
        on other columns or classes; or its probabilities differ from those stored at training time.
    """
    where = source or "/".join(folder.parts[-2:])
    manifest = read_manifest(folder, where, seal=seal)
    contents = {file: read_file(folder, manifest, file, where) for file in manifest["sha256"]}
    if tuple(manifest["columns"]) != COLUMNS:
        raise ModelError(f"{where}: the model was not trained on the 50 features of this program. Train again.")

    def load() -> Any:
        pipeline = load_pipeline(contents[MODEL], where=where)
        classes = [str(c) for c in getattr(pipeline, "classes_", ())]
        if classes != manifest["classes"] or sorted(classes) != sorted(EMOTIONS):
            raise ModelError(
                f"{where}: the model predicts {', '.join(classes) or 'no classes'}, not the four emotions. Train again."
            )
        _check(pipeline, _background(contents[BACKGROUND]), manifest, where)
        return pipeline

    pipeline = PipelineOnDemand(load) if on_demand else load()
    return Bundle(Model(str(manifest["version"]), pipeline, tuple(manifest["classes"]), where), folder, manifest)


def load_pipeline(data: bytes, *, where: str) -> Any:
    """Load the object in the bytes of a skops file.

    Raises ModelError when the file is damaged or contains an untrusted type.
    """
    sio = skops_io()
    from skops.io.exceptions import UnsupportedTypeException, UntrustedTypesFoundException

    try:
        return sio.loads(data, trusted=list(TRUSTED))
    except (UntrustedTypesFoundException, UnsupportedTypeException) as error:
        raise ModelError(f"{where}: {MODEL} contains untrusted types and was not loaded. {error}") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ImportError, zipfile.BadZipFile) as error:
        raise ModelError(f"{where}: {MODEL} is not a readable model ({error}). Train again.") from error


def _check(pipeline: Any, background: pd.DataFrame, manifest: Mapping[str, Any], where: str) -> None:
    """Raise ModelError unless the model predicts the stored probabilities for the background."""
    try:
        now = np.asarray(pipeline.predict_proba(background), dtype=float)
        change = float(np.abs(now - np.array(manifest["check"], dtype=float)).max())
    except (ValueError, TypeError, AttributeError) as error:
        raise ModelError(f"{where}: the model gives no probabilities ({error}). Train again.") from error
    if not change <= DRIFT:
        raise ModelError(
            f"{where}: the libraries installed here change the model's probabilities by up to {change:.2g}. "
            "Install the versions of requirements.txt, or train again."
        )


def _background(content: bytes) -> pd.DataFrame:
    try:
        return pd.read_csv(io.BytesIO(content), dtype=float)[list(COLUMNS)]
    except (ValueError, KeyError) as error:
        raise ModelError(f"{BACKGROUND} cannot be read. Train again.") from error


def policies_json(policies: Mapping[str, Policy]) -> bytes:
    """Content of policy.json: policies by name."""
    return (json.dumps({name: json.loads(p.to_json()) for name, p in policies.items()}, indent=1) + "\n").encode()


def read_policies(path: Path) -> dict[str, Policy]:
    """Read policy.json: policies by name. Raises ModelError when the file is missing or damaged."""
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        asked = {"windows": PIECE_WINDOWS, "apart_s": PIECE_APART_S}  # models of version 0.2 do not say how many
        return {name: Policy.from_json(json.dumps(asked | policy)) for name, policy in known.items()}
    except (OSError, ValueError, AttributeError) as error:
        raise ModelError(f"The file of decision policies, {path.name}, cannot be read. Train again.") from error

"""The manifest of a model bundle: the SHA-256 of every file, and a seal over the manifest itself.

The seal is the SHA-256 of the manifest with 64 zeros in the place of the seal. It shows damage and careless changes. It
is not a signature: a person who may write the folder can also write a new seal.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.errors import ModelError
from core.file_names import BACKGROUND, MANIFEST, MODEL

SEAL = "seal"
_NO_SEAL = "0" * 64
_NEEDED = {"version", "classes", "columns", "sha256", "check"}
_KNOWN = _NEEDED | {"name", "created_at", "libraries", SEAL}


def manifest_bytes(manifest: Mapping[str, Any]) -> bytes:
    """Content of manifest.json, with its seal."""
    content = (json.dumps({**manifest, SEAL: _NO_SEAL}, indent=1) + "\n").encode()
    return content.replace(_NO_SEAL.encode(), hashlib.sha256(content).hexdigest().encode())


def read_manifest(folder: Path, where: str, *, seal: str = "") -> dict[str, Any]:
    """Read the manifest of a bundle. The manifests of version 0.2 have no seal.

    Parameters
    ----------
    where : text that names the folder in errors.
    seal : the seal that the registry knows; empty when it knows none.

    Raises
    ------
    ModelError
        There is no manifest, it does not describe a model, or it was changed after the training.
    """
    try:
        content = (folder / MANIFEST).read_bytes()
        manifest = json.loads(content.decode("utf-8"))
        plain = all(Path(file).name == file for file in manifest["sha256"])
    except FileNotFoundError:
        raise ModelError(f"{where}: there is no trained model. Train one with: python -m core train") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{where}: {MANIFEST} cannot be read ({error}). Train again.") from error
    known = _NEEDED <= manifest.keys() <= _KNOWN
    if not known or not {MODEL, BACKGROUND} <= manifest["sha256"].keys() or not plain:
        raise ModelError(f"{where}: {MANIFEST} does not describe a model. Train again.")
    own = str(manifest.get(SEAL, ""))
    unsealed = content.replace(own.encode(), _NO_SEAL.encode()) if own else b""
    if (own and hashlib.sha256(unsealed).hexdigest() != own) or (seal and seal != own):
        raise _changed(MANIFEST, where)
    return manifest


def read_file(folder: Path, manifest: Mapping[str, Any], file: str, where: str) -> bytes:
    """Read a file of the bundle. Raises ModelError when it is missing or was changed after the training."""
    try:
        content = (folder / file).read_bytes()
    except FileNotFoundError:
        raise ModelError(f"{where}: {file} is missing. Restore it from the repository, or train again.") from None
    except OSError as error:
        raise ModelError(f"{where}: {file} cannot be read ({error.strerror}). Check its permissions.") from error
    if hashlib.sha256(content).hexdigest() != manifest["sha256"].get(file):
        raise _changed(file, where)
    return content


def _changed(file: str, where: str) -> ModelError:
    return ModelError(
        f"{where}: {file} was changed after the training (its SHA-256 differs). "
        "Restore it from the repository, or train again."
    )

"""Change a copy of a model bundle as a training would write it: with the right hashes and seal."""

import hashlib
import json
from pathlib import Path
from typing import Any

from core.models.manifest import manifest_bytes


def reseal(folder: Path, **changes: Any) -> None:
    """Write the manifest again after files were changed, with other values if given."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8")) | changes
    manifest["sha256"] = {file: hashlib.sha256((folder / file).read_bytes()).hexdigest() for file in manifest["sha256"]}
    (folder / "manifest.json").write_bytes(manifest_bytes(manifest))

"""The table of pieces, kept in a file of columns, so that a large library opens quickly after a start of the server.

The file belongs to one state of the store, one model and one policy. It is written when the library has not changed
meanwhile, and can be removed at any time. Only the newest one stays: an older one can name pieces that were erased.
"""

import hashlib
import json
import logging
import shutil
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from core.atomic import replace_folder
from core.models.policy import Policy
from core.playlists.pieces import MOST_PARTS, pieces_table
from core.playlists.selection import alphabetical_ranks, searched_text
from core.settings import Settings
from core.store import Store, is_large, library_places, library_state, library_table

FORMAT = 1  # a new number when a column changes
_TABLES = ("pieces", "parts", "places", "ranks", "text")
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class KeptPieces:
    """The library as stored. All people share it: do not change it.

    pieces : as from ``pieces_table``.  parts : clip_id and content_hash of the scored parts.  places : as from
    ``library_places``.  ranks : as from ``alphabetical_ranks``.  text : one column, as from ``searched_text``.
    """

    pieces: pd.DataFrame
    parts: pd.DataFrame
    places: pd.DataFrame
    ranks: pd.DataFrame
    text: pd.DataFrame


def library_pieces(store: Store, settings: Settings, *, model_version: str | None, policy: Policy) -> KeptPieces:
    """Return the pieces of the library, from the file of this state of the store, or from the store itself."""
    state = library_state(store)
    folder = _folder(store, settings, state, model_version, policy)
    found = _read(folder)
    if found is None:
        found = _from_store(store, model_version, policy)
        if len(found.pieces) and library_state(store) == state:
            _write(folder, found)
            if library_state(store) != state:  # a clip may have been erased while the file was written
                shutil.rmtree(folder, ignore_errors=True)
    return found


def prepare_pieces(store: Store, settings: Settings, *, model_version: str | None, policy: Policy) -> None:
    """Write the file of this state of a large store, unless it is there. Small libraries are read quickly without."""
    if is_large(store) and not _folder(store, settings, library_state(store), model_version, policy).is_dir():
        library_pieces(store, settings, model_version=model_version, policy=policy)


def _folder(
    store: Store, settings: Settings, state: tuple[str, ...], model_version: str | None, policy: Policy
) -> Path:
    about = json.dumps([FORMAT, store.url, state, model_version, policy.to_json()])
    return settings.pieces_dir / hashlib.sha256(about.encode()).hexdigest()[:32]


def _from_store(store: Store, model_version: str | None, policy: Policy) -> KeptPieces:
    parts = library_table(store, model_version=model_version, policy=policy, sort="", limit=MOST_PARTS)
    pieces = pieces_table(parts, model_version=model_version)
    places = library_places(store, list(pieces.index))
    text = searched_text(pieces).rename("text").to_frame()
    return KeptPieces(pieces, parts[["clip_id", "content_hash"]], places, alphabetical_ranks(pieces), text)


def _read(folder: Path) -> KeptPieces | None:
    """The tables of a folder; None when it is not there or cannot be read."""
    import pyarrow as pa
    import pyarrow.feather as feather

    if not folder.is_dir():
        return None
    try:
        return KeptPieces(**{name: feather.read_feather(folder / f"{name}.arrow") for name in _TABLES})
    except (OSError, ValueError, pa.ArrowException) as error:
        _LOG.warning("The kept pieces in %s cannot be read, so they are made again: %s", folder, error)
        return None


def _write(folder: Path, found: KeptPieces) -> None:
    import pyarrow as pa
    import pyarrow.feather as feather

    files: dict[str, bytes] = {}
    for name in _TABLES:
        sink = pa.BufferOutputStream()
        feather.write_feather(pa.Table.from_pandas(getattr(found, name)), sink, compression="lz4")
        files[f"{name}.arrow"] = sink.getvalue().to_pybytes()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.parent.chmod(0o700)  # the tables have titles and names of files
        replace_folder(folder, files)
        for other in folder.parent.iterdir():  # also of other servers: they write theirs again when they need it
            if other != folder:
                shutil.rmtree(other, ignore_errors=True)
    except OSError as error:  # the page shows the pieces all the same
        _LOG.warning("The pieces cannot be kept in %s: %s", folder, error)

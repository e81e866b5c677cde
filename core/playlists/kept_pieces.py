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

from core.atomic import replace_file, replace_folder
from core.features import EXTRACTOR
from core.models.policy import Policy
from core.models.reference import Reference
from core.playlists.pieces import MOST_PARTS, pieces_table
from core.playlists.selection import alphabetical_ranks, searched_text
from core.playlists.sound import alike_pieces
from core.settings import Settings
from core.store import Store, features_table, is_large, library_places, library_state, library_table

FORMAT = 1  # a new number when a column changes
_TABLES = ("pieces", "parts", "places", "ranks", "text")
_ALIKE = "alike"  # a further table, which is made when the first playlist is asked for
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


def alike_by_sound(
    store: Store,
    settings: Settings,
    clips: pd.DataFrame,
    reference: Reference,
    *,
    model_version: str | None,
    policy: Policy,
) -> pd.DataFrame:
    """Return the pieces that sound alike, see ``alike_pieces``, from the file of this state or from the features.

    clips : the parts of ``library_pieces``.  reference : of the model in use.
    """
    state = library_state(store)
    file = _folder(store, settings, state, model_version, policy) / f"{_ALIKE}.arrow"
    found = _table(file) if file.is_file() else None
    if found is None:
        features = features_table(store, EXTRACTOR, clip_ids=clips["clip_id"].tolist())
        found = alike_pieces(clips, features, reference)
        if file.parent.is_dir() and library_state(store) == state:
            try:
                replace_file(file, _as_bytes(found))
            except OSError as error:  # the page shows the pieces all the same
                _LOG.warning("%s cannot be written: %s", file, error)
    return found


def prepare_pieces(store: Store, settings: Settings, *, model_version: str | None, policy: Policy) -> None:
    """Write the file of this state of a large store, unless it is there. Small libraries are read quickly without."""
    if is_large(store) and not _folder(store, settings, library_state(store), model_version, policy).is_dir():
        library_pieces(store, settings, model_version=model_version, policy=policy)


def _folder(
    store: Store, settings: Settings, state: tuple[str, ...], model_version: str | None, policy: Policy
) -> Path:
    about = json.dumps([FORMAT, EXTRACTOR, store.url, state, model_version, policy.to_json()])
    return settings.pieces_dir / hashlib.sha256(about.encode()).hexdigest()[:32]


def _from_store(store: Store, model_version: str | None, policy: Policy) -> KeptPieces:
    parts = library_table(store, model_version=model_version, policy=policy, sort="", limit=MOST_PARTS)
    pieces = pieces_table(parts, model_version=model_version)
    places = library_places(store, list(pieces.index))
    text = searched_text(pieces).rename("text").to_frame()
    return KeptPieces(pieces, parts[["clip_id", "content_hash"]], places, alphabetical_ranks(pieces), text)


def _read(folder: Path) -> KeptPieces | None:
    """The tables of a folder; None when it is not there or cannot be read."""
    if not folder.is_dir():
        return None
    found = {name: _table(folder / f"{name}.arrow") for name in _TABLES}
    return None if any(table is None for table in found.values()) else KeptPieces(**found)  # type: ignore[arg-type]


def _table(file: Path) -> pd.DataFrame | None:
    """The table of a file; None when it cannot be read."""
    import pyarrow as pa
    import pyarrow.feather as feather

    try:
        return feather.read_feather(file)
    except (OSError, ValueError, pa.ArrowException) as error:
        _LOG.warning("The kept pieces in %s cannot be read, so they are made again: %s", file, error)
        return None


def _as_bytes(table: pd.DataFrame) -> bytes:
    import pyarrow as pa
    import pyarrow.feather as feather

    sink = pa.BufferOutputStream()
    feather.write_feather(pa.Table.from_pandas(table), sink, compression="lz4")
    return bytes(sink.getvalue().to_pybytes())


def _write(folder: Path, found: KeptPieces) -> None:
    files = {f"{name}.arrow": _as_bytes(getattr(found, name)) for name in _TABLES}
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.parent.chmod(0o700)  # the tables have titles and names of files
        replace_folder(folder, files)
        for other in folder.parent.iterdir():  # also of other servers: they write theirs again when they need it
            if other != folder:
                shutil.rmtree(other, ignore_errors=True)
    except OSError as error:  # the page shows the pieces all the same
        _LOG.warning("The pieces cannot be kept in %s: %s", folder, error)

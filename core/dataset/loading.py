"""Load the table in use: a given file, the downloaded table, or the synthetic stand-in."""

from collections.abc import Callable

from core.dataset.cleaning import validate
from core.dataset.published import FILE_NAME, PUBLISHED_HASH, _verify, fetch, read_published
from core.dataset.table import Table, as_table, content_hash
from core.errors import DownloadError, TableError
from core.settings import Settings


def load_table(
    settings: Settings,
    *,
    allow_download: bool,
    progress: Callable[[int, int | None], None] | None = None,
) -> Table:
    """The best table at hand: from the environment, from data/raw, by download, else the synthetic stand-in.

    The result's ``note`` says what was tried in vain and why; it is never hidden.
    """
    notes = []
    for path, origin in ((settings.table, "environment"), (settings.raw_dir / FILE_NAME, "data/raw")):
        if path is None or (origin == "data/raw" and not path.exists()):
            continue
        try:
            frame = read_published(path.read_bytes(), path.name)
            if origin == "data/raw":
                _verify(frame, expected=PUBLISHED_HASH)
            elif content_hash(frame) != PUBLISHED_HASH:
                validate(frame)
                notes.append(f"The table {path} differs from the published one.")
        except OSError as error:
            notes.append(f"The table {path} ({origin}) cannot be read: {error.strerror or error}.")
        except TableError as error:
            notes.append(f"The table {path} ({origin}) is not used. {error}")
        else:
            return as_table(frame, origin=origin, note=" ".join(notes))
    if allow_download:
        try:
            frame = fetch(settings, progress=progress)
            return as_table(frame, origin="download", note=" ".join(notes))
        except DownloadError as error:
            notes.append(str(error))
    from core.dataset import stand_in

    return as_table(stand_in.sample(), origin="synthetic", synthetic=True, note=" ".join(notes))

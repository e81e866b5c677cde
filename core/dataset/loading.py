"""Load the table in use: a given file, the downloaded table, or the synthetic stand-in."""

from collections.abc import Callable

from core.dataset.cleaning import validate
from core.dataset.published import FILE_NAME, PUBLISHED_HASH, fetch, read_published, verify_published
from core.dataset.table import Table, as_table, content_hash, file_md5
from core.errors import DownloadError, TableError
from core.settings import Settings


def load_table(
    settings: Settings,
    *,
    allow_download: bool,
    progress: Callable[[int, int | None], None] | None = None,
) -> Table:
    """Load the first available table: TME_TABLE, data/raw, the download, or else the synthetic stand-in.

    Parameters
    ----------
    settings
        The settings with the paths and the download address.
    allow_download
        Whether the table may be downloaded.
    progress
        Called with the bytes received so far and the total number of bytes (None = unknown).

    Returns
    -------
    Table
        Its ``note`` lists the sources that failed, with the reasons; pages must show this note.
    """
    notes = []
    for path, origin in ((settings.table, "environment"), (settings.raw_dir / FILE_NAME, "data/raw")):
        if path is None or (origin == "data/raw" and not path.exists()):
            continue
        try:
            data = path.read_bytes()
            frame = read_published(data, path.name)
            if origin == "data/raw":
                verify_published(frame, expected=PUBLISHED_HASH)
            elif content_hash(frame) != PUBLISHED_HASH:
                validate(frame)
                notes.append(f"The table {path} differs from the published one.")
        except OSError as error:
            notes.append(f"The table {path} ({origin}) cannot be read: {error.strerror or error}.")
        except TableError as error:
            notes.append(f"The table {path} ({origin}) is not used. {error}")
        else:
            return as_table(frame, origin=origin, note=" ".join(notes), inputs={path.name: file_md5(data)})
    if allow_download:
        try:
            frame = fetch(settings, progress=progress)
            inputs = {FILE_NAME: file_md5((settings.raw_dir / FILE_NAME).read_bytes())}
            return as_table(frame, origin="download", note=" ".join(notes), inputs=inputs)
        except DownloadError as error:
            notes.append(str(error))
    from core.dataset import stand_in

    return as_table(stand_in.sample(), origin="synthetic", synthetic=True, note=" ".join(notes))

"""Measure the melody of a whole recording, and read the files of the library for it."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np

from core.access import Action, Person, requires
from core.allowed_places import allowed_places
from core.audio.decoding import Source, blocks, inspect
from core.errors import AudioError
from core.locations import present_path
from core.makam.melody import Melody
from core.settings import Settings


def melody_of_source(source: Source) -> Melody:
    """Follow the melody of a whole file. The file is decoded in blocks, so a long recording needs little memory.

    Raises AudioError when the file cannot be decoded.
    """
    from core.makam.tracking import track_blocks

    with closing(blocks(source)) as read:
        return track_blocks((np.nan_to_num(block).mean(axis=1) for block in read), source.sr)


@requires(Action.SEE_LIBRARY)
def piece_source(
    piece_id: str, path: str, *, settings: Settings, by: Person, first: Callable[[str], str] = str
) -> Source:
    """Open the file of a piece of the library.

    Parameters
    ----------
    piece_id
        Hash of the piece's content.
    first
        Returns the first content of a file whose tag was written after it was scored, see ``store.first_content``.

    Raises
    ------
    AudioError
        When the file is not there, or is not the file that was scored.
    """
    place = Path(present_path(path, settings))
    if not allowed_places(settings).allow(str(place)):
        raise AudioError("This piece cannot be opened here: its folder is not a place for music.")
    try:
        data = place.read_bytes()
    except OSError as error:
        raise AudioError("The file of this piece is no longer there. Score its folder in the new place.") from error
    source = inspect(data, place.name, max_mb=settings.max_upload_mb)
    if piece_id not in (source.digest, first(source.digest)):
        raise AudioError("The file of this piece has changed since it was scored. Score the library again.")
    return source

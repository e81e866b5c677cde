"""Have the library ready before the first visit of Moods and Playlists."""

from core.store import is_large
from pages.shared import cached
from pages.shared.policy import default
from pages.views.library import piece_filter, words
from pages.views.library.pieces import library_of


def prepare_library() -> None:
    """Read the table of pieces, look for files and for equal recordings, and apply what people agree on.

    A small library can wait.
    """
    opened = cached.open_database()
    if not is_large(opened):
        return
    served = cached.model_in_use()
    library = library_of(opened, served.model.version, default(served.policies))
    if library is None:
        return
    with_words = words.library_with_words(opened, library, model_only=False)
    words.folders_in_use(with_words)
    _ = library.loaded.labels, library.loaded.choices  # computed at the first look
    piece_filter.recordings_in(opened, library, piece_filter.reference())

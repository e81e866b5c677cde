"""Read a large store while the server starts, so that the first visitor of Moods or Label does not wait for it."""

from core.labelling.whose_word import agreed_words
from core.playlists.kept_pieces import prepare_pieces
from core.settings import Settings
from core.store import is_large, read_ahead
from pages.shared import cached
from pages.shared.policy import default


def read_large_store() -> None:
    """Read answers, predictions and what people agree on, and write the table of pieces. A small store can wait."""
    opened = cached.open_database()
    if not is_large(opened):
        return
    read_ahead(opened)
    agreed_words(opened)
    served = cached.model_in_use()
    prepare_pieces(opened, Settings(), model_version=served.model.version, policy=default(served.policies))

"""The line that says how often the accepted moods of the library are right."""

from collections.abc import Iterable

from core.errors import ModelError
from core.evaluation.accepted_moods import accepted_right_sentence
from core.models import description
from core.playlists.playlist import Playlist
from core.records import Word
from core.settings import Settings
from pages.shared import cached


def accepted_right(emotions: Iterable[str], *, versions: Iterable[str]) -> str:
    """Return how often an accepted answer is right, from the evaluation table of the model in use.

    The text is empty without recorded figures, and when other models scored the pieces: the figures are not theirs.

    versions : versions of the models that scored the pieces.
    """
    try:
        model = description.describe_model_in_use(Settings())
        if set(versions) != {model.version}:
            return ""
        return accepted_right_sentence(cached.evaluation(model), emotions)
    except ModelError:
        return ""  # pieces can be played without a model; Home and Compare show what is wrong with it


def playlist_accuracy(playlist: Playlist) -> str:
    """Return how often an accepted answer of the model is right, for the moods of a playlist; empty without any."""
    if not playlist.rows["word"].eq(Word.MODEL).any():
        return ""
    return accepted_right(playlist.way, versions=playlist.rows["model_version"])

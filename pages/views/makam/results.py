"""Store the results of a piece of the library again when its karar was corrected."""

from core.access import Action
from core.makam.analysis import analyse
from core.store import karar_word, save_makam
from pages.views.makam.reading import Shown, templates


def store_again(shown: Shown, *, karar_hz: float | None) -> None:
    """Measure a piece of the library with its new karar, and store the results. An uploaded file is not stored.

    karar_hz : the new karar; None uses the correction before, or the measured karar.
    """
    store = shown.store
    if store is None or shown.recording.piece is None or not store.by.may(Action.SCORE_LIBRARY):
        return
    if karar_hz is None and (word := karar_word(store, shown.recording.content)):
        karar_hz = word.karar_hz
    save_makam(store, shown.recording.content, analyse(shown.melody, templates(), karar_hz=karar_hz))

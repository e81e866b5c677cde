"""Store the results of a piece of the library again when its karar was corrected."""

from core.access import Action
from core.makam.analysis import analyse
from core.store import karar_word, save_makam
from pages.views.makam.measuring import melody_of
from pages.views.makam.reading import Shown, templates


def store_again(shown: Shown, *, karar_hz: float | None) -> None:
    """Measure a piece of the library with its new karar, and store the results. An uploaded file is not stored.

    The results come from the measured melody: a pitch track that a person brought counts in this session only.

    karar_hz : the new karar; None uses the correction before, or the measured karar.
    """
    store = shown.store
    if store is None or shown.recording.piece is None or not store.by.may(Action.SCORE_LIBRARY):
        return
    if karar_hz is None and (word := karar_word(store, shown.recording.content)):
        karar_hz = word.karar_hz
    measured = melody_of(shown.recording.content, shown.recording.source)
    save_makam(store, shown.recording.content, analyse(measured, templates(), karar_hz=karar_hz))

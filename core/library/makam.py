"""Measure karar and makam of the files of a library, after they were scored."""

from collections.abc import Callable, Iterable, Sequence

from core.audio.decoding import inspect
from core.errors import CoreError
from core.library.reading import read_content
from core.makam.analysis import analyse
from core.makam.templates import Templates
from core.pipeline.makam import melody_of_source
from core.records import FoundFile
from core.store import Store, karar_word, save_makam, without_makam


def measure_makams(
    store: Store,
    batches: Iterable[Sequence[tuple[FoundFile, str]]],
    *,
    templates: Templates,
    max_mb: float,
    beat: Callable[[int], None] = lambda _: None,
) -> int:
    """Measure the files that have no results yet, and return the number of files that were measured.

    A file that cannot be read costs only itself: its columns stay empty.

    Parameters
    ----------
    batches
        Scored files with the hash of their content.
    templates
        Of the makams.
    max_mb
        Size limit of a file in MB.
    beat
        Called with the number of measured files after each file.
    """
    measured = 0
    for batch in batches:
        missing = set(without_makam(store, [content for _, content in batch], templates.analyser))
        for item, content in batch:
            if content not in missing:
                continue
            missing.discard(content)
            try:
                data = read_content(item, max_mb=max_mb).data
                melody = melody_of_source(inspect(data, item.name, max_mb=max_mb))
            except CoreError:  # its row says why, if the file cannot be read at all
                continue
            word = karar_word(store, content)
            save_makam(store, content, analyse(melody, templates, karar_hz=word.karar_hz if word else None))
            measured += 1
            beat(measured)
    return measured

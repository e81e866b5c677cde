"""Score the windows of a whole recording, and store those about which a person answers."""

import secrets
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from core.audio.decoding import Source
from core.errors import AudioError, StoreError
from core.models.kinds import PHRASES
from core.models.policy import Policy
from core.pipeline import timeline
from core.pipeline.deciding import Decided, Part, store_predictions
from core.pipeline.measure import Span
from core.pipeline.noting import Asked, noted
from core.pipeline.scoring import measured_file, score_source
from core.pipeline.serving import Served
from core.records import Remark, RemarkKind
from core.schema import FeatureVector
from core.store import Store, Way, save_own


def score_windows(
    source: Source,
    served: Served,
    *,
    spans: Iterable[Span],
    policy: Policy,
    store: Store | None,
    origin: str = "upload",
    measured: Mapping[str, FeatureVector] | None = None,
    asked: Asked = Asked(Way.TRACKS),
) -> Iterator[timeline.ScoredWindow]:
    """Yield the scored windows of a recording one by one, so that the caller can show progress or stop.

    A silent window gives a row with a remark and does not end the scoring. A window that is unlike the training music
    also gets a remark. Nothing is stored; ``keep_window`` stores one window, with a person's answer about it.

    Parameters
    ----------
    spans
        Start and end of each window in s, as from ``core.windows.spans``.
    store
        Open store; features that it has already need not be computed again.
    measured
        Features of windows that were scored before, by clip id.
    asked
        How the recording came, for the events.
    """
    asked = replace(asked, recording=asked.recording or secrets.token_hex(8))
    for span in spans:
        yield score_window(
            source, served, span=span, policy=policy, store=store, origin=origin, measured=measured, asked=asked
        )


def score_window(
    source: Source,
    served: Served,
    *,
    span: Span,
    policy: Policy,
    store: Store | None,
    origin: str = "upload",
    measured: Mapping[str, FeatureVector] | None = None,
    asked: Asked = Asked(Way.TRACKS),
) -> timeline.ScoredWindow:
    """Score one window of a recording. Parameters as in ``score_windows``.

    span : start and end of the window in s.
    """
    start_s, end_s = span
    started = time.perf_counter()
    asked = replace(asked, synthetic=asked.synthetic or origin == "demo")
    try:
        with noted(store, asked) as seen:
            scored = score_source(
                source, served, policy=policy, store=store, started=started, span=span, measured=measured
            )
            seen.decided = scored.decided
    except AudioError as error:
        silent = Remark(RemarkKind.NOT_SCORED, str(error))
        return timeline.ScoredWindow(start_s=start_s, end_s=end_s, proba=None, remark=silent)
    result = timeline.WindowResult(
        measured_file(scored, source, origin), scored.decided, policy, latency_s=scored.latency_s
    )
    remark = _unlike_remark(scored.decided)
    return timeline.ScoredWindow(start_s, end_s, scored.prediction.proba, remark, scored.recording.remarks, result)


def keep_window(window: timeline.ScoredWindow, served: Served, store: Store) -> int:
    """Store a window without its sound, and note that it is the person's, because they answer about it.

    Returns the id of its prediction. A window that is stored already keeps its rows; one that the person deleted
    meanwhile is stored again.

    Raises
    ------
    StoreError
        When the window was not scored, or cannot be stored.
    """
    result = window.result
    if result is None:
        raise StoreError("This window was not scored, so an answer about it cannot be stored.")
    (clip,) = result.file.clips
    part = Part(clip.vector, clip.start_s, clip.start_s + clip.duration_s)
    save_own(store, result.file, shared=False)
    (number,) = store_predictions(
        [result.decided], [(part,)], served, policy=result.policy, store=store, latency_s=result.latency_s
    )
    return number


def _unlike_remark(decided: Decided) -> Remark | None:
    if not decided.unlike.flag:
        return None
    named = [PHRASES[decided.kind]] if decided.kind in PHRASES else []
    return Remark(RemarkKind.UNLIKE, f"unlike the training music: {'; '.join([*named, *decided.unlike.reasons])}")

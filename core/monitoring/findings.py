"""What each alarm finds in a span of weeks: figure, limit, and how often the limit is reached by chance.

Each function is pure: numbers go in, a `Finding` comes out. `core.monitoring.watch` reads the numbers from the store.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import isfinite, nan

from core.evaluation.drift import LEAST, PSI_LIMIT, Drift
from core.evaluation.expectation import Expectation
from core.evaluation.metrics import share_interval
from core.models.reference import Reference
from core.monitoring.chance import drift_limit
from core.monitoring.rules import SILENT_DAYS, Finding, Rule, Standing, chance_of, once_in, promised_weeks
from core.monitoring.weeks import WEEK, Span, monday
from core.schema import BY_COLUMN
from core.wording import counted, whole_percent

RATIO = 2.0  # a share rings when it has at least doubled, and chance does not explain it
NAMED = 3  # features named in the sentence


def drift_finding(drift: Drift, reference: Reference, span: Span) -> Finding:
    """Compare the share of drifted features with the limit that chance reaches rarely enough at this number of clips.

    The numbers of the event "drift measured" are in ``about``.

    drift : of the recordings of the span, or of some of them.
    """
    limit = drift_limit(drift.clips, reference, chance=chance_of(span.weeks))
    drifted = drift.features[drift.features["drifted"]]
    count, of = len(drifted), len(drift.features)
    weeks = promised_weeks(span.weeks)
    many = drift.features["psi"].gt(PSI_LIMIT).sum()
    by_chance = round(drift.psi_by_chance * of)
    largest = [
        f"{BY_COLUMN[str(row.feature)].name} ({row.shift:+.1f} standard deviations, distance {row.ks:.2f})"
        for row in drifted.head(NAMED).itertuples()
    ]
    some = f"{drift.clips:,} of " if drift.clips < span.clips else ""
    seen = (
        f"{count} of {of} features differ from the training music in {some}{counted(span.clips, 'recording')} of "
        f"{span.words}" + (f": most of all {', '.join(largest)}." if largest else ".")
    )
    sure = (
        f"The alarm rings from {limit.count} features on. At most 5 % of the features that are named differ by chance "
        f"(Kolmogorov-Smirnov test, false discoveries controlled). PSI is above {PSI_LIMIT:g} in {many} features; with "
        f"so few recordings, chance alone gives about {by_chance}."
    )
    return Finding(
        Rule.DRIFT,
        Standing.RINGS if count >= limit.count else Standing.QUIET,
        value=float(drift.share),
        limit=limit.share,
        weeks=weeks,
        clips=drift.clips,
        seen=seen,
        sure=sure,
        by_chance=once_in(weeks, clips=span.clips, noun="recording", over_weeks=span.weeks),
        about={
            "features": {
                str(row.feature): {n: _number(getattr(row, n)) for n in ("ks", "q", "psi", "shift")}
                | {"drifted": bool(row.drifted)}
                for row in drift.features.itertuples()
            },
            "clips": drift.clips,
            "from": span.since.isoformat(),
            "to": span.until.isoformat(),
            "limit": limit.share,
            "weeks": weeks,
            "psi_share": float(drift.psi_share),
            "psi_by_chance": float(drift.psi_by_chance),
        },
    )


def _number(value: float) -> float | None:
    return round(float(value), 5) if isfinite(value) else None


@dataclass(frozen=True)
class Share:
    """A share from counts."""

    hits: int
    of: int

    @property
    def value(self) -> float:
        """The share; NaN for no clips."""
        return self.hits / self.of if self.of else nan


_SHARES = {
    Rule.UNSURE: ("got no sure answer", "In the weeks before"),
    Rule.UNLIKE: ("are unlike the training music", "In training clips that the model had not seen"),
}


def share_finding(rule: Rule, found: Share, usual: Share, span: Span) -> Finding:
    """Compare a share with its usual value: the alarm rings when it has doubled and chance does not explain it.

    By chance means: the recordings are independent and have the usual share. That share is itself uncertain, so the
    upper end of its 95 % interval counts.

    Parameters
    ----------
    rule : ``UNSURE`` or ``UNLIKE``.
    found : of the span, one clip of each recording.
    usual : for the comparison.
    """
    what, where = _SHARES[rule]
    limit, _ = share_limit(usual, found.of, chance=chance_of(span.weeks))
    weeks = promised_weeks(span.weeks)
    came = counted(found.of, "recording")
    seen = (
        f"{found.hits} of {came} ({whole_percent(found.value)}) of {span.words} {what}. {where}, "
        f"it was {whole_percent(usual.value)} of {usual.of:,}."
    )
    return Finding(
        rule,
        Standing.RINGS if found.hits >= limit else Standing.QUIET,
        value=found.value,
        limit=limit / found.of if limit <= found.of else nan,
        weeks=weeks,
        clips=found.of,
        seen=seen,
        sure=(
            f"The alarm rings from {limit} of {came} on."
            if limit <= found.of
            else "The usual share is too high, or the recordings are too few, for this alarm to ring."
        ),
        by_chance=once_in(weeks, clips=found.of, noun="recording", over_weeks=span.weeks),
        about={"usual": [usual.hits, usual.of]},
    )


def share_limit(usual: Share, clips: int, *, chance: float) -> tuple[int, float]:
    """The lowest number of clips that is double the usual share and that chance reaches rarely enough; and its chance.

    The number is above ``clips`` where no number is rare enough; the chance is then that of all clips.
    """
    import numpy as np
    from scipy.stats import binom

    counts = np.arange(1, clips + 1)
    reached = binom.sf(counts - 1, clips, share_interval(usual.hits, usual.of)[1])
    fits = (reached <= chance) & (counts >= RATIO * usual.value * clips)
    if not fits.any():
        return clips + 1, float(reached[-1])
    at = int(np.argmax(fits))
    return int(counts[at]), float(reached[at])


def promise_finding(found: Expectation, span: Span) -> Finding:
    """Compare macro-F1 on new labels with what the model's probabilities promise for the same clips.

    The labels are drawn from the probabilities many times. The alarm rings when so low an F1 comes by chance no more
    often than its rate allows. ECE is shown beside what a perfect model has on these clips, and rings no alarm: no real
    model is perfectly calibrated.

    found : made with the level ``chance_of(span.weeks)``.
    """
    chance, weeks = chance_of(span.weeks), promised_weeks(span.weeks)
    return Finding(
        Rule.F1,
        Standing.RINGS if found.f1_p <= chance else Standing.QUIET,
        value=found.f1,
        limit=found.low,
        weeks=weeks,
        clips=found.clips,
        seen=(
            f"Macro-F1 is {found.f1:.2f} on {counted(found.clips, 'labelled clip')} of {span.words}. The model's "
            f"probabilities promise {found.expected:.2f}. The calibration error (ECE) is {found.ece:.2f}; a perfect "
            f"model shows {found.ece_expected:.2f} on so few clips."
        ),
        sure=_how_rare("So low an F1", found.f1_p),
        by_chance=once_in(weeks, clips=found.clips, noun="label", over_weeks=span.weeks),
        about={"expected": found.expected, "p": found.f1_p, "ece": found.ece, "ece_expected": found.ece_expected},
    )


def _how_rare(what: str, p: float) -> str:
    often = "less than 0.1 %" if p < 0.001 else f"{100 * p:.1f} %"
    return f"{what} comes by chance in {often} of such samples."


def waiting_finding(rule: Rule, found: int, least: int, noun: str) -> Finding:
    """Say how many clips are missing until an alarm can be judged for the first time.

    found : those that came and are not judged yet.  noun : what is counted.
    """
    if found >= least:
        missing = "They are judged when their week is over."
    else:
        missing = f"{counted(least - found, noun)} {'is' if least - found == 1 else 'are'} missing."
    seen = f"Not judged yet: {counted(found, noun)} came, {least} are needed. {missing}"
    return Finding(rule, Standing.UNKNOWN, clips=found, seen=seen)


def first_judgement(now: datetime) -> str:
    """The sentence that says when the first judgement is possible."""
    return (
        f"The first judgement comes after a whole week (Monday to Sunday, UTC) with {LEAST} clips; weeks with fewer "
        f"clips count together. This week ends on {monday(now) + WEEK - timedelta(days=1):%-d %b}."
    )


def labels_finding(last_label: datetime | None, first_clip: datetime | None, *, now: datetime) -> Finding:
    """Count the days since the last answer of a person, or since the first clip where no answer has come yet.

    A time in the future comes from a wrong clock and counts as now.
    """
    since = last_label or first_clip
    if since is None:
        return Finding(Rule.LABELS, Standing.UNKNOWN, limit=SILENT_DAYS, seen="No clip was scored yet.")
    days = max((now - since).days, 0)
    what = "The last answer came" if last_label else "No answer has come yet. The first clip came"
    return Finding(
        Rule.LABELS,
        Standing.RINGS if days >= SILENT_DAYS else Standing.QUIET,
        value=float(days),
        limit=SILENT_DAYS,
        seen=f"{what} {counted(days, 'day')} ago.",
        by_chance=f"This alarm counts days (limit: {SILENT_DAYS}), so it has no rate of false alarms.",
    )

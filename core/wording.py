"""Format percentages, durations and emotions in the same way on every page.

Probabilities of a clip have one decimal on every page. The highest is rounded down, so that it never reads as a limit
that it did not reach: 74.96 % is not 75 %. The others are rounded so that the four add up to 100 %. Shares of counted
things are whole percents, rounded to the nearest.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from math import floor, isnan

ROUNDING = (
    "The highest probability is rounded down, so that 74.96 % does not read as 75 %. The others are rounded so that "
    "all four add up to 100 %."
)


def percent(p: float) -> str:
    """Format a probability, rounded down to a tenth of a percent: 74.96 % is not 75 %, and 99.97 % is not 100 %."""
    return f"{percent_number(p):.1f} %"


def percent_number(p: float) -> float:
    """Return a probability in percent, rounded down as in `percent`, for a column of numbers."""
    return _tenths(p) / 10


def _tenths(p: float) -> int:
    return floor(1000 * p + 1e-9)


def percents(proba: Mapping[str, float]) -> dict[str, str]:
    """Format the probabilities of one clip: the highest as `percent`, the others so that all add up to 100 %.

    A tenth that is missing goes to the probability that lost most by rounding down, but no other probability reads
    higher than the highest. proba : emotion -> probability; the probabilities sum to 1.
    """
    return {name: f"{tenth / 10:.1f} %" for name, tenth in zip(proba, _rounded(list(proba.values())), strict=True)}


def _rounded(proba: Sequence[float]) -> list[int]:
    """Tenths of a percent that add up to 1000; the highest is rounded down."""
    shown = [_tenths(p) for p in proba]
    top = max(range(len(proba)), key=lambda k: proba[k])
    for _ in range(1000 - sum(shown)):
        free = [k for k in range(len(proba)) if k != top and shown[k] < shown[top]]
        if not free:
            break
        shown[max(free, key=lambda k: 1000 * proba[k] - shown[k])] += 1
    return shown


def shares(values: Mapping[str, float]) -> dict[str, str]:
    """Format all shares of one whole as whole percents that add up to 100 %.

    The first is rounded as by `whole_percent`, because other pages show it alone. Of the others, those with the largest
    rests are rounded up.
    """
    shown = {name: floor(100 * share + 1e-9) for name, share in values.items()}
    first, *others = values
    shown[first] = round(100 * values[first])
    others.sort(key=lambda name: shown[name] - 100 * values[name])
    for name in others[: 100 - sum(shown.values())]:
        shown[name] += 1
    return {name: f"{percents} %" for name, percents in shown.items()}


def percent_limit(p: float) -> str:
    """Format a limit, rounded to a tenth of a percent: ``"75 %"``, ``"72.5 %"``."""
    return f"{round(100 * p, 1):g} %"


def whole_percent(share: float) -> str:
    """Format a share, rounded to a whole percent: ``"20 %"``."""
    return f"{100 * share:.0f} %"


def tenth_percent(share: float) -> str:
    """Format a share, rounded to a tenth of a percent: ``"87.5 %"``."""
    return f"{100 * share:.1f} %"


def share_with_interval(share: float, low: float, high: float) -> str:
    """Format a share with its interval: ``"82 % (70 to 92 %)"``. Without an interval (NaN): ``"82 %"``.

    A share below 1 that would be rounded to 100 % is ``"over 99 %"``.
    """
    text = "over 99 %" if 0.995 <= share < 1 else whole_percent(share)
    return text if isnan(low) or isnan(high) else f"{text} ({100 * low:.0f} to {whole_percent(high)})"


def percent_change(change: float) -> str:
    """Format a relative change with its sign: ``"+20 %"``."""
    return f"{100 * change:+.0f} %"


def signed_points(change: float) -> str:
    """Format a change of a probability in percentage points with its sign: ``"+2.5"``; no change is ``"0"``."""
    return f"{100 * change:+.1f}" if round(change, 3) else "0"


def counted(count: int, noun: str) -> str:
    """Format a number with its noun: ``"1 window"``, ``"2,000 windows"``. noun : in the singular."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def times(count: int) -> str:
    """Format how often something happened: ``"once"``, ``"twice"``, ``"3 times"``."""
    return {1: "once", 2: "twice"}.get(count, f"{count:,} times")


def part(count: int, total: int, noun: str) -> str:
    """Format a part of a number with its noun and verb: ``"1 of 17 pieces is"``, ``"3 of 17 pieces are"``."""
    return f"{count:,} of {counted(total, noun)} {'is' if count == 1 else 'are'}"


def duration(seconds: float) -> str:
    """Format a waiting time: ``"45 s"``, ``"12 min"``, ``"3 h 20 min"``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def clock(seconds: float) -> str:
    """Format a position or length in music, as audio players do: ``"59:30"``, ``"1:02:07"``."""
    hours, rest = divmod(round(seconds), 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"


_WINDOW = re.compile(r"@(\d+(?:\.\d+)?)\+(\d+(?:\.\d+)?)$")  # start and length in s at the end of the id of a window


def clip_name(file_name: str, clip_id: str) -> str:
    """Name a clip. A window of a longer recording has its times: ``"concert.flac, 1:30 to 2:00"``."""
    window = _WINDOW.search(clip_id)
    if window is None:
        return file_name
    start_s, length_s = float(window[1]), float(window[2])
    return f"{file_name}, {clock(start_s)} to {clock(start_s + length_s)}"


def moment(when: datetime, zone: tzinfo) -> str:
    """Format a moment in a time zone: ``"29 Nov, 11:09 +03"``. Raises ValueError for a time without a time zone."""
    if when.tzinfo is None:
        raise ValueError(f"The time {when} has no time zone. Add one, such as UTC.")
    return f"{when.astimezone(zone):%d %b, %H:%M %Z}"


def seconds_of(text: str) -> float | None:
    """Read a position in music, such as ``"1:20"`` or ``"1:02:07"``; None for any other text."""
    parts = text.strip().split(":")
    if not 2 <= len(parts) <= 3 or not all(part.isascii() and part.isdigit() and len(part) <= 3 for part in parts):
        return None
    *before, last = map(int, parts)
    if last > 59 or (len(before) == 2 and before[1] > 59):
        return None
    return float(sum(60 ** (len(parts) - 1 - k) * value for k, value in enumerate([*before, last])))


SIGNS = {"angry": "▲", "happy": "★", "relax": "■", "sad": "●"}


def with_sign(emotion: str) -> str:
    """Format an emotion with its symbol: ``"★ happy"``; other words are returned unchanged."""
    return f"{SIGNS[emotion]} {emotion}" if emotion in SIGNS else emotion


_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")


def place_in_line(place: int, seconds: float) -> str:
    """Say where a clip is in the line: ``"Third in the line, about 2 s."``. place : 0 means that it is at work."""
    about = f"about {max(1, round(seconds))} s"
    if place == 0:
        return f"At work now, {about}."
    where = _ORDINALS[place - 1].capitalize() if place <= len(_ORDINALS) else f"Number {place}"
    return f"{where} in the line, {about}."

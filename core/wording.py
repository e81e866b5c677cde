"""Format percentages, durations and emotions in the same way on every page."""

import re
from datetime import datetime, tzinfo
from math import floor, isnan


def percent(p: float) -> str:
    """Format a probability, rounded down to a tenth of a percent: 74.96 % is not 75 %, and 99.97 % is not 100 %."""
    return f"{floor(1000 * p + 1e-9) / 10:.1f} %"


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


def signed_percent(change: float) -> str:
    """Format a change of a probability with its sign, to a tenth of a percent: ``"+2.5 %"``; no change is ``"0 %"``."""
    return f"{100 * change:+.1f} %" if round(change, 3) else "0 %"


def counted(count: int, noun: str) -> str:
    """Format a number with its noun: ``"1 window"``, ``"2,000 windows"``. noun : in the singular."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


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


SIGNS = {"angry": "▲", "happy": "★", "relax": "■", "sad": "●"}


def with_sign(emotion: str) -> str:
    """Format an emotion with its symbol: ``"★ happy"``; other words are returned unchanged."""
    return f"{SIGNS[emotion]} {emotion}" if emotion in SIGNS else emotion

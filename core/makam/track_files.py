"""Read a pitch track that a person corrected in another program.

Read are: CSV or text with a time in s and a frequency in Hz in each row (as this program, Tony and Sonic Visualiser
write it), a time-value layer of Sonic Visualiser (.svl), a PitchTier of Praat in text format, and JSON of this program
or with the names of tomato. Nothing in a file is executed, and no other file is opened.
"""

import codecs
import json
import re
from typing import Any

import numpy as np

from core.audio.decoding import display_name
from core.errors import CoreError
from core.makam.melody import REFERENCE_HZ, Melody

MOST_BYTES = 50 * 10**6
MOST_POINTS = 2_000_000
LONGEST_S = 6 * 3600.0
LOWEST_HZ, HIGHEST_HZ = 20.0, 5000.0
HOP_S = 0.01  # of the track that is made from points without a regular distance
GAP_HOPS = 3.5  # a longer distance between two points is a rest
READ = ("csv", "txt", "svl", "PitchTier", "json")
_POINT = re.compile(r"<point\b([^<>]{0,500})>")
_ATTRIBUTE = re.compile(r'\b(frame|value)\s*=\s*"([^"<>]{1,40})"')
_RATE = re.compile(r'<model\b[^<>]{0,2000}\bsampleRate\s*=\s*"([0-9]{1,7}(?:\.[0-9]{0,6})?)"')
_TIER = re.compile(r"\b(?:number|time)\s*=\s*(\S{1,40})\s+value\s*=\s*(\S{1,40})")
_HEADINGS = ({"time_s", "time", "start_s"}, {"frequency_hz", "frequency", "pitch_hz", "value", "hz"})


def read_track(data: bytes, name: str) -> Melody:
    """Return the melody that a file holds.

    A frequency of 0, a negative one and an empty cell mean that there is no pitch.

    Parameters
    ----------
    data
        The bytes of the file.
    name
        Its name, for the error messages.

    Raises
    ------
    CoreError
        When the file is no pitch track, too large, or holds impossible values. The message says what to do.
    """
    shown = display_name(name)
    if len(data) > MOST_BYTES:
        raise CoreError(f"{shown} has {len(data) / 1e6:.0f} MB. A pitch track has at most {MOST_BYTES // 10**6} MB.")
    text = _text(data, shown)
    start = text.lstrip()[:2000]
    if start.startswith("{"):
        times, hz = _from_json(text, shown)
    elif "<sv" in start or "<point" in start:
        times, hz = _from_svl(text, shown)
    elif "PitchTier" in start:
        times, hz = _from_tier(text, shown)
    else:
        times, hz = _from_rows(text, shown)
    return _melody(times, hz, shown)


def _text(data: bytes, shown: str) -> str:
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    encoding = "utf-16" if wide else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise CoreError(f"{shown} is not a text file. Export the pitch track as CSV and choose that file.") from error
    if "\0" in text:
        raise CoreError(f"{shown} is not a text file. Export the pitch track as CSV and choose that file.")
    return text


def _from_json(text: str, shown: str) -> tuple[np.ndarray, np.ndarray]:
    """Read our own JSON (``track`` with columns), or tomato's (``pitch`` with rows)."""
    try:
        content = json.loads(text)
        track, pitch = content.get("track"), content.get("pitch")
        if isinstance(track, dict):
            return _floats(track["time_s"], shown), _floats(track["frequency_hz"], shown)
        rows = pitch["pitch"] if isinstance(pitch, dict) else pitch
        if isinstance(rows, list) and rows and len(rows) <= MOST_POINTS:
            return _floats([row[0] for row in rows], shown), _floats([row[1] for row in rows], shown)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
        raise CoreError(f"{shown} cannot be read as JSON with a pitch track: {_why(error)}.") from error
    raise CoreError(f"{shown} holds no pitch track. It needs the key track, or the key pitch as tomato writes it.")


def _why(error: Exception) -> str:
    return "it is nested too deeply" if isinstance(error, RecursionError) else f"{type(error).__name__}, {error}"[:200]


def _from_svl(text: str, shown: str) -> tuple[np.ndarray, np.ndarray]:
    """Read the points of a layer. The file is searched and not parsed as XML, so entities are never expanded."""
    rate = _RATE.search(text)
    if rate is None or not 0 < float(rate[1]) <= 1e6:
        raise CoreError(f"{shown} does not say its sampling rate. Export the layer from Sonic Visualiser again.")
    frames: list[str] = []
    values: list[str] = []
    for point in _POINT.finditer(text):
        known = dict(_ATTRIBUTE.findall(point[1]))
        if "frame" in known and "value" in known:
            frames.append(known["frame"])
            values.append(known["value"])
        if len(frames) > MOST_POINTS:
            break
    return _floats(frames, shown) / float(rate[1]), _floats(values, shown)


def _from_tier(text: str, shown: str) -> tuple[np.ndarray, np.ndarray]:
    pairs = [match.groups() for match, _ in zip(_TIER.finditer(text), range(MOST_POINTS + 1), strict=False)]
    if not pairs:
        raise CoreError(f"{shown} is not a PitchTier in text format. In Praat, save it as a text file.")
    return _floats([pair[0] for pair in pairs], shown), _floats([pair[1] for pair in pairs], shown)


def _from_rows(text: str, shown: str) -> tuple[np.ndarray, np.ndarray]:
    """Read rows of cells. The columns are found by their names; without names they are the first two."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if not lines:
        raise CoreError(f"{shown} is empty. Choose a file with a time and a frequency in each row.")
    if len(lines) > MOST_POINTS:
        raise CoreError(f"{shown} has more than {MOST_POINTS:,} rows. Cut the recording into parts.")
    separator = next((mark for mark in ("\t", ";", ",") if mark in lines[0]), None)  # a comma may be a decimal comma
    head = [cell.strip().strip('"').casefold() for cell in lines[0].split(separator)]
    places = [next((k for k, cell in enumerate(head) if cell in names), None) for names in _HEADINGS]
    named = places[0] is not None and places[1] is not None
    at_time, at_hz = (int(places[0] or 0), int(places[1] or 0)) if named else (0, 1)
    rows = [line.split(separator) for line in lines[1 if named or _is_text(head) else 0 :]]
    if any(len(row) <= max(at_time, at_hz) for row in rows):
        raise CoreError(
            f"{shown} has rows with fewer than two cells. Each row needs a time in s and a frequency in Hz."
        )
    decimal_comma = separator in (";", "\t")
    times, hz = ([_cell(row[k], decimal_comma) for row in rows] for k in (at_time, at_hz))
    found = _floats(times, shown), _floats(hz, shown)
    if not named and _are_labels(*found):
        raise CoreError(
            f"{shown} seems to hold labels, such as those of Audacity: the second number of each row is the end of the "
            "first. Choose a file with a time in s and a frequency in Hz in each row."
        )
    return found


def _are_labels(starts: np.ndarray, ends: np.ndarray) -> bool:
    """Whether two columns are beginnings and ends, one after the other, and not times and frequencies."""
    return bool(starts.size > 1 and (ends >= starts).all() and (ends[:-1] <= starts[1:] + 0.5).all())


def _is_text(head: list[str]) -> bool:
    return not re.fullmatch(r"[-+0-9.,e]+", head[0])


def _cell(text: str, decimal_comma: bool) -> str:
    cell = text.strip().strip('"').strip()
    return cell.replace(",", ".") if decimal_comma else cell


def _floats(values: Any, shown: str) -> np.ndarray:
    """Numbers of cells; an empty cell and null are NaN."""
    if not isinstance(values, list) or len(values) > MOST_POINTS:
        raise CoreError(f"{shown} holds more than {MOST_POINTS:,} points, or no list of them.")
    empty = ("", None, "nan", "NaN", "--undefined--")
    try:
        return np.array([np.nan if value in empty else float(value) for value in values], dtype=float)
    except (ValueError, TypeError, OverflowError) as error:
        raise CoreError(f"{shown} has a cell that is not a number: {str(error)[:100]}. Correct it.") from error


def _melody(times: np.ndarray, hz: np.ndarray, shown: str) -> Melody:
    """Put the points onto a regular grid. Raises CoreError for values that no pitch track has."""
    if times.size != hz.size or times.size < 2:
        raise CoreError(f"{shown} holds fewer than two points. Choose a file with a time and a frequency in each row.")
    if not np.isfinite(times).all() or np.isinf(hz).any():
        raise CoreError(f"{shown} has a time or a frequency that is not a number. Correct it.")
    if times.min() < 0 or times.max() > LONGEST_S:
        raise CoreError(f"{shown} has a time outside of 0 to {LONGEST_S:.0f} s. Times are in seconds.")
    order = np.argsort(times, kind="stable")
    times, hz = times[order], np.where(hz[order] > 0, hz[order], np.nan)
    known = hz[~np.isnan(hz)]
    if not known.size:
        raise CoreError(f"{shown} has no pitch: all frequencies are empty or 0.")
    if known.min() < LOWEST_HZ or known.max() > HIGHEST_HZ:
        raise CoreError(
            f"{shown} has frequencies from {known.min():.0f} to {known.max():.0f}. Frequencies are in Hz, from "
            f"{LOWEST_HZ:.0f} to {HIGHEST_HZ:.0f}."
        )
    steps = np.diff(times)
    steps = steps[steps > 0]
    hop_s = min(max(float(np.median(steps)), 0.001), 0.1) if steps.size else HOP_S
    hop_s = max(hop_s, float(times[-1]) / MOST_POINTS)
    grid = np.arange(round(times[-1] / hop_s) + 1) * hop_s
    right = np.clip(np.searchsorted(times, grid), 1, times.size - 1)
    nearest = np.where(grid - times[right - 1] <= times[right] - grid, right - 1, right)
    cents = 1200 * np.log2(hz[nearest] / REFERENCE_HZ)
    cents[np.abs(times[nearest] - grid) > GAP_HOPS * hop_s / 2] = np.nan
    return Melody(cents, np.where(np.isnan(cents), 0.0, 1.0), hop_s)


def agreement(track: Melody, measured: Melody) -> float:
    """Return in which share of the time two melodies have the same pitch, within 50 cents and octaves together.

    Only moments in which both have a pitch count. Without such a moment the share is 0.
    """
    size = int(min(track.duration_s, measured.duration_s) / HOP_S)
    times = np.arange(size) * HOP_S
    cents = [m.cents[np.minimum((times / m.hop_s).astype(int), m.cents.size - 1)] for m in (track, measured)]
    away = np.abs((cents[0] - cents[1] + 600) % 1200 - 600)
    known = ~np.isnan(away)
    return float((away[known] <= 50).mean()) if known.any() else 0.0

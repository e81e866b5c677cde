"""What nginx wrote about the requests of each model: one JSON line a request, without keys, names or audio."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from core.canary.running import Canary, folder
from core.settings import Settings

LOG = "requests.log"
READ_BYTES = 20_000_000  # the end of the log that is read: about 150,000 requests
NO_ANSWER = 502  # a server that gave no status


@dataclass(frozen=True)
class Requests:
    """The requests that one model got.

    Attributes
    ----------
    failed : number of requests without an answer, or with a status of 500 or more.
    seconds : times of the answers with a status below 300.
    """

    failed: int
    count: int
    seconds: tuple[float, ...]


def log_file(settings: Settings) -> Path:
    """The file that nginx writes while a canary runs."""
    return folder(settings) / LOG


def read_requests(canary: Canary, settings: Settings) -> tuple[Requests, Requests]:
    """The requests of champion and challenger since the start of the canary.

    A request that the challenger failed and the champion answered counts as a failed request of the challenger, and not
    at all for the champion.
    """
    since = datetime.fromisoformat(canary.started_at).timestamp()
    lines = [line for line in map(_read_line, _last_lines(log_file(settings))) if line and line[0] >= since]
    champion, challenger = (_of_role(lines, role) for role in ("champion", "challenger"))
    return champion, challenger


def _of_role(lines: list[tuple[float, str, int, float]], role: str) -> Requests:
    own = [(status, seconds) for _, asked, status, seconds in lines if asked == role]
    failed = sum(status >= 500 for status, _ in own)
    return Requests(failed, len(own), tuple(seconds for status, seconds in own if status < 300))


def _read_line(line: bytes) -> tuple[float, str, int, float] | None:
    """Time, role, status and seconds of a request; None for a line that nginx has not finished."""
    try:
        known = json.loads(line)
        # nginx lists all servers that it asked: "502 : 200". The first is the one that was meant.
        status, seconds = (known[name].replace(",", " ").split()[:1] for name in ("status", "seconds"))
        answered = status and status[0].isdigit()
        return (
            float(known["time"]),
            str(known["role"]),
            int(status[0]) if answered else NO_ANSWER,
            float(seconds[0]) if seconds and seconds[0] != "-" else 0.0,
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _last_lines(file: Path) -> list[bytes]:
    try:
        with file.open("rb") as opened:
            size = opened.seek(0, 2)
            opened.seek(max(0, size - READ_BYTES))
            return opened.read().splitlines()[1 if size > READ_BYTES else 0 :]
    except FileNotFoundError:
        return []

"""The part of nginx's configuration that divides the callers. nginx reads it again without losing a request."""

import os
import re
import signal
from pathlib import Path

from core.atomic import replace_file
from core.canary.requests import LOG
from core.canary.running import Canary, CanaryError, folder
from core.settings import Settings

SPLIT = "split.conf"
PID = "nginx.pid"
_ADDRESS = re.compile(r"[A-Za-z0-9.\-\[\]:]+:\d{1,5}")

_TEXT = """\
# Written by `python -m core canary`. Do not change it by hand: the next start or end of a canary replaces it.
split_clients "{salt}$http_authorization$canary_address" $canary_role {{
{shares}    *      champion;
}}
map "" $canary_running {{ default {running}; }}
upstream champion {{ server {champion}; }}
upstream challenger {{ server {challenger}; }}
"""


def split_file(settings: Settings) -> Path:
    """The file that nginx includes."""
    return folder(settings) / SPLIT


def split_text(canary: Canary | None, settings: Settings) -> str:
    """Content of the file: the share of the canary, or without one the champion for everybody.

    Without a canary the address of the challenger is not named, because nginx does not start with the name of a machine
    that is not there.
    """
    champion, challenger = _address(settings.champion_address), _address(settings.challenger_address)
    if canary is None:
        return _TEXT.format(salt="", shares="", running=0, champion=champion, challenger=champion)
    share = f"    {canary.share}%     challenger;\n"
    return _TEXT.format(salt=canary.id, shares=share, running=1, champion=champion, challenger=challenger)


def divide(canary: Canary | None, settings: Settings) -> str:
    """Write the file and let nginx read it again. Returns a sentence about what nginx does.

    nginx finishes the requests that it works on with the old division.
    """
    place = folder(settings)
    place.mkdir(parents=True, exist_ok=True)
    (place / LOG).touch()  # nginx would make it as another user
    replace_file(split_file(settings), split_text(canary, settings).encode())
    return _reload(place / PID)


def _reload(pid_file: Path) -> str:
    try:
        pid = int(pid_file.read_text(encoding="ascii"))
    except (FileNotFoundError, ValueError):
        return f"nginx has no {pid_file.name} here. It divides the callers after its next reload."
    try:
        if not _is_nginx(pid):
            return "nginx is not running. It divides the callers after its start."
        os.kill(pid, signal.SIGHUP)
    except ProcessLookupError:
        return "nginx is not running. It divides the callers after its start."
    except PermissionError:
        raise CanaryError(
            f"nginx (process {pid}) belongs to another user, so it did not read the new division. Reload it as that "
            "user: nginx -s reload"
        ) from None
    return "nginx reads the new division."


def _is_nginx(pid: int) -> bool:
    """Whether the number is that of an nginx: after a crash another process may have it. True where nobody can say."""
    if not Path("/proc/self/comm").exists():
        return True
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip() == "nginx"
    except FileNotFoundError:
        return False


def _address(text: str) -> str:
    """Return the address HOST:PORT. Raises CanaryError for other texts, because the address becomes configuration."""
    if not _ADDRESS.fullmatch(text):
        raise CanaryError(f"{text!r} is no address. Write HOST:PORT, for example 127.0.0.1:8000.")
    return text

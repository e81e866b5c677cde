"""Fetch sound from a web address that a list names, without reaching machines that are nobody's music server.

A list comes from somebody else. Its addresses must therefore lead to the public internet, or to a server that the
setting TME_SOURCE_HOSTS names. This is checked on each connection, before a question is sent, so neither a redirect nor
a name that changes its meaning gets around it. A file that did not change is not fetched again.
"""

import hashlib
import os
from collections.abc import Collection
from email.utils import formatdate, parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from core.atomic import replace_file
from core.audio.formats import Other, identify
from core.library.addresses import without_key
from core.library.find import file_stamp
from core.library.places import safe_name
from core.reach import is_public
from core.records import FoundFile
from core.source_note import VERSION
from core.sources.web import TIMEOUT_S, read_limited

if TYPE_CHECKING:
    import requests

MOST_REDIRECTS = 5
LONGEST_S = 600.0  # for one file, however slowly it comes
_NOT_PUBLIC = (
    "Its address leads into a private network. If this is your music server, name its host in TME_SOURCE_HOSTS."
)


class _NotPublicError(ValueError):
    """The connection leads into a private network. No OSError, so that nobody tries again."""


class _BusyError(Exception):
    """The server asks to come back later."""


class Downloads:
    """Files from the web in one folder.

    Parameters
    ----------
    folder
        Where the files are stored; it is made when it is needed.
    hosts
        Names of servers that may be in a private network.
    max_mb
        Size limit of a file in MB.
    """

    def __init__(self, folder: Path, *, hosts: Collection[str], max_mb: float) -> None:
        self.folder, self._max_mb = folder, max_mb
        self._session = _checked_session(hosts)

    def fetch(self, address: str) -> FoundFile:
        """Fetch a file, unless the stored one is still the same. While the server is away, the stored one counts.

        A file that cannot be fetched has a problem.
        """
        import requests

        mark = hashlib.sha256(address.encode(errors="replace")).hexdigest()[:16]
        stored = next(self.folder.glob(f"* {mark}.*"), None)
        try:
            return self._fetch(address, mark, stored)
        except _NotPublicError:
            return _problem(address, _NOT_PUBLIC)
        except requests.TooManyRedirects:
            return _problem(address, "Its address leads from one address to the next without an end.")
        except (requests.Timeout, TimeoutError, _BusyError):
            why = "The server is busy, or did not answer in time. Ingest the list again later."
            return _found(stored) if stored else _problem(address, why)
        except (requests.RequestException, ValueError):
            why = "The server cannot be reached at this address. Check the address."
            return _found(stored) if stored else _problem(address, why)
        except OSError as error:
            return _problem(address, f"It cannot be stored in {self.folder}: {error.strerror}. Make room for it.")

    def _fetch(self, address: str, mark: str, stored: Path | None) -> FoundFile:
        since = {"If-Modified-Since": formatdate(stored.stat().st_mtime, usegmt=True)} if stored else {}
        with self._session.get(address, headers=since, timeout=TIMEOUT_S, stream=True) as answer:
            if answer.status_code == 304 and stored:
                return _found(stored)
            if answer.status_code == 429 or answer.status_code >= 500:
                raise _BusyError
            if answer.status_code != 200:
                return _problem(address, _status_problem(answer.status_code))
            try:
                data = read_limited(answer, int(self._max_mb * 1e6), LONGEST_S)
            except ValueError:
                return _problem(address, f"It is larger than {self._max_mb:g} MB. Raise the limit with --max-mb.")
            changed = answer.headers.get("Last-Modified", "")
        form = identify(data)
        if isinstance(form, Other):
            return _problem(address, f"The server sent {form.what}, and no audio.")
        stem = safe_name(unquote(urlsplit(address).path).rsplit("/", 1)[-1].rpartition(".")[0])[:80] or "recording"
        path = self.folder / f"{stem} {mark}{form.endings[0]}"
        if stored and stored == path and stored.read_bytes() == data:
            return _found(stored)
        self.folder.mkdir(parents=True, exist_ok=True)
        replace_file(path, data)
        _set_time(path, changed)
        if stored and stored != path:
            stored.unlink(missing_ok=True)
        return _found(path)


def _found(path: Path) -> FoundFile:
    here = path.stat()
    return FoundFile(str(path), path.name, here.st_size, file_stamp(here))


def _problem(address: str, why: str) -> FoundFile:
    shown = without_key(address)
    return FoundFile(shown, shown, problem=why)


def _status_problem(status: int) -> str:
    if status in (401, 403):
        return f"The server does not give this file to everybody (status {status}). Download it by hand."
    if status == 404:
        return "There is no such file on the server (status 404). Check the address."
    return f"The server answered with status {status} instead of the file."


def _set_time(path: Path, changed: str) -> None:
    """Give the file the time of its last change on the server, for the next question."""
    try:
        moment = parsedate_to_datetime(changed).timestamp()
    except (ValueError, OverflowError):
        return  # the server does not say it; next time the bytes are compared
    os.utime(path, (moment, moment))


def _checked_session(hosts: Collection[str]) -> "requests.Session":
    """Return a session that connects to public addresses and to these hosts only, without proxies and passwords."""
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.connection import HTTPConnection, HTTPSConnection
    from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

    allowed = {host.strip().lower() for host in hosts if host.strip()}

    def checked(connection: Any, socket: Any) -> Any:
        if connection.host.strip("[]").lower() not in allowed and not is_public(socket.getpeername()[0]):
            socket.close()
            raise _NotPublicError
        return socket

    class Plain(HTTPConnection):
        def _new_conn(self) -> Any:
            return checked(self, super()._new_conn())

    class Encrypted(HTTPSConnection):
        def _new_conn(self) -> Any:
            return checked(self, super()._new_conn())

    plain = type("PlainPool", (HTTPConnectionPool,), {"ConnectionCls": Plain})
    encrypted = type("EncryptedPool", (HTTPSConnectionPool,), {"ConnectionCls": Encrypted})
    adapter = HTTPAdapter()
    adapter.poolmanager.pool_classes_by_scheme = {"http": plain, "https": encrypted}
    session = requests.Session()
    session.trust_env = False  # a proxy would connect for us, unchecked; a .netrc file has passwords
    session.max_redirects = MOST_REDIRECTS
    session.headers["User-Agent"] = f"TurkishMusicEmotion/{VERSION}"
    for scheme in ("http://", "https://"):
        session.mount(scheme, adapter)
    return session

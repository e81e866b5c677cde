"""Ask a web service for JSON, with patience: pauses, limits of time and size, and errors as sentences.

No redirect is followed, because a key would go with it. Keys travel in headers, and no message names a header or a
whole address.
"""

import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from core.sources.protocol import PauseError, SourceError
from core.wording import duration

if TYPE_CHECKING:
    import requests

TIMEOUT_S = (10.0, 30.0)  # to connect, and between two pieces of the answer
LONGEST_S = 120.0  # for one answer, however slowly it comes
MAX_BYTES = 2 * 10**7  # of one answer; a page of 100 recordings has 0.1 MB
TRIES = 4
LONGEST_PAUSE_S = 60.0  # a longer one ends the run; the next run goes on
FIRST_PAUSE_S = 2.0  # where the service does not say how long to wait; doubled each time
_BUSY = (429, 500, 502, 503, 504)
_QUOTA = ("quotaExceeded", "dailyLimitExceeded", "QUOTA_EXCEEDED")  # YouTube, Spotify
_BAD_KEY = (b"API_KEY_INVALID", b"invalid_client")  # in an answer 400: YouTube, Spotify

GO_ON = "Run the same command again later; it goes on from here."


class Web:
    """A web service.

    Parameters
    ----------
    who
        Name of the service, for messages.
    key
        Names of the settings with the key, for messages; empty for a service without a key.
    gap_s
        Least time between two questions in s.
    refused
        What to do about an answer 403, as a sentence.
    """

    def __init__(
        self,
        who: str,
        *,
        key: str = "",
        gap_s: float = 0.0,
        refused: str = "",
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        import requests

        self.who, self.key, self.refused = who, key, refused
        self._gap_s, self._pause, self._asked_at = gap_s, pause, float("-inf")
        self._session = requests.Session()
        self._session.auth = lambda question: question  # otherwise a .netrc file would replace our header

    def set_header(self, name: str, value: str) -> None:
        """Set a header of all later questions."""
        self._session.headers[name] = value

    def get(self, address: str, asked: Mapping[str, Any]) -> Any:
        """Return the JSON that the service answers. asked : the parameters of the question.

        Raises
        ------
        PauseError
            When the service is busy, its quota is used up, or it cannot be reached.
        SourceError
            When it refuses the question, or answers no JSON.
        """
        return self._ask("GET", address, params=asked)

    def post(self, address: str, form: Mapping[str, str], *, auth: tuple[str, str]) -> Any:
        """Send a form with a name and a password, and return the JSON that the service answers; errors as in `get`."""
        return self._ask("POST", address, data=form, auth=auth)

    def _ask(self, method: str, address: str, **given: Any) -> Any:
        for attempt in range(TRIES):
            status, headers, body = self._send(method, address, **given)
            if status not in _BUSY or _quota_used(body):
                return self._read(status, body)
            asked_s = _retry_after(headers.get("Retry-After", ""))
            wait_s = FIRST_PAUSE_S * 2**attempt if asked_s is None else asked_s
            if wait_s > LONGEST_PAUSE_S:
                raise PauseError(f"{self.who} asks for a pause of {duration(wait_s)} (status {status}). {GO_ON}")
            if attempt < TRIES - 1:
                self._pause(wait_s)
        raise PauseError(f"{self.who} was busy {TRIES} times in a row (status {status}). {GO_ON}")

    def _send(self, method: str, address: str, **given: Any) -> tuple[int, Mapping[str, str], bytes]:
        import requests

        rest = self._asked_at + self._gap_s - time.monotonic()
        if rest > 0:
            self._pause(rest)
        self._asked_at = time.monotonic()
        try:
            with self._session.request(
                method, address, timeout=TIMEOUT_S, allow_redirects=False, stream=True, **given
            ) as answer:
                return answer.status_code, answer.headers, read_limited(answer, MAX_BYTES, LONGEST_S)
        except (requests.RequestException, TimeoutError) as error:
            late = isinstance(error, requests.Timeout | TimeoutError)
            why = "did not answer in time" if late else "cannot be reached"
            raise PauseError(f"{self.who} {why}. Check the connection to the internet. {GO_ON}") from error
        except ValueError as error:
            raise SourceError(f"{self.who} answered with more than {MAX_BYTES // 10**6} MB. Nothing was stored.") from (
                error
            )

    def _read(self, status: int, body: bytes) -> Any:
        if status in (403, 429) and _quota_used(body):
            raise PauseError(f"The quota of {self.who} for today is used up (status {status}). {GO_ON}")
        if status == 401 or (status == 400 and any(word in body for word in _BAD_KEY)):
            check = f"Check {self.key}." if self.key else "It asks for a login, which this program does not have."
            raise SourceError(f"{self.who} does not accept the key (status {status}). {check}")
        if status == 403:
            raise SourceError(f"{self.who} refuses this question (status 403). {self.refused}".strip())
        if status == 404:
            raise SourceError(f"{self.who} has nothing of this name (status 404). Check the name of the source.")
        if 300 <= status < 400:
            raise SourceError(f"{self.who} sends on to another address (status {status}), which is not followed.")
        if status != 200:
            raise SourceError(
                f"{self.who} does not accept the question (status {status}). Check the name of the source."
            )
        try:
            return json.loads(body)
        except (ValueError, RecursionError) as error:
            raise SourceError(
                f"{self.who} answered with something that is not JSON. Perhaps a proxy or a login page answered."
            ) from error


def read_limited(answer: "requests.Response", limit: int, seconds: float) -> bytes:
    """Return the body of an answer.

    Raises
    ------
    ValueError
        When it has more bytes than the limit.
    TimeoutError
        When it takes longer than these seconds. A server may send one byte at a time for ever.
    """
    import requests
    from urllib3.exceptions import HTTPError

    body, until = bytearray(), time.monotonic() + seconds
    try:
        while chunk := answer.raw.read1(65_536, decode_content=True):
            body += chunk
            if len(body) > limit:
                raise ValueError("too large")
            if time.monotonic() > until:
                raise TimeoutError
    except HTTPError as error:
        raise requests.ConnectionError(error) from error
    return bytes(body)


def _quota_used(body: bytes) -> bool:
    """Whether the body names a quota that is used up for today. The reason is in different places of the answers."""
    try:
        error = json.loads(body).get("error")
    except (ValueError, AttributeError, RecursionError):
        return False
    if not isinstance(error, dict):
        return False
    reasons = [error.get("reason"), *(e.get("reason") for e in error.get("errors") or [] if isinstance(e, dict))]
    return any(reason in _QUOTA for reason in reasons)


def _retry_after(text: str) -> float | None:
    """Seconds that the header Retry-After asks for, as a number or a date; None when it says nothing."""
    if text.strip().isdecimal():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())

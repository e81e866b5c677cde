"""The canary that runs now, and the records of the canaries that ended: files in the data folder."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from core.atomic import replace_file, replacing
from core.errors import CoreError
from core.settings import Settings

LEAST_SHARE, MOST_SHARE = 1, 50  # percent of the callers


class CanaryError(CoreError):
    """A canary cannot be started, read or ended."""


class End(StrEnum):
    """How a canary ended. The value is a word of the terminal."""

    SICK = "taken out"
    ABORTED = "aborted"
    PROMOTED = "promoted"


@dataclass(frozen=True)
class Canary:
    """A canary.

    Attributes
    ----------
    id : random digits. They are part of the hash, so each canary divides the callers in another way.
    share : percent of the callers who get the answers of the challenger.
    champion, challenger : versions of the models.
    registered : number of the challenger in the registry.
    started_at : ISO 8601.
    by : the person who started it.
    """

    id: str
    share: int
    champion: str
    challenger: str
    registered: str
    started_at: str
    by: str


@dataclass(frozen=True)
class Ended:
    """A canary that ended: how, when, why, who ended it, and the findings at that time, as sentences."""

    canary: Canary
    end: End
    ended_at: str
    why: str
    by: str
    findings: tuple[str, ...]


def folder(settings: Settings) -> Path:
    """The folder of all files of canaries."""
    return settings.data_dir / "canary"


def running(settings: Settings) -> Canary | None:
    """The canary that runs now, or None."""
    return _read(folder(settings) / "running.json", lambda known: Canary(**known))


def ended(settings: Settings) -> list[Ended]:
    """The canaries that ended, the newest last."""
    files = (folder(settings) / "ended").glob("*.json")
    found = [record for file in files if (record := _read(file, _as_ended)) is not None]
    return sorted(found, key=lambda record: record.ended_at)


def note_start(canary: Canary, settings: Settings) -> None:
    """Write down that a canary runs. Raises CanaryError when one runs already; of two at once only one succeeds."""
    place = folder(settings)
    (place / "ended").mkdir(parents=True, exist_ok=True)
    with replacing(place / f"start-{canary.id}.json") as unfinished:
        unfinished.write_text(json.dumps(asdict(canary)), encoding="utf-8")
    whole = place / f"start-{canary.id}.json"
    try:
        os.link(whole, place / "running.json")  # fails if the name exists
    except FileExistsError:
        raise CanaryError(
            "A canary runs already. Look at it with `python -m core canary status`, or end it with `python -m core "
            "canary abort`."
        ) from None
    finally:
        whole.unlink()


def note_end(canary: Canary, end: End, settings: Settings, *, why: str, by: str, findings: Sequence[str]) -> Ended:
    """Write down that a canary ended. If somebody else ended it before, their record stays and is returned."""
    record = Ended(canary, end, now(), why, by, tuple(findings))
    file = folder(settings) / "ended" / f"{canary.id}.json"
    if file.exists():
        record = _read(file, _as_ended) or record
    else:
        replace_file(file, json.dumps(asdict(record), ensure_ascii=False, indent=1).encode())
    (folder(settings) / "running.json").unlink(missing_ok=True)
    return record


def now() -> str:
    """The time now, in ISO 8601."""
    return datetime.now(UTC).isoformat()


def _as_ended(known: dict[str, Any]) -> Ended:
    made = {"canary": Canary(**known["canary"]), "end": End(known["end"]), "findings": tuple(known["findings"])}
    return Ended(**(known | made))


def _read(file: Path, make: Any) -> Any:
    try:
        return make(json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise CanaryError(f"The file {file.name} in {file.parent} cannot be read: {error}. Move it away.") from error

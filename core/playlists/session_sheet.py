"""The session sheet: what is played when and why, as one HTML page that prints well and needs nothing else.

It says how to read it, so that whoever holds the paper understands why each piece is there, and where the list is weak.
The page is ``templates/session_sheet.html``; the template escapes all that a person typed or a tag said.
The sheet is a plan for a therapist, and says that it is no more.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from core.playlists.files import file_name, gain_text, line, records
from core.playlists.playlist import FAR_FIT, FAR_STEP, NEAR_FIT, Playlist, mixture, reason
from core.schema import EMOTIONS
from core.wording import SIGNS, clock, whole_percent

WRITTEN = ("Mood before", "Mood after", "What was played", "What happened", "Next time")  # by hand
LONGEST = 2000  # characters of a text field
DISCLAIMER = (
    "The moods on this sheet are what a model that was trained on clips of Turkish music says of the music. They are "
    "no measurement of what a client feels, and no clinical decision: what is played, and when it is stopped, the "
    "therapist decides."
)
TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Session:
    """What a therapist writes on the sheet; all may be empty. begins : of the music, for times of the clock."""

    client: str = ""
    therapist: str = ""
    date: str = ""
    goal: str = ""
    notes: str = ""
    begins: datetime | None = None


def html(made: Playlist, session: Session, *, levelled: bool = False) -> bytes:
    """The sheet as a page of HTML. levelled : the copies that are played have their gain already."""
    about = [
        f"{len(made.rows)} pieces, {clock(made.length_s)} (wished {clock(made.wanted_s)})",
        f"levelled to {made.target_lufs:g} LUFS" + (", gain is in the copies" if levelled else ""),
        f"seed {made.seed}",
        f"model {', '.join(sorted(set(made.rows['model_version'])))}",
    ]
    fields = {
        "Client": session.client,
        "Therapist": session.therapist,
        "Date": session.date,
        "Goal": session.goal,
        "Notes": session.notes,
    }
    page = _template().render(
        name=made.name,
        about=about,
        fields={name: _typed(text) for name, text in fields.items()},
        disclaimer=DISCLAIMER,
        how_to_read=_how_to_read(made),
        remarks=[remark.text for remark in made.remarks],
        on_the_clock=session.begins is not None,
        steps=_steps(made, session.begins),
        written=WRITTEN,
    )
    return page.encode()


@cache
def _template() -> Template:
    """The page, read once. Everything that is put into it is escaped."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("session_sheet.html")


def _how_to_read(made: Playlist) -> list[str]:
    """How the pieces were chosen, and which are weak."""
    if made.path and len(made.way) > 1:
        how = (
            f"The music begins with what is {made.way[0]}, where the client is, and goes to {made.way[-1]} in "
            f"{made.rows['step'].max()} steps ({' → '.join(made.way)}): the iso principle. Each step says which "
            "mixture of moods it wants, each piece what the model hears in it, how well that fits, and how far it is "
            "from the piece before."
        )
    elif made.path:
        how = f"The music stays {made.way[0]}. Each piece says what the model hears in it, and how far it is from the "
        how += "piece before."
    else:
        how = f"Pieces that the model hears as {made.way[0]}: the surer it is, the likelier a piece is chosen. "
        how += "They are in the order of their tempo. No two neighbours are by one artist where that can be."
    near, far, step = whole_percent(NEAR_FIT), whole_percent(FAR_FIT), whole_percent(FAR_STEP)
    meaning = (
        f"A piece fits well when at most {near} of the model's probability would have to move to make the wanted "
        f"mixture, roughly up to {far}; a step is small up to {near} and large beyond {step}."
    )
    weak = [str(number) for number in made.rows.loc[made.rows["weak"] != "", "number"]]
    places = f"Weak places, where it pays to listen first: {', '.join(weak)}." if weak else "No place is weak."
    return [how, *([meaning] if made.path else []), places]


def _typed(text: str) -> str:
    """What a person typed, at most ``LONGEST`` characters, without control characters; lines are kept."""
    return "".join(c for c in text[:LONGEST] if c.isprintable() or c == "\n").strip()


def _steps(made: Playlist, begins: datetime | None) -> list[dict[str, Any]]:
    """The steps of the list with their pieces, as the template shows them. begins : of the music, on the clock."""
    groups: dict[int, list[dict[str, Any]]] = {}
    for row in records(made):
        groups.setdefault(row["step"], []).append(row)
    return [
        {
            "number": step,
            "wanted": mixture(rows[0], "want_") if made.path else "",
            "pieces": [_piece(row, made.path, begins) for row in rows],
        }
        for step, rows in groups.items()
    ]


def _piece(row: dict[str, Any], on_a_way: bool, begins: datetime | None) -> dict[str, Any]:
    at = clock(row["begins_s"])
    if begins is not None:
        at = f"{begins + timedelta(seconds=row['begins_s']):%H:%M:%S}"
    strongest = max(EMOTIONS, key=lambda e: row[f"p_{e}"])
    return {
        "at": at,
        "number": row["number"],
        "title": line(row["title"]),
        "artist": line(row["artist"]),
        "file": line(file_name(row["path"])),
        "length": clock(row["duration_s"]),
        "sign": SIGNS[strongest],
        "why": reason(row, on_a_way, with_wish=False),
        "weak": row["weak"],
        "gain": gain_text(row["gain_db"]),
    }

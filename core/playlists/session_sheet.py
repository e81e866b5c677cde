"""The session sheet: time and reason of each piece of a playlist, as one HTML page for printing, without other files.

The sheet explains how to read it: why each piece is in the list, and where the list is weak. It also states that it is
only a plan for the therapist. The template ``templates/session_sheet.html`` escapes all typed texts and audio tags.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from core.playlists.files import file_name, gain_text, one_line, row_dicts
from core.playlists.playlist import FAR_FIT, FAR_STEP, NEAR_FIT, Playlist, mixture, reason
from core.schema import EMOTIONS
from core.wording import SIGNS, clock, whole_percent

WRITTEN = ("Mood before", "Mood after", "Pieces played", "Observations", "Next time")  # by hand
LONGEST = 2000  # characters of a text field
DISCLAIMER = (
    "A model that was trained on clips of Turkish music predicted the moods on this sheet from the sound. They do not "
    "measure what a client feels, and they are not a clinical decision. The therapist decides what to play and when to "
    "stop."
)
TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Session:
    """Texts that the therapist enters for the sheet; all are optional. begins : start of the music."""

    client: str = ""
    therapist: str = ""
    date: str = ""
    goal: str = ""
    notes: str = ""
    begins: datetime | None = None


def session_html(made: Playlist, session: Session, *, levelled: bool = False) -> bytes:
    """Session sheet as an HTML page. levelled : the session plays levelled copies, which include the gain."""
    about = [
        f"{len(made.rows)} pieces, {clock(made.length_s)} (wanted: {clock(made.wanted_s)})",
        f"levelled to {made.target_lufs:g} LUFS" + (", the copies include the gain" if levelled else ""),
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
    """Load the template once. All inserted texts are escaped."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("session_sheet.html")


def _how_to_read(made: Playlist) -> list[str]:
    """Sentences that explain the choice of the pieces and name the weak places."""
    if made.path and len(made.way) > 1:
        how = (
            f"The music follows the iso principle: it begins with {made.way[0]} pieces, the client's mood now, and "
            f"moves to {made.way[-1]} in {made.rows['step'].max()} steps ({' → '.join(made.way)}). For each step, the "
            "sheet shows the wanted mixture of moods. For each piece, it shows the moods that the model hears, how "
            "well they fit, and how large the change from the previous piece is."
        )
    elif made.path:
        how = (
            f"The music stays {made.way[0]}. For each piece, the sheet shows the moods that the model hears and how "
            "large the change from the previous piece is."
        )
    else:
        how = (
            f"The model hears these pieces as {made.way[0]}; pieces with a higher probability are chosen more often. "
            "They are sorted by tempo. Two neighbours are by different artists if possible."
        )
    near, far, step = whole_percent(NEAR_FIT), whole_percent(FAR_FIT), whole_percent(FAR_STEP)
    meaning = (
        "The difference between two mixtures is the part of the probability that must move to change one into the "
        f"other. A piece fits well up to a difference of {near}, and roughly up to {far}. A step is small up to a "
        f"difference of {near}, and large above {step}."
    )
    weak = [str(number) for number in made.rows.loc[made.rows["weak"] != "", "number"]]
    places = (
        f"These pieces are weak places, so listen to them before the session: {', '.join(weak)}."
        if weak
        else "There is no weak place."
    )
    return [how, *([meaning] if made.path else []), places]


def _typed(text: str) -> str:
    """Typed text, cut to ``LONGEST`` characters, without control characters except line breaks."""
    return "".join(c for c in text[:LONGEST] if c.isprintable() or c == "\n").strip()


def _steps(made: Playlist, begins: datetime | None) -> list[dict[str, Any]]:
    """Steps of the playlist with their pieces, as the template needs them. begins : start of the music."""
    groups: dict[int, list[dict[str, Any]]] = {}
    for row in row_dicts(made):
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
        "title": one_line(row["title"]),
        "artist": one_line(row["artist"]),
        "file": one_line(file_name(row["path"])),
        "length": clock(row["duration_s"]),
        "sign": SIGNS[strongest],
        "why": reason(row, on_a_way, with_wish=False),
        "weak": row["weak"],
        "gain": gain_text(row["gain_db"]),
    }

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
from core.playlists.words import WORDS
from core.records import Word
from core.schema import EMOTIONS
from core.wording import SIGNS, clock, counted, whole_percent

WRITTEN = ("Mood before", "Mood after", "Pieces played", "Observations", "Next time")  # by hand
LONGEST = 2000  # characters of a text field
DISCLAIMER = (
    "A model that was trained on clips of Turkish music predicted the moods on this sheet from the sound, except where "
    "the sheet says that a person named the mood. They do not measure what a client feels, and they are not a clinical "
    "decision. The therapist decides what to play and when to stop."
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


def session_html(playlist: Playlist, session: Session, *, levelled: bool = False, accuracy: str = "") -> bytes:
    """Session sheet as an HTML page.

    levelled : the session plays levelled copies, which include the gain.
    accuracy : how often accepted moods are right, in a sentence; without it, the sheet does not say it.
    """
    about = [
        f"{counted(len(playlist.rows), 'piece')}, {clock(playlist.length_s)} (wanted: {clock(playlist.wanted_s)})",
        f"levelled to {_levels(playlist)}" + (", the copies include the gain" if levelled else ""),
        f"seed {playlist.seed}",
        f"model {', '.join(sorted(set(playlist.rows['model_version'])))}",
    ]
    fields = {
        "Client": session.client,
        "Therapist": session.therapist,
        "Date": session.date,
        "Goal": session.goal,
        "Notes": session.notes,
    }
    page = _template().render(
        name=playlist.name,
        about=about,
        fields={name: _typed(text) for name, text in fields.items()},
        disclaimer=DISCLAIMER,
        how_to_read=[*_how_to_read(playlist), *([accuracy] if accuracy else [])],
        remarks=[remark.text for remark in playlist.remarks],
        on_the_clock=session.begins is not None,
        steps=_steps(playlist, session.begins),
        written=WRITTEN,
    )
    return page.encode()


def _levels(playlist: Playlist) -> str:
    """Loudness of the pieces as text: ``"-18 LUFS"``, ``"-18 LUFS, falling to -22 LUFS at the end"``."""
    end = playlist.rows["level_lufs"].iloc[-1]
    text = f"{playlist.target_lufs:g} LUFS"
    return text if end == playlist.target_lufs else f"{text}, falling to {end:g} LUFS at the end"


@cache
def _template() -> Template:
    """Load the template once. All inserted texts are escaped."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("session_sheet.html")


def _how_to_read(playlist: Playlist) -> list[str]:
    """Sentences that explain the choice of the pieces and name the weak places."""
    spoken = int((playlist.rows["word"] != Word.MODEL).sum())
    hears = "a person or the model hears" if spoken else "the model hears"
    if playlist.path and len(playlist.way) > 1:
        how = (
            f"The music follows the iso principle: it begins with {playlist.way[0]} pieces, the client's mood now, "
            f"and moves to {playlist.way[-1]} in {playlist.rows['step'].max()} steps ({' → '.join(playlist.way)}). "
            "For each step, the sheet shows the wanted mixture of moods. For each piece, it shows the moods that "
            f"{hears}, how well they fit, and how large the change from the previous piece is. "
            + _wished_tempo(playlist)
        )
    elif playlist.path:
        how = (
            f"The music stays {playlist.way[0]}. For each piece, the sheet shows the moods that {hears} and "
            "how large the change from the previous piece is."
        )
    else:
        how = (
            f"{hears[0].upper()}{hears[1:]} these pieces as {playlist.way[0]}; more probable pieces are chosen more "
            "often. They are sorted by tempo. Two neighbours are by different artists if possible."
        )
    near, far, step = whole_percent(NEAR_FIT), whole_percent(FAR_FIT), whole_percent(FAR_STEP)
    meaning = (
        "A mixture gives each mood a share, and all shares together are 100 %. The difference between two mixtures is "
        "the share that is in different moods. Example: 60 % sad, 40 % relax and 50 % sad, 50 % relax differ by 10 %. "
        f"A piece fits well if it differs from the wanted mixture by at most {near}, and roughly if by at most {far}. "
        f"The step from one piece to the next is small if the two differ by at most {near}, and large if they differ "
        f"by more than {step}."
    )
    weak = [str(number) for number in playlist.rows.loc[playlist.rows["weak"] != "", "number"]]
    places = (
        f"These pieces are weak places, so listen to them before the session: {', '.join(weak)}."
        if weak
        else "There is no weak place."
    )
    own = WORDS[Word.PERSON if playlist.rows["word"].eq(Word.PERSON).any() else Word.OWN].capitalize()
    people = (
        f'A person named the mood of {counted(spoken, "piece")}. "{own}" is the word of the person who made this '
        "list. This mood counts, and the mood of the model is beside it."
    )
    return [how, *([meaning] if playlist.path else []), *([people] if spoken else []), places]


def _wished_tempo(playlist: Playlist) -> str:
    """Sentence about the wished tempo; empty without one."""
    wished = playlist.rows["want_tempo"].dropna()
    if wished.empty:
        return ""
    return (
        f"The wished tempo goes from {wished.iloc[0]:.0f} to {wished.iloc[-1]:.0f} bpm. A tempo of 120 bpm can be felt "
        "as 60 bpm, so some are counted at half or double."
    )


def _typed(text: str) -> str:
    """Typed text, cut to ``LONGEST`` characters, without control characters except line breaks."""
    return "".join(c for c in text[:LONGEST] if c.isprintable() or c == "\n").strip()


def _steps(playlist: Playlist, begins: datetime | None) -> list[dict[str, Any]]:
    """Steps of the playlist with their pieces, as the template needs them. begins : start of the music."""
    groups: dict[int, list[dict[str, Any]]] = {}
    for row in row_dicts(playlist):
        groups.setdefault(row["step"], []).append(row)
    return [
        {
            "number": step,
            "wanted": mixture(rows[0], "want_") if playlist.path else "",
            "pieces": [_piece(row, playlist.path, begins) for row in rows],
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

"""The session sheet: what is played when and why, as one HTML page that prints well and needs nothing else.

It says how to read it, so that whoever holds the paper understands why each piece is there, and where the list is weak.
All that a person typed or a tag said is escaped. The sheet is a plan for a therapist, and says that it is no more.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from typing import Any

from core.playlist_files import file_name, gain_text, line, records
from core.playlists import FAR_FIT, FAR_STEP, NEAR_FIT, Playlist, minutes, mixture, reason
from core.plots import SIGNS
from core.schema import EMOTIONS

WRITTEN = ("Mood before", "Mood after", "What was played", "What happened", "Next time")  # by hand
LONGEST = 2000  # characters of a text field
DISCLAIMER = (
    "The moods on this sheet are what a model that was trained on clips of Turkish music says of the music. They are "
    "no measurement of what a client feels, and no clinical decision: what is played, and when it is stopped, the "
    "therapist decides."
)
_STYLE = """
:root { color-scheme: light; }
body { font: 14px/1.4 system-ui, "Segoe UI", "Noto Sans", sans-serif; color: #111; background: #fff;
  max-width: 62rem; margin: 1.5rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; margin: 1rem 0; }
dt { color: #555; } dd { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; min-height: 1.2em; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; }
th, td { text-align: left; vertical-align: top; padding: .35rem .5rem; border-bottom: 1px solid #bbb; }
th:nth-child(2) { width: 32%; } th:nth-child(4) { width: 45%; }
th { border-bottom: 2px solid #111; } td.n { white-space: nowrap; font-variant-numeric: tabular-nums; }
tbody.step { break-inside: avoid; } tr.head th { background: #eee; border-bottom: 1px solid #bbb; }
.weak { font-weight: 600; } .small { color: #444; font-size: .8em; overflow-wrap: anywhere; }
.note { border: 1px solid #111; padding: .5rem .75rem; margin: 1rem 0; }
.write { border-bottom: 1px solid #bbb; height: 2rem; }
button { font: inherit; padding: .4rem 1rem; }
@media (max-width: 40rem) { .wide { display: none; } th, td { padding: .3rem .25rem; } }
@media print { button { display: none; } body { margin: 0; max-width: none; font-size: 11px; }
  thead { display: table-header-group; } tr { break-inside: avoid; } .wide { display: table-cell; } }
@page { margin: 14mm; }
"""


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
    fields = {
        "Client": session.client,
        "Therapist": session.therapist,
        "Date": session.date,
        "Goal": session.goal,
        "Notes": session.notes,
    }
    about = [
        f"{len(made.rows)} pieces, {minutes(made.length_s)} (wished {minutes(made.wanted_s)})",
        f"levelled to {made.target_lufs:g} LUFS" + (", gain is in the copies" if levelled else ""),
        f"seed {made.seed}",
        f"model {', '.join(sorted(set(made.rows['model_version'])))}",
    ]
    parts = [
        "<!DOCTYPE html>",
        f'<html lang="en"><head><meta charset="utf-8"><title>Session sheet: {escape(made.name)}</title>',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<style>{_STYLE}</style></head><body>",
        f"<h1>Session sheet: {escape(made.name)}</h1><div>{escape('; '.join(about))}</div>",
        '<button type="button" onclick="print()">Print, or save as PDF</button>',
        "<dl>" + "".join(_field(name, text) for name, text in fields.items()) + "</dl>",
        f'<p class="note">{escape(DISCLAIMER)}</p>',
        "<h2>What is played, when and why</h2>",
        *(f"<p>{escape(text)}</p>" for text in _how_to_read(made)),
        f'<p class="small">{escape(" ".join(remark.text for remark in made.remarks))}</p>' if made.remarks else "",
        _table(made, session.begins),
        "<h2>Before and after the session</h2>",
        "<dl>" + "".join(f'<dt>{name}</dt><dd class="write"></dd>' for name in WRITTEN) + "</dl>",
        "</body></html>",
    ]
    return "\n".join(parts).encode()


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
    meaning = (
        f"A piece fits well when at most {NEAR_FIT:.0%} of the model's probability would have to move to make the "
        f"wanted mixture, roughly up to {FAR_FIT:.0%}; a step is small up to {NEAR_FIT:.0%} and large beyond "
        f"{FAR_STEP:.0%}."
    ).replace("%", " %")
    weak = [str(number) for number in made.rows.loc[made.rows["weak"] != "", "number"]]
    places = f"Weak places, where it pays to listen first: {', '.join(weak)}." if weak else "No place is weak."
    return [how, *([meaning] if made.path else []), places]


def _field(name: str, text: str) -> str:
    kept = "".join(c for c in text[:LONGEST] if c.isprintable() or c == "\n").strip()
    return f"<dt>{name}</dt><dd>{escape(kept)}</dd>"


def _table(made: Playlist, begins: datetime | None) -> str:
    clock = "Clock" if begins else "From"
    head = (
        f"<table><thead><tr><th>{clock}</th><th>Piece</th><th>Length</th><th>Why this piece</th>"
        '<th class="wide">Gain</th></tr></thead>'
    )
    groups: dict[int, list[dict[str, Any]]] = {}
    for row in records(made):
        groups.setdefault(row["step"], []).append(row)
    bodies = []
    for step, rows in groups.items():
        body = "".join(_row(row, made.path, begins) for row in rows)
        bodies.append(f'<tbody class="step">{_step(step, rows[0], made)}{body}</tbody>')
    return head + "".join(bodies) + "</table>"


def _step(step: int, row: dict[str, Any], made: Playlist) -> str:
    if not made.path:
        return ""
    return f'<tr class="head"><th colspan="5">Step {step}, wanted: {escape(mixture(row, "want_"))}</th></tr>'


def _row(row: dict[str, Any], on_a_way: bool, begins: datetime | None) -> str:
    at = minutes(row["begins_s"])
    if begins is not None:
        at = f"{begins + timedelta(seconds=row['begins_s']):%H:%M:%S}"
    by = f"<br>{escape(line(row['artist']))}" if row["artist"] else ""
    weak = f'<div class="weak">Weak: {escape(row["weak"])}</div>' if row["weak"] else ""
    strongest = max(EMOTIONS, key=lambda e: row[f"p_{e}"])
    file = escape(line(file_name(row["path"])))
    return (
        f'<tr><td class="n">{at}</td><td><strong>{row["number"]}. {escape(line(row["title"]))}</strong>{by}'
        f'<div class="small">{file}</div></td><td class="n">{minutes(row["duration_s"])}</td>'
        f"<td>{SIGNS[strongest]} {escape(reason(row, on_a_way, with_wish=False))}{weak}</td>"
        f'<td class="n wide">{gain_text(row["gain_db"])}</td></tr>'
    )

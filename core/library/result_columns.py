"""The columns of a table of results: one fact, from which the files, their check and the table in the docs derive.

A Parquet file holds the unit and the meaning of each column in its schema, as well as ``SCHEMA_VERSION``.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.makam.columns import MAKAM_COLUMNS, TEXTS
from core.records import MUSIC_TAGS
from core.schema import COLUMNS, EMOTIONS, FEATURES, PROBA

if TYPE_CHECKING:
    import pyarrow as pa

SCHEMA_VERSION = "1"  # a new column does not change it; a column that is removed or means something else does
STATES = ("scored", "refused", "unread", "quarantined", "fault", "deleted")
CHOICES: dict[str, tuple[str, ...]] = {  # column -> texts that it may hold
    "state": STATES,
    "guess": (*EMOTIONS, ""),
    "decision": (*EMOTIONS, ""),
    "karar_from": ("person", "measured", "unsure", ""),
}
SHARES = (*PROBA, "confidence", "margin", "karar_probability", "makam_probability", "karar_share", "evenness")
_PARQUET = {"str": "string", "float64": "double", "Int64": "int64"}


@dataclass(frozen=True)
class ResultColumn:
    """One column of a table of results.

    kind : pandas type: ``str`` (unknown is empty), ``float64`` or ``Int64`` (unknown is null).
    """

    name: str
    kind: str
    unit: str
    meaning: str


def _columns() -> tuple[ResultColumn, ...]:
    c = ResultColumn
    units = {"karar_hz": "Hz", "range_commas": "commas", "drift_commas": "commas"}
    units |= dict.fromkeys(("karar_probability", "makam_probability", "karar_share", "evenness"), "0 to 1")
    music = {"makam": "Makam", "usul": "Usul", "performer": "Performer"}
    return (
        c("file", "str", "", "File name relative to the folder."),
        c("path", "str", "", "Full path or address."),
        c(
            "state",
            "str",
            "",
            "`scored`, or why the file was not scored: `refused` (no usable audio), `unread` (could not be read), "
            "`quarantined` (crashed its decoder or a worker), `fault` (error in the program), `deleted` (a person "
            "deleted it).",
        ),
        c("reason", "str", "", "Why the file was not scored, in words."),
        c("clip_id", "str", "", "Identifier of the scored part."),
        c("content_hash", "str", "", "Hash of the file's bytes."),
        c("same_content_as", "str", "", "A file with the same bytes."),
        c("near_duplicate_of", "str", "", "The best file that sounds the same."),
        c("artist", "str", "", "Artist, from tags or from a person."),
        c("title", "str", "", "Title, likewise; without a title tag, the name of the file."),
        c("album", "str", "", "Album, from tags or from a person."),
        c("genre", "str", "", "Genre, likewise."),
        c("year", "Int64", "", "Year of the recording, likewise."),
        *(c(name, "str", "", f"{music[name]}, from tags or from a person; see below.") for name in MUSIC_TAGS),
        c("file_duration_s", "float64", "s", "Length of the file."),
        c("start_s", "float64", "s", "Start of the scored part."),
        c("end_s", "float64", "s", "End of the scored part."),
        *(
            c(name, "float64", "0 to 1", f"Probability of {emotion}, with nine decimals. All four have the sum 1.")
            for name, emotion in zip(PROBA, EMOTIONS, strict=True)
        ),
        c("guess", "str", "", "The most probable emotion."),
        c("windows", "Int64", "", "Number of windows of the answer."),
        c("windows_agreeing", "Int64", "", "Number of windows that have this guess."),
        c("confidence", "float64", "0 to 1", "Probability of the guess."),
        c("margin", "float64", "0 to 1", "Difference to the second most probable emotion."),
        c("decision", "str", "", "The accepted emotion, or empty."),
        c("candidates", "str", "", "Two emotions to choose from, or empty."),
        c("decision_reason", "str", "", "Reason of the decision."),
        c(
            "unlike",
            "str",
            "",
            "Kind of a file that is unlike the training music (`one voice`, `speech`, `noise`, or `other`: the page "
            'says "no known kind"); empty for other files.',
        ),
        c("tempo_bpm", "float64", "bpm", "Tempo."),
        c("loudness_lufs", "float64", "LUFS", "Loudness of the scored part."),
        *(c(f.column, "float64", f.unit, f.meaning) for f in FEATURES),
        # The order is that of the files since the first version: texts, then numbers.
        *(
            c(name, "str" if name in TEXTS else "float64", units.get(name, ""), MAKAM_COLUMNS[name][1])
            for name in sorted(MAKAM_COLUMNS, key=lambda name: name not in TEXTS)
        ),
        c("model_version", "str", "", "Model that gave the answer."),
        c("policy", "str", "", "Policy that gave the decision, as JSON."),
        c("extractor", "str", "", "Program that measured the features."),
        c("remarks", "str", "", "What a person should know about the file, such as lossy compression."),
        c("warnings", "str", "", "Those remarks that are suspicious, such as a file that may be cut."),
    )


RESULT_COLUMNS = _columns()
TYPES: dict[str, str] = {column.name: column.kind for column in RESULT_COLUMNS}  # in the order of the files


def parquet_schema() -> "pa.Schema":
    """Return the schema of the Parquet file, with unit and meaning of each column as metadata."""
    import pyarrow as pa

    fields = [
        pa.field(c.name, pa.type_for_alias(_PARQUET[c.kind]), metadata={"unit": c.unit, "meaning": c.meaning})
        for c in RESULT_COLUMNS
    ]
    return pa.schema(fields, metadata={"schema_version": SCHEMA_VERSION})


def columns_in_markdown() -> str:
    """Return the columns as the table of docs/library.md; the 50 features are one row."""
    rows = ["| column | type in Parquet | unit | meaning |", "|---|---|---|---|"]
    for c in RESULT_COLUMNS:
        if c.name == COLUMNS[0]:
            more = (
                f"and {len(COLUMNS) - 1} more: the features, as in the published table. The Explore page explains them."
            )
            rows.append(f"| `{c.name}` … | `double` | | {more[0].upper()}{more[1:]} |")
        elif c.name not in COLUMNS:
            rows.append(f"| `{c.name}` | `{_PARQUET[c.kind]}` | {c.unit}{' ' * bool(c.unit)}| {c.meaning} |")
    return "\n".join(rows)

"""Find the columns of a label file that hold the clip, the emotion and so on: first by their name, then by content."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from core.audio.formats import ENDINGS
from core.emotion_words import read_emotion
from core.errors import TableError
from core.labelling.label_studio_interface import KIND, RATER, TIME
from core.labelling.label_studio_reading import COLLISION, META
from core.schema import EMOTIONS
from core.turkish import fold

UPLOADER = "user"  # is the rater only if no other column is; otherwise it may be the person who sent the file
NAMES = {  # names that other programs use for the columns
    "clip": (
        *("clip_id", "content_hash", "hash", "sha256", "file_name", "filename", "file", "path", "audio", "clip"),
        *("dosya_adi", "dosya", "nombre_de_archivo", "archivo"),
    ),
    "label": ("label", "emotion", "class", "answer", "mood", "duygu", "etiket", "emocion", "etiqueta"),
    "skip_reason": ("skip_reason", "skip"),
    "rater": (  # not "name": it may be the name of the song
        *("rater", "annotator", "labeler", "etiketleyen", "degerlendiren", "anotador", "evaluador", UPLOADER),
    ),
    "comment": ("comment", "note", "remark", "yorum", "comentario"),
    "kind": ("kind",),
    "undone": ("undone",),
    "time": ("answered_at", "created_at"),
}
_OURS = (  # further columns of files from this program: the model's answers, and numbers of rows
    *("shown_label", "guess", "decision", "display", "model_version", "extractor", "verified", "feedback_id"),
    *("answer_s", "heard_s", "hasty", "clip_s", "task_id", "turn", "counts"),
    *("origin", "deleted", "prediction_id", "source", "target_id", *(f"p_{emotion}" for emotion in EMOTIONS)),
)
_SOUND = re.compile(rf"({'|'.join(map(re.escape, ENDINGS))})\b|[?&]fileuri=", re.IGNORECASE)
RATED_ALIKE = ", rated alike"  # ends a text of several emotions with the same rating
_ENOUGH = 0.5  # share of the filled cells that decides what a column holds

Row = Mapping[str, str]


class ControlQuestion(TableError):
    """Several columns or controls may hold the emotions, so a person must choose one. columns : their names."""

    def __init__(self, message: str, columns: Sequence[str]) -> None:
        super().__init__(message)
        self.columns = tuple(columns)


@dataclass(frozen=True)
class Columns:
    """The columns of a file by what they hold.

    Parameters
    ----------
    named
        Columns of each kind (clip, label, rater and so on). In each row the first column with content counts.
    ratings
        Emotion that each column of ratings rates.
    unread
        Columns that are ignored.
    """

    named: Mapping[str, tuple[str, ...]]
    ratings: Mapping[str, str]
    unread: tuple[str, ...]

    def first(self, row: Row, kind: str) -> str:
        """First cell of this kind that has content. A number counts as a clip only if no other cell names the clip."""
        texts = [text for name in self.named[kind] if (text := row.get(name, ""))]
        return next((text for text in texts if kind != "clip" or not text.isdecimal()), texts[0] if texts else "")


def columns_of(
    rows: Sequence[Row], header: Sequence[str], *, flat: bool, controls: Iterable[str] = (), control: str | None = None
) -> Columns:
    """Find out what each column of a file holds.

    Parameters
    ----------
    header
        Names of the columns, in the order of the file.
    flat
        The file is from Label Studio and has one row for each annotation.
    controls
        Names of the controls in a JSON file of Label Studio, if they are known; only controls hold answers.
    control
        Column or control that holds the emotions, if a person has chosen one.

    Raises
    ------
    ControlQuestion
        When several columns may hold the emotions.
    TableError
        When no column names the clip, or no column holds an answer.
    """
    named = _named(header, flat=flat)
    named["clip"] += _sounds(rows, header, named["clip"], flat=flat)
    names = _open(header, named, flat=flat)
    if controls:
        names = [name for name in names if name in controls]
    if control is not None and control not in names:
        raise ControlQuestion(f"The file has no column {control!r} that could hold emotions.", names)
    ratings = {} if control else _ratings(rows, names)
    labels = (control,) if control else _labels(rows, names, named["label"], flat=flat, rated=bool(ratings))
    ratings = {} if labels else ratings
    if not named["clip"] or not (labels or ratings or named["skip_reason"] or flat):
        raise _lacking(header)
    unread = [name for name in names if name not in (*labels, *ratings) and any(row.get(name) for row in rows)]
    return Columns({**named, "label": labels}, ratings, tuple(unread))


def _named(header: Sequence[str], *, flat: bool) -> dict[str, tuple[str, ...]]:
    """Columns of each kind that have one of the usual names; case and accents do not matter.

    flat : a file of Label Studio, in which other columns hold rater, kind and time.
    """
    lower = [re.sub(r"[\s-]+", "_", fold(name)) for name in header]
    known = [name for names in NAMES.values() for name in names]
    twice = next((name for name in known if lower.count(name) > 1), None)
    if twice is not None:
        raise TableError(f"Two columns of the file are called {twice!r}. Keep one of them.")
    found = {kind: tuple(header[lower.index(name)] for name in names if name in lower) for kind, names in NAMES.items()}
    if flat:
        return found | dict.fromkeys(("rater", "kind", "undone", "time"), ())
    if len(found["rater"]) > 1:
        found["rater"] = tuple(name for name in found["rater"] if name.lower() != UPLOADER)
    return found


def _open(header: Sequence[str], named: Mapping[str, Sequence[str]], *, flat: bool) -> list[str]:
    """Columns whose names do not say what they hold."""
    known = {name for kind, names in named.items() if kind != "label" for name in names} | set(_OURS)
    if flat:
        known |= {*META, RATER, TIME, KIND, "file_upload"}
    return [name for name in header if name not in known and not name.startswith(COLLISION)]


def _lacking(header: Sequence[str]) -> TableError:
    first = ",".join(header)[:80]
    return TableError(
        f"The file needs a column 'clip_id' or 'file_name' and a column 'label'; its first line reads {first!r}."
    )


def _sounds(rows: Sequence[Row], header: Sequence[str], named: Sequence[str], *, flat: bool) -> tuple[str, ...]:
    """Columns that hold names of audio files. In Label Studio such a column can have any name."""
    if named and not flat:
        return ()
    others = [name for name in header if name not in (*named, *META, "file_upload")]
    found = [name for name in others if _share(rows, name, lambda text: bool(_SOUND.search(text))) >= _ENOUGH]
    return (*found, *(["file_upload"] if "file_upload" in header else []))


def _labels(
    rows: Sequence[Row], names: Sequence[str], usual: Sequence[str], *, flat: bool, rated: bool
) -> tuple[str, ...]:
    """Columns that hold emotions. Several columns count as one if they never differ within a row.

    usual : columns with a usual name for emotions; in a plain table they come before all others.
    rated : other columns rate the emotions, so no column needs to hold an emotion.
    """
    usual = [name for name in usual if name in names]
    others = [name for name in names if name not in usual]
    holding = [n for n in (*usual, *others) if _share(rows, n, lambda text: read_emotion(text) is not None) >= _ENOUGH]
    if not flat and set(holding) & set(usual):
        holding = [name for name in holding if name in usual]
    if not holding and rated:
        return ()
    if not holding:
        if usual or not flat:
            return tuple(usual[:1])
        filled = [name for name in others if any(row.get(name) for row in rows)]
        if len(filled) > 1:
            listed = ", ".join(filled)
            raise ControlQuestion(f"No column holds emotions that are known here. Choose one of: {listed}.", filled)
        return tuple(filled)
    if len(holding) > 1 and any(len(_emotions(row, holding)) > 1 for row in rows):
        listed = ", ".join(holding)
        raise ControlQuestion(f"More than one column holds emotions. Choose one of: {listed}.", holding)
    return tuple(holding)


def _emotions(row: Row, names: Iterable[str]) -> set[str]:
    return {emotion for name in names if (emotion := read_emotion(row.get(name, "")))}


def _ratings(rows: Sequence[Row], names: Sequence[str]) -> dict[str, str]:
    """Columns with ratings of one emotion each, as in ``"happy": 4``. One such column alone does not count."""
    found = {name: emotion for name in names if (emotion := read_emotion(name))}
    rated = {n: e for n, e in found.items() if _share(rows, n, lambda text: number(text) is not None) >= _ENOUGH}
    return rated if len(set(rated.values())) > 1 else {}


def number(text: str) -> float | None:
    """Read a rating, with a decimal point or a decimal comma; None if the text is not a number."""
    found = re.fullmatch(r"\s*(\d+)(?:[.,](\d+))?\s*", text)
    return float(f"{found.group(1)}.{found.group(2) or 0}") if found else None


def highest(row: Row, ratings: Mapping[str, str]) -> str:
    """Emotion with the highest rating; if several are equal, a text that names them all and is not an emotion."""
    numbers = {emotion: value for name, emotion in ratings.items() if (value := number(row.get(name, "")))}
    best = [emotion for emotion, value in numbers.items() if value == max(numbers.values())]
    return best[0] if len(best) == 1 else " and ".join(best) + (RATED_ALIKE if best else "")


def _share(rows: Sequence[Row], name: str, holds: Callable[[str], bool]) -> float:
    """Share of the filled cells of a column for which ``holds`` is true, in [0, 1]."""
    texts = Counter(text for row in rows if (text := row.get(name, "")))
    return sum(n for text, n in texts.items() if holds(text)) / max(texts.total(), 1)

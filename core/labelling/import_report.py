"""Say in sentences what an import understands before it is stored, and what it stored afterwards."""

from collections.abc import Iterable

import pandas as pd

from core.emotion_words import read_emotion
from core.labelling.import_plan import SETTLEMENT, Imported
from core.labelling.label_columns import RATED_ALIKE
from core.schema import EMOTIONS
from core.store import SKIPS
from core.turkish import fold

MOST_NAMED = 10  # words, raters or reasons in one sentence
_TAKE_BACK = (
    "An import has no undo. Change your own answers on the Label page, under My answers. Other raters change theirs "
    "there. Settle a clip under Disputes if its label is wrong."
)


def words_read(plan: pd.DataFrame) -> list[str]:
    """Sentences about words that are read as one of the four emotions: ``"'furious' is read as angry (12 answers)."``.

    Only rows that would be stored or are stored already count. The names of the four emotions need no sentence.
    """
    wanted = plan[plan["action"].isin(["add", "change", "same"]) & plan["label"].ne("")]
    other = wanted[wanted["word"].ne("") & wanted["word"].map(fold).ne(wanted["label"])]
    counts = other.groupby([other["word"].map(fold), "label"])["word"].agg(["first", "size"])
    counts = counts.sort_values("size", ascending=False, kind="stable")
    return [
        f"{word!r} is read as {label} ({_count(n, 'answer')})."
        for label, word, n in zip(counts.index.get_level_values(1), counts["first"], counts["size"], strict=True)
    ]


def words_unknown(plan: pd.DataFrame) -> str:
    """A sentence with the words that are none of the four emotions; their rows are not stored. Empty if none is."""
    refused = plan.loc[plan["action"].eq("refused") & plan["word"].ne(""), "word"]
    unknown = refused[[not _known(word) for word in refused]]
    if unknown.empty:
        return ""
    counts = unknown.groupby(unknown.map(fold)).agg(["first", "size"]).sort_values("size", ascending=False)
    named = _named(f"{word!r} ({n})" for word, n in zip(counts["first"], counts["size"], strict=True))
    return (
        f"{_count(len(unknown), 'row')} cannot be stored, because the program does not know the word for the emotion: "
        f"{named}. Use one of: {', '.join(EMOTIONS)}."
    )


def _known(word: str) -> bool:
    return word.lower() in SKIPS or word.endswith(RATED_ALIKE) or all(read_emotion(part) for part in word.split(";"))


def what_was_stored(plan: pd.DataFrame, imported: Imported) -> str:
    """Sentences about a finished import: how many answers, of whom, and which rows were not stored and why."""
    new = plan[plan["row"].isin(imported.rows)]
    sentences = []
    answers, settlements = (new[new["kind"].eq(SETTLEMENT) == settles] for settles in (False, True))
    for part, what in ((answers, "answer"), (settlements, "settlement")):
        if len(part):
            raters = _named(f"{rater} ({n})" for rater, n in part["rater"].value_counts().items())
            verb = "was" if len(part) == 1 else "were"
            sentences.append(f"{_count(len(part), what)} {verb} stored, of {raters}.")
    if new.empty:
        sentences.append("No new answer was stored.")
    if imported.overtaken:
        sentences.append(
            f"Not stored, because somebody answered or settled the clip in the meantime: "
            f"{_rows(imported.overtaken)}. Check these rows in the table below."
        )
    rest = plan[~plan["action"].isin(["add", "change"])]
    for action, words in (("same", "Already here"), ("left out", "Left out"), ("refused", "Refused")):
        part = rest[rest["action"].eq(action)]
        if len(part):
            reasons = "" if action == "same" else f": {_named(_reasons(part), ' ')}"
            sentences.append(f"{words}: {_count(len(part), 'row')}{reasons or '.'}")
    return " ".join([*sentences, _TAKE_BACK] if len(new) else sentences)


def _reasons(rows: pd.DataFrame) -> list[str]:
    """The reasons of the rows, the most frequent first."""
    return [str(why) if n == 1 else f"{why} ({n} times)" for why, n in rows["why"].value_counts().items()]


def _rows(numbers: Iterable[int]) -> str:
    named = [str(number) for number in numbers]
    return f"row{'s' if len(named) > 1 else ''} {_named(named)}"


def _named(parts: Iterable[str], separator: str = ", ") -> str:
    listed = list(parts)
    more = f" and {len(listed) - MOST_NAMED} more" if len(listed) > MOST_NAMED else ""
    return separator.join(listed[:MOST_NAMED]) + more


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"

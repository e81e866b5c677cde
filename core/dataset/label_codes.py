"""Find the meaning of label codes, such as 0 to 3, in the other columns of the same table."""

import re
from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from core.emotion_words import read_emotion

_MOST_TEXTS = 50  # different texts of a column; a legend has few, notes about single rows have many
_CODE = re.compile(r"\d+(?:\.0+)?")
_PAIR = re.compile(r"(\d+(?:\.0+)?)\s*(?:[=:\-]|->)\s*([^\W\d_]+)")  # 1 = relax
_REVERSED = re.compile(r"([^\W\d_]+)\s*(?:[=:\-]|->)\s*(\d+(?:\.0+)?)")  # relax = 1


def legend(codes: np.ndarray, others: pd.DataFrame) -> dict[str, str]:
    """Meaning of the codes: code -> emotion; empty if the table does not show the meaning of every code.

    Three kinds of legend are recognised. A column can hold the emotion of each row beside its code. A name of a column
    or a cell can explain the codes: ``"0 = angry, 1 = happy"``. Two columns can be a list of codes and emotions.

    Parameters
    ----------
    codes
        Shape (n,), the code of each row, "" = none.
    others
        The other columns of the table, apart from the features; n rows.
    """
    wanted = {code for code in codes if _CODE.fullmatch(code)}
    for found in _legends(codes, others):
        meaning = {code: found[_number(code)] for code in wanted if _number(code) in found}
        if meaning.keys() == wanted and len(set(meaning.values())) == len({_number(code) for code in wanted}):
            return meaning
    return {}


def _legends(codes: np.ndarray, others: pd.DataFrame) -> Iterator[Mapping[str, str]]:
    """What the columns may say about the codes, the surest kind first."""
    columns = [others.iloc[:, place].fillna("").astype(str).str.strip() for place in range(others.shape[1])]
    columns = [column for column in columns if column.nunique() <= _MOST_TEXTS]
    yield from (_beside(codes, column) for column in columns)
    yield from (_explained(text) for column in columns for text in (str(column.name), *column.unique()))
    yield from (_beside(listed.to_numpy(), column) for listed in columns for column in columns if listed is not column)


def _number(code: str) -> str:
    """A code without the decimals that a program added: ``"1.0" -> "1"``."""
    return re.sub(r"\.0+$", "", code)


def _beside(codes: np.ndarray, cells: pd.Series) -> Mapping[str, str]:
    """Codes that always stand beside the same emotion. Empty if a row with a code has no emotion or another one."""
    meaning: dict[str, str] = {}
    for code, text in set(zip(codes, cells, strict=True)):
        emotion = read_emotion(text)
        if code and (emotion is None or meaning.setdefault(_number(code), emotion) != emotion):
            return {}
    return meaning


def _explained(text: str) -> Mapping[str, str]:
    """Codes that a text explains. Empty if it explains a code twice."""
    pairs = [*_PAIR.findall(text), *((code, word) for word, code in _REVERSED.findall(text))]
    known = {(_number(code), emotion) for code, word in pairs if (emotion := read_emotion(word))}
    meaning = dict(known)
    return meaning if len(meaning) == len(known) else {}

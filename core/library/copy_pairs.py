"""The pairs of files that may be one recording, as a person sees them: to decide, one recording, or two."""

import json
from enum import StrEnum

import pandas as pd

from core.access import Action, requires
from core.same_recording import SameRecordings
from core.store import Store, links_table, same_recordings, same_words_table
from core.wording import tenth_percent


class State(StrEnum):
    """What is known about a pair."""

    OPEN = "to decide"
    ONE = "one recording"
    TWO = "two recordings"


PAIR = ["one", "other"]


@requires(Action.SEE_LIBRARY)
def stored_pairs(store: Store) -> pd.DataFrame:
    """Return the pairs of the store, see ``pairs_table``."""
    return pairs_table(links_table(store), same_words_table(store), same_recordings(store))


def pairs_table(links: pd.DataFrame, words: pd.DataFrame, same: SameRecordings) -> pd.DataFrame:
    """Return one row for each pair that the program or a person named, the newest word first.

    A word of a person decides. Without one, a pair that the program is sure of is one recording, unless a word about
    other files of the recording keeps both apart. Of several doubtful pairs between the files of the same two
    recordings, the most alike one is asked. None is asked after a person said that the two are apart.

    Parameters
    ----------
    links, words
        As from ``store.links_table`` and ``store.same_words_table``.

    Returns
    -------
    DataFrame
        Columns one, other, state (one of ``State``), found (JSON; empty without a comparison), said_by (a person;
        empty without a word or a name), number (of the word, NA without one).
    """
    said = words.rename(columns={"id": "number"})[[*PAIR, "same", "said_by", "number"]]
    compared = links.loc[links["kind"].ne("apart") | _pairs(links).isin(_pairs(words)), [*PAIR, "kind", "found"]]
    table = said.merge(compared, on=PAIR, how="outer").sort_values(
        ["number", *PAIR], ascending=[False, True, True], ignore_index=True
    )
    states = [
        _state(said, sure=kind == "sure", together=same.name(one) == same.name(other))
        for one, other, said, kind in table[[*PAIR, "same", "kind"]].astype(object).to_numpy().tolist()
    ]
    texts = table[["found", "said_by"]].fillna("")
    table = table[[*PAIR, "number"]].assign(state=pd.Series(states, dtype=object), **texts)
    return table[~_asked_before(table, same)].reset_index(drop=True)


def _asked_before(table: pd.DataFrame, same: SameRecordings) -> pd.Series:
    """Whether another pair asks, or a word answers, the question of this open pair."""
    both = pd.Series(
        [frozenset(map(same.name, pair)) for pair in table[PAIR].to_numpy().tolist()], index=table.index, dtype=object
    )
    opened, parted = table["state"].eq(State.OPEN), table["state"].eq(State.TWO)
    order = table.loc[opened, "found"].map(_error).sort_values(kind="stable").index
    again = both.loc[order].duplicated().reindex(table.index, fill_value=False)
    return opened & (both.isin(set(both[parted])) | again)


def _error(found: str) -> float:
    """Share of the fingerprint that differs; 1 without a fingerprint."""
    return float(json.loads(found).get("error", 1.0)) if found else 1.0


def _pairs(table: pd.DataFrame) -> pd.Series:
    return pd.Series(list(zip(table["one"], table["other"], strict=True)), index=table.index, dtype=object)


def _state(said: bool | float, *, sure: bool, together: bool) -> State:
    """said : what a person says, NaN without a word."""
    if pd.notna(said):
        return State.ONE if said else State.TWO
    if together:
        return State.ONE
    return State.TWO if sure else State.OPEN


def evidence(found: str) -> str:
    """What the comparison of a pair found, in a sentence. found : JSON from ``pairs_table``."""
    if not found:
        return "No comparison of these files is stored."
    known = json.loads(found)
    if known["by"] == "features":
        return "Both sound alike by their features, and their lengths agree. Fingerprints are missing or say nothing."
    text = f"In {known['common_s']:.0f} s that both have, {tenth_percent(known['error'])} of the fingerprint differs."
    if abs(known["offset_s"]) >= 0.1:
        later = "second" if known["offset_s"] > 0 else "first"
        text += f" The music begins {abs(known['offset_s']):.1f} s later in the {later} file."
    return text

"""The answers of all raters for the Agreement page, and what is computed from them: once, until somebody answers."""

from dataclasses import dataclass
from functools import cached_property

import pandas as pd
import streamlit as st

from core.labelling import agreement, listening, self_agreement
from core.labelling.agreement import Counts
from core.labelling.truth import truth_of
from core.same_recording import SameRecordings
from core.store import Store, answers_key, answers_table, same_key, same_recordings


@dataclass(frozen=True, eq=False)
class Answers:
    """The answers of one state of the store. All sessions share them: do not change them.

    every : as from ``store.answers_table``.  synthetic : also the answers about clips for practice are shown.
    same : files that are one recording.
    """

    every: pd.DataFrame
    synthetic: bool
    same: SameRecordings

    @cached_property
    def table(self) -> pd.DataFrame:
        """The answers that are shown."""
        return self.every if self.synthetic else agreement.of_music(self.every)

    @cached_property
    def votes(self) -> pd.DataFrame:
        """The labels that count, see ``agreement.votes``."""
        return agreement.votes(self.table)

    @cached_property
    def measured(self) -> tuple[pd.Series, pd.DataFrame, pd.DataFrame]:
        """Agreement overall, by emotion and by pair of raters."""
        votes = self.votes
        return agreement.summary(votes).iloc[0], agreement.by_emotion(votes).reset_index(), agreement.by_pair(votes)

    @cached_property
    def counts(self) -> Counts:
        """Numbers of the answers that count now."""
        return agreement.count_answers(self.table)

    @cached_property
    def counts_of_every(self) -> Counts:
        """The same with the answers about clips for practice."""
        return agreement.count_answers(self.every)

    def truth(self, needed: int) -> pd.DataFrame:
        """The ground truth, see ``truth.truth_of``."""
        if needed not in self._truths:
            self._truths[needed] = truth_of(self.table, self.same, raters_needed=needed)
        return self._truths[needed]

    @cached_property
    def _truths(self) -> dict[int, pd.DataFrame]:
        return {}

    def by_rater(self, least_heard: float) -> pd.DataFrame:
        """Agreement and listening of each rater."""
        if least_heard not in self._by_rater:
            agreeing = self_agreement.by_rater(self.table)
            table = agreeing.merge(listening.by_rater(self.table, least_heard), on="rater", how="outer")
            numbers = dict.fromkeys(("twice", "same", "clips", "measured", "hasty"), 0)
            self._by_rater[least_heard] = table.fillna(numbers).reset_index(drop=True)
        return self._by_rater[least_heard]

    @cached_property
    def _by_rater(self) -> dict[float, pd.DataFrame]:
        return {}

    @cached_property
    def of_raters(self) -> dict[tuple[str, bool], Counts]:
        """Numbers of answers of each rater, by name and whether the name comes from a login."""
        groups = self.every.groupby(["rater", "verified"], observed=True)
        return {(str(name), bool(login)): agreement.count_answers(rows) for (name, login), rows in groups}


def known(store: Store, *, synthetic: bool) -> Answers:
    """The answers as they are now. Raises CoreError."""
    return _known((*answers_key(store), *same_key(store)), synthetic, store)


@st.cache_resource(show_spinner="Reading the answers …", max_entries=2, ttl=3600)
def _known(key: tuple[object, ...], synthetic: bool, _store: Store) -> Answers:
    return Answers(answers_table(_store), synthetic, same_recordings(_store))

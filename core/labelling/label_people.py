"""Match names and Label Studio accounts in a label file with raters."""

from collections.abc import Mapping
from functools import cache

import pandas as pd

from core.errors import TableError
from core.labelling.raters import nameless, person
from core.store import Rater, rater_name
from core.turkish import fold


class People:
    """Who is meant by a name in a file: the importer, somebody with a login here, a known rater, or somebody new."""

    def __init__(self, raters: pd.DataFrame, importer: Rater, accounts: Mapping[str, str] | None = None) -> None:
        """raters : from the store.

        accounts : account of Label Studio to the name of its rater, empty for an account whose answers are left out.
        None: nobody was asked, and each account is a rater of its own who is called like the account.
        """
        login = raters["verified"].astype(bool)
        others = raters[~login].sort_values("answers", ascending=False, kind="stable")["rater"]
        self.importer, self.accounts = importer, accounts
        self.logins = {fold(name): name for name in raters.loc[login, "rater"]}
        self.logins |= {name: name for name in raters.loc[login, "rater"]}
        self.spellings = set(others)
        self.known: dict[str, str] = {}
        for name in others:
            self.known.setdefault(fold(name), name)
        if importer.verified:
            self.logins[fold(importer.name)] = importer.name
        else:
            self.known[fold(importer.name)] = importer.name
        self.here = {person(name, False) for name in self.known.values()}
        self.find = cache(self._find)  # a file names few people many times

    def of_account(self, account: str) -> str:
        """The name of an account's rater, empty where its answers are left out.

        Raises TableError where nobody has said who it is.
        """
        if self.accounts is None:
            return account
        if account not in self.accounts:
            raise TableError(f"The Label Studio account {account!r} has no rater yet. Choose a rater for this account.")
        return self.accounts[account].strip()

    def _find(self, given: str) -> tuple[str, bool]:
        """Stored spelling of a name, and True if it belongs to a login. Raises StoreError for an invalid name."""
        name = rater_name(given) if given else self.importer.name
        folded = fold(name)
        if name == self.importer.name:
            return name, self.importer.verified
        if name in self.logins or folded in self.logins:
            return self.logins.get(name) or self.logins[folded], True
        if name in self.spellings or nameless(name):
            return name, False
        return self.known.setdefault(folded, name), False

    def is_new(self, rater: str, verified: bool) -> bool:
        """Whether nobody of this name has a login here or has answered."""
        return not verified and person(rater, verified) not in self.here

    def is_importer(self, rater: str, verified: bool) -> bool:
        """Whether this is the person who imports."""
        return (rater, verified) == (self.importer.name, self.importer.verified)

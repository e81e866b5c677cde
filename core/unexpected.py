"""Describe an unexpected error for the log, without the values that the error message may contain.

A log is read by other people than the answers are. It must not hold titles, answers or names of uploaded files, and
the message of an exception may quote any of them. So the log gets the kinds of errors and the places in the code.
"""

import secrets
import traceback
from collections.abc import Iterator


def new_reference() -> str:
    """Return a short random reference that connects a sentence on the page with the entry in the log."""
    return secrets.token_hex(4)


def log_entry(error: BaseException, reference: str) -> str:
    """Return the entry for the log: the reference, and the kind and the traceback of the error and its causes."""
    parts = [f"Unexpected error, reference {reference}"]
    for one in _chain(error):
        kind = f"{type(one).__module__}.{type(one).__qualname__}"
        parts += [f"{kind} (the log never holds the message)", "".join(traceback.format_tb(one.__traceback__)).rstrip()]
    return "\n".join(filter(None, parts))


def sentence(reference: str, *, log: str) -> str:
    """Return the sentence for the person. log : where the entry is."""
    return (
        f"Something went wrong in the program; this is not your mistake. The reference is {reference}. Try again. If "
        f"it happens again, give the reference to the person who runs this installation: {log} shows the cause."
    )


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and the errors that led to it, newest first."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)

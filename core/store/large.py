"""Read the answers and predictions of a large store into memory before somebody waits for them."""

import sqlalchemy as sa

from core.access import Action, requires
from core.store.answer_log import current_log
from core.store.connection import Store, read
from core.store.prediction_log import prediction_log
from core.store.schema import feedback, predictions

FEWEST = 20_000  # answers and predictions together; the pages read fewer of them in less than half a second
MOST = 5_000_000  # more would hold up the start of the server for more than a minute


@requires(Action.SEE_LIBRARY)
def is_large(store: Store) -> bool:
    """Return whether this store is large enough to be read ahead, and not too large for it.

    The highest numbers of the rows stand for their count, because a count would read the tables.
    """
    newest = [sa.select(sa.func.max(table.c.id)).scalar_subquery() for table in (feedback, predictions)]
    rows = sum(number or 0 for number in read(store, lambda c: c.execute(sa.select(*newest)).one()))
    return FEWEST <= rows <= MOST


@requires(Action.SEE_LIBRARY)
def read_ahead(store: Store) -> None:
    """Read the log of answers and the log of predictions, which all people who use this open store share."""
    current_log(store)
    prediction_log(store)

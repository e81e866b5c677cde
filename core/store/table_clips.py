"""Store which files are clips of the published table."""

import json
from typing import Any

import pandas as pd
import sqlalchemy as sa

from core.access import Action, requires
from core.store.checks import now
from core.store.connection import Store, frame, insert, read, write
from core.store.schema import table_clips


@requires(Action.SCORE_LIBRARY)
def save_table_clip(
    store: Store,
    content_hash: str,
    *,
    row: int,
    row_key: str,
    same_rows: tuple[int, ...],
    distance: float,
    file_name: str,
    extractor: str,
) -> None:
    """Store that a file is the clip of a row; an earlier link of the same content is overwritten.

    Parameters
    ----------
    content_hash
        Hash of the file's bytes.
    row, row_key
        Number of the row in the table, and hash of its values.
    same_rows
        Further rows of the same recording.
    distance
        Distance of the file's features from the row.
    """
    values: dict[str, Any] = {
        "content_hash": content_hash,
        "table_row": row,
        "row_key": row_key,
        "same_rows": json.dumps(same_rows),
        "distance": distance,
        "file_name": file_name,
        "extractor": extractor,
        "checked_at": now(),
    }

    def work(c: sa.Connection) -> None:
        c.execute(insert(c, table_clips).on_conflict_do_update(index_elements=["content_hash"], set_=values), [values])

    write(store, work)


@requires(Action.SEE_LIBRARY)
def table_clips_table(store: Store) -> pd.DataFrame:
    """Return the files that are clips of the published table, in the order of its rows.

    Columns content_hash, row_key, table_row, same_rows (JSON), distance, file_name, extractor, checked_at.
    """
    query = sa.select(table_clips).order_by(table_clips.c.table_row, table_clips.c.content_hash)
    return read(store, lambda c: frame(c, query))

"""The one rule for which stored clips are synthetic: made by this program, so that they say nothing about music.

A clip for practice has the origin ``demo``. A piece of the demo library is read from a folder like any other file; the
genre of its track says that it is synthetic.
"""

from typing import Any

import pandas as pd
import sqlalchemy as sa

from core.schema import GENRE, SYNTHETIC
from core.store.schema import clips, tracks


def is_synthetic(of: sa.FromClause = clips) -> sa.ColumnElement[bool]:
    """Return the condition that a clip is synthetic, for queries. of : the table of clips, or an alias of it."""
    made = tracks.alias("made")
    of_demo_library = sa.select(made.c.id).where(made.c.id == of.c.track_id, made.c.genre == GENRE).correlate(of)
    return sa.or_(of.c.origin == SYNTHETIC, sa.exists(of_demo_library))


def origin_of_music() -> sa.Label[Any]:
    """Return the column ``origin`` of a clip, for queries: ``demo`` for every synthetic clip."""
    return sa.case((is_synthetic(), SYNTHETIC), else_=clips.c.origin).label("origin")


def synthetic_rows(table: pd.DataFrame) -> pd.Series:
    """Return which rows are synthetic, by the same rule. table : with the columns origin and genre."""
    return table["origin"].eq(SYNTHETIC) | table["genre"].eq(GENRE)

"""What raters answered, as tests read it from a store."""

import pandas as pd

from core.labelling import agreement
from core.store import Store, feedback_table


def stored_answers(db: Store) -> pd.DataFrame:
    """Answers of all raters that currently count; see ``agreement.current_answers``."""
    return agreement.current_answers(feedback_table(db))

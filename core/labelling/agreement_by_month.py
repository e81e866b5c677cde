"""Agreement between raters month by month."""

import numpy as np
import pandas as pd

from core.labelling.agreement import current_answers, of_music, summary, votes

COLUMNS = ("month", "clips", "raters", "raw", "alpha", "alpha_low", "alpha_high")


def agreement_by_month(feedback: pd.DataFrame, months: pd.DataFrame) -> pd.DataFrame:
    """Return the agreement between raters month by month, oldest first; without synthetic clips.

    A clip belongs to the month of its newest answer that counts, so each clip is in one month.

    Parameters
    ----------
    feedback : as from ``store.answers_table``.
    months : as from ``store.answer_months``.

    Returns
    -------
    pandas.DataFrame
        Columns: month (its first day, UTC), clips (with two answers or more), raters, raw, alpha, alpha_low,
        alpha_high as in ``agreement.summary``. Months without such a clip have no row.
    """
    answers = of_music(feedback)
    current = current_answers(answers)
    if current.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    newest = current.groupby("clip_id", observed=True)["feedback_id"].max()
    place = np.searchsorted(months["first_id"].to_numpy(dtype=np.int64), newest.to_numpy(), side="right") - 1
    number = (12 * months["year"] + months["month"] - 1).to_numpy(dtype=np.int64)[place]
    table = votes(answers)
    month_of = pd.Series(number, index=newest.index.astype("str")).reindex(table.index)
    rows = []
    for month, part in table.groupby(month_of):
        found = summary(part.dropna(axis="columns", how="all")).iloc[0]
        if found["clips"]:
            year, before = divmod(int(month), 12)
            rows.append({"month": pd.Timestamp(year, before + 1, 1, tz="UTC"), **found})
    return pd.DataFrame(rows, columns=list(COLUMNS))

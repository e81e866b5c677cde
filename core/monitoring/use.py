"""How the program is used: plays and skips, visits, answers, and what sessions with clients led to, as tables.

docs/use.md explains each figure. A skip says little alone: who searches for a piece skips many. So each table has the
plays and the finished sounds beside the skips.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf, nan, sqrt

import pandas as pd

from core.evaluation.metrics import share_interval
from core.monitoring.weeks import WEEK, monday
from core.store import (
    EventKind,
    Store,
    Way,
    event_counts,
    events_by_period,
    median_seconds,
    median_visit,
    session_outcomes,
)

# Where something was heard, for people.
PAGES = {
    Way.PAGE: "Predict",
    Way.MICROPHONE: "Predict",
    Way.TRACKS: "Whole tracks",
    Way.MAKAM: "Makam",
    Way.LIBRARY: "Library",
    Way.MOODS: "Moods",
    Way.PLAYLISTS: "Playlists",
    Way.SESSIONS: "Sessions",
    Way.LABEL: "Label",
    Way.COPIES: "Same recordings",
}
LEAST = 5  # sounds of sessions with clients
HEARD = (EventKind.PLAYED, EventKind.SKIPPED, EventKind.FINISHED)
PERIODS = {"4 weeks": 4, "13 weeks": 13, "52 weeks": 52, "2 years": 104}


@dataclass(frozen=True)
class Measure:
    """A figure of sessions.

    form : format of a number.  unit : what follows it.  scale : from the stored number to the one for people.
    least, most : limits of the stored numbers.
    """

    name: str
    meaning: str
    form: str
    unit: str
    scale: float = 1.0
    least: float = 0.0
    most: float = inf

    def number(self, value: float) -> str:
        """Format a stored number: ``"4.2"``, ``"+1.3"``."""
        return format(self.scale * value, self.form)

    def text(self, value: float) -> str:
        """Format a stored number with its unit: ``"4.2 of 5"``, ``"+1.3 steps"``."""
        return f"{self.number(value)} {self.unit}"


STEPS = 3.0  # a place on the circle of moods, from -1 to 1, is entered in steps from -3 to 3
_CHANGE = "Mean change from before to after the session, in the steps that people enter, from -3 to +3."
MEASURES = {
    "rating": Measure("Rating", "Mean rating of a session. 1 is worst, 5 is best.", ".1f", "of 5", 1.0, 1.0, 5.0),
    "valence": Measure(
        "More pleasant", f"{_CHANGE} Above 0: more pleasant after it.", "+.1f", "steps", STEPS, -2.0, 2.0
    ),
    "arousal": Measure("Stronger", f"{_CHANGE} Below 0: calmer after it.", "+.1f", "steps", STEPS, -2.0, 2.0),
    "minutes": Measure("Length", "Mean time from the begin to the end of a session.", ".0f", "min"),
}


def weeks_until(now: datetime, weeks: int) -> tuple[datetime, datetime]:
    """Return the begin and the end of a period of whole weeks (Monday to Sunday, UTC), with the running week."""
    end = monday(now) + WEEK
    return end - timedelta(weeks=weeks), end


def hearings(store: Store, since: datetime, until: datetime, *, by: str) -> pd.DataFrame:
    """Return what was heard, by week or by page.

    by : "week" or "way". Fewer than ``LEAST`` sounds of sessions with clients have no row by way.
    Columns: week or way, plays, skips, finished; skip_share (skips of plays and skips), low, high (95 %, Wilson);
    finished_share (finished of plays).
    """
    if by == "week":
        counted = events_by_period(store, HEARD, since, until, "week").rename(columns={"period": "week"})
    else:
        counted = event_counts(store, HEARD, since, until, by=("way", "kind"))
    table = counted.pivot_table(index=by, columns="kind", values="n", aggfunc="sum", fill_value=0)
    table = table.reindex(columns=[str(kind) for kind in HEARD], fill_value=0).astype(int)
    table.columns = pd.Index(["plays", "skips", "finished"])
    if by == "way" and Way.SESSIONS in table.index and table.loc[Way.SESSIONS, ["plays", "skips"]].sum() < LEAST:
        table = table.drop(index=str(Way.SESSIONS))
    return with_shares(table.rename_axis(by).reset_index())


def with_shares(table: pd.DataFrame) -> pd.DataFrame:
    """Add skip_share, low, high and finished_share to a table with plays, skips and finished."""
    ends = [
        (skips / (plays + skips) if plays + skips else nan, *share_interval(skips, plays + skips))
        for plays, skips in zip(table["plays"], table["skips"], strict=True)
    ]
    shares = pd.DataFrame(ends, columns=["skip_share", "low", "high"], index=table.index, dtype=float)
    plays = table["plays"].astype(float)
    return table.join(shares).assign(finished_share=table["finished"] / plays.where(plays > 0))


def answers(store: Store, since: datetime, until: datetime) -> pd.DataFrame:
    """Return how raters work in Label, week by week.

    Columns: week; shown (clips), answers; per_100 (answers for 100 shown clips), low, high (95 %, Wilson; NaN when
    clips that were shown before the first week were answered); seconds (median from the first sound to the answer),
    measured (answers with this time).
    """
    counted = events_by_period(store, (EventKind.SHOWN, EventKind.ANSWERED), since, until, "week", by=("kind", "way"))
    desk = counted[counted["way"] == str(Way.LABEL)].rename(columns={"period": "week"})
    table = desk.pivot_table(index="week", columns="kind", values="n", aggfunc="sum", fill_value=0)
    table = table.reindex(columns=[str(EventKind.SHOWN), str(EventKind.ANSWERED)], fill_value=0).astype(int)
    table.columns = pd.Index(["shown", "answers"])
    timed = median_seconds(store, EventKind.ANSWERED, since, until, ways=(Way.LABEL,), weekly=True)
    timed = timed.set_index("week").rename(columns={"n": "measured"})
    found = with_rate(table.rename_axis("week").reset_index()).join(timed, on="week")
    return found.assign(measured=found["measured"].fillna(0).astype(int))


def with_rate(table: pd.DataFrame) -> pd.DataFrame:
    """Add per_100, low and high to a table with shown and answers."""
    rates = [
        (
            100 * given / shown if shown else nan,
            *(100 * limit if given <= shown else nan for limit in share_interval(min(given, shown), shown)),
        )
        for given, shown in zip(table["answers"], table["shown"], strict=True)
    ]
    return table.join(pd.DataFrame(rates, columns=["per_100", "low", "high"], index=table.index, dtype=float))


def median_answer_s(store: Store, since: datetime, until: datetime) -> tuple[int, float]:
    """Return how many answers of Label have a time, and the median seconds of an answer; NaN without any."""
    return _one(median_seconds(store, EventKind.ANSWERED, since, until, ways=(Way.LABEL,)))


def visits(store: Store, since: datetime, until: datetime) -> tuple[int, float]:
    """Return the number of visits with music, and the median seconds of a visit; NaN without any."""
    return _one(median_visit(store, since, until))


def _one(table: pd.DataFrame) -> tuple[int, float]:
    return (int(table["n"].iloc[0]), float(table["seconds"].iloc[0])) if len(table) else (0, nan)


def satisfaction(store: Store) -> pd.DataFrame:
    """Return what sessions with clients led to, by quarter, newest first.

    Columns: quarter ("2026, quarter 4"), measure (as in ``store.session_outcomes``), n (sessions), clients, mean, low,
    high (95 %, Student's t, within the limits of the measure).
    """
    sums = session_outcomes(store).sort_values(["year", "quarter"], ascending=False, kind="stable")
    rows = [
        {
            "quarter": f"{row['year']}, quarter {row['quarter']}",
            "measure": row["measure"],
            "n": int(row["n"]),
            "clients": int(row["clients"]),
            **mean_interval(int(row["n"]), float(row["total"]), float(row["squares"]), about=MEASURES[row["measure"]]),
        }
        for row in sums.to_dict("records")
    ]
    return pd.DataFrame(rows, columns=["quarter", "measure", "n", "clients", "mean", "low", "high"])


def mean_interval(n: int, total: float, squares: float, *, about: Measure) -> dict[str, float]:
    """Return mean, low and high (95 %, Student's t) from the sum of n values and of their squares. n : at least 2."""
    from scipy.stats import t

    mean = total / n
    variance = max(0.0, (squares - n * mean**2) / (n - 1))
    half = float(t.ppf(0.975, n - 1)) * sqrt(variance / n)
    return {"mean": mean, "low": max(about.least, mean - half), "high": min(about.most, mean + half)}

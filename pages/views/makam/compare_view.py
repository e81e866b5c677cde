"""The tab Compare: this recording and another one, or two groups of pieces of the library."""

import json

import pandas as pd
import streamlit as st

from core.access import Action
from core.errors import CoreError
from core.makam.analysis import profile_from_json
from core.makam.comparison import Side, compare_groups, compare_recordings, p_of_curves
from core.makam.profile import CommaProfile
from core.playlists.pieces import GROUPINGS
from core.store import Store, makam_table
from core.wording import counted
from pages.figures import makam as figures
from pages.shared import messages, show
from pages.views.makam.choice import library, names_of, open_piece
from pages.views.makam.reading import Shown, analysis_of, ask_theory

RECORDINGS, GROUPS = "Another recording", "Two groups"
BY = {"performer": "Performer", **GROUPINGS, "guess": "Emotion", "decade": "Decade"}
FEWEST_IN_GROUP = 2


def show_comparison(shown: Shown) -> None:
    """Compare the degrees of two recordings, or of two groups of recordings."""
    store = shown.store
    if store is None or not store.by.may(Action.SEE_LIBRARY):
        st.info(
            "A comparison needs the pieces of the library, which therapists and analysts see.", icon=":material/lock:"
        )
        return
    ask_theory(shown)
    what = st.segmented_control(
        "Compare", [RECORDINGS, GROUPS], default=RECORDINGS, required=True, key="compare_what", bind="query-params"
    )
    pieces = library(store)
    if pieces.empty:
        st.info("The library is empty. Score a folder on the page Library first.", icon=":material/library_music:")
    elif what == RECORDINGS:
        _recordings(shown, store, pieces)
    else:
        _groups(shown, store, pieces)


def _recordings(shown: Shown, store: Store, pieces: pd.DataFrame) -> None:
    names = names_of(pieces)
    others = [piece for piece in pieces.index if piece != shown.recording.content]
    other_id = st.selectbox(
        "With", others, index=None, format_func=lambda p: names.get(p, ""), key="other", placeholder="Type a title"
    )
    if other_id is None:
        st.info("Choose a piece of the library to compare with.", icon=":material/compare_arrows:")
        return
    other = open_piece(store, pieces.loc[other_id])
    if other is None:
        return
    melody, found, _ = analysis_of(other, store)
    if shown.found.karar_hz is None or found.karar_hz is None:
        st.info("One of the two has no karar, so its degrees are not known.", icon=":material/music_off:")
        return
    table = compare_recordings(
        Side(shown.melody, shown.found.karar_hz), Side(melody, found.karar_hz), makam=shown.makam
    )
    _show_table(table, ("this recording", names[other_id]), f"compare-{shown.stem}-{other_id[:8]}")
    st.caption(
        "n: passages of 10 s that use the degree. The test says whether these two recordings differ. It says nothing "
        "about other recordings of the same performers."
    )


def _groups(shown: Shown, store: Store, pieces: pd.DataFrame) -> None:
    results = makam_table(store, list(pieces.index))
    measured = results[results["details"].fillna("").ne("") & results["karar_hz"].notna()]
    if measured.empty:
        st.info(
            "No piece has a measured karar yet. Score the library with this option:", icon=":material/library_music:"
        )
        st.code("python -m core score FOLDER --out results.parquet --makam", language="shell")
        return
    rows = pieces.loc[pieces.index.intersection(measured.index)]
    rows = rows.assign(decade=(rows["year"] // 10 * 10).astype("string").fillna("") + "s")
    by = st.selectbox("Groups by", list(BY), format_func=BY.__getitem__, key="groups_by", bind="query-params")
    sizes = large_groups(rows, by)
    if len(sizes) < 2:
        st.info(too_few_groups(rows, by), icon=":material/group_off:")
        return
    left, right = st.columns(2)
    first = left.selectbox("First group", list(sizes.index), key="group_a")
    second = right.selectbox("Second group", [g for g in sizes.index if g != first], key="group_b")
    a, b = (_profiles(measured, list(rows.index[rows[by].astype(str) == group])) for group in (first, second))
    try:
        table = compare_groups(a, b, makam=shown.makam)
    except CoreError as error:
        messages.problem(error)
        return
    _show_table(table, (first, second), f"compare-groups-{by}")
    p = p_of_curves(a, b)
    st.caption(
        f"{counted(len(a), 'piece')} against {counted(len(b), 'piece')}; each piece counts once, however long it is. "
        + ("There are too few pieces for a test of the whole profiles." if pd.isna(p) else
           f"Test of the whole profiles: p = {p:.3f}.")
    )  # fmt: skip


def large_groups(rows: pd.DataFrame, by: str) -> pd.Series:
    """Sizes of the groups that have enough pieces, the largest first."""
    sizes = rows[by].replace({"": None, "s": None}).dropna().astype(str).value_counts()
    return sizes[sizes >= FEWEST_IN_GROUP]


def too_few_groups(rows: pd.DataFrame, by: str) -> str:
    """Say why these groups cannot be compared, and which groups can."""
    others = [name for key, name in BY.items() if len(large_groups(rows, key)) >= 2]
    way_out = f"Two groups can be compared by: {', '.join(others)}." if others else "Measure more pieces first."
    return (
        f"A comparison needs two groups with {FEWEST_IN_GROUP} measured pieces each. Grouped by {BY[by].lower()}, "
        f"there are fewer. {way_out}"
    )


def _profiles(measured: pd.DataFrame, contents: list[str]) -> list[CommaProfile]:
    found = []
    for content in contents:
        row = measured.loc[content]
        stored = json.loads(str(row["details"])).get("profile")
        if stored is not None:
            found.append(profile_from_json(stored, karar_hz=float(str(row["karar_hz"]))))
    return found


def _show_table(table: pd.DataFrame, names: tuple[str, str], key: str) -> None:
    known = table.dropna(subset=["difference"])
    if known.empty:
        st.info("The two have no degree in common.", icon=":material/compare_arrows:")
        return
    show.chart(
        figures.comparison(known, names=names),
        key=key,
        alt=f"Difference in commas of {len(known)} degrees, with 95 % intervals",
    )
    number = st.column_config.NumberColumn
    show.frame(
        known,
        hide_index=True,
        alt=f"Degrees of {names[0]} and {names[1]}",
        column_config={
            "commas": number("Degree", format="%.0f"),
            "perde": st.column_config.TextColumn("Perde"),
            "a": number(names[0], format="%+.2f", help="Measured minus degree, in commas."),
            "b": number(names[1], format="%+.2f", help="Measured minus degree, in commas."),
            "difference": number("Difference", format="%+.2f"),
            "low": number("Low", format="%+.2f", help="Lower end of the 95 % interval."),
            "high": number("High", format="%+.2f", help="Upper end of the 95 % interval."),
            "n_a": number("n first", format="%d"),
            "n_b": number("n second", format="%d"),
            "p": number("p", format="%.3f"),
            "p_holm": number("p corrected", format="%.3f", help="Corrected for all degrees (Holm)."),
        },
    )
    show.download(table, key)

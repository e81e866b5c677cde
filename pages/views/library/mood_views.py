"""Parts of the Moods page: the chosen piece, the list, the map, and similar pieces."""

from typing import Literal

import pandas as pd
import streamlit as st

from core import wording
from core.errors import CoreError
from core.playlists import pieces, selection, sound
from core.playlists.words import DIFFER, WORDS
from core.records import Word
from core.schema import BY_COLUMN
from core.store import MAX_TRACK, TRACK_FIELDS, Way, set_track
from core.wording import ROUNDING, clock, percent_number, tenth_percent
from pages.figures import playlists
from pages.shared import cached, hearing, messages, plays, show
from pages.views.library import passage, piece_player, run_player, words
from pages.views.library import piece_filter as parts
from pages.views.library.accepted_moods import accepted_right
from pages.views.library.pieces import Library, reload_library

LIST = {  # on a phone only the first two or three columns are visible, and at 1440 pixels those up to the length
    "title": "Title", "standing": "Decision", "emotion": "Emotion", "confidence": "Confidence", "said": "Whose word",
    "why": "Why", "artist": "Artist", "makam": "Makam", "year": "Year", "length": "Length", "tempo": "Tempo",
    "lufs": "LUFS", "model": "Model", "votes": "Windows", "album": "Album", "folder": "Folder", "genre": "Genre",
    "karar": "Karar", "makam_suggested": "Suggested makam",
}  # fmt: skip
WIDTHS: dict[str, Literal["small", "medium"]] = {"title": "medium", "why": "medium"}
NUMBERS = {
    "confidence": st.column_config.ProgressColumn(
        "Confidence", format="%.1f %%", min_value=0, max_value=100, help=f"Probability of the mood. {ROUNDING}"
    ),
    "tempo": st.column_config.NumberColumn("Tempo", format="%.0f bpm"),
    "lufs": st.column_config.NumberColumn("LUFS", format="%.1f", help="Loudness of the scored part."),
    "length": st.column_config.TextColumn("Length"),
    "year": st.column_config.NumberColumn("Year", format="%d"),
    "distance": st.column_config.NumberColumn(
        "Distance", format="%.2f", help="Root mean square difference of the features, in standard deviations."
    ),
}
FAR = 1.0  # distance from which pieces do not sound alike; two random clips are 1.4 apart
MOST_NAMES = 2000  # names in the selection box; all are sent to the browser
MOST_POINTS = 5000  # points on the map
MOST_ROWS = 2000  # rows of a table on the page; the download has all
SAVED = "mood_kept"  # session key: result of the last change of a track
TURN = "mood_turn"  # session key: part of the table keys; a new number clears the selected row


def choose_piece(library: Library, shown: pd.DataFrame) -> str | None:
    """Show the chosen piece with its player; it is chosen here, in a table or on the map. None if none is."""
    passage.take_piece_of_link(shown.index)
    wanted = st.session_state.get("piece")
    if wanted is not None and wanted not in shown.index:
        wanted = st.session_state["piece"] = None  # the filter hides it
    names = library.loaded.labels
    offered = list(shown.index[:MOST_NAMES])
    chosen = st.selectbox(
        "Piece to hear",
        offered if wanted is None or wanted in offered else [wanted, *offered],
        index=None,
        format_func=lambda p: names.get(p, ""),
        key="piece",
        bind="query-params",
        on_change=_forget_row,
        placeholder="Type a title, or click a row or point below",
        help=None
        if len(offered) == len(shown)
        else f"Only {MOST_NAMES} of {len(shown)} pieces are listed. Use the filter to find others.",
    )
    if chosen is not None:
        row = shown.loc[chosen]
        with st.container(border=True):
            st.markdown(
                f"**{messages.literal(names[chosen])}**  \n{messages.literal(piece_player.describe_piece(row))}"
            )
            autoplay = st.session_state.pop(piece_player.AUTOPLAY, False)
            piece_player.hear(row, way=Way.MOODS, autoplay=autoplay, passages=True)
            if row["standing"] != pieces.ACCEPTED and row["reason"]:
                st.caption(messages.literal(str(row["reason"])))
            run_player.link_to_clip_reasons(str(row["clip_id"]))
            hearing.ask_about_piece(row, names[chosen])
            if row["word"] == Word.MODEL and row["standing"] == pieces.ACCEPTED:
                right = accepted_right([row["guess"]], versions=[row["model_version"]])
                if right:
                    st.caption(messages.literal(right))
            words.show_never(row, names[chosen])
            _track_form(row)
    return chosen


def _track_form(row: pd.Series) -> None:
    """Show the track data of the piece in a form that people can correct."""
    with st.expander("Track data", icon=":material/edit:"), st.form(f"track_{row.name}", border=False):
        st.caption(
            "These values come from the tags of the file. Your changes stay when the library is scored again. The file "
            "itself is not changed. Leave a field empty if the value is unknown."
        )
        places = st.columns(4)
        for k, name in enumerate(TRACK_FIELDS):
            value = row[name]
            text = "" if pd.isna(value) else str(int(value)) if name == "year" else str(value)
            places[k % 4].text_input(name.capitalize(), text, key=f"{name}_{row.name}", max_chars=MAX_TRACK)
        st.form_submit_button(
            "Save", key=f"save_track_{row.name}", icon=":material/save:", on_click=_save_track, args=(row,)
        )
    kind, sentence = st.session_state.pop(SAVED, ("", ""))
    if kind:
        (st.success if kind == "success" else st.error)(messages.literal(sentence))


def _save_track(row: pd.Series) -> None:
    """Save the changed fields; the other fields still follow the tags."""
    store = cached.store()
    if store is None:
        return
    try:
        changed = _changed_fields(row)
        if changed:
            set_track(store, str(row["clip_id"]), **changed)
            reload_library()
        st.session_state[SAVED] = ("success", f"Saved: {', '.join(changed)}." if changed else "You changed nothing.")
    except CoreError as error:
        st.session_state[SAVED] = ("error", str(error))


def _changed_fields(row: pd.Series) -> dict[str, str | int | None]:
    """Fields of the form that differ from the piece. Raises CoreError if the year is not a number."""
    changed: dict[str, str | int | None] = {}
    for name in TRACK_FIELDS:
        text, value = str(st.session_state.get(f"{name}_{row.name}") or "").strip(), row[name]
        if text == ("" if pd.isna(value) else str(int(value)) if name == "year" else str(value)):
            continue
        if name == "year" and text and not text.isdecimal():
            raise CoreError(
                f"{text!r} is not a year. Write four digits, or leave the field empty if the year is unknown."
            )
        changed[name] = int(text) if name == "year" and text else text
    return changed


def _forget_row() -> None:
    st.session_state[TURN] = st.session_state.get(TURN, 0) + 1


def _play(piece_id: str | None) -> None:
    if piece_id:
        st.session_state["piece"] = piece_id
        st.session_state[piece_player.AUTOPLAY] = True


def show_list(library: Library, shown: pd.DataFrame, chosen: str | None) -> None:
    """Show all pieces in a sorted table with a download."""
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    by = left.selectbox(
        "Sort by", list(selection.SORTS), format_func=selection.SORTS.__getitem__, key="sort", bind="query-params"
    )
    falling = right.segmented_control(
        "Order", ["falling", "rising"], default="falling", required=True, key="order", bind="query-params"
    )
    ordered = selection.sort_pieces(shown, by, descending=falling == "falling", places=library.loaded.alphabet)
    _table(ordered.head(MOST_ROWS), "pieces")
    plays.note_list(Way.MOODS, ordered.index[:MOST_ROWS])
    if len(ordered) > MOST_ROWS:
        st.caption(f"The first {MOST_ROWS:,} of {len(ordered):,} pieces are shown; the download has all.")
    _download(ordered, library, "pieces")


def _table(rows: pd.DataFrame, name: str, **more: pd.Series) -> None:
    """Show pieces as a table; a click on a row plays the piece."""
    table = rows.assign(
        emotion=rows["guess"].map(wording.with_sign),
        length=rows["duration_s"].map(clock),
        votes=[f"{agreeing} of {n}" for agreeing, n in zip(rows["agreeing"], rows["windows"], strict=True)],
        # A person's word has no confidence.
        confidence=rows["confidence"].map(percent_number).where(rows["word"].eq(Word.MODEL)),
        said=rows["word"].map(WORDS).where(~rows["differ"], rows["word"].map(WORDS) + f"; {DIFFER}"),
        model=rows["model_mood"].map(wording.with_sign),
        **more,
    )
    columns = [*more, *(c for c in LIST if table[c].replace("", None).notna().any())]  # without empty columns
    key = f"table_{name}_{st.session_state.get(TURN, 0)}"

    def clicked() -> None:
        picked = st.session_state[key]["selection"]["rows"]
        _play(str(rows.index[picked[0]]) if picked else None)

    st.dataframe(
        table[columns],
        hide_index=True,
        key=key,
        on_select=clicked,
        selection_mode="single-row",
        placeholder="",
        alt=f"{len(table)} pieces with mood, decision, tempo and loudness; selecting a row plays the piece",
        column_config={**{n: st.column_config.TextColumn(t, width=WIDTHS.get(n)) for n, t in LIST.items()}, **NUMBERS},
    )


def _download(rows: pd.DataFrame, library: Library, what: str) -> None:
    def table() -> pd.DataFrame:
        return rows.drop(columns=["clip_id", "reason", "there", "own_id"]).rename_axis("content_hash").reset_index()

    parts.download_csv(table, show.file_name(what, data_hash=library.name, version=library.version))


def show_map(library: Library, shown: pd.DataFrame, chosen: str | None) -> None:
    """Show the map of pieces; a click on a point plays the piece."""
    heard, known = parts.sound(library)
    surest = shown.nlargest(MOST_POINTS, "confidence").index
    heard = heard.loc[heard.index.intersection(surest)]
    if heard.empty:
        st.info("None of these pieces has features of the current extractor. Score the library again.")
        return
    places = sound.library_map(heard, known)
    key = show.file_name("library-map", data_hash=library.name, version=library.version)

    def clicked() -> None:
        points = st.session_state[key]["selection"]["points"]
        _play(points[0]["customdata"][0] if points else None)
        _forget_row()

    axes = "; ".join(
        f"{way}: {', '.join(f'{BY_COLUMN[c].name} {weight:+.2f}' for c, weight in telling)}"
        for way, telling in zip(("across", "up"), places.telling, strict=True)
    )
    st.caption(
        "Pieces that sound alike are close to each other. The axes are the first two principal components of the "
        f"training music ({tenth_percent(places.shares[0])} and {tenth_percent(places.shares[1])} of its variance). "
        "Largest "
        f"weights: {axes}. Hollow symbols: the model's answer is not accepted."
        + (
            f" The map shows the {MOST_POINTS:,} pieces with the highest confidence."
            if len(shown) > MOST_POINTS
            else ""
        )
    )
    show.chart(
        playlists.library_map(shown, places, chosen=chosen),
        key=key,
        alt=f"Map of {len(heard)} pieces by their sound, with a symbol for each emotion; a click plays a piece",
        data=shown[["title", "artist", "guess", "standing"]].join(places.points.round(3), how="inner"),
        on_select=clicked,
        selection_mode="points",
    )


def show_similar(library: Library, shown: pd.DataFrame, chosen: str | None) -> None:
    """Show the pieces that sound most like the chosen one."""
    if chosen is None:
        st.info("Choose a piece above. The pieces that sound most like it appear here.", icon=":material/hearing:")
        return
    heard, _ = parts.sound(library)
    everywhere = st.toggle("Search the whole library, ignoring the filter", key="everywhere", bind="query-params")
    pool = library.pieces if everywhere else shown
    same = parts.recordings(library).reindex(pool.index.union([chosen]))
    pool = pool[~same.loc[pool.index].duplicated() & (same.loc[pool.index] != same[chosen])]  # each recording once
    try:
        near = sound.similar_pieces(heard, chosen, among=list(pool.index), count=15)
    except CoreError as error:
        messages.problem(error)
        return
    if near.empty:
        st.info("There is no other piece to compare with. Widen the filter.", icon=":material/filter_alt_off:")
        return
    st.caption(
        f"Nearest to **{messages.literal(library.loaded.labels[chosen])}** by all features together, "
        "in standard deviations of the training music. For comparison: two random clips are 1.4 apart. If a "
        "recording exists twice, only one file is listed."
    )
    if near.iloc[0] > FAR:
        st.info("No piece sounds much like it: even the nearest piece is far away.", icon=":material/wb_incandescent:")
    rows = library.pieces.loc[near.index]
    _table(rows, f"alike_{chosen[:8]}", distance=near)
    _download(rows.assign(distance=near), library, f"alike-{chosen[:8]}")

"""Parts of the Playlists page: the list of pieces with its player, and the charts."""

import pandas as pd
import streamlit as st

from core import wording
from core.playlists import circle, files, playlist
from core.playlists.playlist import Playlist
from core.playlists.pulse import counted
from core.playlists.words import word_text
from core.records import RemarkKind
from core.schema import PROBA
from core.wording import clock
from pages.figures.playlists import over_time
from pages.figures.playlists import path as path_figure
from pages.shared import hearing, messages, show
from pages.views.library import playlist_changes, words
from pages.views.library.accepted_moods import playlist_accuracy
from pages.views.library.pieces import Library
from pages.views.library.playlist_building import Built

NOT_REACHED = (  # what was asked for and is not in the list
    *(RemarkKind.LIBRARY_TOO_SMALL, RemarkKind.CHANGED_BY_HAND, RemarkKind.LENGTH_MISSED, RemarkKind.MOOD_TIME_MISSED),
    *(RemarkKind.TEMPO_MISSED, RemarkKind.LOUDNESS_MISSED, RemarkKind.PIN_GONE),
)
TEMPI = ("tempo", "pulse", "want_tempo")


def show_summary(made: Playlist) -> None:
    """Show length, weak places and remarks."""
    weak = int((made.rows["weak"] != "").sum())
    with st.container(horizontal=True):
        st.metric("Pieces", len(made.rows))
        st.metric("Length", clock(made.length_s), help=f"Requested: {clock(made.wanted_s)}.")
        if made.path:
            st.metric("Steps", int(made.rows["step"].max()))
            st.metric("Weak places", weak, help="Pieces whose mood does not fit, or where mood or tempo changes a lot.")
    missed = [remark.text for remark in made.remarks if remark.kind in NOT_REACHED]
    if missed:
        st.warning("  \n".join(map(messages.literal, missed)), icon=":material/flag:")
    shown_elsewhere = (*NOT_REACHED, RemarkKind.SYNTHETIC)
    others = [remark.text for remark in made.remarks if remark.kind not in shown_elsewhere]
    boost = made.rows["gain_db"].max()
    if boost > 0:
        others.append(
            f"At {made.target_lufs:g} LUFS the quietest piece becomes {boost:.1f} dB louder. At "
            f"{playlist.loudest_without_boost(made):g} LUFS no piece becomes louder."
        )
    others.append(playlist_accuracy(made))
    st.caption("  \n".join(messages.literal(text) for text in others if text))
    if any(remark.kind == RemarkKind.NEEDS_LISTENING for remark in made.remarks):
        st.page_link("pages/label.py", label="Listen to them on the Label page", icon=":material/headphones:")


def show_pieces(built: Built, library: Library) -> None:
    """Show the pieces in order, each with buttons to play and to change it; one player for all."""
    messages.show_pending_message()
    playlist_changes.show_undo()
    made, every, step = built.playlist, library.every, 0
    for row in files.row_dicts(made):
        if row["step"] != step and made.path:
            step = row["step"]
            st.markdown(f"**Step {step}**: wanted {_wanted_with_signs(row)}{_wished_tempo(row)}")
        with st.container(border=True, key=f"piece_{row['number']}"):
            _show_piece(row, every.loc[row["piece_id"]], pinned=row["piece_id"] in made.pinned)
            playlist_changes.show_player(row["piece_id"], every)
            playlist_changes.show_fields(built, row, every)
    playlist_changes.show_adding(built, library.loaded.text, every)
    playlist_changes.follow_focus()


def _wished_tempo(row: dict) -> str:
    return "" if pd.isna(row["want_tempo"]) else f"; about {row['want_tempo']:.0f} bpm"


def _wanted_with_signs(row: dict) -> str:
    """The wanted mixture of emotions, with their signs."""
    mixture = playlist.mixture(row, "want_")
    for emotion, sign in wording.SIGNS.items():
        mixture = mixture.replace(emotion, f"{sign} {emotion}")
    return mixture


def _show_piece(row: dict, known: pd.Series, *, pinned: bool) -> None:
    """Show a piece of the list. known : its row in the table of the library."""
    name = messages.literal(files.artist_and_title(row))
    ends = row["begins_s"] + row["duration_s"]
    by = word_text(row)
    mood = f"{row['guess']}, {by}" if by else f"{playlist.mixture(row)}; {row['standing']}"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"**{row['number']}. {name}**  \n{clock(row['begins_s'])} to {clock(ends)}; "
            f"{wording.SIGNS[row['guess']]} {mood}; "
            f"{counted(row['tempo'], row['pulse'])}; gain {messages.literal(files.gain_text(row['gain_db']))}"
            + ("; :material/keep: pinned" if pinned else "")
            + (f"  \n:orange[:material/warning: {messages.literal(row['weak'])}]" if row["weak"] else ""),
            width="stretch",
        )
        number, piece = row["number"], (row["piece_id"],)
        with st.container(horizontal=True, width="content"):
            st.button(
                f"Play {number}",
                icon=":material/play_arrow:",
                key=f"play_{number}",
                on_click=playlist_changes.play,
                args=piece,
            )
            playlist_changes.show_buttons(row)
            words.never_button(number, known, files.artist_and_title(row))
    hearing.ask_about_piece(known, files.artist_and_title(row))


def show_charts(made: Playlist) -> None:
    """Show the path on the plane of emotions, and mood and tempo over time."""
    rows = made.rows
    places = circle.mood_coordinates(rows)
    names = ["number", "title", "guess"]
    tag = files.file_stem(made)
    show.chart(
        path_figure(rows, places),
        key=f"way_{tag}",
        alt="The pieces on the plane of moods, numbered: "
        + ", ".join(f"{r.number} {r.guess}" for r in rows.itertuples()),
        data=pd.concat([rows[names], places.round(3)], axis=1),
    )
    show.chart(
        over_time(rows),
        key=f"over-time_{tag}",
        alt=f"Probabilities of the four emotions and tempo over {clock(made.length_s)}",
        data=rows[[*names, "begins_s", *PROBA, "tempo", "pulse", "want_tempo", "fit", "change", "tempo_change"]].round(
            3
        ),
    )

"""Parts of the Playlists page: the list of pieces with veto and player, and the charts."""

from dataclasses import dataclass, replace

import pandas as pd
import streamlit as st

from core import wording
from core.allowed_places import Places, allowed_places
from core.errors import CoreError
from core.playlists import circle, client_lists, files, iso_path, levelled_copies, one_mood, playlist
from core.playlists.playlist import Playlist, Pool
from core.playlists.selection import Filter
from core.playlists.words import word_text
from core.records import RemarkKind
from core.schema import PROBA
from core.settings import Settings
from core.wording import clock
from pages.figures.playlists import over_time
from pages.figures.playlists import path as path_figure
from pages.shared import entering, hearing, messages, show
from pages.views.library import client_choice, piece_player, words
from pages.views.library import piece_filter as parts
from pages.views.library.accepted_moods import playlist_accuracy
from pages.views.library.pieces import Library
from pages.views.library.playlist_request import Request

VETOES = client_choice.VETOES
PLAYING = "playlist_heard"  # session key: the piece in the player


@dataclass(frozen=True, eq=False)
class Attempt:
    """Result of a request. playlist : None if none could be made.  problems : sentences about what went wrong."""

    pool: Pool
    playlist: Playlist | None
    problems: tuple[str, ...] = ()


def current_vetoes() -> list[str]:
    """The beginnings of the ids of vetoed pieces, oldest first; from the address when the page is opened."""
    if VETOES not in st.session_state:
        st.session_state[VETOES] = entering.vetoes(st.query_params.get("veto", ""))
    vetoes: list[str] = st.session_state[VETOES]
    return vetoes


def build_playlist(request: Request, library: Library, table: pd.DataFrame, narrowed: Filter) -> Playlist | None:
    """Build the playlist and apply the vetoes; None, with a message, if there is none.

    table : pieces of the library that match the filter.
    """
    if not request.standings:
        st.info("Choose at least one kind of pieces under *Pieces that are*.", icon=":material/filter_alt_off:")
        return None
    key = (*library.key, library.mark, repr(narrowed), repr(replace(request, target_lufs=0.0)))
    attempt = _attempt(key, tuple(current_vetoes()), request, table, parts.recordings(library))
    for sentence in attempt.problems:
        icon = ":material/block:" if attempt.playlist is not None else ":material/playlist_remove:"
        st.warning(messages.literal(sentence), icon=icon)
    if attempt.playlist is None:
        for remark in attempt.pool.remarks:
            st.caption(messages.literal(remark.text))
        return None
    rows, places = attempt.playlist.rows, allowed_places(Settings())
    known = [n if n == n else _channels(path, places) for n, path in zip(rows["channels"], rows["path"], strict=True)]
    return playlist.level_playlist(replace(attempt.playlist, rows=rows.assign(channels=known)), request.target_lufs)


@st.cache_data(show_spinner=False, max_entries=10_000, ttl=600)
def _channels(path: str, places: Places) -> float:
    return levelled_copies.channels(path, places)


def _attempt(
    key: tuple[object, ...], vetoes: tuple[str, ...], request: Request, table: pd.DataFrame, recordings: pd.Series
) -> Attempt:
    """Build the list and apply the vetoes one after the other. vetoes : beginnings of piece ids."""
    attempt = _first_attempt(key, request, table, recordings)
    for count in range(1, len(vetoes) + 1):
        attempt = _after_veto(key, vetoes[:count], attempt)
    return attempt


@st.cache_resource(show_spinner="Choosing the pieces …", max_entries=64, ttl=600)
def _first_attempt(key: tuple[object, ...], _request: Request, _table: pd.DataFrame, _recordings: pd.Series) -> Attempt:
    pool = playlist.usable_pieces(
        _table, standings=_request.standings, recordings=_recordings, synthetic=_request.synthetic
    )
    try:
        made = _choose_pieces(_request, pool)
        return Attempt(pool, client_lists.add_must_play(made, pool, _table, _request.must))
    except CoreError as error:
        return Attempt(pool, None, (str(error),))


@st.cache_resource(show_spinner="Choosing the pieces …", max_entries=4 * entering.MOST_VETOES, ttl=600)
def _after_veto(key: tuple[object, ...], vetoes: tuple[str, ...], _before: Attempt) -> Attempt:
    """Replace the piece of the last veto. vetoes : all of them.  _before : the list before the last one."""
    before = _before
    named = [] if before.playlist is None else [p for p in before.playlist.rows["piece_id"] if p.startswith(vetoes[-1])]
    if before.playlist is None or not named:
        return before
    gone = [p for p in before.pool.table.index if p.startswith(vetoes[:-1])]
    try:
        return replace(
            before, playlist=iso_path.replace_piece(before.playlist, before.pool, named[0], without=gone), problems=()
        )
    except CoreError as error:
        return replace(before, problems=(f"{before.pool.table.loc[named[0], 'title']}: {error}",))


def _choose_pieces(request: Request, pool: Pool) -> Playlist:
    if request.kind == "mood":
        return one_mood.build_one_mood(pool, request.way[0], request.minutes, seed=request.seed)
    return iso_path.build_iso_path(pool, request.way, request.minutes, per_step=request.per_step, seed=request.seed)


def _veto(piece_id: str) -> None:
    before = st.session_state.get(VETOES, [])
    if len(before) >= entering.MOST_VETOES:
        messages.keep_message("warning", f"At most {entering.MOST_VETOES} pieces of a playlist can be replaced.")
        return
    if not client_choice.note_veto(piece_id):
        return
    st.session_state[VETOES] = [*before, piece_id[: entering.VETO]]
    _vetoes_to_address()


def _undo_veto() -> None:
    before = st.session_state.get(VETOES, [])
    if before and not client_choice.undo_veto(before[-1]):
        return
    st.session_state[VETOES] = st.session_state.get(VETOES, [])[:-1]
    _vetoes_to_address()


def _vetoes_to_address() -> None:
    if st.session_state[VETOES]:
        st.query_params["veto"] = ",".join(st.session_state[VETOES])
    else:
        st.query_params.pop("veto", None)


def show_summary(made: Playlist) -> None:
    """Show length, weak places and remarks."""
    weak = int((made.rows["weak"] != "").sum())
    with st.container(horizontal=True):
        st.metric("Pieces", len(made.rows))
        st.metric("Length", clock(made.length_s), help=f"Requested: {clock(made.wanted_s)}.")
        if made.path:
            st.metric("Steps", int(made.rows["step"].max()))
            st.metric("Weak places", weak, help="Pieces whose mood does not fit, or where mood or tempo changes a lot.")
    for remark in made.remarks:
        if remark.kind == RemarkKind.LIBRARY_TOO_SMALL:
            st.warning(messages.literal(remark.text), icon=":material/library_music:")
    shown_elsewhere = (RemarkKind.LIBRARY_TOO_SMALL, RemarkKind.SYNTHETIC)
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


def show_pieces(made: Playlist, table: pd.DataFrame) -> None:
    """Show the pieces in order, each with buttons to play and to veto; one player for all."""
    messages.show_pending_message()
    if st.session_state.get(VETOES):
        st.button(
            f"Undo the last veto ({len(st.session_state[VETOES])} so far)",
            icon=":material/undo:",
            on_click=_undo_veto,
            key="unveto",
        )
    playing = st.session_state.get(PLAYING)
    step = 0
    for row in files.row_dicts(made):
        if row["step"] != step and made.path:
            step = row["step"]
            st.markdown(f"**Step {step}**: wanted {_wanted_with_signs(row)}")
        with st.container(border=True, key=f"piece_{row['number']}"):
            _show_piece(row, table.loc[row["piece_id"]])
            if row["piece_id"] == playing:
                piece_player.hear(table.loc[playing], autoplay=st.session_state.pop(piece_player.AUTOPLAY, False))


def _wanted_with_signs(row: dict) -> str:
    """The wanted mixture of emotions, with their signs."""
    mixture = playlist.mixture(row, "want_")
    for emotion, sign in wording.SIGNS.items():
        mixture = mixture.replace(emotion, f"{sign} {emotion}")
    return mixture


def _show_piece(row: dict, known: pd.Series) -> None:
    """Show a piece of the list. known : its row in the table of the library."""
    name = messages.literal(files.artist_and_title(row))
    tempo = "tempo unknown" if pd.isna(row["tempo"]) else f"{row['tempo']:.0f} bpm"
    ends = row["begins_s"] + row["duration_s"]
    by = word_text(row)
    mood = f"{row['guess']}, {by}" if by else f"{playlist.mixture(row)}; {row['standing']}"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"**{row['number']}. {name}**  \n{clock(row['begins_s'])} to {clock(ends)}; "
            f"{wording.SIGNS[row['guess']]} {mood}; {tempo}; "
            f"gain {messages.literal(files.gain_text(row['gain_db']))}"
            + (f"  \n:orange[:material/warning: {messages.literal(row['weak'])}]" if row["weak"] else ""),
            width="stretch",
        )
        number, piece = row["number"], (row["piece_id"],)
        st.button(f"Play {number}", icon=":material/play_arrow:", key=f"play_{number}", on_click=_play, args=piece)
        st.button(
            f"Veto {number}",
            icon=":material/swap_horiz:",
            key=f"veto_{number}",
            on_click=_veto,
            args=piece,
            help="Replaces this piece by another one; all others stay.",
        )
        words.never_button(number, known, files.artist_and_title(row))
    hearing.ask_about_piece(known, files.artist_and_title(row))


def _play(piece_id: str) -> None:
    st.session_state[PLAYING] = piece_id
    st.session_state[piece_player.AUTOPLAY] = True


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
        data=rows[[*names, "begins_s", *PROBA, "tempo", "fit", "change", "tempo_change"]].round(3),
    )

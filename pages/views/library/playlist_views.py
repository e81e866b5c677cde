"""The parts of the Playlists page: what is wished, the list with veto and player, its files, its session sheet."""

from dataclasses import dataclass, replace

import pandas as pd
import streamlit as st

from core import wording
from core.errors import CoreError
from core.playlists import circle, files, iso_path, levelled_copies, one_mood, pieces, playlist
from core.playlists.playlist import Playlist, Pool
from core.playlists.selection import Filter
from core.records import RemarkKind
from core.schema import PROBA
from core.spreadsheets import inert_table
from core.wording import clock
from pages.figures.playlists import over_time
from pages.figures.playlists import path as path_figure
from pages.shared import messages, show
from pages.views.library import piece_filter as parts
from pages.views.library import piece_player
from pages.views.library.pieces import Library

KINDS = {"mood": "One mood", "iso": "Iso path"}
VETOES = "vetoes"  # in the session, and as ``veto`` in the address: hashes of vetoed pieces, in their order
SHORT = 10  # letters of a hash in the address
PLAYING = "playlist_heard"  # in the session: the piece in the player


@dataclass(frozen=True)
class Request:
    """What is wished. way : the emotions of an iso path, or one emotion."""

    kind: str
    way: tuple[str, ...]
    minutes: float
    per_step: int
    standings: tuple[str, ...]
    target_lufs: float
    seed: int


def ask_request() -> Request:
    """Ask what is wished; all of it is in the address."""
    kind = st.segmented_control(
        "What",
        list(KINDS),
        format_func=KINDS.__getitem__,
        default="mood",
        required=True,
        key="kind",
        bind="query-params",
        help="An iso path begins at the client's present mood and goes to the wished one in small steps.",
    )
    with st.container():  # whatever is asked, the fields below keep their place
        if kind == "mood":
            mood = st.segmented_control(
                "Mood",
                circle.CIRCLE,
                format_func=wording.with_sign,
                default="relax",
                required=True,
                key="mood",
                bind="query-params",
            )
            way: tuple[str, ...] = (mood,)
            per_step, most = 2, [pieces.ACCEPTED]
        else:
            way, per_step = _ask_way()
            most = [pieces.ACCEPTED, pieces.BETWEEN]
    left, right = st.columns(2)
    length = left.number_input(
        "Minutes", 5, 240, 60 if kind == "iso" else 30, 5, key=f"minutes_{kind}", bind="query-params"
    )
    standings = right.pills(
        "Pieces that are",
        pieces.STANDINGS,
        selection_mode="multi",
        default=most,
        key=f"standings_{kind}",
        bind="query-params",
        help="Accepted: the model is sure of one mood. Between two: it hears two neighbouring moods, good as a bridge "
        "on an iso path. Needs review: listen first.",
    )
    left, right = st.columns(2)
    target = left.slider(
        "Level to (LUFS)",
        -30,
        -12,
        int(playlist.TARGET_LUFS),
        key="level",
        bind="query-params",
        help="-18 is the level of ReplayGain, -23 that of broadcasting, -14 that of streaming services. A file with "
        "one channel plays from both loudspeakers, so it counts 3 LU more than it measures.",
    )
    with right.container(horizontal=True, vertical_alignment="bottom"):
        seed = st.number_input(
            "Variant",
            0,
            9999,
            0,
            key="seed",
            bind="query-params",
            help="The same number makes the same list again; another one a list of other pieces, perhaps with fewer "
            "weak places.",
        )
    return Request(kind, way, float(length), per_step, tuple(standings), float(target), int(seed))


def _ask_way() -> tuple[tuple[str, ...], int]:
    """The way of an iso path, and how many pieces a step has."""
    left, right = st.columns(2)
    start, goal = (
        column.segmented_control(
            label,
            circle.CIRCLE,
            format_func=wording.with_sign,
            default=default,
            required=True,
            key=key,
            bind="query-params",
        )
        for column, label, default, key in ((left, "Present mood", "sad", "start"), (right, "Goal", "happy", "goal"))
    )
    choices = {way[1] if len(way) == 3 else "": way for way in iso_path.ways(start, goal)}
    over = ""
    left, right = st.columns(2)
    if len(choices) > 1:
        over = left.segmented_control(
            "By way of",
            list(choices),
            format_func=wording.with_sign,
            default=next(iter(choices)),
            required=True,
            key=f"over_{start}_{goal}",
            bind="query-params",
            help="The two moods are opposite on the circle angry, happy, relax, sad, so the path goes over one of the "
            "others.",
        )
    per_step = right.segmented_control(
        "Pieces a step", [2, 3], default=2, required=True, key="per_step", bind="query-params"
    )
    return choices[over], per_step


# --- the list --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Attempt:
    """What came of a wish. said : what went wrong on the way, in sentences.  made : None where nothing came of it."""

    pool: Pool
    made: Playlist | None
    said: tuple[str, ...] = ()


def build_playlist(request: Request, library: Library, table: pd.DataFrame, narrowed: Filter) -> Playlist | None:
    """The playlist with the vetoes applied; None after a sentence when there is none.

    table : the pieces of the library that the filter lets through.
    """
    if not request.standings:
        st.info("Choose which pieces may be played.", icon=":material/filter_alt_off:")
        return None
    if VETOES not in st.session_state:
        st.session_state[VETOES] = [v for v in st.query_params.get("veto", "").split(",") if v]
    key = (*library.key, library.mark, repr(narrowed), repr(replace(request, target_lufs=0.0)))
    attempt = _attempt(key, tuple(st.session_state[VETOES]), request, table, parts.recordings(library))
    for sentence in attempt.said:
        icon = ":material/block:" if attempt.made is not None else ":material/playlist_remove:"
        st.warning(messages.literal(sentence), icon=icon)
    if attempt.made is None:
        for remark in attempt.pool.remarks:
            st.caption(messages.literal(remark.text))
        return None
    rows = attempt.made.rows
    known = [n if n == n else _channels(path) for n, path in zip(rows["channels"], rows["path"], strict=True)]
    return playlist.level_playlist(replace(attempt.made, rows=rows.assign(channels=known)), request.target_lufs)


@st.cache_data(show_spinner=False, max_entries=10_000, ttl=600)
def _channels(path: str) -> float:
    return levelled_copies.channels(path)


@st.cache_resource(show_spinner="Choosing the pieces …", max_entries=64, ttl=600)
def _attempt(
    key: tuple[object, ...], vetoes: tuple[str, ...], _request: Request, _table: pd.DataFrame, _recordings: pd.Series
) -> Attempt:
    """The list after these vetoes, each of which replaces one piece of the list as it was then.

    vetoes : beginnings of piece ids. What is known of the list before the last one is not chosen again.
    """
    if not vetoes:
        pool = playlist.usable(_table, standings=_request.standings, recordings=_recordings)
        try:
            return Attempt(pool, _choose_pieces(_request, pool))
        except CoreError as error:
            return Attempt(pool, None, (str(error),))
    before = _attempt(key, vetoes[:-1], _request, _table, _recordings)
    named = [] if before.made is None else [p for p in before.made.rows["piece_id"] if p.startswith(vetoes[-1])]
    if before.made is None or not named:
        return before
    gone = [p for p in before.pool.table.index if p.startswith(vetoes[:-1])]
    try:
        return replace(before, made=iso_path.swap(before.made, before.pool, named[0], without=gone), said=())
    except CoreError as error:
        return replace(before, said=(f"{before.pool.table.loc[named[0], 'title']}: {error}",))


def _choose_pieces(request: Request, pool: Pool) -> Playlist:
    if request.kind == "mood":
        return one_mood.by_mood(pool, request.way[0], request.minutes, seed=request.seed)
    return iso_path.build_iso_path(pool, request.way, request.minutes, per_step=request.per_step, seed=request.seed)


def _veto(piece_id: str) -> None:
    st.session_state[VETOES] = [*st.session_state.get(VETOES, []), piece_id[:SHORT]]
    _vetoes_to_address()


def _undo_veto() -> None:
    st.session_state[VETOES] = st.session_state.get(VETOES, [])[:-1]
    _vetoes_to_address()


def _vetoes_to_address() -> None:
    if st.session_state[VETOES]:
        st.query_params["veto"] = ",".join(st.session_state[VETOES])
    else:
        st.query_params.pop("veto", None)


def show_summary(made: Playlist) -> None:
    """Length, weak places and remarks."""
    weak = int((made.rows["weak"] != "").sum())
    with st.container(horizontal=True):
        st.metric("Pieces", len(made.rows))
        st.metric("Length", clock(made.length_s), help=f"Wished: {clock(made.wanted_s)}.")
        if made.path:
            st.metric("Steps", int(made.rows["step"].max()))
            st.metric("Weak places", weak, help="Pieces where the mood or the tempo changes much, or does not fit.")
    for remark in made.remarks:
        if remark.kind == RemarkKind.LIBRARY_TOO_SMALL:
            st.warning(messages.literal(remark.text), icon=":material/library_music:")
    shown_elsewhere = (RemarkKind.LIBRARY_TOO_SMALL, RemarkKind.SYNTHETIC)
    others = [remark.text for remark in made.remarks if remark.kind not in shown_elsewhere]
    boost = made.rows["gain_db"].max()
    if boost > 0:
        others.append(
            f"At {made.target_lufs:g} LUFS the quietest piece is made {boost:.1f} dB louder; with "
            f"{playlist.loudest_without_boost(made):g} LUFS none is."
        )
    st.caption("  \n".join(messages.literal(text) for text in others))
    if any(remark.kind == RemarkKind.NEEDS_LISTENING for remark in made.remarks):
        st.page_link("pages/label.py", label="Listen to them on the Label page", icon=":material/headphones:")


def show_pieces(made: Playlist, table: pd.DataFrame) -> None:
    """The pieces in their order, each with a player button and a veto; one player for all."""
    if st.session_state.get(VETOES):
        st.button(
            f"Undo the last veto ({len(st.session_state[VETOES])} so far)",
            icon=":material/undo:",
            on_click=_undo_veto,
            key="unveto",
        )
    playing = st.session_state.get(PLAYING)
    step = 0
    for row in files.records(made):
        if row["step"] != step and made.path:
            step = row["step"]
            st.markdown(f"**Step {step}**: wanted {_wanted_with_signs(row)}")
        with st.container(border=True, key=f"piece_{row['number']}"):
            _show_piece(row)
            if row["piece_id"] == playing:
                piece_player.hear(table.loc[playing], autoplay=st.session_state.pop(piece_player.AUTOPLAY, False))


def _wanted_with_signs(row: dict) -> str:
    """The wanted mixture with the signs of its emotions."""
    mixture = playlist.mixture(row, "want_")
    for emotion, sign in wording.SIGNS.items():
        mixture = mixture.replace(emotion, f"{sign} {emotion}")
    return mixture


def _show_piece(row: dict) -> None:
    name = messages.literal(files.label(row))
    tempo = "tempo not known" if pd.isna(row["tempo"]) else f"{row['tempo']:.0f} bpm"
    ends = row["begins_s"] + row["duration_s"]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"**{row['number']}. {name}**  \n{clock(row['begins_s'])} to {clock(ends)}; "
            f"{wording.SIGNS[row['guess']]} {playlist.mixture(row)}; {row['standing']}; {tempo}; "
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
            help="Replaced by another piece; all others stay.",
        )


def _play(piece_id: str) -> None:
    st.session_state[PLAYING] = piece_id
    st.session_state[piece_player.AUTOPLAY] = True


def show_charts(made: Playlist) -> None:
    """The way over the plane of moods, and mood and tempo over time."""
    rows = made.rows
    places = circle.plane(rows)
    names = ["number", "title", "guess"]
    tag = files.stem(made)
    show.chart(
        path_figure(rows, places),
        key=f"way_{tag}",
        alt="The pieces on the plane of moods, numbered: "
        + ", ".join(f"{r.number} {r.guess}" for r in rows.itertuples()),
        data=inert_table(pd.concat([rows[names], places.round(3)], axis=1)),
    )
    show.chart(
        over_time(rows),
        key=f"over-time_{tag}",
        alt=f"Probabilities of the four emotions and tempo over {clock(made.length_s)}",
        data=inert_table(rows[[*names, "begins_s", *PROBA, "tempo", "fit", "change", "tempo_change"]].round(3)),
    )

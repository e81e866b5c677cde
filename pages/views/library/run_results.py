"""Results of a library run: summary, files without a result, and the table of scored parts."""

from collections.abc import Callable

import pandas as pd
import streamlit as st

from core import wording
from core.library import progress
from core.library.results import contents_of
from core.models.kinds import TITLES, Kind, counted_kinds
from core.schema import EMOTIONS
from core.spreadsheets import csv_for_people
from core.turkish import fold
from core.wording import counted, duration
from pages.shared import messages, show
from pages.shared.entering import LONGEST
from pages.views.library import result_words, run_choice, run_player
from pages.views.library.run_choice import Results
from pages.views.library.run_folders import folder_name

STATES = {
    "refused": "no usable audio",
    "unread": "could not be read",
    "quarantined": "crashed the decoder or the worker",
    "fault": "error in the program",
    "deleted": "deleted by a person",
}
SHOWN = 2_000  # rows of the table on the page; the download has all
COLUMNS = {
    # On a phone only the first two or three columns are visible.
    "file": st.column_config.TextColumn("File", width="medium"),
    "answer": st.column_config.TextColumn(
        "Decision",
        width=150,
        help="One emotion, two to choose from, or review by a person. Unlike music: the model has not learned from "
        "such music.",
    ),
    "mood": st.column_config.TextColumn("Mood", help="Your word, else what people agree on, else the model's mood."),
    "said": st.column_config.TextColumn("Whose word"),
    "votes": st.column_config.TextColumn("Windows", help="Windows of the file with this mood, of all its windows."),
    "percent": st.column_config.ProgressColumn(
        "Confidence", format="%.1f %%", min_value=0, max_value=100, help=f"Probability of the mood. {wording.ROUNDING}"
    ),
    "artist": st.column_config.TextColumn("Artist"),
    "makam": st.column_config.TextColumn("Makam"),
    "karar": st.column_config.TextColumn("Karar", help="The tonic, A = 440 Hz. A corrected karar comes first."),
    "makam_suggested": st.column_config.TextColumn(
        "Suggested makam", help="Only where one makam fits much better than the others. It is no fact."
    ),
    "usul": st.column_config.TextColumn("Usul"),
    "performer": st.column_config.TextColumn("Performer"),
    "decision_reason": st.column_config.TextColumn("Why", width="large"),
    "same": st.column_config.TextColumn(
        "Same recording as", help="A file with the same content, or with nearly identical audio."
    ),
    "warnings": st.column_config.TextColumn(
        "Remarks",
        width="medium",
        help="What is suspicious about the audio, such as a file that may be cut, and what could not be measured.",
    ),
    "tempo_bpm": st.column_config.NumberColumn("Tempo", format="%.0f bpm"),
    "loudness_lufs": st.column_config.NumberColumn("LUFS", format="%.1f", help="Loudness of the scored part."),
    "title": st.column_config.TextColumn("Title"),
    "album": st.column_config.TextColumn("Album"),
    "window": st.column_config.TextColumn("Window", help="The part of the file that has this answer."),
}


def show_summary(results: Results) -> None:
    """Show the numbers of the run."""
    result, rows = results.job.result, results.rows
    files = rows.drop_duplicates("path")
    files = files[files["state"] == "scored"]
    copies = int(((files["same_content_as"] != "") | (files["near_duplicate_of"] != "")).sum())
    st.header(messages.literal(folder_name(result["folder"])), divider="gray")
    numbers = (
        (
            "Files",
            f"{result['found']:,}",
            f"Audio files below the folder. {progress.left_out(result.get('skipped', {}))}",
        ),
        ("Scored", f"{result['scored']:,}", _scored_words(results, result["scored"] - copies)),
        (
            "Not scored",
            f"{result['found'] - result['scored']:,}",
            "Files without a result, listed below with the reason.",
        ),
        (
            "Copies",
            f"{copies:,}" if results.whole else "–",
            "Files that repeat a recording: same content, or nearly identical audio.",
        ),
        ("Took", duration(result["seconds"]), f"{result['measured']:,} files were new or changed and were measured."),
    )
    with st.container(horizontal=True):
        for label, value, meaning in numbers:
            st.metric(label, value, help=meaning, border=True, width=158)  # two next to each other on a phone


def _scored_words(results: Results, different: int) -> str:
    """Say how many different recordings the scored files hold."""
    if not results.whole:
        return "Files with a result."
    return f"Files with a result. Without copies, they are {counted(different, 'recording')}."


def show_not_scored(results: Results) -> None:
    """Show the files without a result, with the reasons."""
    rows = results.rows[results.rows["state"] != "scored"]
    if rows.empty:
        return
    with st.expander(f"{len(rows):,} not scored", icon=":material/report:", expanded=len(rows) == len(results.rows)):
        shown = rows[["file", "state", "reason"]].assign(state=rows["state"].map(STATES))
        if rows["start_s"].notna().any():
            shown["window"] = run_player.window_times(rows)
        st.dataframe(
            shown.head(SHOWN),
            hide_index=True,
            column_config={
                "file": "File",
                "state": "Problem",
                "reason": st.column_config.TextColumn("Why", width="large"),
                "window": "Window",
            },
        )
        reasons = rows[["file", "path", "state", "reason"]]
        first = show.comments("library files not scored", table=results.path.name)
        _download(
            "Download CSV",
            lambda: csv_for_people(reasons, index=False, comments=first),
            f"{results.name}_not-scored.csv",
            "text/csv",
        )


def show_unlike(results: Results) -> None:
    """Show the files that are unlike the training music as a group of their own, by kind."""
    rows = results.scored[results.scored["unlike"] != ""]
    if rows.empty:
        return
    kinds = rows["unlike"].map(lambda kind: TITLES[Kind(kind)])
    with st.expander(counted_kinds(rows["unlike"]), icon=":material/hearing:"):
        st.caption(
            "The model has not learned from such music, so it does not decide. These files were measured without a "
            "problem. A person has to listen to them. The kind is named where a measured rule knows it."
        )
        ordered = rows.assign(kind=kinds, mood=rows["guess"].map(wording.with_sign)).sort_values(["kind", "file"])
        run_player.playable_table(
            ordered.head(SHOWN),
            ["file", "kind", "mood", "decision_reason"],
            name=f"unlike_{results.job.job_id}",
            column_config={
                "file": "File",
                "kind": "Kind",
                "mood": st.column_config.TextColumn("Guess", help="Not reliable for this music."),
                "decision_reason": st.column_config.TextColumn("Why", width="large"),
            },
        )
        run_player.link_to_group(results.job, "unlike")


def show_table(results: Results) -> None:
    """Show the scored parts with a filter and downloads."""
    if not results.whole:
        st.info(
            f"The table has more than {run_choice.MOST:,} rows, too many for this page. Open the file "
            f"{messages.literal(str(results.path))} instead.",
            icon=":material/table:",
        )
        return
    scored = results.scored
    if scored.empty:
        return
    st.header("Scored files")
    by_window = "/" in str(results.job.result["plan"])
    scored = result_words.with_people(scored, by_window=by_window)
    rows = _filtered(results, scored)
    if rows.empty:
        st.info("No file matches the filter. Widen it.", icon=":material/filter_alt_off:")
        return
    st.caption(
        f"{len(rows):,} of {len(scored):,}" + (f"; the first {SHOWN:,} are shown." if len(rows) > SHOWN else ".")
    )
    shown = rows.head(SHOWN)
    shown = shown.assign(
        mood=shown["emotion"].map(wording.with_sign),
        said=result_words.whose(shown),
        votes=[_votes(*pair) for pair in zip(shown["windows_agreeing"], shown["windows"], strict=True)],
        percent=shown["confidence"].map(wording.percent_number),
        window=run_player.window_times(shown),
        answer=[
            (emotion if by_person else d) or c or ("review, unlike music" if unlike else "review")
            for by_person, emotion, d, c, unlike in zip(
                result_words.named(shown),
                *(shown[n] for n in ("emotion", "decision", "candidates", "unlike")),
                strict=True,
            )
        ],
        same=shown["same_content_as"].where(shown["same_content_as"] != "", shown["near_duplicate_of"]),
    )
    by_window = "/" in str(results.job.result["plan"])
    columns = [c for c in COLUMNS if _has_content(shown[c]) and (c != "window" or by_window)]
    run_player.playable_table(shown, columns, name=str(results.job.job_id), column_config=COLUMNS)
    result_words.ask_about(shown, by_window=by_window)
    if contents_of(scored, "review"):
        run_player.link_to_group(results.job, "review")
    rows = rows.drop(columns=["own", "own_id"], errors="ignore")
    with st.container(horizontal=True):
        first = _comments(results, rows)
        _download("CSV", lambda: csv_for_people(rows, index=False, comments=first), f"{results.name}.csv", "text/csv")
        _download(
            "Parquet", lambda: rows.to_parquet(None, index=False), f"{results.name}.parquet", "application/octet-stream"
        )
    st.caption(
        "Both files contain the filtered rows with probabilities, the 50 features, and the versions of model and "
        "extractor. The columns emotion and whose_word say which mood counts for you; guess and decision are the "
        "model's."
    )


def _comments(results: Results, rows: pd.DataFrame) -> str:
    """First lines of the CSV file: the rows, and the versions that scored them."""
    return show.comments(
        "library results",
        table=results.path.name,
        rows=f"{len(rows)} of {len(results.scored)} scored parts",
        model=" and ".join(sorted(set(rows["model_version"]))),
        extractor=" and ".join(sorted(set(rows["extractor"]))),
    )


def _votes(agreeing: object, windows: object) -> str:
    """Return ``"3 of 3"``; empty for one window."""
    return "" if pd.isna(windows) or windows == 1 else f"{agreeing} of {windows}"  # type: ignore[call-overload]


def _has_content(column: pd.Series) -> bool:
    """Whether a column has content; empty columns are hidden to save space."""
    return column.name in ("file", "mood", "percent", "answer") or bool(((column != "") & column.notna()).any())


def _filtered(results: Results, scored: pd.DataFrame) -> pd.DataFrame:
    left, middle, right = st.columns([3, 2, 2], vertical_alignment="bottom")
    moods = left.pills(
        "Mood", list(EMOTIONS), format_func=wording.with_sign, selection_mode="multi", default=list(EMOTIONS),
        key="library_moods",
    )  # fmt: skip
    least = middle.slider("Confidence at least (%)", 0, 100, 0, 5, key="library_least")
    sure = right.toggle(
        "Only accepted",
        key="library_sure",
        help="Only files for which the policy accepts one emotion, or a person named it.",
    )
    words = st.text_input(
        "Search file, artist, title, album, makam, usul or performer",
        key="library_words",
        max_chars=LONGEST,
    )
    by_person = result_words.named(scored)
    keep = scored["emotion"].isin(moods) & ((scored["confidence"] >= least / 100) | by_person)
    if sure:
        keep &= (scored["decision"] != "") | by_person
    if result := fold(words).split():
        text = _folded(str(results.path), results.path.stat().st_mtime_ns, scored)
        for word in result:
            keep &= text.str.contains(word, regex=False)
    return scored[keep].sort_values("confidence", ascending=False, kind="stable")


@st.cache_data(show_spinner=False, max_entries=2)
def _folded(path: str, stamp: int, _scored: pd.DataFrame) -> pd.Series:
    """Searchable text of each row, folded by `core.turkish.fold`: ``"Işık" -> "isik"``."""
    searched = _scored[["artist", "title", "album", "makam", "usul", "performer"]]
    return _scored["file"].str.cat(searched, sep="\n").map(fold)


def _download(label: str, data: Callable[[], bytes], name: str, form: str) -> None:
    """Offer a download that is created on click."""
    st.download_button(label, data, name, form, icon=":material/download:", key=f"library_{label}", on_click="ignore")

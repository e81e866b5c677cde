"""The pieces of a library: one row for each file, combined from its scored parts.

A *piece* is a file. The store has the scored parts of each file (`store.library_table`); ``pieces_table`` combines
them. The four emotions form a circle, after Russell's circumplex (1980): angry (strong, unpleasant), happy (strong,
pleasant), relax (calm, pleasant), sad (calm, unpleasant), and back to angry. Neighbours on the circle differ in one of
the two properties. The position of a piece comes from the model's probabilities; it does not measure what a listener
feels.
"""

import json
import os
import re

import numpy as np
import pandas as pd

from core.locations import present_path
from core.makam.columns import makam_columns
from core.models.kinds import unlike_words
from core.models.policy import Policy
from core.playlists.circle import neighbours
from core.records import Word
from core.schema import EMOTIONS, PROBA
from core.settings import Settings
from core.store import Store, answer_votes, library_places, library_table, makam_table
from core.store.synthetic import synthetic_rows

ACCEPTED, BETWEEN, REVIEW = "accepted", "between two", "needs review"
STANDINGS = (ACCEPTED, BETWEEN, REVIEW)
TEXT = ("artist", "album", "genre", "makam", "usul", "performer", "source")
_PLACE = ("source", "path")
GROUPINGS = {
    **{"artist": "Artist", "album": "Album", "folder": "Folder", "makam": "Makam", "performer": "Performer"},
    "makam_suggested": "Suggested makam",  # the two last ones come from ``with_makams``
    "karar_height": "Karar height",
}
UNKNOWN = "not known"
MODELS_WORD = {  # column -> column of the same value, or the value, before people have spoken
    "word": Word.MODEL.value,
    "model_mood": "guess",
    "model_confidence": "confidence",
    "model_standing": "standing",
}
MOST_PARTS = 10_000_000  # scored parts that are read at once
IDS_AT_ONCE = 1000  # pieces that are asked about by name


def pieces_table(clips: pd.DataFrame, *, model_version: str | None = None) -> pd.DataFrame:
    """Table of the pieces of a library: one row for each file, sorted by ``piece_id`` (hash of the file's content).

    A file with one answer from several windows, as on the Predict page, has that answer. Otherwise its scored parts are
    combined. They can overlap: its middle, and sliding windows. Every second counts once: a second that is
    in several parts is divided equally among them. So the order and repetition of runs do not matter. *Share* means
    the share of the scored seconds.

    Parameters
    ----------
    clips : rows of ``store.library_table``, with all scored parts of each file.
    model_version : version of the model in use; predictions of other models are ignored for all pieces that this model
        has scored.

    Returns
    -------
    Columns title, artist, album, genre, year, makam, usul, performer, folder (name of the file's folder), path,
    file_name, origin, synthetic, duration_s (of the whole file), windows (number of scored windows), agreeing (number
    of windows with this guess), p_* (mean by share), guess, confidence (probability of the guess), steady (share of
    the windows with this guess), standing, reason, why (in a few words, why it
    needs review; else empty), unlike (kind of a piece that is unlike the training music, else
    empty), tempo (bpm, median by share), lufs (mean energy by share), channels (of the file, NaN when not known), there
    (see ``add_places``), clip_id, start_s, length_s (of the part with the highest probability of the guess),
    model_version, policy (of the decisions; empty when there are several), extractor. Unknown texts are empty. The
    columns of ``MODELS_WORD``, differ and never follow: the mood is the model's until
    ``core.playlists.words.with_words`` adds what people say; ``core.playlists.never.mark_never`` fills never.

    ``standing`` is "accepted" when most parts are accepted as the guess and none as another emotion; "between two" when
    most parts have one or two candidates and the two most probable emotions are neighbours on the circle; otherwise
    "needs review".
    """
    rows = _parts(clips, model_version)
    keys = rows["content_hash"]
    group = rows.groupby("content_hash", sort=True)
    proba = rows[list(PROBA)].mul(rows["share"], axis=0).groupby(keys).sum()
    guess = pd.Series(np.array(EMOTIONS)[proba.to_numpy().argmax(axis=1)], proba.index)
    rows["piece_guess"] = keys.map(guess)
    rows["p_guess"] = rows[list(PROBA)].to_numpy()[
        np.arange(len(rows)), [EMOTIONS.index(g) for g in rows["piece_guess"].tolist()]
    ]  # probability of the piece's guess in this part
    votes = _votes(rows)
    best = rows.loc[rows.groupby("content_hash")["p_guess"].idxmax()].set_index("content_hash")
    policy = group["policy"].agg(["first", "nunique"])
    about_guess = pd.DataFrame(
        {
            "duration_s": group["file_duration_s"].max(),
            "windows": votes["windows"].groupby(keys).sum(),
            "agreeing": votes["agreeing"].groupby(keys).sum(),
            **{name: proba[name] for name in PROBA},
            "guess": guess,
            "confidence": proba.max(axis=1),
            "steady": (rows["share"] * votes["agreeing"] / votes["windows"]).groupby(keys).sum(),
            "standing": _standing(rows, proba, guess),
            "reason": best["reason"],
            "why": "",
            "unlike": best["unlike"].fillna("") if "unlike" in best.columns else "",
            "tempo": _median(rows, "tempo").reindex(proba.index),
            "lufs": _mean_level(rows),
            "channels": group["channels"].max(),
            "there": True,
            "clip_id": best["clip_id"],
            "start_s": best["start_s"],
            "length_s": best["duration_s"],
            "model_version": best["model_version"],
            "policy": policy["first"].where(policy["nunique"] == 1, ""),
            "extractor": best["extractor"],
        }
    )
    about_guess["why"] = _why(about_guess, best["decision"].notna())
    models = {name: about_guess.get(of, of) for name, of in MODELS_WORD.items()}
    about_guess = about_guess.assign(**models, differ=False, never=False)
    return pd.concat([_names(rows), about_guess], axis=1).rename_axis("piece_id")


def _why(table: pd.DataFrame, best_accepted: pd.Series) -> list[str]:
    """Return in a few words why a piece needs review, also if it is probable; "" for other pieces.

    best_accepted : whether the policy accepts the part with the highest probability of the guess.
    """
    return [
        ""
        if standing != REVIEW
        else unlike_words(str(unlike))
        if unlike
        else "its windows disagree"
        if accepted
        else "no emotion is probable enough"
        for standing, unlike, accepted in zip(table["standing"], table["unlike"], best_accepted, strict=True)
    ]


def _parts(clips: pd.DataFrame, model_version: str | None) -> pd.DataFrame:
    """Return the scored parts that count, sorted by piece and start, with their share and number of candidates."""
    rows = clips.sort_values(["content_hash", "start_s", "clip_id"], kind="stable").reset_index(drop=True)
    rows = rows[_of_model(rows, model_version)]
    if "windows" in rows.columns:
        answered = rows["windows"].fillna("") != ""
        rows = rows[answered | ~answered.groupby(rows["content_hash"]).transform("any")]
    return rows.assign(
        file_duration_s=rows["file_duration_s"].fillna(rows["start_s"] + rows["duration_s"]),
        candidates=rows["candidates"].map({text: _count(text) for text in rows["candidates"].unique()}),
        share=_shares(rows),
        channels=rows["channels"].astype(float) if "channels" in rows.columns else np.nan,
    )


def _votes(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the number of windows of each part, and how many of them have the guess of the piece."""
    stored = rows["windows"].fillna("") if "windows" in rows.columns else pd.Series("", rows.index)
    one = (rows["guess"] == rows["piece_guess"]).astype(int)
    votes = [
        answer_votes(guess, text) if text else (1, alone)
        for guess, text, alone in zip(rows["piece_guess"].tolist(), stored.tolist(), one.tolist(), strict=True)
    ]
    return pd.DataFrame(votes, index=rows.index, columns=["windows", "agreeing"])


def _names(rows: pd.DataFrame) -> pd.DataFrame:
    """Return title, other texts, year, folder, file and origin of each piece, from its first part that has them."""
    group = rows.groupby("content_hash", sort=True)
    first = group[[*TEXT, "title", "path", "file_name", "origin"]].first().fillna("")
    file_stem = first["file_name"].str.replace(r"\.\w+$", "", regex=True)
    return pd.DataFrame(
        {
            "title": first["title"].where(first["title"] != "", file_stem),
            **{name: first[name] for name in TEXT if name != "source"},
            "year": group["year"].first().astype("Int64"),
            "folder": [_folder(s or _parent(p)) for s, p in zip(*(first[n].tolist() for n in _PLACE), strict=True)],
            **{name: first[name] for name in ("path", "file_name", "origin")},
            "synthetic": synthetic_rows(first),
        }
    )


def with_makams(pieces: pd.DataFrame, store: Store) -> pd.DataFrame:
    """Add the columns of ``core.makam.columns`` to a table of pieces; empty where nothing was measured."""
    contents = None if len(pieces) > IDS_AT_ONCE else list(pieces.index)  # all in one question, not in hundreds
    return pieces.join(makam_columns(makam_table(store, contents), pieces.index))


def stored_pieces(store: Store, *, model_version: str, policy: Policy) -> pd.DataFrame:
    """Table of all pieces of the library with the current paths of their files, see ``pieces_table``."""
    parts = library_table(store, model_version=model_version, policy=policy, sort="", limit=MOST_PARTS)
    pieces = pieces_table(parts, model_version=model_version)
    places, settings = library_places(store, list(pieces.index)), Settings()
    pieces = with_makams(pieces, store)
    return add_places(pieces, places.assign(path=[present_path(path, settings) for path in places["path"]]))


def add_places(table: pd.DataFrame, places: pd.DataFrame) -> pd.DataFrame:
    """Update the path of each piece to an existing file, and fill the column *there* (False: no such file).

    A file counts as existing when its size is the size of the scored file, so deleted, moved and overwritten files do
    not count. Pieces without a file (uploaded clips) and files at an address are not checked and count as existing.

    places : known paths of each content, as in ``store.library_places``.
    """
    existing: dict[str, str] = {}
    for content, path, size in zip(*(places[n].tolist() for n in ("content_hash", "path", "size")), strict=True):
        if content not in existing and file_is_there(path, int(size)):
            existing[content] = path
    lost = table.index.isin(set(places["content_hash"]) - existing.keys())
    paths = [
        existing.get(piece, path) for piece, path in zip(table.index.tolist(), table["path"].tolist(), strict=True)
    ]
    return table.assign(path=paths, there=~lost)


def file_is_there(path: str, size: int) -> bool:
    if "://" in path:
        return True
    try:
        return os.stat(path).st_size == size
    except OSError:
        return False


def _of_model(rows: pd.DataFrame, model_version: str | None) -> pd.Series:
    """Mask of the used parts: those scored by the model in use, and all parts of pieces that it has not scored."""
    own = rows["model_version"] == model_version
    return own | ~own.groupby(rows["content_hash"]).transform("any")


def _shares(rows: pd.DataFrame) -> pd.Series:
    """Share of each part in its piece, sum 1. A second that n parts have in common counts 1 / n for each of them.

    rows : sorted by content_hash and start_s.
    """
    keys, start = rows["content_hash"], rows["start_s"]
    seconds, end = rows["duration_s"].astype(float).copy(), start + rows["duration_s"]
    before = end.groupby(keys).cummax().groupby(keys).shift()
    for _, part in rows[keys.isin(set(keys[start < before]))].groupby("content_hash", sort=False):
        edges = np.unique([start[part.index], end[part.index]])
        middle = (edges[1:] + edges[:-1]) / 2
        inside = (start[part.index].to_numpy()[:, None] < middle) & (middle < end[part.index].to_numpy()[:, None])
        seconds[part.index] = (np.diff(edges) * inside / np.maximum(inside.sum(axis=0), 1)).sum(axis=1)
    return seconds / seconds.groupby(keys).transform("sum")


def _median(rows: pd.DataFrame, name: str) -> pd.Series:
    """Weighted median of a column by share; the mean of two values when half of the share is below and half above."""
    known = rows[rows[name].notna()].sort_values(["content_hash", name], kind="stable")
    group = known.groupby("content_hash")["share"]
    below = group.cumsum() / group.transform("sum")
    keys, values = known["content_hash"], known[name].astype(float)
    low, high = (values[which].groupby(keys[which]).first() for which in (below > 0.5 - 1e-9, below > 0.5 + 1e-9))
    return (low + high.reindex(low.index).fillna(low)) / 2


def _mean_level(rows: pd.DataFrame) -> pd.Series:
    """Loudness of each piece: mean energy of the parts by share; NaN when no part has a loudness."""
    keys, share = rows["content_hash"], rows["share"].where(rows["lufs"].notna())
    power = 10 ** (rows["lufs"].astype(float) / 10)
    mean = (power * share).groupby(keys).sum(min_count=1) / share.groupby(keys).sum(min_count=1)
    return pd.Series(10 * np.log10(mean.to_numpy()), mean.index)


def _count(candidates: object) -> int:
    return len(json.loads(candidates)) if isinstance(candidates, str) and candidates else 0


def _parent(path: str) -> str:
    return re.split(r"[/\\]", path.rstrip("/\\"))[:-1][-1] if re.search(r"[/\\]", path) else ""


def _folder(path: str) -> str:
    return re.split(r"[/\\]", path.rstrip("/\\"))[-1]


def _standing(rows: pd.DataFrame, proba: pd.DataFrame, guess: pd.Series) -> pd.Series:
    keys = rows["content_hash"]
    accepted, known = (
        rows["share"].where(which, 0.0).groupby(keys).sum() > 0.5 + 1e-9  # strictly more than half
        for which in (rows["decision"] == rows["piece_guess"], rows["candidates"] > 0)
    )
    other = (rows["decision"].notna() & (rows["decision"] != rows["piece_guess"])).groupby(keys).any()
    two = np.argsort(-proba.to_numpy(), axis=1, kind="stable")[:, :2]
    near = np.array([neighbours(EMOTIONS[a], EMOTIONS[b]) for a, b in two], dtype=bool)
    return pd.Series(np.where(accepted & ~other, ACCEPTED, np.where(known & near, BETWEEN, REVIEW)), guess.index)

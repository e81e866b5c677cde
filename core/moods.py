"""Moods of a library: its pieces, where they stand, which are alike, and how moods are spread over artists and albums.

A *piece* is a file. The store knows its scored parts (`store.library_table`); ``pieces`` brings them together. The four
emotions stand on a circle, after Russell's circumplex (1980): angry (strong, unpleasant), happy (strong, pleasant),
relax (calm, pleasant), sad (calm, unpleasant), and angry again; neighbours on it differ in one of the two. Where a
piece stands between them is what the model's probabilities say, and no measurement of what a listener feels.
"""

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.components import connected_groups
from core.demo_library import GENRE as SYNTHETIC
from core.errors import CoreError
from core.letters import fold, turkish_order
from core.monitor import Reference, deviations
from core.schema import COLUMNS, EMOTIONS, PROBA

CIRCLE = ("angry", "happy", "relax", "sad")
PLEASANT = {"angry": -1.0, "happy": 1.0, "relax": 1.0, "sad": -1.0}
STRONG = {"angry": 1.0, "happy": 1.0, "relax": -1.0, "sad": -1.0}
ACCEPTED, BETWEEN, REVIEW = "accepted", "between two", "needs review"
STANDINGS = (ACCEPTED, BETWEEN, REVIEW)
TEXT = ("artist", "album", "genre", "makam", "usul", "performer", "source")
GROUPINGS = {"artist": "Artist", "album": "Album", "session": "Session (folder)", "makam": "Makam"}
UNKNOWN = "not known"
FAR = 5.0  # standard deviations; beyond, a feature counts as this far, so that one odd value does not decide alone


def pieces(clips: pd.DataFrame, *, model_version: str | None = None) -> pd.DataFrame:
    """The pieces of a library, one row a file, index ``piece_id`` (hash of the file's content), in its order.

    clips : rows of ``store.library_table``, with all scored parts of each file.  model_version : of the model in use;
    of a piece that it has heard, what other models say does not count.
    A file may have been scored in several ways: its middle, and windows that overlap. Every second counts once: one
    that is in several parts counts for each of them by an equal share. So neither the order of the runs matters nor
    that one was repeated; *share* below means share of the seconds that were scored.
    Columns: title, artist, album, genre, year, makam, usul, performer, session (name of the file's folder), path,
    file_name, origin, synthetic, duration_s (of the whole file), windows (scored parts), p_* (mean by share), guess,
    confidence (its probability), steady (share of the parts with this guess), standing, reason, tempo (bpm, median by
    share), lufs (mean energy by share), channels (of the file, NaN where that is not known), there (see ``placed``),
    clip_id, start_s, length_s (of the part that shows the guess best), model_version, policy (of the decisions; empty
    where they are of several), extractor. Text that is not known is empty.
    standing : "accepted" when most parts are accepted as the guess and none as something else; "between two" when most
    parts have one or two candidates and the two strongest are neighbours on the circle; "needs review" otherwise.
    """
    rows = clips.sort_values(["content_hash", "start_s", "clip_id"], kind="stable").reset_index(drop=True)
    rows = rows[_of_model(rows, model_version)]
    rows = rows.assign(
        file_duration_s=rows["file_duration_s"].fillna(rows["start_s"] + rows["duration_s"]),
        candidates=rows["candidates"].map({said: _count(said) for said in rows["candidates"].unique()}),
        share=_shares(rows),
        channels=rows["channels"].astype(float) if "channels" in rows.columns else np.nan,
    )
    keys = rows["content_hash"]
    group = rows.groupby("content_hash", sort=True)
    proba = rows[list(PROBA)].mul(rows["share"], axis=0).groupby(keys).sum()
    guess = pd.Series(np.array(EMOTIONS)[proba.to_numpy().argmax(axis=1)], proba.index)
    rows["piece_guess"] = keys.map(guess)
    rows["p_guess"] = rows[list(PROBA)].to_numpy()[
        np.arange(len(rows)), [EMOTIONS.index(g) for g in rows["piece_guess"]]
    ]  # of the piece's guess in this part
    best = rows.loc[rows.groupby("content_hash")["p_guess"].idxmax()].set_index("content_hash")
    first = group[[*TEXT, "title", "path", "file_name", "origin"]].first().fillna("")
    policy = group["policy"].agg(["first", "nunique"])
    return pd.DataFrame(
        {
            "title": first["title"].where(
                first["title"] != "", first["file_name"].str.replace(r"\.\w+$", "", regex=True)
            ),
            **{name: first[name] for name in TEXT if name != "source"},
            "year": group["year"].first().astype("Int64"),
            "session": [_folder(s or p) for s, p in zip(first["source"], first["path"].map(_parent), strict=True)],
            **{name: first[name] for name in ("path", "file_name", "origin")},
            "synthetic": (first["genre"] == SYNTHETIC) | (first["origin"] == "demo"),
            "duration_s": group["file_duration_s"].max(),
            "windows": group.size(),
            **{name: proba[name] for name in PROBA},
            "guess": guess,
            "confidence": proba.max(axis=1),
            "steady": rows["share"].where(rows["guess"] == rows["piece_guess"], 0.0).groupby(keys).sum(),
            "standing": _standing(rows, proba, guess),
            "reason": best["reason"],
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
    ).rename_axis("piece_id")


def placed(table: pd.DataFrame, places: pd.DataFrame) -> pd.DataFrame:
    """The pieces with the path where their file is now, and in column *there* whether it is anywhere.

    places : as ``store.library_places``. A file is there when it has the size of the one that was scored: what was
    deleted, moved since, or written over is not. Pieces without a file of their own (clips that somebody sent) and
    those at an address are not looked for, and count as there.
    """
    found: dict[str, str] = {}
    for content, path, size in zip(places["content_hash"], places["path"], places["size"], strict=True):
        if content not in found and _is_there(path, int(size)):
            found[content] = path
    lost = table.index.isin(set(places["content_hash"]) - found.keys())
    paths = [found.get(piece, path) for piece, path in zip(table.index, table["path"], strict=True)]
    return table.assign(path=paths, there=~lost)


def _is_there(path: str, size: int) -> bool:
    if "://" in path:
        return True
    try:
        return os.stat(path).st_size == size
    except OSError:
        return False


def _of_model(rows: pd.DataFrame, model_version: str | None) -> pd.Series:
    """Which parts count: those that the model in use has heard, and all of a piece of which it has heard none."""
    said = rows["model_version"] == model_version
    return said | ~said.groupby(rows["content_hash"]).transform("any")


def _shares(rows: pd.DataFrame) -> pd.Series:
    """Share of each part in its piece, sum 1: its seconds, of which one that n parts have in common counts 1 / n.

    rows : by content_hash and start_s.
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
    """Median of a column by share; the middle of two where half of the share is below and half above."""
    known = rows[rows[name].notna()].sort_values(["content_hash", name], kind="stable")
    group = known.groupby("content_hash")["share"]
    below = group.cumsum() / group.transform("sum")
    keys, values = known["content_hash"], known[name].astype(float)
    low, high = (values[which].groupby(keys[which]).first() for which in (below > 0.5 - 1e-9, below > 0.5 + 1e-9))
    return (low + high.reindex(low.index).fillna(low)) / 2


def _mean_level(rows: pd.DataFrame) -> pd.Series:
    """Loudness of each piece: mean energy of the parts by share; NaN where no part has one."""
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
        rows["share"].where(which, 0.0).groupby(keys).sum() > 0.5 + 1e-9  # most, and not just half
        for which in (rows["decision"] == rows["piece_guess"], rows["candidates"] > 0)
    )
    other = (rows["decision"].notna() & (rows["decision"] != rows["piece_guess"])).groupby(keys).any()
    two = np.argsort(-proba.to_numpy(), axis=1, kind="stable")[:, :2]
    near = np.array([beside(EMOTIONS[a], EMOTIONS[b]) for a, b in two], dtype=bool)
    return pd.Series(np.where(accepted & ~other, ACCEPTED, np.where(known & near, BETWEEN, REVIEW)), guess.index)


def beside(one: str, other: str) -> bool:
    """Whether two emotions are neighbours on the circle."""
    return abs(CIRCLE.index(one) - CIRCLE.index(other)) in (1, len(CIRCLE) - 1)


def plane(proba: pd.DataFrame) -> pd.DataFrame:
    """Where pieces stand on the plane of the circle: columns pleasant and strong, in [-1, 1]; the index is kept.

    proba : columns p_*. Each emotion is a corner, and a piece the mean of the corners, weighted by its probabilities.
    Two different mixtures may share a place: angry with relax, and happy with sad, are both in the middle.
    """
    axes = {"pleasant": PLEASANT, "strong": STRONG}
    return pd.DataFrame({name: sum(proba[f"p_{e}"] * at[e] for e in EMOTIONS) for name, at in axes.items()})


@dataclass(frozen=True)
class Filter:
    """Which pieces are wanted. A range is from, to (inclusive); with a range, pieces without the value are left out.

    emotions : of the guess.  standings : of ``STANDINGS``.  confidence : at least.  tempo : bpm.  lufs : loudness.
    duration_s : of the whole file.
    artists, albums, genres, makams : one of these; empty = all.  search : words, each of which title, artist,
    performer, album, makam or file name hold, in any case, with or without Turkish letters.
    """

    emotions: tuple[str, ...] = EMOTIONS
    standings: tuple[str, ...] = STANDINGS
    confidence: float = 0.0
    tempo: tuple[float, float] | None = None
    lufs: tuple[float, float] | None = None
    year: tuple[float, float] | None = None
    duration_s: tuple[float, float] | None = None
    artists: tuple[str, ...] = ()
    albums: tuple[str, ...] = ()
    genres: tuple[str, ...] = ()
    makams: tuple[str, ...] = ()
    search: str = ""


def pick(table: pd.DataFrame, wanted: Filter, *, text: pd.Series | None = None) -> pd.DataFrame:
    """The pieces that the filter lets through, in their order. text : as from ``searched``, of these and more."""
    keep = table["guess"].isin(wanted.emotions) & table["standing"].isin(wanted.standings)
    keep &= table["confidence"] >= wanted.confidence
    for name in ("tempo", "lufs", "year", "duration_s"):
        span = getattr(wanted, name)
        if span is not None:
            keep &= table[name].between(*span).fillna(value=False).astype(bool)
    for name in ("artist", "album", "genre", "makam"):
        names = getattr(wanted, f"{name}s")
        if names:
            keep &= table[name].isin(names)
    words = fold(wanted.search).split()
    if words:
        text = searched(table) if text is None else text.loc[table.index]
        for word in words:
            keep &= text.str.contains(word, regex=False)
    return table[keep]


def searched(table: pd.DataFrame) -> pd.Series:
    """What a search looks at, folded: title, artist, performer, album, makam and file name of each piece."""
    return table["title"].str.cat(table[["artist", "performer", "album", "makam", "file_name"]], sep="\n").map(fold)


SORTS = {
    "confidence": "Confidence",
    **{f"p_{e}": f"Probability: {e}" for e in EMOTIONS},
    "tempo": "Tempo",
    "lufs": "Loudness",
    "title": "Title",
    "artist": "Artist",
    "album": "Album",
    "year": "Year",
    "duration_s": "Length",
}


def alphabet(table: pd.DataFrame) -> pd.DataFrame:
    """Place of each piece's title, artist and album in the order of the Turkish alphabet; the index is kept.

    To be made once a library: 50,000 titles take half a second.
    """
    found = {}
    for name in ("title", "artist", "album"):
        place = {text: k for k, text in enumerate(sorted(table[name].unique(), key=turkish_order))}
        found[name] = table[name].map(place)
    return pd.DataFrame(found, index=table.index)


def in_order(
    table: pd.DataFrame, by: str, *, descending: bool = False, places: pd.DataFrame | None = None
) -> pd.DataFrame:
    """The pieces sorted by one of ``SORTS``; what is not known comes last, equal ones by title.

    places : as from ``alphabet``, of these pieces and perhaps more.
    """
    places = alphabet(table) if places is None else places.loc[table.index]
    text = by in places.columns
    known = table[by] != "" if text else table[by].notna()
    keys = (places if text else table).loc[known, by].to_numpy(dtype=float)
    order = np.lexsort((places.loc[known, "title"].to_numpy(), -keys if descending else keys))
    at = np.concatenate([np.flatnonzero(known)[order], np.flatnonzero(~known)])
    return table.iloc[at]


def spread(table: pd.DataFrame, by: str) -> pd.DataFrame:
    """How moods are spread over artists, albums, sessions or makams, the largest group first.

    Columns: group, pieces, minutes, angry, happy, relax, sad (number of pieces with this guess), accepted.
    """
    name = table[by].where(table[by] != "", UNKNOWN)
    found = pd.DataFrame(
        {
            "pieces": table.groupby(name).size(),
            "minutes": table["duration_s"].groupby(name).sum() / 60,
            **{e: (table["guess"] == e).groupby(name).sum() for e in EMOTIONS},
            "accepted": (table["standing"] == ACCEPTED).groupby(name).sum(),
        }
    ).rename_axis("group")
    order = sorted(found.index, key=lambda group: (group == UNKNOWN, -found.loc[group, "pieces"], turkish_order(group)))
    return found.loc[order].reset_index()


# --- sound -----------------------------------------------------------------------------------------------------------


def sound(clips: pd.DataFrame, features: pd.DataFrame, reference: Reference) -> pd.DataFrame:
    """The sound of each piece: mean features of its parts, as deviations from the training music.

    clips : columns clip_id and content_hash.  features : ``store.features_table``, index clip_id.
    Returns one row a piece that was measured, index ``piece_id``; columns are the features that the reference compares,
    in its standard deviations, no further than ``FAR``; NaN where a feature was not measurable.
    """
    away = _deviations(clips, features, reference)
    return away.clip(-FAR, FAR)


def _deviations(clips: pd.DataFrame, features: pd.DataFrame, reference: Reference) -> pd.DataFrame:
    of_piece = clips.set_index("clip_id")["content_hash"]
    known = features[features.index.isin(of_piece.index)]
    mean = known.groupby(of_piece.loc[known.index].to_numpy()).mean().rename_axis("piece_id")
    away = deviations(mean[list(COLUMNS)].to_numpy(dtype=float), reference)
    return pd.DataFrame(away, index=mean.index, columns=list(reference.used))


def recordings(clips: pd.DataFrame, features: pd.DataFrame, reference: Reference) -> pd.Series:
    """Which recording each piece is, by its sound: piece_id -> the first piece that sounds the same, or itself.

    clips, features : as in ``sound``; pieces that were not measured are not in it. Middles of files are compared with
    each other (their clip is named like the file), and so are windows, in their mean: other encodings, levels and
    rates of one recording are alike (`core.library_copies`), and so is one that begins a little later.
    """
    from core.library_copies import first_alike  # opens the store's module, which the rest does without

    ids = pd.Index(sorted(set(clips.loc[clips["clip_id"].isin(features.index), "content_hash"])), name="piece_id")
    middle = clips["clip_id"] == clips["content_hash"]
    pairs = [np.zeros((2, 0), dtype=int)]
    for parts in (clips[middle], clips[~middle]):
        away = _deviations(parts, features, reference)
        if len(away) > 1:
            first = first_alike(away.to_numpy(), reference.used)
            pairs.append(np.stack([ids.get_indexer(away.index), ids.get_indexer(away.index[first])]))
    one, other = np.concatenate(pairs, axis=1)
    group = connected_groups(one, other, len(ids))
    named = pd.Series(ids, ids).groupby(group).transform("first")
    return named.rename("recording")


@dataclass(frozen=True, eq=False)
class Map:
    """Pieces on a plane: x and y by ``piece_id``. shares : of the training music's variance that the axes hold.
    telling : the features with the largest weight on each axis, with their sign.
    """

    points: pd.DataFrame
    shares: tuple[float, float]
    telling: tuple[tuple[tuple[str, float], ...], tuple[tuple[str, float], ...]]


def library_map(heard: pd.DataFrame, reference: Reference, *, named: int = 3) -> Map:
    """The pieces along the two principal components of the training music.

    heard : as from ``sound``. The axes belong to the model's training music and not to the library, so that a piece
    keeps its place when others come. What was not measurable counts as usual.
    """
    variance, axes = np.linalg.eigh(reference.correlation)
    axes = axes[:, ::-1][:, :2]
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), [0, 1]])  # a component's sign has no meaning
    at = np.nan_to_num(heard.to_numpy()) @ axes
    strongest = np.argsort(-np.abs(axes), axis=0, kind="stable")[:named]
    first, second = (tuple((reference.used[i], float(axes[i, k])) for i in strongest[:, k]) for k in range(2))
    shares = variance[::-1][:2] / variance.sum()
    return Map(
        pd.DataFrame(at, index=heard.index, columns=["x", "y"]), (float(shares[0]), float(shares[1])), (first, second)
    )


def similar(heard: pd.DataFrame, piece_id: str, *, among: Sequence[str] | None = None, count: int = 10) -> pd.Series:
    """The pieces that sound most like one: distance by piece_id, nearest first, without the piece itself.

    heard : as from ``sound``.  among : only these.
    distance : root mean square difference over the features that both have, in standard deviations of the training
    music, of which two pieces picked at random differ by 1.4 (the root of 2).
    Raises CoreError when the piece was not measured.
    """
    if piece_id not in heard.index:
        raise CoreError("This piece has no features of the present extractor. Score the library again.")
    others = heard.drop(index=piece_id)
    if among is not None:
        others = others.loc[others.index.intersection(list(among))]
    away = np.sqrt(np.nanmean((others.to_numpy() - heard.loc[piece_id].to_numpy()) ** 2, axis=1)) if len(others) else []
    return pd.Series(away, index=others.index, name="distance", dtype=float).sort_values(kind="stable").head(count)

"""Moods of a library: its pieces, where they stand, which are alike, and how moods are spread over artists and albums.

A *piece* is a file. The store knows its scored parts (`store.library_table`); ``pieces`` brings them together. The four
emotions stand on a circle, after Russell's circumplex (1980): angry (strong, unpleasant), happy (strong, pleasant),
relax (calm, pleasant), sad (calm, unpleasant), and angry again; neighbours on it differ in one of the two. Where a
piece stands between them is what the model's probabilities say, and no measurement of what a listener feels.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.demo_library import GENRE as SYNTHETIC
from core.errors import CoreError
from core.monitor import Reference, deviations
from core.names import fold
from core.schema import COLUMNS, EMOTIONS

CIRCLE = ("angry", "happy", "relax", "sad")
PLEASANT = {"angry": -1.0, "happy": 1.0, "relax": 1.0, "sad": -1.0}
STRONG = {"angry": 1.0, "happy": 1.0, "relax": -1.0, "sad": -1.0}
PROBA = [f"p_{e}" for e in EMOTIONS]
ACCEPTED, BETWEEN, REVIEW = "accepted", "between two", "needs review"
STANDINGS = (ACCEPTED, BETWEEN, REVIEW)
TEXT = ("artist", "album", "genre", "makam", "usul", "performer", "source")
GROUPINGS = {"artist": "Artist", "album": "Album", "session": "Session (folder)", "makam": "Makam"}
UNKNOWN = "not known"
FAR = 5.0  # standard deviations; beyond, a feature counts as this far, so that one odd value does not decide alone


def pieces(clips: pd.DataFrame) -> pd.DataFrame:
    """The pieces of a library, one row a file, index ``piece_id`` (hash of the file's content), in its order.

    clips : rows of ``store.library_table``, with all scored parts of each file.
    Columns: title, artist, album, genre, year, makam, usul, performer, session (name of the file's folder), path,
    file_name, origin, synthetic, duration_s (of the whole file), windows (scored parts), p_* (mean over the parts),
    guess, confidence (its probability), steady (share of the parts with this guess), standing, reason, tempo (bpm,
    median), lufs (mean energy of the parts), clip_id, start_s, length_s (of the part that shows the guess best),
    model_version, extractor. Text that is not known is empty.
    standing : "accepted" when most parts are accepted as the guess and none as something else; "between two" when most
    parts have one or two candidates and the two strongest are neighbours on the circle; "needs review" otherwise.
    """
    rows = clips.sort_values(["content_hash", "start_s", "clip_id"], kind="stable")
    rows = rows.assign(
        file_duration_s=rows["file_duration_s"].fillna(rows["start_s"] + rows["duration_s"]),
        power=10 ** (rows["lufs"].astype(float) / 10),
        candidates=rows["candidates"].map({said: _count(said) for said in rows["candidates"].unique()}),
    )
    group = rows.groupby("content_hash", sort=True)
    proba = group[PROBA].mean()
    guess = pd.Series(np.array(EMOTIONS)[proba.to_numpy().argmax(axis=1)], proba.index)
    rows["piece_guess"] = rows["content_hash"].map(guess)
    rows["p_guess"] = rows[PROBA].to_numpy()[
        np.arange(len(rows)), [EMOTIONS.index(g) for g in rows["piece_guess"]]
    ]  # of the piece's guess in this part
    best = rows.loc[rows.groupby("content_hash")["p_guess"].idxmax()].set_index("content_hash")
    first = group[[*TEXT, "title", "path", "file_name", "origin"]].first().fillna("")
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
            "steady": (rows["guess"] == rows["piece_guess"]).groupby(rows["content_hash"]).mean(),
            "standing": _standing(rows, proba, guess),
            "reason": best["reason"],
            "tempo": group["tempo"].median().astype(float),
            "lufs": 10 * np.log10(group["power"].mean()),
            "clip_id": best["clip_id"],
            "start_s": best["start_s"],
            "length_s": best["duration_s"],
            "model_version": best["model_version"],
            "extractor": best["extractor"],
        }
    ).rename_axis("piece_id")


def _count(candidates: object) -> int:
    return len(json.loads(candidates)) if isinstance(candidates, str) and candidates else 0


def _stem(name: str) -> str:
    return re.sub(r"\.[A-Za-z0-9]{2,4}$", "", name)


def _parent(path: str) -> str:
    return re.split(r"[/\\]", path.rstrip("/\\"))[:-1][-1] if re.search(r"[/\\]", path) else ""


def _folder(path: str) -> str:
    return re.split(r"[/\\]", path.rstrip("/\\"))[-1]


def _standing(rows: pd.DataFrame, proba: pd.DataFrame, guess: pd.Series) -> pd.Series:
    keys = rows["content_hash"]
    accepted = (rows["decision"] == rows["piece_guess"]).groupby(keys).mean() > 0.5
    other = (rows["decision"].notna() & (rows["decision"] != rows["piece_guess"])).groupby(keys).any()
    known = (rows["candidates"] > 0).groupby(keys).mean() > 0.5
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
    artists, albums, genres, makams : one of these; empty = all.  search : words that title, artist, album, makam or
    file name hold, in any case, with or without Turkish letters.
    """

    emotions: tuple[str, ...] = EMOTIONS
    standings: tuple[str, ...] = STANDINGS
    confidence: float = 0.0
    tempo: tuple[float, float] | None = None
    lufs: tuple[float, float] | None = None
    year: tuple[float, float] | None = None
    artists: tuple[str, ...] = ()
    albums: tuple[str, ...] = ()
    genres: tuple[str, ...] = ()
    makams: tuple[str, ...] = ()
    search: str = ""


def pick(table: pd.DataFrame, wanted: Filter) -> pd.DataFrame:
    """The pieces that the filter lets through, in their order."""
    keep = table["guess"].isin(wanted.emotions) & table["standing"].isin(wanted.standings)
    keep &= table["confidence"] >= wanted.confidence
    for name in ("tempo", "lufs", "year"):
        span = getattr(wanted, name)
        if span is not None:
            keep &= table[name].between(*span).fillna(value=False).astype(bool)
    for name in ("artist", "album", "genre", "makam"):
        names = getattr(wanted, f"{name}s")
        if names:
            keep &= table[name].isin(names)
    words = fold(wanted.search).split()
    if words:
        text = table["title"].str.cat(table[["artist", "album", "makam", "file_name"]], sep=" ").map(fold)
        for word in words:
            keep &= text.str.contains(word, regex=False)
    return table[keep]


_ALPHABET = {letter: f"{k:02d}" for k, letter in enumerate("abcçdefgğhıijklmnoöpqrsştuüvwxyz")}


def turkish_order(text: str) -> str:
    """A key that sorts text as the Turkish alphabet does (c ç d ... h ı i ... s ş t u ü); â, î and û as a, i, u."""
    small = text.replace("İ", "i").replace("I", "ı").casefold()
    small = small.translate(str.maketrans("âîû", "aiu"))
    return "".join(f"~{_ALPHABET[c]}" if c in _ALPHABET else f" {c}" for c in small)


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


def in_order(table: pd.DataFrame, by: str, *, descending: bool = False) -> pd.DataFrame:
    """The pieces sorted by one of ``SORTS``; what is not known comes last, equal ones by title."""
    text = by in ("title", "artist", "album")
    known = table[by] != "" if text else table[by].notna()
    part = table[known].assign(_title=table.loc[known, "title"].map(turkish_order))
    part = part.assign(_key=part[by].map(turkish_order) if text else part[by])
    part = part.sort_values("_title", kind="stable").sort_values("_key", ascending=not descending, kind="stable")
    return pd.concat([part.drop(columns=["_title", "_key"]), table[~known]])


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


def sound(table: pd.DataFrame, clips: pd.DataFrame, features: pd.DataFrame, reference: Reference) -> pd.DataFrame:
    """The sound of each piece: mean features of its parts, as deviations from the training music.

    table : pieces.  clips : columns clip_id and content_hash.  features : ``store.features_table``, index clip_id.
    Returns one row a piece that was measured, index ``piece_id``; columns are the features that the reference compares,
    in its standard deviations, no further than ``FAR``; NaN where a feature was not measurable.
    """
    of_piece = clips.set_index("clip_id")["content_hash"]
    known = features[features.index.isin(of_piece.index)]
    mean = known.groupby(of_piece.loc[known.index].to_numpy()).mean().rename_axis("piece_id")
    mean = mean.loc[mean.index.intersection(table.index)]
    away = np.clip(deviations(mean[list(COLUMNS)].to_numpy(dtype=float), reference), -FAR, FAR)
    return pd.DataFrame(away, index=mean.index, columns=list(reference.used))


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

"""The scored library as rows with the 50 features, for the Explore page."""

import pandas as pd

from core.features import EXTRACTOR
from core.makam.columns import makam_columns
from core.schema import COLUMNS
from core.store import Store, features_of, library_table, makam_table

MOST = 20_000  # clips; more would make the views slow
# What is known of a clip, without the path of its file on this machine.
ABOUT = (
    *("file_name", "makam", "usul", "guess", "decision", "title", "artist", "performer", "source", "album", "genre"),
    *("year", "start_s", "duration_s", "lufs", "origin", "extractor", "model_version", "clip_id"),
)


def scored_rows(store: Store, *, most: int = MOST) -> pd.DataFrame:
    """Return the scored clips of this installation with what is known of them and their 50 features, as measured.

    Clips that the present extractor has not measured are left out. The order is that of the file names.
    """
    clips = library_table(store, sort="created_at", limit=most)
    features = features_of(store, clips["clip_id"].tolist(), extractor=EXTRACTOR)
    rows = clips[clips["clip_id"].isin(features.index)].sort_values(["file_name", "start_s"], kind="stable")
    measured = features.loc[rows["clip_id"], list(COLUMNS)].astype(float).reset_index(drop=True)
    about = rows[list(ABOUT)].assign(extractor=EXTRACTOR).reset_index(drop=True)
    results = makam_table(store, sorted(set(rows["content_hash"])))
    makams = makam_columns(results, rows["content_hash"]).dropna(axis=1, how="all").reset_index(drop=True)
    makams = makams[[c for c in makams if makams[c].ne("").any()]]  # without columns that nobody measured
    return pd.concat([about, makams, measured], axis=1).rename_axis("row")

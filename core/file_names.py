"""Names of the files and folders that a training writes and that pages and the registry read."""

# Folders below the folder of a run, or of the committed models
CHAMPION, CHALLENGER, COMPARISON = "champion", "challenger", "comparison"

# Beside a model, in its bundle
MODEL = "model.skops"
BACKGROUND = "background.csv"
REFERENCE = "reference.json"
POLICY = "policy.json"
MANIFEST = "manifest.json"
CARD = "card.md"
METRICS = "metrics.json"
OUT_OF_FOLD = "out_of_fold.csv"  # of this model alone; also beside each candidate in the registry

# Beside a model that people's labels trained
ROWS = "rows.csv"  # also in a comparison
LEARNED = "learned.json"
CHANGES = "before_after.csv"
EACH = "labelled.csv"

# What a version in the registry has besides
HELD_OUT = "held_out.csv"
DESCRIPTION = "MLmodel"
EXAMPLE = "input_example.json"

# In a comparison of all models
ABOUT = "about.json"
ALL_OUT_OF_FOLD = "out_of_fold.parquet"
ALL_HELD_OUT = "held_out.parquet"
_SHAP = "shap"  # a folder, with one file a model

# The published table as training parts
SPLIT = "split_metadata.json"


def table_file(name: str) -> str:
    """Name of the file of a table of the run: scores, folds, pairs, ..."""
    return f"{name}.csv"


def shap_file(model: str) -> str:
    """Path of a model's contributions below the folder of a comparison; of all models for ``*``."""
    return f"{_SHAP}/{model}.parquet"

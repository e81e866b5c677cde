"""Names of the files and folders that a training run writes; the pages and the registry read these files."""

# Subfolders of a training run and of the committed models
CHAMPION, CHALLENGER, COMPARISON = "champion", "challenger", "comparison"

# Files of a model bundle
MODEL = "model.skops"
BACKGROUND = "background.csv"
REFERENCE = "reference.json"
POLICY = "policy.json"
MANIFEST = "manifest.json"
CARD = "card.md"
METRICS = "metrics.json"
OUT_OF_FOLD = "out_of_fold.csv"  # of this model only; the registry also stores one for each candidate

# Additional files of a model that was trained with people's labels
ROWS = "rows.csv"  # also part of a comparison
LEARNED = "learned.json"
CHANGES = "before_after.csv"
EACH = "labelled.csv"

# Additional files of a version in the registry
HELD_OUT = "held_out.csv"
DESCRIPTION = "MLmodel"
EXAMPLE = "input_example.json"

# Files of a comparison of all models
ABOUT = "about.json"
ALL_OUT_OF_FOLD = "out_of_fold.parquet"
ALL_HELD_OUT = "held_out.parquet"
_SHAP = "shap"  # a folder with one file per model

# Metadata of the training, validation and test parts of the published table
SPLIT = "split_metadata.json"


def table_file(name: str) -> str:
    """Return the file name of a table of a run, such as scores, folds or pairs."""
    return f"{name}.csv"


def shap_file(model: str) -> str:
    """Return the path of a model's SHAP values, relative to the comparison folder; ``*`` matches all models."""
    return f"{_SHAP}/{model}.parquet"

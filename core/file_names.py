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
ALL_CLIPS = "all_clips.csv"  # cross-validation of all distinct clips, after a full training
HELD_OUT = "held_out.csv"  # also stored with the run in the registry
EVALUATION = "evaluation.csv"  # the evaluation table
ROWS = "rows.csv"  # the distinct clips of the training; also part of a comparison

# Additional files of a model that was trained with people's labels
LEARNED = "learned.json"
CHANGES = "before_after.csv"
EACH = "labelled.csv"

# Additional files of a version in the registry
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

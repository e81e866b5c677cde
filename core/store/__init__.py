"""The only SQL: tracks, clips, labels, features, predictions and what people said, through SQLAlchemy Core.

SQLite in one file by default, PostgreSQL by URL. ``open_store()`` first; every function takes the open store.
People's words are added to and never changed: no function does it, and triggers in the database refuse it.
"""

from core.store.answers import UNDO_DEPTH, Receipt, add_feedback, feedback_table, new_token, rater_name, undo
from core.store.backup import back_up, backups, restore
from core.store.connection import Store, open_store
from core.store.jobs import (
    SILENCE_S,
    Job,
    cancel_job,
    finish_job,
    jobs_table,
    latest_job,
    report_job,
    start_job,
)
from core.store.people import Rater, get_setting, set_role, set_setting, sign_in
from core.store.queries import (
    counts,
    current_answers,
    ground_truth,
    label_queue,
    library_table,
    raters_table,
)
from core.store.rows import (
    add_clip,
    add_label,
    add_track,
    clips_table,
    delete_clip,
    features_table,
    labels_table,
    load_features,
    predictions_table,
    save_features,
    save_prediction,
    save_predictions,
)
from core.store.schema import DISPLAYS, KINDS, MAX_COMMENT, MAX_NAME, ORIGINS, RATER_ROLES, ROLES, SKIPS, SOURCES

__all__ = [
    "DISPLAYS",
    "Job",
    "KINDS",
    "MAX_COMMENT",
    "MAX_NAME",
    "ORIGINS",
    "RATER_ROLES",
    "ROLES",
    "Rater",
    "Receipt",
    "SILENCE_S",
    "SKIPS",
    "SOURCES",
    "Store",
    "UNDO_DEPTH",
    "add_clip",
    "add_feedback",
    "add_label",
    "add_track",
    "back_up",
    "backups",
    "cancel_job",
    "clips_table",
    "counts",
    "current_answers",
    "delete_clip",
    "features_table",
    "feedback_table",
    "finish_job",
    "get_setting",
    "ground_truth",
    "jobs_table",
    "label_queue",
    "labels_table",
    "latest_job",
    "library_table",
    "load_features",
    "new_token",
    "open_store",
    "predictions_table",
    "rater_name",
    "raters_table",
    "report_job",
    "restore",
    "save_features",
    "save_prediction",
    "save_predictions",
    "set_role",
    "set_setting",
    "sign_in",
    "start_job",
    "undo",
]

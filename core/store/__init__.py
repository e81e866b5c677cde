"""The only SQL: tracks, clips, labels, features, predictions and what people said, through SQLAlchemy Core.

SQLite in one file by default, PostgreSQL by URL. ``open_store()`` first; every function takes the open store.
People's words are added to and never changed: no function does it, and triggers in the database refuse it.
"""

from core.store.answers import UNDO_DEPTH, Receipt, add_feedback, feedback_table, new_token, rater_name, undo
from core.store.backup import back_up, backups, restore
from core.store.connection import Store, open_store
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
    "KINDS",
    "MAX_COMMENT",
    "MAX_NAME",
    "ORIGINS",
    "RATER_ROLES",
    "ROLES",
    "SKIPS",
    "SOURCES",
    "UNDO_DEPTH",
    "Receipt",
    "Store",
    "add_clip",
    "add_feedback",
    "add_label",
    "add_track",
    "back_up",
    "backups",
    "clips_table",
    "delete_clip",
    "feedback_table",
    "features_table",
    "labels_table",
    "load_features",
    "new_token",
    "open_store",
    "predictions_table",
    "rater_name",
    "restore",
    "save_features",
    "save_prediction",
    "save_predictions",
    "undo",
]

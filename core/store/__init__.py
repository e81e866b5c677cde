"""The database: tracks, clips, labels, features, predictions and people's answers. All SQL of the program is here.

SQLite in one file is the default; a URL selects PostgreSQL. Call ``open_store()`` first: every function takes the open
store. Answers are append-only: no function changes them, and triggers in the database refuse changes.
"""

from core.store.answers import (
    Answer,
    Receipt,
    add_answers,
    add_feedback,
    add_planned_answers,
    add_settlement,
    check_own,
    feedback_table,
    new_token,
    rater_name,
)
from core.store.backup import back_up, backups, restore
from core.store.clips import add_clip, clips_table, delete_clip
from core.store.connection import Store, close_store, open_store
from core.store.features import features_of, features_table, load_features, save_features
from core.store.jobs import (
    SILENCE_S,
    Job,
    cancel_job,
    done_jobs,
    finish_job,
    jobs_table,
    latest_job,
    report_job,
    start_job,
)
from core.store.label_queue import clips_to_label, label_pool, labels_cache_key, queue_item
from core.store.library import library_cache_key, library_places, library_table
from core.store.library_files import (
    copies_of,
    forget_files,
    known_contents,
    known_files,
    move_clips,
    same_content,
    save_files,
    scored_clips,
    unpredicted,
)
from core.store.measured import save_measured
from core.store.own_clips import claim_clip, erase_own_clip, own_clips
from core.store.people import Rater, get_setting, raters_table, set_role, set_setting, sign_in
from core.store.predictions import answer_votes, predictions_table, read_windows, save_predictions
from core.store.schema import (
    DISPLAYS,
    FILE_STATES,
    KINDS,
    MAX_COMMENT,
    MAX_NAME,
    MAX_TRACK,
    ORIGINS,
    RATER_ROLES,
    ROLES,
    SKIPS,
    SOURCES,
    VERIFIED_ONLY,
)
from core.store.table_clips import save_table_clip, table_clips_table
from core.store.tracks import TRACK_FIELDS, add_track, set_track
from core.store.undos import UNDO_DEPTH, undo

__all__ = [
    "Answer",
    "DISPLAYS",
    "FILE_STATES",
    "Job",
    "KINDS",
    "MAX_COMMENT",
    "MAX_NAME",
    "MAX_TRACK",
    "ORIGINS",
    "RATER_ROLES",
    "ROLES",
    "Rater",
    "Receipt",
    "SILENCE_S",
    "SKIPS",
    "SOURCES",
    "Store",
    "TRACK_FIELDS",
    "UNDO_DEPTH",
    "VERIFIED_ONLY",
    "add_answers",
    "add_clip",
    "add_feedback",
    "add_planned_answers",
    "add_settlement",
    "add_track",
    "answer_votes",
    "back_up",
    "backups",
    "cancel_job",
    "check_own",
    "claim_clip",
    "clips_table",
    "close_store",
    "copies_of",
    "delete_clip",
    "done_jobs",
    "erase_own_clip",
    "features_of",
    "features_table",
    "feedback_table",
    "finish_job",
    "forget_files",
    "get_setting",
    "jobs_table",
    "known_contents",
    "known_files",
    "label_pool",
    "clips_to_label",
    "labels_cache_key",
    "latest_job",
    "library_cache_key",
    "library_places",
    "library_table",
    "load_features",
    "move_clips",
    "new_token",
    "open_store",
    "own_clips",
    "predictions_table",
    "queue_item",
    "rater_name",
    "read_windows",
    "raters_table",
    "report_job",
    "restore",
    "same_content",
    "save_features",
    "save_files",
    "save_measured",
    "save_predictions",
    "save_table_clip",
    "scored_clips",
    "set_role",
    "set_setting",
    "set_track",
    "sign_in",
    "start_job",
    "table_clips_table",
    "undo",
    "unpredicted",
]

"""The tables of the store as SQLAlchemy objects. The migrations create the tables of a database."""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from core.schema import COLUMNS, EMOTIONS

HEAD = "0026"  # newest revision in migrations/versions; ``open_store`` compares it with the database in one query

ROLES = ("champion", "challenger")  # of a model when it made a prediction
RATER_ROLES = ("rater", "therapist", "analyst")  # what each of them may do: core.access
ORIGINS = ("upload", "recording", "library", "demo", "import")  # how a clip came here
KINDS = ("answer", "undo", "adjudication")  # of a row of feedback
REPEAT = "repeat"  # kind in tables: an answer of a second turn, which measures agreement with oneself and never counts
TURNS = (1, 2)  # how often a clip of a task has come, with this time
SKIPS = ("bad audio", "ambiguous", "none of the four")
DISPLAYS = ("shown", "hidden at random", "hidden by choice", "none")  # of the model's guess, when the answer was given
SOURCES = ("label", "predict", "import")  # of an answer: the label desk, a page that shows the guess, a file of labels
FILE_STATES = (  # of a library's file
    "scored",
    "refused",  # read, but holds no usable audio: skipped until the file changes
    "unread",  # could not be read, or changed while it was read: retried in the next run
    "quarantined",  # crashed its worker, also when it was the worker's only file
    "fault",  # the program failed on it: retried in the next run
    "begun",  # measuring began in this process; a later run that finds this state knows that the process died
)
JOB_STATES = ("running", "done", "failed", "cancelled", "lost")  # lost: no heartbeat, and its lock was taken

LINK_KINDS = ("sure", "doubt", "apart")  # of two files: what the program found, see core/library/copies.py
NEVER_KINDS = ("piece", "folder")  # of an entry on the list of what no playlist uses
PIECE_RULES = ("must", "never")  # of a client: the piece is in every later list, or in none
RULE_ORIGINS = ("list", "veto")  # how a rule came: written into the client's list, or a veto while a list was made

LIBRARY_CHANGED = "library_changed"  # setting: when a field of a track or the size of a file changed last
EVENT_TOTALS = "event_totals"  # setting: see core/store/event_sums.py
ALARMS = "watch"  # setting: see core/monitoring/alarm_state.py
BY_ITSELF = (LIBRARY_CHANGED, EVENT_TOTALS, ALARMS)  # settings that change often, and that say nothing about answers
VERIFIED_ONLY = "verified_only"  # setting: true = only answers of people who logged in count

MAX_NAME = 80  # characters of a rater's name
MAX_COMMENT = 2000  # characters of a comment
MAX_KEY_NAME = 60  # characters of the name of a key of the API
MAX_CODE = 20  # characters of a client's code
MAX_NOTE = 2000  # characters of a text about a session
MAX_TRACK = 300  # characters of a track field that a person enters: artist, title, makam, ...
TRACK = ("artist", "title", "source", "album", "genre", "year", "makam", "usul", "performer")  # track columns in tables


class UtcTime(sa.types.TypeDecorator[datetime]):
    """A moment in UTC: ``timestamptz`` in PostgreSQL, ISO 8601 text in SQLite (sorts like the moment it names)."""

    impl = sa.DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        return dialect.type_descriptor(sa.DateTime(timezone=True) if dialect.name == "postgresql" else sa.String(32))

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:  # astimezone would assume the time zone of this machine
            raise ValueError(f"The time {value} has no time zone. Add one, such as UTC.")
        moment = value.astimezone(UTC)
        return moment if dialect.name == "postgresql" else moment.isoformat(timespec="microseconds")

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


# SQLite auto-increments only a column of the exact type INTEGER.
BIG_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")

metadata = sa.MetaData()


def _id() -> sa.Column[int]:
    return sa.Column("id", BIG_ID, primary_key=True)


def _time(name: str = "created_at", *, nullable: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, UtcTime, nullable=nullable)


def one_of(column: str, values: tuple[str, ...]) -> sa.CheckConstraint:
    """Return a constraint: the column holds one of the values, or NULL."""
    listed = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=f"{column}_known")


tracks = sa.Table(
    "tracks",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),  # hash of the file's content, or of artist, title and source
    sa.Column("artist", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("album", sa.Text, nullable=False, server_default=""),
    sa.Column("genre", sa.Text, nullable=False),
    sa.Column("year", sa.Integer),
    sa.Column("makam", sa.Text, nullable=False),
    sa.Column("usul", sa.Text, nullable=False),
    sa.Column("performer", sa.Text, nullable=False),
    sa.Column("by_hand", sa.Text, nullable=False, server_default="[]"),  # JSON list: columns that a person set
    _time(),
)

clips = sa.Table(
    "clips",
    metadata,
    sa.Column("id", sa.String(128), primary_key=True),  # Clip.clip_id
    sa.Column("content_hash", sa.String(128), nullable=False),  # of the file's bytes; several excerpts share one
    sa.Column("track_id", sa.String(64), sa.ForeignKey("tracks.id")),
    sa.Column("origin", sa.String(16), nullable=False),
    sa.Column("file_name", sa.Text, nullable=False),
    sa.Column("path", sa.Text),  # of the audio, if it is stored
    sa.Column("start_s", sa.Float, nullable=False),
    sa.Column("duration_s", sa.Float, nullable=False),
    sa.Column("sr", sa.Integer, nullable=False),  # Hz, of the file
    sa.Column("bitrate", sa.Integer),  # bit/s, of the file
    sa.Column("file_duration_s", sa.Double),  # of the whole file
    sa.Column("lufs", sa.Double),  # loudness of the clip, in the channels of the file
    sa.Column("channels", sa.Integer),  # of the file; NULL for clips scored before this column existed
    # Id of the clip whose prediction this one serves as a further window; NULL for all other clips.
    sa.Column("part_of", sa.String(128)),
    _time(),
    _time("deleted_at", nullable=True),
    one_of("origin", ORIGINS),
    sa.Index("clips_content", "content_hash"),
    sa.Index("clips_track", "track_id"),
    sa.Index("clips_file", "file_name"),
    sa.Index(
        "clips_deleted",
        "deleted_at",
        sqlite_where=sa.text("deleted_at IS NOT NULL"),
        postgresql_where=sa.text("deleted_at IS NOT NULL"),
    ),
)

# Who brought a clip to the Predict page and had it stored, by an answer or by sharing its sound.
clip_owners = sa.Table(
    "clip_owners",
    metadata,
    sa.Column("clip_id", sa.String(128), sa.ForeignKey("clips.id"), primary_key=True),
    sa.Column("owner", sa.String(MAX_NAME), primary_key=True),  # as the name of a rater; empty = unknown
    sa.Column("verified", sa.Boolean, primary_key=True),  # the name comes from a login
    sa.Column("shared", sa.Boolean, nullable=False),  # raters may hear it
    _time(),
    sa.Index("clip_owners_owner", "owner", "verified"),
)

# Clips that a transaction erases now: triggers let it delete their rows. Empty outside of such a transaction.
erasing = sa.Table("erasing", metadata, sa.Column("clip_id", sa.String(128), primary_key=True))

# Labels that came with a clip, from a table, a tag or a generator. The program no longer writes or reads them. The
# table stays, so that rows which version 0.2 stored are not lost. Answers of raters are in `feedback`.
labels = sa.Table(
    "labels",
    metadata,
    _id(),
    sa.Column("clip_id", sa.String(128), sa.ForeignKey("clips.id"), nullable=False),
    sa.Column("emotion", sa.String(16), nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    _time(),
    one_of("emotion", EMOTIONS),
    sa.UniqueConstraint("clip_id", "source", "emotion", name="labels_once"),
)

features = sa.Table(
    "features",
    metadata,
    sa.Column("clip_id", sa.String(128), sa.ForeignKey("clips.id"), primary_key=True),
    sa.Column("extractor", sa.String(128), primary_key=True),
    *(sa.Column(column, sa.Double) for column in COLUMNS),  # NULL = not measurable
    _time(),
)

predictions = sa.Table(
    "predictions",
    metadata,
    _id(),
    sa.Column("clip_id", sa.String(128), sa.ForeignKey("clips.id"), nullable=False),
    sa.Column("model_version", sa.String(128), nullable=False),
    sa.Column("extractor", sa.String(128), nullable=False),
    sa.Column("role", sa.String(16), nullable=False),
    *(sa.Column(f"p_{emotion}", sa.Double, nullable=False) for emotion in EMOTIONS),
    sa.Column("guess", sa.String(16), nullable=False),  # the most probable emotion
    sa.Column("margin", sa.Double, nullable=False),  # its probability less that of the next
    sa.Column("policy", sa.Text, nullable=False),  # JSON with sorted keys
    sa.Column("decision", sa.String(16)),  # accepted emotion; NULL = not sure
    sa.Column("candidates", sa.Text, nullable=False),  # JSON list
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("latency_s", sa.Double),
    # Kind of a clip that is unlike the training music; empty for other clips, NULL for rows of earlier versions.
    sa.Column("unlike", sa.String(16)),
    # JSON list of the combined windows: clip_id, start_s, end_s, p (in the order of EMOTIONS), unlike; empty = one
    sa.Column("windows", sa.Text, nullable=False, server_default=""),
    _time(),
    one_of("role", ROLES),
    one_of("guess", EMOTIONS),
    one_of("decision", EMOTIONS),
    # Scoring a clip again with the same model, features and policy gives the same result: the first row is kept.
    sa.UniqueConstraint("clip_id", "model_version", "extractor", "role", "policy", name="predictions_once"),
)

feedback = sa.Table(
    "feedback",
    metadata,
    _id(),
    sa.Column("token", sa.String(64), nullable=False),  # of the form: submitted twice, stored once
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("clip_id", sa.String(128), sa.ForeignKey("clips.id"), nullable=False),
    sa.Column("prediction_id", BIG_ID, sa.ForeignKey("predictions.id")),
    sa.Column("display", sa.String(32), nullable=False),
    sa.Column("shown_label", sa.String(16)),
    sa.Column("label", sa.String(16)),
    sa.Column("skip_reason", sa.String(32)),
    sa.Column("rater", sa.String(MAX_NAME), nullable=False),
    sa.Column("verified", sa.Boolean, nullable=False),  # the name comes from a login, not from a text field
    sa.Column("source", sa.String(16), nullable=False),
    sa.Column("comment", sa.Text, nullable=False),
    sa.Column("target_id", BIG_ID, sa.ForeignKey("feedback.id")),  # the row that this undo cancels
    # Seconds from the first sound to the answer, and seconds of the clip that were played; NULL = not measured.
    sa.Column("answer_s", sa.Double),
    sa.Column("heard_s", sa.Double),
    sa.Column("task_id", BIG_ID),  # of `tasks`; NULL = not part of a task
    sa.Column("turn", sa.Integer),  # one of TURNS; NULL outside of a task
    _time(),
    one_of("kind", KINDS),
    one_of("display", DISPLAYS),
    one_of("shown_label", EMOTIONS),
    one_of("label", EMOTIONS),
    one_of("skip_reason", SKIPS),
    one_of("source", SOURCES),
    sa.CheckConstraint("(display = 'shown') = (shown_label IS NOT NULL)", name="shown_is_named"),
    sa.CheckConstraint(
        "(kind = 'undo' AND target_id IS NOT NULL AND label IS NULL AND skip_reason IS NULL)"
        " OR (kind <> 'undo' AND target_id IS NULL AND (label IS NULL) <> (skip_reason IS NULL))",
        name="one_answer",
    ),
    sa.UniqueConstraint("token", name="feedback_once"),
    sa.UniqueConstraint("target_id", name="undone_once"),
    sa.Index("feedback_clip", "clip_id"),
    sa.Index("feedback_rater", "rater", "verified"),
    sa.Index("feedback_task", "task_id"),
)

_later = feedback.alias("undone")
UNDONE = sa.exists().where(_later.c.target_id == feedback.c.id)  # a later row of feedback undoes this row

tasks = sa.Table(
    "tasks",
    metadata,
    _id(),
    sa.Column("name", sa.String(MAX_NAME), nullable=False),
    sa.Column("seed", sa.BigInteger, nullable=False),  # decides the order, and which clips come twice
    sa.Column("chosen", sa.Text, nullable=False),  # a sentence: how the clips were chosen
    sa.Column("made_by", sa.Text, nullable=False),
    _time(),
    _time("ended_at", nullable=True),  # an analyst ended it: it is no longer asked
)

task_clips = sa.Table(
    "task_clips",
    metadata,
    sa.Column("task_id", BIG_ID, sa.ForeignKey("tasks.id"), primary_key=True),
    sa.Column("place", sa.Integer, primary_key=True, autoincrement=False),  # from 0, in the order of asking
    sa.Column("clip_id", sa.String(128), sa.ForeignKey("clips.id"), nullable=False),
    sa.Column("turn", sa.Integer, nullable=False),
    sa.UniqueConstraint("task_id", "clip_id", "turn", name="task_clips_once"),
)

task_raters = sa.Table(
    "task_raters",
    metadata,
    sa.Column("task_id", BIG_ID, sa.ForeignKey("tasks.id"), primary_key=True),
    sa.Column("rater", sa.String(MAX_NAME), primary_key=True),
    sa.Column("verified", sa.Boolean, primary_key=True),
    sa.Index("task_raters_rater", "rater", "verified"),
)

raters = sa.Table(
    "raters",
    metadata,
    sa.Column("name", sa.String(MAX_NAME), primary_key=True),
    sa.Column("verified", sa.Boolean, primary_key=True),
    sa.Column("role", sa.String(16), nullable=False),
    _time(),
    one_of("role", RATER_ROLES),
)

settings = sa.Table(
    "settings",
    metadata,
    sa.Column("key", sa.String(128), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),  # JSON
    _time("changed_at"),
)

jobs = sa.Table(
    "jobs",
    metadata,
    _id(),
    sa.Column("name", sa.String(64), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("progress", sa.Double, nullable=False),  # 0 to 1
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("result", sa.Text, nullable=False),  # JSON
    sa.Column("cancel", sa.Boolean, nullable=False),  # a person asked the job to stop
    sa.Column("started_by", sa.Text, nullable=False, server_default=""),  # a person; empty without a name
    _time("started_at"),
    _time("heartbeat"),
    _time("ended_at", nullable=True),
    one_of("state", JOB_STATES),
    # This unique index is the lock: two jobs of one name cannot both be running.
    sa.Index(
        "jobs_one_running",
        "name",
        unique=True,
        sqlite_where=sa.text("state = 'running'"),
        postgresql_where=sa.text("state = 'running'"),
    ),
)

# Keys of the REST API. A key itself is never stored, only its hash.
api_keys = sa.Table(
    "api_keys",
    metadata,
    sa.Column("id", sa.String(16), primary_key=True),  # the public part of the key
    sa.Column("hash", sa.String(64), nullable=False),  # SHA-256 of the whole key
    sa.Column("name", sa.String(MAX_KEY_NAME), nullable=False),  # who or what uses the key
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("scopes", sa.Text, nullable=False),  # JSON list
    sa.Column("per_minute", sa.Integer, nullable=False),  # calls that are allowed in any 60 s
    _time(),
    _time("used_at", nullable=True),
    _time("revoked_at", nullable=True),
)

# The calls of the last minute, so that all workers of a server count them together.
api_calls = sa.Table(
    "api_calls",
    metadata,
    _id(),
    sa.Column("key_id", sa.String(16), sa.ForeignKey("api_keys.id"), nullable=False),
    sa.Column("at", sa.Double, nullable=False),  # seconds since 1970
    sa.Index("api_calls_key", "key_id", "at"),
)

# Clips of the published table whose audio was recognised by its features (``python -m core verify``).
table_clips = sa.Table(
    "table_clips",
    metadata,
    sa.Column("content_hash", sa.String(128), primary_key=True),  # of the file's bytes
    sa.Column("row_key", sa.String(64), nullable=False),  # hash of the row's 50 values
    sa.Column("table_row", sa.Integer, nullable=False),  # number of the row in the table, from 0
    sa.Column("same_rows", sa.Text, nullable=False),  # JSON list: further rows of the same recording
    sa.Column("distance", sa.Double, nullable=False),
    sa.Column("file_name", sa.Text, nullable=False),
    sa.Column("extractor", sa.String(128), nullable=False),
    _time("checked_at"),
)

# Files that got a mood in their tag, see core/store/mood_tags.py.
mood_tags = sa.Table(
    "mood_tags",
    metadata,
    _id(),
    sa.Column("content_hash", sa.String(128), nullable=False),  # of the file's first content: the name of the piece
    sa.Column("path", sa.Text, nullable=False),
    sa.Column("was_hash", sa.String(128), nullable=False),  # of the file before this tag
    sa.Column("now_hash", sa.String(128), nullable=False),  # of the file with this tag
    sa.Column("before", sa.Text, nullable=False),  # JSON list: moods in the tag before
    sa.Column("after", sa.Text, nullable=False),
    sa.Column("edits", sa.Text, nullable=False),  # that wrote the tag, see core/audio/byte_edits.py
    sa.Column("written_by", sa.Text, nullable=False),  # a person; empty without a name
    _time(),
    _time("undone_at", nullable=True),
    sa.Index("mood_tags_now", "now_hash"),
    sa.Index("mood_tags_content", "content_hash"),
)

files = sa.Table(
    "files",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),  # hash of plan and path; a path itself may be too long for a key
    sa.Column("path", sa.Text, nullable=False),  # on this machine, or an address such as s3://bucket/name
    sa.Column("plan", sa.String(32), nullable=False),  # which parts of the file are scored
    sa.Column("size", sa.BigInteger, nullable=False),  # bytes
    sa.Column("stamp", sa.Text, nullable=False),  # changes with the file; empty = read the content again
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("extractor", sa.String(128), nullable=False),
    sa.Column("content_hash", sa.String(128)),
    sa.Column("duration_s", sa.Double),
    sa.Column("windows", sa.Text, nullable=False),  # JSON list of objects: start_s, end_s, clip_id or null, remark
    sa.Column("remarks", sa.Text, nullable=False),  # JSON list of objects: kind, text; of earlier versions, sentences
    _time("checked_at"),
    one_of("state", FILE_STATES),
    sa.Index("files_content", "content_hash"),
    sa.Index("files_path", "path", postgresql_using="hash"),  # a path may be too long for a B-tree
    sa.Index("files_size", "size"),
    sa.Index("files_checked", "checked_at"),
)

# What was measured of the melody of a piece, see core/makam/analysis.py.
makam_results = sa.Table(
    "makam_results",
    metadata,
    sa.Column("content_hash", sa.String(128), primary_key=True),
    sa.Column("analyser", sa.String(128), primary_key=True),
    sa.Column("duration_s", sa.Double, nullable=False),
    sa.Column("voiced_s", sa.Double, nullable=False),  # seconds with a melody
    sa.Column("karar_hz", sa.Double),  # first candidate; NULL = no karar was found
    sa.Column("karar_probability", sa.Double),
    sa.Column("makam", sa.Text, nullable=False),  # first suggestion; empty = none
    sa.Column("makam_probability", sa.Double),
    sa.Column("makam_kind", sa.String(16), nullable=False),  # see core.makam.recognition.Suggestions
    sa.Column("details", sa.Text, nullable=False),  # JSON: candidates, suggestions, profile
    *(sa.Column(name, sa.Double) for name in ("range_commas", "drift_commas", "karar_share", "evenness")),
    _time(),
)

# Karars that a person heard and corrected. The newest row of a content that was not undone counts.
karar_words = sa.Table(
    "karar_words",
    metadata,
    _id(),
    sa.Column("content_hash", sa.String(128), nullable=False),
    sa.Column("karar_hz", sa.Double, nullable=False),
    sa.Column("measured_hz", sa.Double),  # what the program had found
    sa.Column("name", sa.Text, nullable=False),  # of the file, for the export
    sa.Column("said_by", sa.Text, nullable=False),  # a person; empty without a name
    _time(),
    _time("undone_at", nullable=True),
    sa.Index("karar_words_content", "content_hash"),
)

# Fingerprints of files, see core/audio/fingerprint.py.
fingerprints = sa.Table(
    "fingerprints",
    metadata,
    sa.Column("content_hash", sa.String(128), primary_key=True),
    sa.Column("maker", sa.String(64), nullable=False),  # name of the method
    sa.Column("bits", sa.LargeBinary, nullable=False),  # zlib of 32-bit numbers, little-endian; empty = none possible
    _time(),
)

# Pairs of files that the program compared in its last search. Each search replaces all of them.
recording_links = sa.Table(
    "recording_links",
    metadata,
    sa.Column("one", sa.String(128), primary_key=True),  # hash of a file's content; the smaller one of the two
    sa.Column("other", sa.String(128), primary_key=True),
    sa.Column("kind", sa.String(8), nullable=False),
    sa.Column("found", sa.Text, nullable=False),  # JSON: by, and the figures of the comparison
    _time(),
    one_of("kind", LINK_KINDS),
)

# What people say about pairs of files. The newest row of a pair that was not undone counts.
recording_words = sa.Table(
    "recording_words",
    metadata,
    _id(),
    sa.Column("one", sa.String(128), nullable=False),
    sa.Column("other", sa.String(128), nullable=False),
    sa.Column("same", sa.Boolean, nullable=False),  # both are one recording
    sa.Column("said_by", sa.Text, nullable=False),  # a person; empty without a name
    _time(),
    _time("undone_at", nullable=True),
    sa.Index("recording_words_pair", "one", "other"),
)

# Sources of music that a person ingested, and what they list. An item that is no longer listed stays, with the time at
# which it was listed last.
sources = sa.Table(
    "sources",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),  # hash of the name; a path may be too long for a key
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("after", sa.Text, nullable=False),  # where an unfinished list goes on; empty after a whole one
    _time("began_at"),
    _time("ended_at", nullable=True),  # the last time that the whole list was read
)

source_items = sa.Table(
    "source_items",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),  # hash of the source's id and the item
    sa.Column("source_id", sa.String(64), sa.ForeignKey("sources.id"), nullable=False),
    sa.Column("item", sa.Text, nullable=False),
    sa.Column("stamp", sa.String(64), nullable=False),  # changes when the item changes
    sa.Column("facts", sa.Text, nullable=False),  # JSON object
    sa.Column("isrc", sa.String(16), nullable=False),
    sa.Column("licence", sa.Text, nullable=False),
    _time("first_seen_at"),
    _time("changed_at"),
    _time("seen_at"),
    sa.Index("source_items_seen", "source_id", "seen_at"),
    sa.Index("source_items_isrc", "isrc"),
)

# Pieces and folders that no playlist uses, for everybody who uses this database.
never_played = sa.Table(
    "never_played",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),  # hash of kind and value; a path itself may be too long for a key
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("value", sa.Text, nullable=False),  # hash of the piece's content, or path of the folder
    sa.Column("name", sa.Text, nullable=False),  # of the piece, for the list
    sa.Column("put_by", sa.Text, nullable=False),
    _time(),
    one_of("kind", NEVER_KINDS),
)

# What happened, see core/store/events.py. Rows are only added, except that old ones are removed, and that the name of a
# clip or a session is taken out when it is erased. There are no foreign keys: an event outlives what it is about.
events = sa.Table(
    "events",
    metadata,
    sa.Column("event_id", BIG_ID, primary_key=True),
    _time("at"),
    sa.Column("kind", sa.String(24), nullable=False),
    sa.Column("way", sa.String(16), nullable=False),
    sa.Column("request_id", sa.String(64), nullable=False),
    sa.Column("session_id", sa.String(64), nullable=False),
    sa.Column("model_version", sa.String(128), nullable=False),
    sa.Column("clip_id", sa.String(128), nullable=False),
    sa.Column("seconds", sa.Double),
    sa.Column("value", sa.Double),
    sa.Column("about", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
    # Figures by period read only this index, not the rows.
    sa.Index("events_kind", "kind", "at", "way", "model_version", "seconds", "value"),
    sa.Index("events_at", "at"),
    sa.Index("events_clip", "clip_id"),
    sa.Index("events_session", "session_id"),
    sqlite_autoincrement=True,
)

# --- therapy sessions: a client is a code of one therapist, never a name ---------------------------------------------

clients = sa.Table(
    "clients",
    metadata,
    _id(),
    sa.Column("owner", sa.String(MAX_NAME), nullable=False),  # the therapist; only this person reads the sessions
    sa.Column("owner_verified", sa.Boolean, nullable=False),
    sa.Column("code", sa.String(MAX_CODE), nullable=False),
    sa.Column("folded", sa.String(2 * MAX_CODE), nullable=False),  # the code without upper case: K-12 is k-12
    _time(),
    sa.Column("handed_by", sa.Text, nullable=False, server_default=""),  # who gave the client to the owner, or empty
    _time("handed_at", nullable=True),
    sa.UniqueConstraint("owner", "owner_verified", "folded", name="clients_once"),
)

client_pieces = sa.Table(
    "client_pieces",
    metadata,
    sa.Column("client_id", BIG_ID, sa.ForeignKey("clients.id"), primary_key=True),
    sa.Column("piece_id", sa.String(128), primary_key=True),  # hash of the file's content
    sa.Column("rule", sa.String(8), nullable=False),
    sa.Column("origin", sa.String(8), nullable=False),
    sa.Column("title", sa.Text, nullable=False),  # so that the list can be read when the file is gone
    _time(),
    one_of("rule", PIECE_RULES),
    one_of("origin", RULE_ORIGINS),
)

client_sessions = sa.Table(
    "client_sessions",
    metadata,
    _id(),
    sa.Column("token", sa.String(64), nullable=False),  # of the button: pressed twice, stored once
    sa.Column("client_id", BIG_ID, sa.ForeignKey("clients.id"), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("plan", sa.Text, nullable=False),  # JSON: what was asked for, and the remarks of the list
    sa.Column("policy", sa.Text, nullable=False),  # JSON of the decision policy
    sa.Column("program", sa.String(64), nullable=False),  # program and version that made the list
    sa.Column("vetoes", sa.Text, nullable=False),  # JSON list of objects: piece_id, title
    sa.Column("replacements", sa.Text, nullable=False),  # JSON list of objects: number, before, after, why, at
    _time(),
    _time("began_at", nullable=True),
    _time("ended_at", nullable=True),
    sa.Column("goal", sa.Text, nullable=False),
    sa.Column("notes", sa.Text, nullable=False),  # before the session
    sa.Column("remarks", sa.Text, nullable=False),  # after the session
    *(sa.Column(f"mood_{when}", sa.String(16)) for when in ("before", "after")),
    *(sa.Column(f"{axis}_{when}", sa.Double) for when in ("before", "after") for axis in ("valence", "arousal")),
    sa.Column("rating", sa.Integer),  # 1 to 5
    one_of("mood_before", EMOTIONS),
    one_of("mood_after", EMOTIONS),
    sa.UniqueConstraint("token", name="client_sessions_once"),
    sa.Index("client_sessions_client", "client_id"),
)

session_pieces = sa.Table(
    "session_pieces",
    metadata,
    sa.Column("session_id", BIG_ID, sa.ForeignKey("client_sessions.id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),  # from 1
    sa.Column("piece_id", sa.String(128), nullable=False),  # hash of the file's content
    sa.Column("data", sa.Text, nullable=False),  # JSON: the row of the playlist as it was
    _time("stopped_at", nullable=True),  # the moment at which a person stopped the piece
    sa.Column("stopped_s", sa.Double),  # the place in the piece
)

"""The answers and bodies of the API as types. Their names and descriptions are the document that clients read."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from core.playlists.playlist import LONGEST_MIN
from core.store import MAX_COMMENT

Emotion = Literal["angry", "happy", "relax", "sad"]
Unit = Field(ge=0, le=1)
ID = r"^[0-9A-Za-z@.+-]{1,128}$"  # a database cannot be asked for every text


class Probabilities(BaseModel):
    """The probability of each emotion; the four add up to 1."""

    angry: float = Unit
    happy: float = Unit
    relax: float = Unit
    sad: float = Unit


class DecisionAnswer(BaseModel):
    """What the policy decides. A decision is not a prediction: not being sure is an answer."""

    status: Literal["accept", "choose", "review"] = Field(
        description="accept: one emotion. choose: a person chooses between two. review: a person has to listen."
    )
    emotion: Emotion | None = Field(description="The accepted emotion, or null.")
    candidates: list[Emotion] = Field(description="One emotion, two to choose from, or none.")
    reason: str


class UnlikeAnswer(BaseModel):
    """Whether the clip is unlike the music that the model was trained on."""

    flag: bool
    kind: str = Field(description="What it sounds like: one voice, speech, noise, other; empty when it is not unlike.")
    reasons: list[str]
    distance: float | None = Field(description="Distance from the training music; the usual distance is 1.")
    percentile: float | None = Field(description="Percentage of the training clips with a smaller distance.")


class RemarkAnswer(BaseModel):
    """What a person should know about the file. The kind never changes; the text may."""

    kind: str
    text: str


class Heard(BaseModel):
    """A part of the file that was analysed."""

    clip_id: str
    start_s: float
    end_s: float
    probabilities: Probabilities
    unlike: bool


class FileAnswer(BaseModel):
    """The file as it came."""

    format: str
    sr: int = Field(description="Sampling rate in Hz.")
    channels: int
    duration_s: float


class Reason(BaseModel):
    """How much one feature changes the probability, compared with typical clips (method: SHAP)."""

    feature: str = Field(description="Column of the published table.")
    name: str
    value: float | None = Field(description="Null when it could not be measured.")
    unit: str
    shown: str = Field(description="The value with its unit.")
    shap: float = Field(description="Change of the probability, from -1 to 1.")
    sentence: str


class Explanation(BaseModel):
    """The strongest reasons for the probability of one emotion. base + all steps = the probability."""

    emotion: Emotion
    base: float = Field(description="Average probability over typical clips.")
    reasons: list[Reason]
    others: float = Field(description="Sum of the steps of all other features.")


class Versions(BaseModel):
    """What the answer was made with."""

    model: str
    extractor: str
    policy: dict[str, Any] = Field(description="The decision rule, as it is stored with the prediction.")


class Timings(BaseModel):
    """Seconds on the server."""

    scoring_s: float = Field(description="From the bytes to the decision.")
    total_s: float = Field(description="From the last byte of the request, with the time in the line.")


class Stored(BaseModel):
    """Whether the values of the clip are stored. Its sound never is."""

    prediction_id: int | None
    problem: str = Field(description="Why nothing was stored although it was asked for; else empty.")


class ClipAnswer(BaseModel):
    """The answer about one clip, the same as on the page Predict."""

    clip_id: str = Field(description="Hash of the bytes, with the start of the window where it is not the middle.")
    file: FileAnswer
    heard: list[Heard] = Field(description="The parts that were analysed; the first one names the clip.")
    heard_s: float = Field(description="Seconds of the file that were analysed.")
    guess: Emotion = Field(description="The most probable emotion.")
    probabilities: Probabilities
    margin: float = Field(description="How much more probable the first emotion is than the second.")
    decision: DecisionAnswer
    unlike: UnlikeAnswer
    remarks: list[RemarkAnswer]
    explanation: Explanation | None = Field(description="Only with ?explain=N.")
    versions: Versions
    timings: Timings
    stored: Stored


class OwnClip(BaseModel):
    """A clip of this caller."""

    clip_id: str
    name: str = Field(description="Name of the file, as the caller gave it.")
    created_at: datetime


class OwnClips(BaseModel):
    """A page of the clips of this caller, the newest first."""

    total: int
    clips: list[OwnClip]
    next: str | None = Field(description="The cursor of the next page; null on the last one.")


class StoredClip(BaseModel):
    """The stored answer about a clip of this caller."""

    clip_id: str
    name: str = Field(description="Name of the file, as the caller gave it.")
    prediction_id: int
    guess: Emotion
    probabilities: Probabilities
    margin: float
    decision: DecisionAnswer
    unlike_kind: str
    versions: Versions
    created_at: datetime


class Feature(BaseModel):
    """One of the 50 features."""

    feature: str = Field(description="Column of the published table.")
    name: str
    group: str
    value: float | None = Field(description="Null when it could not be measured.")
    unit: str


class FeaturesAnswer(BaseModel):
    """The 50 features of the middle of a file."""

    clip_id: str
    extractor: str
    start_s: float
    duration_s: float
    features: list[Feature]
    remarks: list[RemarkAnswer]


class FigureAnswer(BaseModel):
    """One figure of the model, with its interval of 95 %."""

    row: str = Field(description="On which clips it was measured.")
    protocol: str
    clips: int
    measure: str
    emotion: str = Field(description="An emotion, or all.")
    value: float | None
    low: float | None
    high: float | None


class Criterion(BaseModel):
    """One acceptance criterion of the specification, and the verdict."""

    name: str
    target: str
    clips: int
    value: float | None
    low: float | None
    high: float | None
    verdict: Literal["pass", "undecided", "fail", "not measured"]
    note: str


class Accepts(BaseModel):
    """What this server accepts."""

    largest_mb: float
    formats: list[str]
    shortest_s: float
    window_s: float


class ModelAnswer(BaseModel):
    """The model in use."""

    version: str
    source: str
    created_at: str
    emotions: list[Emotion]
    extractor: str
    policy: dict[str, Any]
    card: str = Field(description="The model card, in Markdown.")
    limits: str = Field(description="The chapter of the card about what the model cannot do, in Markdown.")
    figures: list[FigureAnswer]
    criteria: list[Criterion]
    accepts: Accepts


class WindowAnswer(BaseModel):
    """One window of a recording. Without probabilities, the remark says why."""

    start_s: float
    end_s: float
    probabilities: Probabilities | None
    remark: RemarkAnswer | None


class MoodAnswer(BaseModel):
    """The mood of the whole recording."""

    guess: Emotion
    probabilities: Probabilities
    windows: int = Field(description="Windows with music.")
    decision: DecisionAnswer


class Steadiest(BaseModel):
    """The stretch of 30 s in which one emotion is steadiest."""

    emotion: Emotion
    start_s: float
    end_s: float
    lowest: float
    mean: float
    fits: bool = Field(description="Whether this emotion is the strongest one in all windows of the stretch.")


class TrackAnswer(BaseModel):
    """The mood over time of a recording. Nothing of it is stored."""

    duration_s: float
    window_s: float
    hop_s: float
    windows: list[WindowAnswer]
    mood: MoodAnswer
    steadiest: list[Steadiest]
    warnings: list[str]
    versions: Versions


class JobBody(BaseModel):
    """A folder of the server with music."""

    model_config = ConfigDict(extra="forbid")

    folder: str = Field(min_length=1, max_length=4096, description="A folder that the server allows.")
    window_s: float | None = Field(None, description="Score whole files in windows of 30 to 60 s; needs hop_s.")
    hop_s: float | None = Field(None, description="Seconds between the starts of two windows.")


class JobAnswer(BaseModel):
    """A run over many files."""

    id: int
    state: Literal["running", "done", "failed", "cancelled", "lost"]
    progress: float = Unit
    message: str
    cancelling: bool
    started_at: datetime
    ended_at: datetime | None
    found: int | None = Field(description="Number of files; null until the run has ended.")
    scored: int | None = Field(description="Number of files with a result; null until the run has ended.")
    sent_files: int | None = Field(
        description="Number of the sent files that are still on the server. Null until the run has begun, and for a "
        "folder of the server."
    )
    results: str | None = Field(description="Address of the results; null until they are there.")


class Piece(BaseModel):
    """A piece of the library. What people say comes first, then what the model says."""

    id: str
    title: str
    artist: str
    album: str
    makam: str
    duration_s: float | None
    mood: Emotion
    word: Literal["own", "agreed", "model"] = Field(description="Whose word the mood is.")
    confidence: float
    standing: Literal["accepted", "between two", "needs review"]
    probabilities: Probabilities
    tempo_bpm: float | None
    loudness_lufs: float | None
    model_version: str


class Pieces(BaseModel):
    """A page of the pieces of the library, the most probable first."""

    total: int = Field(description="Number of all pieces that match.")
    pieces: list[Piece]
    next: str | None = Field(description="The cursor of the next page; null on the last one.")


class PlaylistBody(BaseModel):
    """A list of one mood, or a path from one mood to another."""

    model_config = ConfigDict(extra="forbid")

    mood: Emotion | None = Field(None, description="For a list of one mood.")
    start: Emotion | None = Field(None, description="For a path: the mood at the start.")
    goal: Emotion | None = Field(None, description="For a path: the mood at the end.")
    over: Emotion | None = Field(None, description="Between opposite moods: the mood in between.")
    minutes: float = Field(30, gt=0, le=LONGEST_MIN)
    seed: int = Field(0, ge=0, le=2**31)
    between: bool = Field(False, description="Also use pieces between two neighbouring moods.")
    per_step: Literal[2, 3] = 2


class PlaylistPiece(BaseModel):
    """A piece of a playlist."""

    number: int
    begins_s: float
    id: str
    title: str
    artist: str
    duration_s: float
    mood: Emotion
    probabilities: Probabilities
    tempo_bpm: float | None
    gain_db: float | None = Field(description="Brings the piece to the loudness of the list.")
    why: str
    weak: str = Field(description="Its weak points; empty without any.")


class PlaylistAnswer(BaseModel):
    """A playlist."""

    name: str
    way: list[Emotion]
    length_s: float
    seed: int
    pieces: list[PlaylistPiece]
    remarks: list[RemarkAnswer]


class FeedbackBody(BaseModel):
    """What a person hears in a clip of this caller, or in a piece of the library."""

    model_config = ConfigDict(extra="forbid")

    emotion: Emotion
    clip_id: str | None = Field(None, pattern=ID)
    piece_id: str | None = Field(None, pattern=ID)
    comment: str = Field("", max_length=MAX_COMMENT, description="Only about a clip.")


class FeedbackAnswer(BaseModel):
    """The stored answer."""

    feedback_id: int
    new: bool = Field(description="False when the same request was stored before; nothing was added then.")
    remark: str

"""The table of rights: for each action, the least role that may do it, with and without a login."""

from enum import IntEnum, StrEnum
from typing import NamedTuple


class Role(IntEnum):
    """A role. Each role may do what the roles before it may do."""

    VISITOR = 0
    RATER = 1
    THERAPIST = 2
    ANALYST = 3

    @property
    def word(self) -> str:
        """The role as it is stored and shown."""
        return self.name.lower()


class Setting(StrEnum):
    """How the person reaches the program."""

    COMMAND = "the command line"
    OWN_MACHINE = "no login, and only this machine reaches the server"
    OPEN = "no login, and other machines reach the server"
    LOGIN = "a login is configured"


class Action(StrEnum):
    """What a person can do. The value is the sentence of the documents."""

    SEE_RESULTS = "See the published table, the models and their results."
    BRING_TABLE = "Bring a table of features, for the own session."
    SCORE_CLIP = "Score an own clip or recording."
    ANSWER = "Say which emotion a scored clip or piece expresses, see the own answers, and take them back."
    KEEP_AUDIO = "Share an own clip with raters: its audio is stored, and they can hear it."
    ERASE_OWN_CLIP = "See the own stored clips, and delete them with all that belongs to them."
    LABEL = "Hear and label the clips of the queue."
    ADD_PRACTICE = "Add synthetic clips to the queue."
    SEE_LIBRARY = "See, hear and download the pieces of the library."
    MAKE_PLAYLIST = "Make playlists, levelled copies and session sheets."
    SET_NEVER = "Put pieces and folders on the list that no playlist uses, and take them off."
    RUN_SESSIONS = "Store sessions with own clients, and see, print, export and delete them."
    CORRECT_TRACK = "Correct the title and other data of a piece."
    CORRECT_KARAR = "Correct the karar of a recording, and take the correction back."
    JOIN_RECORDINGS = "Say whether two files are one recording, and take it back."
    TAG_FILES = "Write the mood of a piece into the tag of its file, and take it back."
    SCORE_LIBRARY = "Score a folder or uploaded files, and cancel the own run."
    CANCEL_OF_OTHERS = "Cancel a run that another person started."
    REMOVE_UPLOAD = "Remove uploaded files from the disk."
    TAKE_ROLE = "Take the role of an analyst without being asked, or give it back."
    SEE_ANSWERS = "See all raters, all clips and all answers."
    MAKE_TASK = "Make a task for raters, and end it."
    SEE_TASKS = "See the tasks of all raters and their progress."
    SETTLE = "Settle a disputed clip."
    EXCHANGE_LABELS = "Export and import labels."
    DELETE_CLIP = "Delete a clip."
    HAND_OVER_CLIENTS = "See how many clients each therapist has, and hand all of them over to another person."
    GIVE_ROLE = "Change the role of a person."
    SET_RULES = "Change the rules: agreeing raters, limits of the training."
    TRAIN = "Train a model, and cancel a training."
    CHOOSE_MODEL = "Promote, discard or roll back a model."
    MAKE_KEYS = "Make, list and revoke keys of the REST API."
    SEE_MONITORING = "See how the program is used, its quality over time and its alarms."
    RUN_JOB = "Report the progress and the end of background work."


class Right(NamedTuple):
    """The least roles for an action; None: nobody.  login : with a login.  no_login : without one."""

    login: Role | None
    no_login: Role | None


_ALL = Right(Role.VISITOR, Role.VISITOR)
_RATERS = Right(Role.RATER, Role.VISITOR)
_THERAPISTS = Right(Role.THERAPIST, Role.VISITOR)
_ANALYSTS = Right(Role.ANALYST, Role.ANALYST)

# Raters do not see the library: its moods are guesses of the model, which would influence their answers.
# Without a login, everybody may take the role of an analyst. Until then the answers of others stay hidden.
RIGHTS: dict[Action, Right] = {
    Action.SEE_RESULTS: _ALL,
    Action.BRING_TABLE: _ALL,
    Action.SCORE_CLIP: _ALL,
    Action.ANSWER: _ALL,
    Action.KEEP_AUDIO: _RATERS,
    Action.ERASE_OWN_CLIP: _ALL,
    Action.LABEL: _RATERS,
    Action.ADD_PRACTICE: _RATERS,
    Action.SEE_LIBRARY: _THERAPISTS,
    Action.MAKE_PLAYLIST: _THERAPISTS,
    Action.SET_NEVER: _THERAPISTS,
    Action.RUN_SESSIONS: _THERAPISTS,
    Action.CORRECT_TRACK: _THERAPISTS,
    Action.CORRECT_KARAR: _THERAPISTS,
    Action.JOIN_RECORDINGS: _THERAPISTS,
    Action.TAG_FILES: Right(Role.THERAPIST, Role.ANALYST),
    Action.SCORE_LIBRARY: _THERAPISTS,
    Action.CANCEL_OF_OTHERS: Right(Role.ANALYST, Role.VISITOR),
    Action.REMOVE_UPLOAD: Right(Role.ANALYST, Role.VISITOR),
    Action.TAKE_ROLE: Right(None, Role.VISITOR),
    Action.SEE_ANSWERS: _ANALYSTS,
    Action.MAKE_TASK: _ANALYSTS,
    Action.SEE_TASKS: _ANALYSTS,
    Action.SETTLE: _ANALYSTS,
    Action.EXCHANGE_LABELS: _ANALYSTS,
    Action.DELETE_CLIP: _ANALYSTS,
    Action.HAND_OVER_CLIENTS: _ANALYSTS,
    Action.GIVE_ROLE: _ANALYSTS,
    Action.SET_RULES: _ANALYSTS,
    Action.TRAIN: _ANALYSTS,
    Action.CHOOSE_MODEL: _ANALYSTS,
    Action.MAKE_KEYS: _ANALYSTS,
    Action.SEE_MONITORING: _ANALYSTS,
    Action.RUN_JOB: _ANALYSTS,
}

# Names of jobs; all others are trainings.
_JOBS = {
    **dict.fromkeys(("library", "copies", "ingest"), Action.SCORE_LIBRARY),
    "rescore": Action.CHOOSE_MODEL,
}


def least_role(action: Action, setting: Setting) -> Role | None:
    """The least role that may do an action; None: nobody."""
    if setting is Setting.COMMAND:  # who can type a command can also change every file
        return Role.VISITOR
    right = RIGHTS[action]
    return right.login if setting is Setting.LOGIN else right.no_login


def may(role: Role, action: Action, setting: Setting) -> bool:
    """Whether a person with this role may do an action."""
    least = least_role(action, setting)
    return least is not None and role >= least


def action_of_job(name: str) -> Action:
    """The action that starts the background job of this name."""
    return _JOBS.get(name, Action.TRAIN)


def rights_in_markdown() -> str:
    """The table of rights for the documents."""
    head = ["action", *(f"{role.word}" for role in Role), "without a login"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    words = {Role.VISITOR: "everybody", Role.ANALYST: "who took the role of an analyst", None: "nobody"}
    for action in Action:
        signs = ["yes" if may(role, action, Setting.LOGIN) else "–" for role in Role]
        lines.append("| " + " | ".join([action.value, *signs, words[RIGHTS[action].no_login]]) + " |")
    return "\n".join(lines)

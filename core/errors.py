"""The errors whose message a page or the command line shows to the user unchanged."""


class CoreError(Exception):
    """Base class. The message is written for the user: what is wrong, where, and what to do about it."""


class AudioError(CoreError):
    """The audio file cannot be used: it is not audio, or it is empty, silent, too short, too large or damaged."""


class NotAudioError(AudioError):
    """The file is of a kind that holds no sound, or that the program does not read."""


class DecoderError(AudioError):
    """The file makes its decoder crash or run without end: it is not read again without being asked to."""


class TableError(CoreError):
    """The table cannot be read, or required columns or values are missing."""


class DownloadError(CoreError):
    """The published table could not be downloaded, or the downloaded file is a different table."""


class ModelError(CoreError):
    """The model cannot be loaded, is not trusted, or expects other features."""


class StoreError(CoreError):
    """The database cannot be opened, read or written."""


class StoreDownError(StoreError):
    """The database does not answer, is locked, is full or is gone. What was asked may succeed later."""


class SentTwiceError(StoreError):
    """The same form, or the same key of a request, was sent before with something else."""


class JobRunningError(StoreError):
    """A job of this name is running, and only one may run at a time."""


class QueueFull(CoreError):
    """Too many tasks wait for the processor. retry_after_s : when to try again, in s."""

    def __init__(self, retry_after_s: float) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(
            "Many people use this server at the moment, and the line is full. Your file stays here. "
            f"Try again in {retry_after_s:.0f} seconds."
        )


class WorkerDied(CoreError):
    """The process that worked on a task ended before the task did, twice."""

    def __init__(self) -> None:
        super().__init__(
            "The work on this clip ended twice without a result. Perhaps the server has too little memory. Try again; "
            "if it happens again, tell the person who runs this server."
        )

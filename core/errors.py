"""What a person can be told: every error that a page or the command line may show as it stands."""


class CoreError(Exception):
    """A sentence for a person: what is wrong, where, and what to do about it."""


class AudioError(CoreError):
    """The file is no usable audio: not audio, empty, silent, too short, too large or damaged."""


class TableError(CoreError):
    """The table cannot be read or lacks what is needed."""


class DownloadError(CoreError):
    """The published table could not be fetched, or what came is not the published table."""


class ModelError(CoreError):
    """A model cannot be loaded, is not trusted, or does not fit the features."""


class StoreError(CoreError):
    """The database cannot be opened, read or written."""

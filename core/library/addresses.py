"""Addresses of audio files: folders of this machine, and servers that fsspec can read."""

import os
from typing import Any

from core.errors import CoreError

# What reads addresses of a kind, beside fsspec itself.
NEEDS = {
    **dict.fromkeys(("s3", "s3a"), "s3fs"),
    **dict.fromkeys(("gs", "gcs"), "gcsfs"),
    **dict.fromkeys(("az", "abfs", "abfss"), "adlfs"),
}
# fsspec leaves the server out of the addresses of files there, so no worker could read one.
UNNAMED = ("ftp", "ftps", "sftp", "ssh", "smb", "dav", "webdav", "hdfs", "webhdfs")


# --- far away --------------------------------------------------------------------------------------------------------


def filesystem(address: str) -> tuple[Any, str]:
    """The file system of an address, and the path on it. Raises CoreError when it cannot be reached."""
    import fsspec

    scheme = address.partition("://")[0]
    if "://" in address and scheme in UNNAMED:
        raise CoreError(
            f"Music at {scheme}:// cannot be scored. Mount the server as a folder wherever files are read, or copy the "
            "music to object storage such as s3://."
        )
    try:
        system, path = fsspec.core.url_to_fs(address)
    except (ImportError, ValueError) as error:
        package = NEEDS.get(scheme, "")
        way = f" Install it where the files are read: pip install {package}" if package else ""
        raise CoreError(f"The address {safe(address)} needs something that is not installed: {error}.{way}") from error
    except Exception as error:  # some connect at once, and every kind of storage has faults of its own
        raise CoreError(f"{safe(address)} cannot be reached: {fault(error)}.") from error
    return system, str(path)


def fault(error: Exception) -> str:
    """What went wrong at an address, in a few words without the full stop."""
    words = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(words).strip().rstrip(".")[:300]


def is_local(address: str) -> bool:
    """Whether files at this address are read as files of this machine."""
    scheme, separator, _ = address.partition("://")
    return not separator or scheme in ("file", "local")


def local_path(address: str) -> str:
    """The path of a local address."""
    return filesystem(address)[1] if "://" in address else os.path.abspath(os.path.expanduser(address))


def safe(address: str) -> str:
    """The address without the name and password that it may hold; a path as it is."""
    scheme, separator, rest = address.partition("://")
    server, slash, path = rest.partition("/")
    return f"{scheme}{separator}{server.rsplit('@', 1)[-1]}{slash}{path}"

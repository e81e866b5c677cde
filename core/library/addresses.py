"""Addresses of audio files: local folders, and remote storage that fsspec can read."""

import os
from typing import Any

from core.errors import CoreError

# Packages that fsspec needs for these schemes.
NEEDS = {
    **dict.fromkeys(("s3", "s3a"), "s3fs"),
    **dict.fromkeys(("gs", "gcs"), "gcsfs"),
    **dict.fromkeys(("az", "abfs", "abfss"), "adlfs"),
}
# For these schemes fsspec returns file addresses without the server name, so a worker could not read them.
UNNAMED = ("ftp", "ftps", "sftp", "ssh", "smb", "dav", "webdav", "hdfs", "webhdfs")


def filesystem(address: str) -> tuple[Any, str]:
    """Return the fsspec file system of an address, and the path on it. Raises CoreError when it cannot be reached."""
    import fsspec

    if "::" in address:  # fsspec would read one address through another: zip::, simplecache::
        raise CoreError(f"{safe(address)} is a chain of addresses (::). Give the address of the music itself.")
    scheme = address.partition("://")[0]
    if "://" in address and scheme in UNNAMED:
        raise CoreError(
            f"Music at {scheme}:// cannot be scored. Mount the server as a folder on every machine that reads the "
            "files, or copy the music to object storage such as s3://."
        )
    try:
        system, path = fsspec.core.url_to_fs(address)
    except (ImportError, ValueError) as error:
        package = NEEDS.get(scheme, "")
        way = f" Install it on every machine that reads the files: pip install {package}" if package else ""
        raise CoreError(f"The address {safe(address)} needs a package that is not installed: {error}.{way}") from error
    except Exception as error:  # some file systems connect here, and each raises its own exception types
        raise CoreError(f"{safe(address)} cannot be reached: {fault(error)}.") from error
    return system, str(path)


def fault(error: Exception) -> str:
    """Return the message of an error, at most 300 characters, without a final full stop."""
    words = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(words).strip().rstrip(".")[:300]


def is_local(address: str) -> bool:
    """Return whether an address is a path on this machine."""
    scheme, separator, _ = address.partition("://")
    return not separator or scheme in ("file", "local")


def local_path(address: str) -> str:
    """Return the absolute path of a local address."""
    return filesystem(address)[1] if "://" in address else os.path.abspath(os.path.expanduser(address))


def safe(address: str) -> str:
    """Return the address without user name and password; a path is returned unchanged."""
    scheme, separator, rest = address.partition("://")
    server, slash, path = rest.partition("/")
    return f"{scheme}{separator}{server.rsplit('@', 1)[-1]}{slash}{path}"


def without_key(address: str) -> str:
    """Return the address as by ``safe``, and a web address without its query, which may hold a key."""
    shown = safe(address)
    return shown.partition("?")[0] if shown.lower().startswith(("http://", "https://")) else shown

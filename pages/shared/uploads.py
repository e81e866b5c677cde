"""The upload field of all pages: the browser does not send a file that is too large, and the page says so."""

from typing import Any

import streamlit as st

from core.settings import Settings
from pages.shared import assets


def limit_mb(wanted_mb: float) -> int:
    """Return the largest file that a field accepts, in MB: the wanted size, but not more than the server accepts."""
    return max(1, min(int(wanted_mb), int(st.get_option("server.maxUploadSize"))))


def file_field(label: str, *, key: str, largest_mb: float, way_out: str, **options: Any) -> Any:
    """Show an upload field, and a sentence that appears below it while it holds a file that was not sent.

    The browser refuses a file that is too large before it sends a byte, so such a file needs no memory of the server.
    But the server does not learn about the file. Therefore the sentence is always on the page, and a style sheet
    shows it when the field has an error.

    Parameters
    ----------
    largest_mb
        Size limit of a file.
    way_out
        What to do with a larger file, as a sentence.
    options
        Further arguments of `st.file_uploader`.

    Returns
    -------
    UploadedFile, list of UploadedFile or None
        The result of `st.file_uploader`.
    """
    assets.style("uploads")
    limit = limit_mb(largest_mb)
    with st.container(key=f"upload-{key}", gap=None):
        files = st.file_uploader(label, key=key, max_upload_size=limit, **options)
        with st.container(key=f"not-sent-{key}"):
            st.markdown(f":red[:material/error: {not_sent(limit, way_out, options.get('type'))}]")
    return files


def not_sent(limit: int, way_out: str, endings: list[str] | None = None) -> str:
    """Return the sentence about a file that was not sent.

    limit : in MB.  endings : of the names that the field accepts, without dot; None accepts all.
    """
    together = Settings().max_held_mb / 2
    names = "" if endings is None else f" Its name must end in {', '.join(f'.{ending}' for ending in endings)}."
    return (
        f"The file with the red mark was not sent. The limit is {limit:,} MB, and {together:,.0f} MB for all your "
        f"files together. {way_out} "
        f"If the file is smaller, remove it here and choose it again.{names} A result on this page belongs to the "
        "file that was sent before."
    )

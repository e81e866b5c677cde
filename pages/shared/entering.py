"""Read what a visitor can write into an address or a cookie. All of it is bounded here, before a page uses it.

Fields that Streamlit binds to the address (``bind="query-params"``) are checked by Streamlit: it accepts only options
and numbers that the field offers, and texts of at most ``max_chars``.
"""

from collections.abc import Mapping, Sequence
from math import isfinite
from urllib.parse import unquote

import streamlit as st

from core.errors import CoreError, ModelError
from core.models.policy import Policy
from core.store import MAX_NAME, rater_name

LONGEST = 200  # characters of one parameter
POLICY = ("kind", "threshold", "pair", "thresholds", "coverage", "floors", "windows")  # parameters of a policy


def parameter(name: str) -> str:
    """Return a parameter of the address on one line, bounded; "" without one."""
    return bounded(st.query_params.get(name, ""))


def bounded(text: str) -> str:
    """Return a text on one line, with printable characters only and at most ``LONGEST`` of them."""
    printable = "".join(c if c.isprintable() else " " for c in text[:LONGEST])
    return " ".join(printable.encode(errors="ignore").decode().split())


def ends(texts: Sequence[str]) -> tuple[float | None, float | None]:
    """Return the two ends of a range in the address; None for an empty end, and for what is not a range."""
    try:
        low, high = (float(text[:LONGEST]) if text else None for text in texts[:3])
    except ValueError:  # not two texts, or not numbers
        return None, None
    if any(end is not None and not isfinite(end) for end in (low, high)):
        return None, None
    return low, high


def cookie_name(text: str) -> str:
    """Return the rater's name that a cookie holds; "" without a valid name."""
    if len(text) > 12 * MAX_NAME:  # a character takes at most 12 in a cookie
        return ""
    try:
        return rater_name(unquote(text))
    except CoreError:
        return ""


def policy(given: Mapping[str, str], stored: Mapping[str, Policy]) -> Policy:
    """Read a policy from the parameters of an address. Raises ModelError if they are invalid.

    stored : policies saved with the model; a conformal policy without floors takes its floors from there.
    """
    given = {name: bounded(given[name]) for name in POLICY if name in given}
    kind = given.get("kind", "threshold")
    try:
        floors, thresholds = _numbers(given.get("floors", "")), _numbers(given.get("thresholds", ""))
        threshold, pair = (float(given.get(k, "0.75")) for k in ("threshold", "pair"))
        coverage = float(given.get("coverage", "0.9"))
        windows = int(given.get("windows", stored.get("threshold", Policy()).windows))
    except ValueError:
        raise ModelError("A value in the address is not a number.") from None
    if kind == "conformal" and not floors and kind in stored:
        floors, coverage = stored[kind].floors, stored[kind].coverage
    return Policy(
        kind=kind,  # type: ignore[arg-type]
        threshold=threshold,
        pair_threshold=pair,
        coverage=coverage,
        floors=floors,
        thresholds=thresholds,
        windows=windows,
    )


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(float(number) for number in text.split(",")) if text else ()

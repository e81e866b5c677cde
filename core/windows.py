"""How a recording is cut into windows that overlap."""

from core.errors import AudioError, CoreError

SHORTEST_S, LONGEST_S = 30.0, 60.0  # the model was trained on 30 s; in more than a minute moods are mixed
LENGTH_S, HOP_S = 30.0, 15.0
REST_S = 1.0  # what is left after the last window gets a window of its own if it is longer than this
LONGEST_RECORDING_S = 6 * 3600.0  # more than any concert; a file that claims more has a damaged length


def spans(duration_s: float, *, length_s: float = LENGTH_S, hop_s: float = HOP_S) -> list[tuple[float, float]]:
    """Start and end of each window in s.

    length_s : from 30 to 60.  hop_s : from one second to the length. The last window ends with the recording, so that
    no second is left out; a recording shorter than a window is one window.
    Raises AudioError for a recording longer than ``LONGEST_RECORDING_S``.
    """
    if not SHORTEST_S <= length_s <= LONGEST_S:
        raise CoreError(f"A window has {SHORTEST_S:g} to {LONGEST_S:g} seconds, not {length_s:g}.")
    if not 1 <= hop_s <= length_s:
        raise CoreError(f"Windows follow each other after 1 to {length_s:g} seconds (their length), not {hop_s:g}.")
    if not duration_s <= LONGEST_RECORDING_S:
        raise AudioError(
            f"The recording claims to last {duration_s / 3600:,.1f} hours; at most {LONGEST_RECORDING_S / 3600:g} are "
            "scored. Cut out a part, or export the file again if it is shorter than that."
        )
    if duration_s <= length_s:
        return [(0.0, duration_s)]
    count = int((duration_s - length_s) // hop_s) + 1
    found = [(k * hop_s, k * hop_s + length_s) for k in range(count)]
    if duration_s - found[-1][1] > REST_S:
        found.append((duration_s - length_s, duration_s))
    return found

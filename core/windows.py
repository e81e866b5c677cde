"""Divide a recording into overlapping windows, or choose a few windows from its middle."""

from core.errors import AudioError, CoreError

SHORTEST_S, LONGEST_S = 30.0, 60.0  # the model was trained on 30 s clips; more than a minute often mixes moods
LENGTH_S, HOP_S = 30.0, 15.0
REST_S = 1.0  # a remainder longer than this gets an additional window
PIECE_WINDOWS, PIECE_APART_S = 3, 10.0  # windows that answer for a piece, and the time between their starts
LEAST_APART_S = 2.5  # windows that are closer hear the same: a file of about 30 s stays one window
LONGEST_RECORDING_S = 6 * 3600.0  # longer than any concert; a file header that claims more is damaged


def spans(duration_s: float, *, length_s: float = LENGTH_S, hop_s: float = HOP_S) -> list[tuple[float, float]]:
    """Return start and end of each window in seconds.

    The last window ends at the end of the recording, so the windows cover every second. A recording shorter than a
    window is one window.

    Parameters
    ----------
    duration_s
        Length of the recording in seconds.
    length_s
        Length of a window in seconds, from 30 to 60.
    hop_s
        Seconds from the start of one window to the start of the next, from 1 to `length_s`.

    Raises
    ------
    CoreError
        If the window length or the hop is out of range.
    AudioError
        If the recording is longer than ``LONGEST_RECORDING_S``.
    """
    if not SHORTEST_S <= length_s <= LONGEST_S:
        raise CoreError(
            f"A window must be {SHORTEST_S:g} to {LONGEST_S:g} seconds long, not {length_s:g}. Choose another length."
        )
    if not 1 <= hop_s <= length_s:
        raise CoreError(
            f"The hop between windows must be from 1 second to the window length ({length_s:g} s), not {hop_s:g} s. "
            "Choose another hop."
        )
    if not duration_s <= LONGEST_RECORDING_S:
        raise AudioError(
            f"The file says that the recording lasts {duration_s / 3600:,.1f} hours; the limit is "
            f"{LONGEST_RECORDING_S / 3600:g} hours. Cut out a part. If the recording is shorter, the file is damaged: "
            "export it again."
        )
    if duration_s <= length_s:
        return [(0.0, duration_s)]
    count = int((duration_s - length_s) // hop_s) + 1
    windows = [(k * hop_s, k * hop_s + length_s) for k in range(count)]
    if duration_s - windows[-1][1] > REST_S:
        windows.append((duration_s - length_s, duration_s))
    return windows


def piece_starts(duration_s: float, *, length_s: float, count: int, apart_s: float) -> list[float | None]:
    """Return the starts in s of the windows that answer for a piece. The first is None: the middle window.

    The windows lie around the middle: beginnings and endings are the least typical parts of a recording. In a file that
    is too short for the distance they are closer together; a file of about the length of a window gets one window.

    Parameters
    ----------
    duration_s
        Length of the recording in seconds.
    length_s
        Length of a window in seconds.
    count
        Number of windows: 1, 3, 5, ...
    apart_s
        Seconds from the start of one window to the start of the next.
    """
    steps = count // 2
    room = (duration_s - length_s) / 2
    apart = min(apart_s, room / steps) if steps else 0.0
    if apart < LEAST_APART_S:
        return [None]
    return [None, *(room + side * k * apart for k in range(1, steps + 1) for side in (-1, 1))]

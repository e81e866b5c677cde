"""When a sound counts as a play, as docs/use.md explains it. Every page gives it to its script, so it loads nothing."""

PLAY_SHARE = 0.5  # of the sound; after so much of it was heard, it counts as a play ...
PLAY_S = 240.0  # ... or after so many seconds (the rule of Last.fm)


def needed_s(length_s: float) -> float:
    """Return the seconds that must be heard of a sound of this length before it counts as a play."""
    return min(PLAY_SHARE * length_s, PLAY_S)

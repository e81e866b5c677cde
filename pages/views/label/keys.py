"""The labelling guide, and the keys of the Label page."""

from core.schema import EMOTIONS

KEYS = dict(zip(EMOTIONS, "1234", strict=True))
SKIP_KEYS = {"bad audio": "B", "ambiguous": "A", "none of the four": "N"}

GUIDE = """
Choose the emotion that **the music** expresses. Ignore the words of the song and your own mood today. Listen for at
least ten seconds. If the mood changes, the longer part counts.

- **Angry**: strong and unpleasant. Tense, harsh, driven.
- **Happy**: strong and pleasant. Lively, bright; it makes you want to move.
- **Relax**: calm and pleasant. Peaceful, at ease.
- **Sad**: calm and unpleasant. Longing, grief, *hüzün*.

**Skip** the clip as *ambiguous* if two emotions are equally strong after you listened twice, as *none of the four* if
it expresses something else or nothing, and as *bad audio* if noise, silence or speech makes it impossible to judge.
"""

KEYS_HELP = """
| key | what it does |
|---|---|
| 1 2 3 4 | Angry, happy, relax, sad |
| S, then B, A or N | skip: bad audio, ambiguous, none of the four |
| Z | take back the newest answer |
| W | write a comment; Enter gives the keys back |
| space bar | play or stop |
| ← → | 5 seconds back or forward |
| ? | show or hide this list |
"""

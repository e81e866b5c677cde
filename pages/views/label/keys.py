"""The labelling guide."""

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

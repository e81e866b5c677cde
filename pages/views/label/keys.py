"""The guide for labelling, and the size of the answer buttons."""

GUIDE = """
Say what **the music** expresses to you - not what the words say, and not what you feel today. Hear at least ten
seconds; where the mood changes, the longer part counts.

- **Angry**: strong and unpleasant. Tense, harsh, driven.
- **Happy**: strong and pleasant. Lively, bright; one wants to move.
- **Relax**: calm and pleasant. At ease, nothing is missing.
- **Sad**: calm and unpleasant. Longing, grief, *hüzün*.

**Skip** it as *ambiguous* when two of them are equally strong after a second hearing, as *none of the four* when it
expresses something else or nothing, as *bad audio* when noise, silence or speech is in the way.
"""

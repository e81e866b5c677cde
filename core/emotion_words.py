"""Words for the four emotions in Turkish, English and Spanish, for every file that a person brings.

The table cleaner and the readers of label files use this one rule, so that a word means the same everywhere.
"""

import unicodedata

from core.turkish import fold

# The words are folded: small letters, no marks, one i. `fold` makes "KIZGIN", "Kızgın" and "kizgin" the same word.
WORDS = {
    "angry": (
        ("angry", "anger", "angriness", "furious")
        + ("kizgin", "kizginlik", "ofkeli", "ofke", "sinirli")
        + ("enojado", "enojada", "enojo", "enfadado", "enfadada", "enfado", "furioso", "furiosa", "ira")
    ),
    "happy": (
        ("happy", "happiness", "joyful", "cheerful")
        + ("mutlu", "mutluluk", "neseli", "nese", "sevincli")
        + ("feliz", "felices", "felicidad", "alegre", "alegria", "contento", "contenta")
    ),
    "relax": (
        ("relax", "relaxed", "relaxing", "relaxation", "calm", "peaceful")
        + ("rahat", "rahatlatici", "rahatlamis", "sakin", "huzurlu", "huzur", "dingin")
        + ("relajado", "relajada", "relajante", "relajacion", "tranquilo", "tranquila", "calma")
    ),
    "sad": (
        ("sad", "sadness", "sorrowful")
        + ("uzgun", "uzuntulu", "uzuntu", "huzunlu", "huzun")
        + ("triste", "tristes", "tristeza")
    ),
}
_EMOTION_OF = {word: emotion for emotion, words in WORDS.items() for word in words}


def read_emotion(text: str) -> str | None:
    """The emotion that a word means, or None where it means none of the four.

    Case, surrounding spaces, Turkish letters and how their marks are stored make no difference: ``"MUTLU"``,
    ``" Üzgün"`` and ``"uzgun"`` are read. A text of several words is no emotion.
    """
    visible = "".join(c for c in text if unicodedata.category(c) != "Cf")  # such as a byte order mark in a cell
    return _EMOTION_OF.get(fold(visible.strip()))

"""Words for the four emotions in Turkish, English and Spanish.

The table cleaner and the readers of label files both use this list, so a word has the same meaning in every file.
"""

import unicodedata

from core.turkish import fold

# Folded words: lower case, no accents, one kind of i. `fold` turns "KIZGIN", "Kızgın" and "kizgin" into one word.
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
    """Return the emotion that a word names, or None if it names none of the four.

    Case, surrounding spaces, Turkish accents and their Unicode form do not matter: ``"MUTLU"``, ``" Üzgün"`` and
    ``"uzgun"`` are recognised. A text of several words is not recognised.
    """
    visible = "".join(c for c in text if unicodedata.category(c) != "Cf")  # no invisible characters
    return _EMOTION_OF.get(fold(visible.strip()))

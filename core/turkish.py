"""Compare Turkish text without regard to case and accents, and sort it by the Turkish alphabet.

File names and tags store an accented letter as one character (``ç``) or as two (``c`` and a cedilla, as macOS does).
Both forms are equal here.
"""

import unicodedata

_MARKS = dict.fromkeys(range(0x300, 0x370))  # combining accents, which NFKD and NFD separate from their letters
_ALPHABET = {letter: f"~{k:02d}" for k, letter in enumerate("abcçdefgğhıijklmnoöpqrsştuüvwxyz")}


def fold(text: str, *, marks: bool = False) -> str:
    """Normalise text for comparison: lower case, one kind of i, no accents: ``"HÜSEYNÎ" -> "huseyni"``.

    With ``marks=True`` the accents stay: ``"HÜSEYNÎ" -> "hüseynî"``. Folding a folded text does not change it.
    """
    small = unicodedata.normalize("NFC", text).replace("İ", "i").casefold().replace("ı", "i")
    if marks:
        return unicodedata.normalize("NFC", small)
    plain = unicodedata.normalize("NFKD", small).translate(_MARKS)
    return plain.casefold().replace("ı", "i")  # NFKD turns styled letters (such as 𝐀) into plain capitals


def turkish_order(text: str) -> str:
    """Return a key that sorts text by the Turkish alphabet (c ç d ... h ı i ... s ş t u ü).

    Letters with other accents are sorted as their base letter: â and á as a, î as i, é as e.
    """
    small = unicodedata.normalize("NFC", text).replace("İ", "i").replace("I", "ı").casefold()
    return "".join(_key(letter) for letter in small)


def _key(letter: str) -> str:
    plain = letter if letter in _ALPHABET else unicodedata.normalize("NFD", letter).translate(_MARKS)
    return _ALPHABET.get(plain, f" {plain}" if plain else "")

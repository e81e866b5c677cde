"""Turkish text: compared whatever its case and marks, and sorted by the Turkish alphabet.

Names of files and tags hold letters whole (``ç``) or with their marks apart (``c`` and a cedilla, as macOS writes
them); both are the same here.
"""

import unicodedata

_MARKS = dict.fromkeys(range(0x300, 0x370))  # accents, which NFKD and NFD set apart from their letters
_ALPHABET = {letter: f"~{k:02d}" for k, letter in enumerate("abcçdefgğhıijklmnoöpqrsştuüvwxyz")}


def fold(text: str, *, marks: bool = False) -> str:
    """Text for comparing: small letters, dotted and dotless i as one, no marks: ``"HÜSEYNÎ" -> "huseyni"``.

    marks : keep them: ``"HÜSEYNÎ" -> "hüseynî"``. Folded again, it stays what it is.
    """
    small = unicodedata.normalize("NFC", text).replace("İ", "i").casefold().replace("ı", "i")
    if marks:
        return unicodedata.normalize("NFC", small)
    plain = unicodedata.normalize("NFKD", small).translate(_MARKS)
    return plain.casefold().replace("ı", "i")  # NFKD makes plain capitals of letters in other dress


def turkish_order(text: str) -> str:
    """A key that sorts text as the Turkish alphabet does (c ç d ... h ı i ... s ş t u ü).

    Letters with other marks stand with their letter: â and á as a, î as i, é as e.
    """
    small = unicodedata.normalize("NFC", text).replace("İ", "i").replace("I", "ı").casefold()
    return "".join(_key(letter) for letter in small)


def _key(letter: str) -> str:
    plain = letter if letter in _ALPHABET else unicodedata.normalize("NFD", letter).translate(_MARKS)
    return _ALPHABET.get(plain, f" {plain}" if plain else "")

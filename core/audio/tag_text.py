"""Repair tag texts that were decoded with the wrong encoding, and read years from tags.

Two errors are common in Turkish collections: text in Turkish Windows encoding (cp1254) or in UTF-8 is read as Latin-1.
The first turns ``İbrahim Ağırbaş`` into ``Ýbrahim Aðýrbaþ``, the second turns ``İbrahim`` into ``Ä°brahim``.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence

from core.records import YEARS

LARGEST_TEXT = 1 << 20  # bytes of a tag; more is a picture, not a text

_TURKISH = str.maketrans("ÐÝÞðýþ", "ĞİŞğış")  # the six letters that differ between Latin-1 and cp1254
_MISREAD = re.compile("[ÐÝÞðýþ]")
_OWN = frozenset("çÇüÜğĞışŞİ")  # letters of Turkish that Icelandic and Czech do not have
_FOREIGN = frozenset("áàãåæéèêëíìïñóòõøúùßÿ")  # letters of Latin-1 that Turkish does not have
_WORD = re.compile(r"[^\W\d_]+")
_VOWELS = "aeiouöüâîûý"
# Signs of Icelandic and related languages: diphthongs and word beginnings that Turkish does not have, frequent words
_DIPHTHONGS = re.compile("ei|au|ey(?=[^aeiouöüâîûý])")
_BEGINNINGS = ("alþ", "þing", "þor")
_NOT_TURKISH = frozenset(
    ("það", "þar", "þau", "þegar", "þeir", "þessi", "þetta", "þig", "þinn", "þitt", "með", "við", "hið", "guð", "sýn")
    + ("suður", "friður", "ýmir", "ýmsir", "ýr", "týr", "nýr", "bróðir", "faðir", "móðir")
)
_TRIES = 2  # two programs in turn can misread UTF-8


def repair_encoding(texts: Sequence[str]) -> list[str]:
    """Repair wrongly decoded texts and normalise them to NFC.

    The letters ý, þ and ð do not exist in Turkish. They are replaced by ı, ş and ğ unless the texts show signs of
    another language.

    texts : all texts of one file; together they are the evidence for the language.
    """
    texts = [_from_utf8(text) for text in texts]
    turkish = _evidence(texts) >= 0
    return [unicodedata.normalize("NFC", _from_cp1254(text) if turkish else text) for text in texts]


def decode_text(raw: bytes) -> str:
    """Decode bytes as UTF-8 (an incomplete last letter is dropped), or else as Latin-1 for `repair_encoding`."""
    return _utf8(raw) or raw.decode("latin-1")


def first_year(texts: Iterable[str]) -> int | None:
    """Return the first year in the texts: ``1967``, ``1967-05-01``, ``05.01.1967``, ``19670501``.

    Returns None if there is no year from 1000 to 2100; ``0``, ``19xx`` and ``20011`` are not years.
    """
    for text in texts:
        for match in re.finditer(r"(?<!\d)(\d{4})(?:(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]))?(?!\d)", text):
            if YEARS[0] <= int(match[1]) <= YEARS[1]:
                return int(match[1])
    return None


def _from_utf8(text: str) -> str:
    """Restore text whose UTF-8 bytes were read as Latin-1 or as a Windows code page."""
    for _ in range(_TRIES):
        raw = _bytes(text)
        restored = _utf8(raw) if raw is not None and not raw.isascii() else ""
        if not restored:
            return text
        text = restored
    return text


def _utf8(raw: bytes) -> str:
    """Decode bytes as UTF-8 without an incomplete last letter; "" if they are not UTF-8.

    An incomplete last letter is accepted only if other letters show that the text is UTF-8.
    """
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        if error.reason != "unexpected end of data" or raw[: error.start].isascii():
            return ""
        return _utf8(raw[: error.start])


def _bytes(text: str) -> bytes | None:
    """Return the bytes of a text that was decoded byte by byte; None if a character does not come from one byte."""
    raw = bytearray()
    for letter in text:
        if ord(letter) < 256:
            raw.append(ord(letter))
            continue
        for page in ("cp1252", "cp1254"):
            try:
                raw += letter.encode(page)
                break
            except UnicodeEncodeError:
                pass
        else:
            return None
    return bytes(raw)


def _from_cp1254(text: str) -> str:
    """Restore text whose cp1254 bytes were read as Latin-1 or as cp1252."""
    if re.search("[\x80-\x9f]", text):  # quotation marks and dashes of Windows, control characters in Latin-1
        text = re.sub("[\x80-\x9f]", lambda mark: mark[0].encode("latin-1").decode("cp1252", "ignore"), text)
    return text.translate(_TURKISH)


def _evidence(texts: Sequence[str]) -> float:
    """Score whether texts with ý, þ and ð are Turkish: above 0 = Turkish, below 0 = another language."""
    letters = set("".join(texts))
    score = 2.0 * len(letters & _OWN)  # each letter counts once, so a long comment does not decide alone
    score -= 3.0 * len(set("".join(letters).lower()) & _FOREIGN)
    words = [word for text in texts for word in _WORD.findall(unicodedata.normalize("NFC", text))]
    if any(word.lower().endswith(("sson", "dóttir", "dottir")) for word in words):
        score -= 4
    return score + sum(_evidence_of_word(word) for word in words if _MISREAD.search(word))


def _evidence_of_word(written: str) -> float:
    """Score one word with ý, þ or ð by the sound rules of Turkish and Icelandic.

    In Turkish, ı follows a or ı but not e, i, o, ö, u or ü; ğ follows a vowel; no native word begins with two
    consonants. In Icelandic, þ comes before a vowel, r, j or v, and never at the end of a word.
    """
    word = written.lower()
    if word in _NOT_TURKISH or word.startswith(_BEGINNINGS):
        return -4
    score = -1.0 if len(word) > 1 and not (set(word[:2]) & set(_VOWELS + "y")) else 0.0
    score -= 2.0 * bool(_DIPHTHONGS.search(word))
    score -= 3.0 * bool(re.search("[^ou]ður$", word))
    score -= 1.5 * word.endswith(("nn", "rr", "ll"))
    score -= 2.0 * bool(re.search(f"[^{_VOWELS}]y[^{_VOWELS}]", word))
    before = ""  # the previous vowel
    for place, letter in enumerate(word):
        after = word[place + 1 : place + 2]
        if letter == "þ" and (not after or after not in _VOWELS + "rjv"):
            score += 3
        elif letter == "þ" and place:
            score += 1.5
        elif letter == "ð" and (not place or word[place - 1] not in _VOWELS):
            score -= 3
        elif letter == "ý" and written[place] == "ý":  # the capital Ý stands for İ, which follows other vowels
            score += 1.5 if before in ("a", "ý") else -1.5 if before else 0
        if letter in _VOWELS:
            before = letter
    return score

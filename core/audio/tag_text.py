"""Text of tags whose encoding was mistaken, put right by evidence; and years as tags write them.

Two mistakes are usual in Turkish collections: bytes of Turkish Windows (cp1254) and bytes of UTF-8, both read as
Latin-1. The first turns ``İbrahim Ağırbaş`` into ``Ýbrahim Aðýrbaþ``, the second into ``Ä°brahim``.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence

YEARS = (1000, 2100)  # as in the store

_TURKISH = str.maketrans("ÐÝÞðýþ", "ĞİŞğış")  # the six letters in which cp1254 differs from Latin-1
_MISREAD = re.compile("[ÐÝÞðýþ]")
_OWN = frozenset("çÇüÜğĞışŞİ")  # Turkish, and neither Icelandic nor Czech
_FOREIGN = frozenset("áàãåæéèêëíìïñóòõøúùßÿ")  # in Latin-1, and not in Turkish
_WORD = re.compile(r"[^\W\d_]+")
_VOWELS = "aeiouöüâîûý"
# Of Icelandic and its neighbours: diphthongs and beginnings that no Turkish word has, and words that could be Turkish.
_DIPHTHONGS = re.compile("ei|au|ey(?=[^aeiouöüâîûý])")
_BEGINNINGS = ("alþ", "þing", "þor")
_NOT_TURKISH = frozenset(
    ("það", "þar", "þau", "þegar", "þeir", "þessi", "þetta", "þig", "þinn", "þitt", "með", "við", "hið", "guð", "sýn")
    + ("suður", "friður", "ýmir", "ýmsir", "ýr", "týr", "nýr", "bróðir", "faðir", "móðir")
)
_TRIES = 2  # UTF-8 can be mistaken twice, by one program after another


def readable(texts: Sequence[str]) -> list[str]:
    """The texts with their letters put right, each letter whole (NFC).

    texts : all that one file says of itself; they are evidence for one another. Where nothing speaks against Turkish,
    a text with ý, þ or ð is taken for Turkish, which has none of them.
    """
    texts = [_from_utf8(text) for text in texts]
    turkish = _evidence(texts) >= 0
    return [unicodedata.normalize("NFC", _from_cp1254(text) if turkish else text) for text in texts]


def decoded(raw: bytes) -> str:
    """Bytes as text: UTF-8 if they are that (but for a letter cut off at the end), else Latin-1 for `readable`."""
    return _utf8(raw) or raw.decode("latin-1")


def year(texts: Iterable[str]) -> int | None:
    """The first year that one of the texts names: ``1967``, ``1967-05-01``, ``05.01.1967``, ``19670501``.

    None where there is none from 1000 to 2100: ``0``, ``19xx`` and ``20011`` name no year.
    """
    for text in texts:
        for found in re.finditer(r"(?<!\d)(\d{4})(?:(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]))?(?!\d)", text):
            if YEARS[0] <= int(found[1]) <= YEARS[1]:
                return int(found[1])
    return None


def _from_utf8(text: str) -> str:
    """The text that was meant, where bytes of UTF-8 were read as Latin-1 or as a Windows code page."""
    for _ in range(_TRIES):
        raw = _bytes(text)
        meant = _utf8(raw) if raw is not None and not raw.isascii() else ""
        if not meant:
            return text
        text = meant
    return text


def _utf8(raw: bytes) -> str:
    """The bytes as UTF-8, without a letter that was cut off at the end; "" where they are no UTF-8.

    A letter at the end counts as cut off only where other letters show that it is UTF-8.
    """
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        if error.reason != "unexpected end of data" or raw[: error.start].isascii():
            return ""
        return _utf8(raw[: error.start])


def _bytes(text: str) -> bytes | None:
    """The bytes that were read as this text one by one; None where it holds characters that no byte is."""
    found = bytearray()
    for letter in text:
        if ord(letter) < 256:
            found.append(ord(letter))
            continue
        for page in ("cp1252", "cp1254"):
            try:
                found += letter.encode(page)
                break
            except UnicodeEncodeError:
                pass
        else:
            return None
    return bytes(found)


def _from_cp1254(text: str) -> str:
    """The text that was meant, where bytes of cp1254 were read as Latin-1 or as cp1252."""
    if re.search("[\x80-\x9f]", text):  # quotation marks and dashes of Windows, control characters in Latin-1
        text = re.sub("[\x80-\x9f]", lambda mark: mark[0].encode("latin-1").decode("cp1252", "ignore"), text)
    return text.translate(_TURKISH)


def _evidence(texts: Sequence[str]) -> float:
    """How much speaks for Turkish in texts with ý, þ and ð (above 0), and how much against it (below 0)."""
    letters = set("".join(texts))
    score = 2.0 * len(letters & _OWN)  # each letter once: a long comment in another language outvotes nobody
    score -= 3.0 * len(set("".join(letters).lower()) & _FOREIGN)
    words = [word for text in texts for word in _WORD.findall(unicodedata.normalize("NFC", text))]
    if any(word.lower().endswith(("sson", "dóttir", "dottir")) for word in words):
        score -= 4
    return score + sum(_evidence_of_word(word) for word in words if _MISREAD.search(word))


def _evidence_of_word(written: str) -> float:
    """What a word with ý, þ or ð says; the sound laws of Turkish decide.

    In Turkish ı follows a and ı, and not e, i, o, ö, u and ü; ğ follows a vowel; no native word begins with two
    consonants. In Icelandic þ stands before a vowel, r, j or v and never at the end.
    """
    word = written.lower()
    if word in _NOT_TURKISH or word.startswith(_BEGINNINGS):
        return -4
    score = -1.0 if len(word) > 1 and not (set(word[:2]) & set(_VOWELS + "y")) else 0.0
    score -= 2.0 * bool(_DIPHTHONGS.search(word))
    score -= 3.0 * bool(re.search("[^ou]ður$", word))
    score -= 1.5 * word.endswith(("nn", "rr", "ll"))
    score -= 2.0 * bool(re.search(f"[^{_VOWELS}]y[^{_VOWELS}]", word))
    before = ""  # the vowel before
    for place, letter in enumerate(word):
        after = word[place + 1 : place + 2]
        if letter == "þ" and (not after or after not in _VOWELS + "rjv"):
            score += 3
        elif letter == "þ" and place:
            score += 1.5
        elif letter == "ð" and (not place or word[place - 1] not in _VOWELS):
            score -= 3
        elif letter == "ý" and written[place] == "ý":  # the capital is İ and follows other vowels
            score += 1.5 if before in ("a", "ý") else -1.5 if before else 0
        if letter in _VOWELS:
            before = letter
    return score

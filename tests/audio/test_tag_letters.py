"""Turkish letters in tags of every kind, and the letters of others; years; several tags in one file."""

import unicodedata
import zlib
from collections.abc import Callable

import pytest
import tag_files as make

from core.audio.tag_text import first_year, repair_encoding
from core.audio.tags import read_tags

ARTIST, TITLE, ALBUM = "İbrahim Ağırbaş", "Şarkı Çığlığı", "Güneşli Günler"


def cp1254(text: str) -> bytes:
    return text.encode("cp1254")


def utf8(text: str) -> bytes:
    return text.encode()


def nfd(text: str) -> bytes:
    return unicodedata.normalize("NFD", text).encode()


Write = Callable[[str], bytes]
VORBIS = ("ARTIST", "TITLE", "ALBUM")
KINDS: dict[str, Callable[[Write], bytes]] = {
    "ID3v1": lambda w: make.MP3_FRAME + make.id3v1(*map(w, (ARTIST, TITLE, ALBUM))),
    "ID3v2.2": lambda w: make.id3(latin(w, "TP1", "TT2", "TAL"), major=2),
    "ID3v2.3": lambda w: make.id3(latin(w, "TPE1", "TIT2", "TALB")),
    "ID3v2.4": lambda w: make.id3(latin(w, "TPE1", "TIT2", "TALB"), major=4),
    "ID3v2.4 that says UTF-8": lambda w: make.id3(latin(w, "TPE1", "TIT2", "TALB", said=b"\x03"), major=4),
    "RIFF INFO": lambda w: make.wav(dict(zip(("IART", "INAM", "IPRD"), written(w), strict=True))),
    "RIFF INFO before the sound": lambda w: make.wav(
        dict(zip(("IART", "INAM", "IPRD"), written(w), strict=True)), before=True
    ),
    "RF64": lambda w: make.wav(dict(zip(("IART", "INAM", "IPRD"), written(w), strict=True)), kind=b"RF64"),
    "ID3 in WAV": lambda w: make.wav({}, id3_tag=make.id3(latin(w, "TPE1", "TIT2", "TALB"))),
    "APEv2": lambda w: make.MP3_FRAME + make.ape(dict(zip(("Artist", "Title", "Album"), written(w), strict=True))),
    "Vorbis comments in FLAC": lambda w: make.flac(dict(zip(VORBIS, written(w), strict=True))),
    "Ogg Vorbis": lambda w: make.vorbis(dict(zip(VORBIS, written(w), strict=True))),
    "Opus": lambda w: make.opus(dict(zip(VORBIS, written(w), strict=True))),
    "FLAC in Ogg": lambda w: make.flac_in_ogg(dict(zip(VORBIS, written(w), strict=True))),
    "MP4": lambda w: make.mp4(dict(zip((b"\xa9ART", b"\xa9nam", b"\xa9alb"), written(w), strict=True))),
    "MP4 without a type": lambda w: make.mp4(
        dict(zip((b"\xa9ART", b"\xa9nam", b"\xa9alb"), written(w), strict=True)), kind=0
    ),
}


def written(write: Write) -> list[bytes]:
    return [write(ARTIST), write(TITLE), write(ALBUM)]


def latin(write: Write, *names: str, said: bytes = b"\0") -> dict[str, bytes]:
    """Frames whose text says that it is Latin-1."""
    return dict(zip(names, (said + text for text in written(write)), strict=True))


def mojibake(text: str) -> bytes:
    """UTF-8 of what a program made that took cp1254 for Latin-1."""
    return text.encode("cp1254").decode("latin-1").encode()


def twice(text: str) -> bytes:
    return text.encode().decode("latin-1").encode()


LONG = (nfd, mojibake, twice)  # of more than the 30 bytes that ID3v1 has for a text
PAIRS = [(k, w) for k in KINDS for w in (cp1254, utf8, *LONG) if not (k == "ID3v1" and w in LONG)]


@pytest.mark.parametrize(("kind", "write"), PAIRS, ids=lambda part: part if isinstance(part, str) else part.__name__)
def test_turkish_letters_survive(kind, write):
    tags = read_tags(KINDS[kind](write), "/müzik/parça")
    assert (tags["artist"], tags["title"], tags["album"]) == (ARTIST, TITLE, ALBUM)


@pytest.mark.parametrize("name", ["parça.mp3", "parça.flac", "parça.ogg", "parça.m4a", "parça.wav"])
def test_a_wrong_ending_does_not_hide_the_tags(name):
    for kind in ("ID3v2.3", "RIFF INFO", "APEv2", "FLAC in Ogg", "MP4", "Vorbis comments in FLAC"):
        assert read_tags(KINDS[kind](utf8), f"/m/{name}")["artist"] == ARTIST, kind


@pytest.mark.parametrize("extended", [False, True])
@pytest.mark.parametrize("major", [3, 4])
def test_unsynchronised_tags_and_extended_headers(major, extended):
    frames = {name: b"\x01\xff\xfe" + text.encode("utf-16-le") for name, text in (("TPE1", ARTIST), ("TIT2", TITLE))}
    if major == 3:
        data = make.id3(frames, unsynchronised=True, extended=extended)
    else:  # here each frame is unsynchronised by itself, and its size is the one it has then
        data = make.id3({n: f.replace(b"\xff\xfe", b"\xff\x00\xfe") for n, f in frames.items()}, major=4)
        data = make.id3(
            {n: f.replace(b"\xff\xfe", b"\xff\x00\xfe") for n, f in frames.items()}, major=4, extended=extended
        )
        data = data[:5] + bytes([data[5] | 0x80]) + data[6:]
    tags = read_tags(data, "/m/a.mp3")
    assert (tags["artist"], tags["title"]) == (ARTIST, TITLE)


def test_compressed_frames_pictures_and_sizes_as_in_the_older_version():
    text = b"\x03" + TITLE.encode()
    packed = len(text).to_bytes(4, "big") + zlib.compress(text)
    frame = b"TIT2" + len(packed).to_bytes(4, "big") + b"\0\x80" + packed
    assert read_tags(header(frame, 3), "/m/a.mp3")["title"] == TITLE
    long = b"\x03" + b"x" * 200
    body = make.id3_frames({"APIC": b"\0" * 300, "TALB": long, "TPE1": b"\x03" + ARTIST.encode()}, 3)
    assert read_tags(header(body, 4), "/m/a.mp3")["artist"] == ARTIST  # written by a program that forgot synchsafe


@pytest.mark.parametrize("order", ["le", "be"])
def test_utf_16_without_a_mark_of_its_byte_order(order):
    data = make.id3({n: b"\x01" + text.encode(f"utf-16-{order}") for n, text in (("TPE1", ARTIST), ("TIT2", TITLE))})
    tags = read_tags(data + make.MP3_FRAME * 5, "/m/x.mp3")
    assert (tags["artist"], tags["title"]) == (ARTIST, TITLE)


def header(body: bytes, major: int) -> bytes:
    return b"ID3" + bytes([major, 0, 0]) + make.synchsafe(len(body)) + body + make.MP3_FRAME


def test_id3v1_is_cut_off_and_comes_last():
    old = make.id3v1(utf8("Şarkıların Çığlığı xğa"), utf8("Ağır aksak şarkılar söylüyorum"))
    tags = read_tags(make.MP3_FRAME + old, "/m/a.mp3")
    assert tags["artist"] == "Şarkıların Çığlığı x"
    new = make.ape({"Artist": utf8(ARTIST), "Makam": utf8("Uşşak")})
    tags = read_tags(make.MP3_FRAME + new + old, "/m/a.mp3")
    assert (tags["artist"], tags["makam"]) == (ARTIST, "Uşşak")
    assert tags["title"].startswith("Ağır aksak")


@pytest.mark.parametrize("header_too", [False, True])
def test_ape_and_id3_in_one_file(header_too):
    ape = make.ape({"ARTIST": utf8("Başkası"), "usul": utf8("Düyek"), "Year": b"1967-05-01"}, header=header_too)
    data = make.id3({"TPE1": b"\0" + cp1254(ARTIST), "TIT2": b"\0" + cp1254(TITLE)}) + ape + make.id3v1(b"x", b"y")
    tags = read_tags(data, "/m/a.mp3")
    assert (tags["artist"], tags["title"], tags["usul"], tags["year"]) == (ARTIST, TITLE, "Düyek", 1967)


def test_an_ape_tag_at_the_beginning_and_one_that_is_damaged():
    data = make.ape({"Artist": utf8(ARTIST)}, at_start=True) + make.MP3_FRAME * 200
    assert read_tags(data, "/m/a.mp3")["artist"] == ARTIST
    whole = make.MP3_FRAME + make.ape({"Artist": utf8(ARTIST), "Title": utf8(TITLE)})
    for place in range(len(make.MP3_FRAME), len(whole)):
        for data in (whole[:place], whole[:place] + b"\xff" + whole[place + 1 :]):
            assert set(read_tags(data, "/m/a.mp3")) == set(read_tags(b"", "/m/a.mp3"))


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_tags_are_read_as_far_as_they_go(kind):
    whole, nothing = KINDS[kind](utf8), read_tags(b"", "/m/a.mp3")
    for place in range(4, len(whole), 5):
        for data in (whole[:place], whole[:place] + b"\xff" + whole[place + 1 :], whole[:place] + whole[place + 1 :]):
            tags = read_tags(data, "/m/a.mp3")
            assert tags.keys() == nothing.keys()
            assert all(isinstance(text, str) and len(text) <= 1000 for name, text in tags.items() if name != "year")


def test_texts_of_aiff():
    tags = read_tags(make.aiff({"NAME": cp1254(TITLE), "AUTH": cp1254(ARTIST), "ANNO": b"makam: Rast"}), "/m/a.aiff")
    assert (tags["artist"], tags["title"], tags["makam"]) == (ARTIST, TITLE, "Rast")


TURKISH = (
    ("Aşk", "Dağ", "Doğa", "Başar", "Işık", "AĞIRBAŞ", "DENİZ", "Sarı Gelin", "Uşşak", "Müşfik", "Göğe", "Eşref")
    + ("Şah", "Şule", "Oğuz", "Kırmızı", "Tıp", "İlhan İrem", "Âşık Veysel Şatıroğlu", "Trabzon Kızı", "Ali’nin Kızı")
    + ("Grup Baş", "Dolandım", "Şu Dağlar", "Barış Manço", "Yıkılmış", "Sezen Aksu – Ağlamak Güzeldir", "Feşmekân")
)
OTHERS = (
    ("Þórður Sigurðsson", "Guðrún", "Ýmir", "Það besta", "Með suð í eyrum", "Við og við", "Norðurljós", "Friður")
    + ("Ásgeir: Dýrð í dauðaþögn", "Björk Guðmundsdóttir", "Óðinn", "Þeir", "Alþýða", "Ný batterí", "Ragnheiður")
    + ("Novotný", "Nový", "Trøllabundin, Eivør Pálsdóttir á Ýri", "Café", "Mötley Crüe", "Façade", "Große Fuge", "ÿ")
)


@pytest.mark.parametrize("text", TURKISH)
@pytest.mark.parametrize("mistake", ["cp1254 as latin-1", "cp1254 as cp1252", "utf-8 as latin-1", "utf-8 as cp1252"])
def test_turkish_text_is_put_right_and_right_text_stays(text, mistake):
    wrote, took = mistake.split(" as ")
    raw = text.encode(wrote)
    taken = raw.decode(took, "ignore")  # cp1252 leaves five bytes undefined
    if taken.encode(took) == raw:
        assert repair_encoding([taken]) == [text]
    assert repair_encoding([text]) == [text]
    assert repair_encoding([unicodedata.normalize("NFD", text)]) == [text]


@pytest.mark.parametrize("text", OTHERS)
def test_text_that_is_really_latin_1_stays(text):
    assert repair_encoding([text]) == [text]
    assert repair_encoding([text.encode().decode("latin-1")]) == [text]


def test_texts_of_one_file_are_evidence_for_one_another():
    assert repair_encoding(["Þorp"]) == ["Þorp"]
    assert repair_encoding(["Þema"]) == ["Şema"]  # without other texts, Turkish is assumed
    assert repair_encoding(["Þema", "Ólöf Arnalds"]) == ["Þema", "Ólöf Arnalds"]
    wrong = ["Ýbrahim Aðýrbaþ", "Þarký Çýðlýðý", "Enregistré à Paris, édité à Genève, déjà écouté"]
    assert repair_encoding(wrong)[:2] == [ARTIST, TITLE]
    assert repair_encoding(["Þarký", "Münir Nurettin Selçuk"]) == ["Şarkı", "Münir Nurettin Selçuk"]


def test_names_of_files_are_whole_letters():
    assert read_tags(b"", "/m/" + unicodedata.normalize("NFD", "Ağır Şarkı.mp3"))["title"] == "Ağır Şarkı"


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("1967", 1967),
        ("1967-05-01", 1967),
        ("1967-05-01T10:00:00Z", 1967),
        ("05.01.1967", 1967),
        ("1/5/1967", 1967),
        ("1967/8", 1967),
        ("19670501", 1967),
        ("ca. 1967", 1967),
        ("(P) 1967, 2001", 1967),
        ("0", None),
        ("0000", None),
        ("19xx", None),
        ("196", None),
        ("20011", None),
        ("9999", None),
        ("20011399", None),
        ("", None),
        ("unknown", None),
    ],
)
def test_years(text, meant):
    assert first_year([text]) == meant
    assert first_year(["0", text, "2001"]) == (meant or 2001)
    assert read_tags(make.flac({"DATE": text.encode()}), "/m/a.flac")["year"] == meant
    assert read_tags(make.id3({"TYER": b"\0" + text.encode()}), "/m/a.mp3")["year"] == meant
    assert read_tags(make.mp4({b"\xa9day": text.encode()}), "/m/a.m4a")["year"] == meant
    assert read_tags(make.wav({"ICRD": text.encode()}), "/m/a.wav")["year"] == meant
    assert read_tags(make.flac({"YEAR": text.encode()}), "/m/a.flac")["year"] == meant


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("T01/02_v23_cp1254_as_latin1.mp3", {"artist": ARTIST, "title": TITLE, "album": ALBUM}),
        ("T01/03_id3v1_cp1254.mp3", {"artist": ARTIST, "title": TITLE, "album": ALBUM}),
        ("T02/04_v23_utf8_as_latin1.mp3", {"artist": ARTIST, "title": TITLE, "album": ALBUM}),
        ("T05/01.flac", {"makam": "Hicaz", "usul": "serbest", "year": 1990, "performer": "Necdet (tanbur)"}),
        ("T05/02.flac", {"makam": "Rast", "usul": "Aksak", "year": 2001, "performer": "Ihsan (ney)"}),
        ("T06/09_apev2_only.mp3", {"artist": ARTIST, "title": TITLE, "makam": "Uşşak", "year": 1967}),
    ],
)
def test_files_of_users(shared, case, expected):
    path = shared / "cases" / case
    if not path.is_file():
        pytest.skip(f"{case} is not in the shared folder")
    tags = read_tags(path.read_bytes(), str(path))
    assert {name: tags[name] for name in expected} == expected

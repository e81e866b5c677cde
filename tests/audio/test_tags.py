"""Tags: what files of each format say of makam, usul and performer, and what is no such saying."""

import io
import struct

import numpy as np
import pytest
import soundfile

from core.audio.tags import read_tags


def id3(*frames: tuple[str, str]) -> bytes:
    """An ID3v2.4 tag of UTF-8 frames, of at most 127 bytes each, before an empty MP3 frame."""
    body = b""
    for name, text in frames:
        content = b"\x03" + (b"tur\0" if name == "COMM" else b"") + text.encode()
        body += name.encode() + struct.pack(">I", len(content)) + b"\0\0" + content
    size = bytes([0, 0, len(body) >> 7, len(body) & 127])
    return b"ID3\x04\0\0" + size + body + b"\xff\xfb\x90\0" + bytes(413)


def atom(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", 8 + len(data)) + name + data


def mp4(**said: str) -> bytes:
    """An MP4 file of nothing but freeform tags."""
    tags = b"".join(
        atom(
            b"----",
            atom(b"mean", bytes(4) + b"com.apple.iTunes")
            + atom(b"name", bytes(4) + name.encode())
            + atom(b"data", struct.pack(">II", 1, 0) + text.encode()),
        )
        for name, text in said.items()
    )
    meta = atom(b"meta", bytes(4) + atom(b"ilst", tags))
    return atom(b"ftyp", b"M4A \0\0\0\0M4A ") + atom(b"moov", atom(b"udta", meta))


def flac(comment: str = "", *more: tuple[str, str]) -> bytes:
    """The head of a FLAC file with Vorbis comments."""
    buffer = io.BytesIO()
    soundfile.write(buffer, np.zeros(800), 8000, format="FLAC")
    notes = [f"{name}={text}".encode() for name, text in [*more, *([("COMMENT", comment)] if comment else [])]]
    body = struct.pack("<I", 4) + b"test" + struct.pack("<I", len(notes))
    body += b"".join(struct.pack("<I", len(note)) + note for note in notes)
    stream = b"\0" + buffer.getvalue()[5:42]  # the first block, which says the rate; another one follows
    return b"fLaC" + stream + b"\x84" + struct.pack(">I", len(body))[1:] + body


def said(data: bytes, name: str) -> tuple[str, str, str]:
    tags = read_tags(data, f"/music/{name}")
    return tags["makam"], tags["usul"], tags["performer"]


def test_each_format_says_makam_usul_and_performer():
    vorbis = flac("", ("MAKAM", "Hüzzam"), ("USUL", "Aksak"), ("PERFORMER", "Safiye Ayla"), ("Performer", "Yorgo"))
    assert said(vorbis, "a.flac") == ("Hüzzam", "Aksak", "Safiye Ayla, Yorgo")
    free = id3(("TXXX", "MAKAM\0Hicaz"), ("TXXX", "Usûl\0Düyek"), ("TXXX", "PERFORMER\0Âşık Veysel"), ("TPE3", "Şef"))
    assert said(free, "a.mp3") == ("Hicaz", "Düyek", "Âşık Veysel")
    assert said(mp4(MAKAM="Rast", USUL="Sofyan", PERFORMER="Neşet Ertaş"), "a.m4a") == ("Rast", "Sofyan", "Neşet Ertaş")


def test_id3_names_performers_also_as_musicians_or_as_the_conductor():
    players = "ud\0Yorgo Bacanos\0ney\0Niyazi Sayın"
    assert said(id3(("TMCL", players), ("TPE3", "Şef")), "a.mp3")[2] == "Yorgo Bacanos (ud), Niyazi Sayın (ney)"
    assert said(id3(("TPE3", "Münir Nurettin Selçuk")), "a.mp3")[2] == "Münir Nurettin Selçuk"


@pytest.mark.parametrize(
    ("comment", "expected"),
    [
        ("makam: Hicaz; usul: Aksak", ("Hicaz", "Aksak", "")),
        ("MAKAM = Hicaz, Usûl = Aksak", ("Hicaz", "Aksak", "")),
        ("From a tape.\nMakam: Hicaz, Rast\nPerformer: Safiye Ayla", ("Hicaz, Rast", "", "Safiye Ayla")),
        ("The makam: nobody knows. Digitised: 1998", ("", "", "")),
        ("Makam Hicaz, usul Aksak.", ("", "", "")),
        ("makam: Hicaz; makam: Rast", ("Hicaz", "", "")),
        ("makam:", ("", "", "")),
    ],
)
def test_a_comment_says_it_in_one_form(comment, expected):
    assert said(flac(comment), "a.flac") == expected
    assert said(id3(("COMM", comment)), "a.mp3") == expected


def test_a_tag_of_the_name_wins_over_the_comment():
    assert said(flac("makam: Rast; usul: Aksak", ("MAKAM", "Hicaz")), "a.flac") == ("Hicaz", "Aksak", "")


def test_what_has_no_tags_says_nothing():
    assert said(b"no audio", "a.wav") == ("", "", "")


def test_several_artists_are_joined_in_every_format():
    assert read_tags(flac("", ("ARTIST", "Safiye Ayla"), ("ARTIST", "Münir Nurettin")), "/a.flac")["artist"] == (
        "Safiye Ayla, Münir Nurettin"
    )
    assert read_tags(id3(("TPE1", "Safiye Ayla\0Münir Nurettin")), "/a.mp3")["artist"] == "Safiye Ayla, Münir Nurettin"
    wide = "\ufeffSafiye Ayla\0\ufeffMünir".encode("utf-16-le")
    frame = b"TPE1" + struct.pack(">I", len(wide) + 1) + b"\0\0\x01" + wide
    data = b"ID3\x03\0\0" + bytes([0, 0, 0, len(frame)]) + frame + b"\xff\xfb\x90\0" + bytes(413)
    assert read_tags(data, "/a.mp3")["artist"] == "Safiye Ayla, Münir"


def test_a_tag_of_version_2_4_that_was_unsynchronised_as_a_whole_keeps_its_later_frames():
    title, artist = b"\x01" + "\ufeffŞarkı".encode("utf-16-le"), b"\x03Ayla"
    frames = b"".join(
        name + struct.pack(">I", len(text)) + b"\0\0" + text for name, text in ((b"TIT2", title), (b"TPE1", artist))
    )
    body = frames.replace(b"\xff", b"\xff\0")
    data = b"ID3\x04\0\x80" + bytes([0, 0, 0, len(body)]) + body + b"\xff\xfb\x90\0" + bytes(413)
    tags = read_tags(data, "/a.mp3")
    assert (tags["title"], tags["artist"]) == ("Şarkı", "Ayla")

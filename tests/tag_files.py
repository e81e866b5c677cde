"""Files that hold tags and hardly any sound, made byte by byte for the tests."""

import struct

MP3_FRAME = b"\xff\xfb\x90\0" + bytes(413)
FIELDS = {"TPE1": "artist", "TIT2": "title", "TALB": "album", "TYER": "year"}


def synchsafe(size: int) -> bytes:
    return bytes(size >> shift & 127 for shift in (21, 14, 7, 0))


def id3_frames(frames: dict[str, bytes], major: int) -> bytes:
    """frames : name -> content, with the byte that says the encoding."""
    made = b""
    for name, content in frames.items():
        if major == 2:
            made += name.encode() + len(content).to_bytes(3, "big") + content
        else:
            size = synchsafe(len(content)) if major == 4 else len(content).to_bytes(4, "big")
            made += name.encode() + size + b"\0\0" + content
    return made


def id3(frames: dict[str, bytes], *, major: int = 3, unsynchronised: bool = False, extended: bool = False) -> bytes:
    """An MP3 file with an ID3v2 tag."""
    body = id3_frames(frames, major)
    if extended:
        head = bytes(6)
        body = (synchsafe(6) + b"\x01\x00" if major == 4 else len(head).to_bytes(4, "big") + head) + body
    if unsynchronised:
        body = body.replace(b"\xff\x00", b"\xff\x00\x00").replace(b"\xff\xfe", b"\xff\x00\xfe")
    flags = (0x80 if unsynchronised else 0) | (0x40 if extended else 0)
    return b"ID3" + bytes([major, 0, flags]) + synchsafe(len(body)) + body + MP3_FRAME


def id3v1(artist: bytes, title: bytes, album: bytes = b"", year: bytes = b"", genre: int = 255) -> bytes:
    """The 128 bytes at the end of a file."""
    fields = [(title, 30), (artist, 30), (album, 30), (year, 4), (b"", 30)]
    return b"TAG" + b"".join(text[:size].ljust(size, b"\0") for text, size in fields) + bytes([genre])


def ape(items: dict[str, bytes], *, header: bool = True, at_start: bool = False) -> bytes:
    """An APEv2 tag."""
    body = b"".join(struct.pack("<2I", len(v), 0) + k.encode() + b"\0" + v for k, v in items.items())

    def frame(flags: int) -> bytes:
        return b"APETAGEX" + struct.pack("<4I", 2000, len(body) + 32, len(items), flags) + bytes(8)

    first = frame(1 << 31 | 1 << 29) if header or at_start else b""
    return first + body + frame(1 << 31 if header else 0)


def wav(info: dict[str, bytes], *, before: bool = False, id3_tag: bytes = b"", kind: bytes = b"RIFF") -> bytes:
    """A WAV file with RIFF INFO, before or after its samples."""
    entries = b"".join(chunk(name.encode(), text + b"\0") for name, text in info.items())
    tags = chunk(b"LIST", b"INFO" + entries) + (chunk(b"id3 ", id3_tag) if id3_tag else b"")
    sound = chunk(b"data", bytes(200))
    form = chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, 8000, 16000, 2, 16))
    body = b"WAVE" + form + (tags + sound if before else sound + tags)
    return kind + struct.pack("<I", len(body)) + body


def chunk(name: bytes, content: bytes, order: str = "<") -> bytes:
    return name + struct.pack(f"{order}I", len(content)) + content + b"\0" * (len(content) % 2)


def aiff(texts: dict[str, bytes]) -> bytes:
    body = b"AIFF" + b"".join(chunk(name.encode(), text, ">") for name, text in texts.items())
    return b"FORM" + struct.pack(">I", len(body)) + body


def vorbis_comment(comments: dict[str, bytes]) -> bytes:
    notes = [f"{name}=".encode() + text for name, text in comments.items()]
    body = struct.pack("<I", 4) + b"test" + struct.pack("<I", len(notes))
    return body + b"".join(struct.pack("<I", len(note)) + note for note in notes)


def ogg(*packets: bytes) -> bytes:
    """Each packet (shorter than 255 x 255 bytes) on a page of its own; checksums are not filled in."""
    pages = b""
    for number, packet in enumerate(packets):
        sizes = [255] * (len(packet) // 255) + [len(packet) % 255]
        head = struct.pack("<4sBBqIIIB", b"OggS", 0, 2 if not number else 0, 0, 7, number, 0, len(sizes))
        pages += head + bytes(sizes) + packet
    return pages


_STREAM = struct.pack(">HH", 4096, 4096) + bytes(6) + struct.pack(">Q", 8000 << 44 | 15 << 36) + bytes(16)


def opus(comments: dict[str, bytes]) -> bytes:
    head = b"OpusHead" + struct.pack("<BBHIhB", 1, 1, 312, 48000, 0, 0)
    return ogg(head, b"OpusTags" + vorbis_comment(comments))


def vorbis(comments: dict[str, bytes]) -> bytes:
    head = b"\x01vorbis" + struct.pack("<IBIiiiBB", 0, 1, 8000, 0, 64000, 0, 0xB8, 1)
    return ogg(head, b"\x03vorbis" + vorbis_comment(comments) + b"\x01")


def flac_in_ogg(comments: dict[str, bytes]) -> bytes:
    head = b"\x7fFLAC\x01\x00\x00\x01fLaC" + b"\0\0\0\x22" + _STREAM
    body = vorbis_comment(comments)
    return ogg(head, b"\x84" + len(body).to_bytes(3, "big") + body)


def flac(comments: dict[str, bytes]) -> bytes:
    body = vorbis_comment(comments)
    return b"fLaC" + b"\0\0\0\x22" + _STREAM + b"\x84" + len(body).to_bytes(3, "big") + body


def atom(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", 8 + len(data)) + name + data


def mp4(said: dict[bytes, bytes], *, kind: int = 1, **free: bytes) -> bytes:
    """An MP4 file of nothing but tags. said : atom -> text.  kind : type of the data.  free : tags of any name."""
    tags = b"".join(atom(n, atom(b"data", struct.pack(">II", kind, 0) + text)) for n, text in said.items())
    for name, text in free.items():
        parts = atom(b"mean", bytes(4) + b"com.apple.iTunes") + atom(b"name", bytes(4) + name.encode())
        tags += atom(b"----", parts + atom(b"data", struct.pack(">II", kind, 0) + text))
    meta = atom(b"meta", bytes(4) + atom(b"hdlr", bytes(25)) + atom(b"ilst", tags))
    return atom(b"ftyp", b"M4A \0\0\0\0M4A ") + atom(b"moov", atom(b"udta", meta))

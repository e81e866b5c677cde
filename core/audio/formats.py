"""The audio formats that are read: one table for pages, folders, documents and refusals.

A file is recognised by its first bytes and never by its name, because names are often wrong.
"""

import re
from dataclasses import dataclass
from typing import Literal

from core.audio import free_format
from core.audio.mpeg import first_frame, skip_id3

Decoder = Literal["libsndfile", "FFmpeg"]


@dataclass(frozen=True)
class Format:
    """A kind of file that is read.

    name : as people call it.  endings : of file names, lower case with the dot.  holds : what such a file is.
    decoder : the library that decodes it; FFmpeg also takes what libsndfile cannot read.
    demuxer : FFmpeg's name of the container.  plain : the samples are stored as they are, uncompressed.
    """

    name: str
    endings: tuple[str, ...]
    holds: str
    decoder: Decoder
    demuxer: str
    plain: bool = False

    @property
    def lossless(self) -> bool:
        """Whether every such file holds the samples as they were recorded. M4A, CAF and OGG can be either."""
        return self.plain or self.holds == _LOSSLESS


_LOSSLESS = "lossless compression"
_LIB: Decoder = "libsndfile"
_FF: Decoder = "FFmpeg"
FORMATS = (
    Format("WAV", (".wav", ".wave"), "uncompressed audio, integer or float", _LIB, "wav", True),
    Format("RF64", (".rf64", ".bw64"), "WAV of more than 4 GB", _LIB, "wav", True),
    Format("W64", (".w64",), "Sony Wave64", _LIB, "w64", True),
    Format("AIFF", (".aif", ".aiff", ".aifc"), "uncompressed audio of Apple programs", _LIB, "aiff", True),
    Format("AU", (".au", ".snd"), "uncompressed audio of Sun and NeXT", _LIB, "au", True),
    Format("CAF", (".caf",), "Apple Core Audio: uncompressed, ALAC or AAC", _LIB, "caf"),
    Format("FLAC", (".flac",), _LOSSLESS, _LIB, "flac"),
    Format("OGG", (".ogg", ".oga"), "Vorbis; also FLAC and Speex in Ogg", _LIB, "ogg"),
    Format("Opus", (".opus",), "voice notes and streams: Opus in Ogg", _FF, "ogg"),
    Format("MP3", (".mp3", ".mp2", ".mpga"), "MPEG audio, layers 1 to 3", _LIB, "mp3"),
    Format("M4A", (".m4a", ".m4b", ".mp4", ".mov", ".3gp"), "phones: AAC or ALAC; the sound of videos", _FF, "mov"),
    Format("AAC", (".aac", ".adts"), "raw AAC, as radio streams send it", _FF, "aac"),
    Format("LATM", (".latm", ".loas"), "AAC of digital television and radio", _FF, "loas"),
    Format("WMA", (".wma", ".asf"), "Windows Media Audio", _FF, "asf"),
    Format("WebM", (".webm", ".weba", ".mka", ".mkv"), "browsers: Opus or Vorbis; Matroska", _FF, "matroska"),
    Format("WavPack", (".wv",), _LOSSLESS, _FF, "wv"),
    Format("TTA", (".tta",), _LOSSLESS, _FF, "tta"),
    Format("AC-3", (".ac3", ".eac3"), "Dolby Digital, the sound of films", _FF, "ac3"),
    Format("AMR", (".amr",), "voice notes of older phones", _FF, "amr"),
)
BY_NAME = {form.name: form for form in FORMATS}
LOSSLESS_ENDINGS = tuple(ending for form in FORMATS if form.lossless for ending in form.endings)
ENDINGS = tuple(ending for form in FORMATS for ending in form.endings)
# Audio that is not read, by the ending of its name: such files of a folder are listed as refused.
UNREAD_ENDINGS = (
    *(".ape", ".mpc", ".tak", ".shn", ".ra", ".rm", ".ram", ".dsf", ".dff", ".dts", ".m4p", ".aa", ".aax"),
    *(".mid", ".midi", ".kar"),
)
NOT_AUDIO = ".not-audio"  # added to the names of files that were sent and hold no audio, so that they are listed
CONVERT = "Convert it to WAV or FLAC."
_WAY_OUT = "Choose a file with music."


@dataclass(frozen=True)
class Other:
    """A file that is not read. what : "a picture (JPEG)".  way_out : what to do, as a sentence."""

    what: str
    way_out: str = _WAY_OUT


def names() -> str:
    """The formats in one phrase: "WAV, RF64, ... or AMR"."""
    *most, last = (form.name for form in FORMATS)
    return f"{', '.join(most)} or {last}"


def common_names() -> str:
    """The formats that most people have, for a short label."""
    return "WAV, FLAC, MP3, M4A, AAC, OGG, Opus, WMA, WebM and others"


def markdown_table() -> str:
    """The table for the documents."""
    lines = ["| format | endings | what it is | decoded by |", "|---|---|---|---|"]
    lines += [f"| {f.name} | {' '.join(f.endings)} | {f.holds} | {f.decoder} |" for f in FORMATS]
    return "\n".join(lines)


# First bytes of formats that are read: position, bytes, name.
_MAGIC = (
    (0, b"RF64", "RF64"), (0, b"BW64", "RF64"), (0, b"riff\x2e\x91\xcf\x11", "W64"),
    (0, b".snd", "AU"), (0, b"dns.", "AU"), (0, b"caff", "CAF"), (0, b"fLaC", "FLAC"), (0, b"OggS", "OGG"),
    (4, b"ftyp", "M4A"), (4, b"moov", "M4A"), (4, b"mdat", "M4A"), (4, b"wide", "M4A"), (4, b"free", "M4A"),
    (4, b"skip", "M4A"), (4, b"pnot", "M4A"), (4, b"styp", "M4A"), (4, b"moof", "M4A"),
    (0, bytes.fromhex("3026b2758e66cf11"), "WMA"), (0, b"\x1aE\xdf\xa3", "WebM"), (0, b"wvpk", "WavPack"),
    (0, b"TTA1", "TTA"), (0, b"\x0bw", "AC-3"), (0, b"#!AMR", "AMR"),
)  # fmt: skip
_UNPACK = "Unpack it, and choose the audio file in it."
_LIST = Other("a playlist: a list of names and no sound", "Choose the files that it names.")
_NOTES = Other("a MIDI file: notes and no sound", "Play it in a program that makes a recording of it.")
_COPY = "The copy is not complete: copy or download it again."
# First bytes of other files that people send by mistake.
_OTHERS = {
    **{magic: Other(f"a picture ({kind})") for magic, kind in (
        (b"\x89PNG", "PNG"), (b"\xff\xd8\xff", "JPEG"), (b"GIF8", "GIF"), (b"BM", "BMP"),
    )},
    **{magic: Other(f"{kind} archive", _UNPACK) for magic, kind in (
        (b"PK\x03\x04", "a ZIP"), (b"Rar!", "a RAR"), (b"7z\xbc\xaf", "a 7z"), (b"\x1f\x8b", "a gzip"),
        (b"BZh", "a bzip2"), (b"\xfd7zXZ", "an xz"),
    )},
    **{magic: Other(f"{kind}, which is not read", CONVERT) for magic, kind in (
        (b"MAC ", "Monkey's Audio (APE)"), (b"MPCK", "Musepack audio"), (b"MP+", "Musepack audio"),
        (b"tBaK", "TAK audio"), (b"ajkg", "Shorten audio"), (b"DSD ", "DSD audio"), (b"FRM8", "DSD audio"),
        (b".RMF", "RealMedia"), (b".ra\xfd", "RealAudio"), (b"\x7f\xfe\x80\x01", "DTS audio"),
        (b"FLV", "a Flash video"), (b"\x00\x00\x01\xba", "an MPEG video"),
    )},
    b"%PDF": Other("a PDF document"),
    b"MThd": _NOTES,
    b"#EXTM3U": _LIST,
    b"[playlist]": _LIST,
    b"version https://git-lfs": Other("a pointer of Git LFS and not the file itself", "Fetch it with: git lfs pull"),
    b"\x00\x05\x16\x07": Other(
        "a side file of macOS and not the music itself", "Choose the file of the same name without the leading ._"
    ),
    b"SQLite format 3": Other("a database"),
    b"MZ": Other("a Windows program"),
    b"\x7fELF": Other("a program"),
}  # fmt: skip
_HTML = re.compile(
    rb"\s*(?:\xef\xbb\xbf)?\s*(?:<!--.*?-->\s*)?<(?:!doctype html|html|head|body)", re.IGNORECASE | re.DOTALL
)
_TEXT = re.compile(rb"[\t\n\r\x20-\x7e\x80-\xff]*\Z")
_ADTS = re.compile(rb"\xff(?=[\xf0\xf1\xf8\xf9])")
_LOAS = re.compile(rb"\x56(?=[\xe0-\xff])")
_SEARCHED = 16_384  # bytes in which raw AAC may begin: a stream that was recorded begins within a frame
_LOOKED_AT = 4096  # bytes of the beginning that decide whether a file is text


def identify(data: bytes) -> Format | Other:
    """What a file is, by its content."""
    start = skip_id3(data)
    head = data[start : start + 64]
    if head[:4] in (b"RIFF", b"RIFX") and (riff := _riff(head[8:12])):
        return riff
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return BY_NAME["AIFF"]
    for at, magic, name in _MAGIC:
        if head.startswith(magic, at):
            if name == "OGG" and b"OpusHead" in data[start : start + 512]:
                name = "Opus"
            return BY_NAME[name]
    if any(is_adts(data, start + m.start()) for m in _ADTS.finditer(data[start : start + _SEARCHED])):
        return BY_NAME["AAC"]
    if any(is_loas(data, start + m.start()) for m in _LOAS.finditer(data[start : start + _SEARCHED])):
        return BY_NAME["LATM"]
    if start == 0 and (other := _other(data)):
        return other
    if first_frame(data, start) >= 0 or free_format.find(data, start) is not None:
        return BY_NAME["MP3"]
    if start:
        return Other("a tag (ID3) without any sound after it", _COPY)
    if not data.strip(b"\x00"):
        return Other("nothing but zero bytes", _COPY)
    if _TEXT.match(data[:_LOOKED_AT]):
        return Other("not audio but a text file")
    return Other("not audio that can be read, or it is damaged at its beginning")


def _riff(kind: bytes) -> Format | Other | None:
    known: dict[bytes, Format | Other] = {
        b"WAVE": BY_NAME["WAV"],
        b"AVI ": Other("an AVI video, which is not read", CONVERT),
        b"WEBP": Other("a picture (WebP)"),
        b"RMID": _NOTES,
    }
    return known.get(kind)


def _other(data: bytes) -> Other | None:
    """What a file is that no format claims by its first bytes."""
    for magic, other in _OTHERS.items():
        if data.startswith(magic):
            return other
    if _HTML.match(data[:_LOOKED_AT]):
        return Other(
            "a web page (HTML) and not the music itself",
            "The download went wrong, or needs a login: open the address in a browser and save the file itself.",
        )
    return None


def is_adts(data: bytes, at: int) -> bool:
    """Whether three frames of raw AAC (ADTS, ISO/IEC 14496-3) follow each other here, or reach the end."""
    for _ in range(3):
        if at == len(data):
            return True
        if at + 7 > len(data) or data[at] != 0xFF or data[at + 1] & 0xF6 != 0xF0 or data[at + 2] >> 2 & 15 > 12:
            return False
        length = (data[at + 3] & 3) << 11 | data[at + 4] << 3 | data[at + 5] >> 5
        if length < 7:
            return False
        at += length
    return True


def is_loas(data: bytes, at: int) -> bool:
    """Whether three frames of AAC in LOAS (ISO/IEC 14496-3, 1.7.2) follow each other here, or reach the end."""
    for _ in range(3):
        if at == len(data):
            return True
        if at + 3 > len(data) or data[at] != 0x56 or data[at + 1] & 0xE0 != 0xE0:
            return False
        at += 3 + ((data[at + 1] & 0x1F) << 8 | data[at + 2])
    return True

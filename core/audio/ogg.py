"""The pages of an Ogg file (RFC 3533): which streams it holds, whether they are whole, and where one follows another.

Chained files hold several recordings one after the other (a radio programme, joined files). Each is a *link* with
streams of its own; decoders often stop after the first.
"""

from dataclasses import dataclass

_CODECS = (
    (b"\x01vorbis", "Vorbis"),
    (b"OpusHead", "Opus"),
    (b"\x7fFLAC", "FLAC"),
    (b"Speex   ", "Speex"),
)
_BEGIN, _END = 2, 4  # bits of a page's flags
MOST_PAGES = 1_000_000  # 5 hours of a stream with a page for each 20 ms: bounds the time that tiny pages can cost
_MOST_STREAMS = 100  # of one recording


@dataclass
class Link:
    """One recording in the file. start, end : bytes.  codecs : of its streams; "" for one without sound.

    serial : of the first stream with sound.  ended : whether its last page is marked as the last one.
    """

    start: int
    end: int
    codecs: tuple[str, ...] = ()
    serial: int | None = None
    ended: bool = False

    @property
    def codec(self) -> str:
        """Of the first stream with sound; empty without one."""
        return next(filter(None, self.codecs), "")


@dataclass(frozen=True)
class Pages:
    """links : in the order of the file.  short_by : bytes that the last page lacks.  gaps : bytes that are no pages.

    too_many : the file has more than ``MOST_PAGES`` pages; the walk ended there.
    """

    links: tuple[Link, ...]
    short_by: int
    gaps: int
    too_many: bool = False


def walk(data: bytes) -> Pages:
    """Go through all pages of a file."""
    links: list[Link] = []
    at, gaps, beginning = 0, 0, False
    for _ in range(MOST_PAGES + 1):
        found = data.find(b"OggS", at)
        if found < 0:
            return Pages(tuple(links), 0, gaps + len(data) - at)
        gaps, at = gaps + found - at, found
        size = _page_size(data, at)
        if at + size > len(data):
            return Pages(tuple(links), at + size - len(data), gaps)
        flags, serial = data[at + 5], int.from_bytes(data[at + 14 : at + 18], "little")
        if flags & _BEGIN:
            if not beginning:
                links.append(Link(at, at))
            codec = _codec(data, at)
            if len(links[-1].codecs) < _MOST_STREAMS:
                links[-1].codecs += (codec,)
            if codec and links[-1].serial is None:
                links[-1].serial = serial
        beginning = bool(flags & _BEGIN)
        at += size
        if links:
            links[-1].end = at
            links[-1].ended |= bool(flags & _END) and serial == links[-1].serial
    return Pages(tuple(links), 0, gaps, too_many=True)


def _page_size(data: bytes, at: int) -> int:
    """Bytes of a page with its header; more than there are when even the header is cut."""
    if at + 27 > len(data):
        return 27
    segments = data[at + 26]
    if at + 27 + segments > len(data):
        return 27 + segments
    return 27 + segments + sum(data[at + 27 : at + 27 + segments])


def _codec(data: bytes, at: int) -> str:
    begin = at + 27 + data[at + 26]
    return next((name for magic, name in _CODECS if data.startswith(magic, begin)), "")

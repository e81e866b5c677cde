"""The frames of MPEG audio (MP3): how many there are, where they lie, and a copy that decoders read whole.

Decoders guess the length of a file without a header, and believe a header that is wrong. So every frame is walked
here (ISO/IEC 11172-3 and 13818-3). What lies between frames is skipped: ID3v2 and ID3v1, APEv2, Lyrics3, padding, zero
bytes and junk. Headers: Xing and Info (with LAME's extension, from which encoder delay and padding are taken), VBRI
(Fraunhofer).
"""

import re
import struct
from dataclasses import dataclass, field

_BITRATES = {  # kbit/s by (MPEG-1?, layer); index 0 = free format, 15 = not allowed
    (True, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}  # Hz by version bits
_CHAIN = 3  # frames that must follow each other where the walk begins, or goes on after junk
_TRIES = 200_000  # places where a frame may begin that are looked at: bounds the time that junk can cost
MOST_FRAMES = 1_500_000  # 11 hours at 44.1 kHz: bounds the time that a file of tiny frames can cost
_MOST_TAGS = 100  # ID3v2 tags one after the other that are skipped
_SYNC = re.compile(rb"\xff(?=[\xe2-\xef\xf2-\xff])")
_TAGS = (b"ID3", b"TAG", b"APE", b"LYR")
_DECODER_DELAY = 529  # samples by which a decoder is late
_SAME = 0xFE0C  # bits of the second and third byte that all frames of a stream share: version, layer, rate


def frame_length(header: bytes) -> int:
    """Bytes of the MPEG audio frame that starts with this four-byte header; 0 when it is none."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return 0
    version, layer = header[1] >> 3 & 3, 4 - (header[1] >> 1 & 3)
    rate, bitrate = header[2] >> 2 & 3, header[2] >> 4
    if version == 1 or layer == 4 or rate == 3 or bitrate in (0, 15):
        return 0
    kbps = _BITRATES[version == 3, layer][bitrate]
    hz, padding = _RATES[version][rate], header[2] >> 1 & 1
    if layer == 1:
        return (12_000 * kbps // hz + padding) * 4
    samples = 576 if layer == 3 and version != 3 else 1152
    return samples // 8 * 1000 * kbps // hz + padding


# By second and third byte of a header, because a long file has half a million frames.
_LOWEST = 0xE000  # the second byte of a header is not lower
_LENGTHS = [0] * _LOWEST + [frame_length(bytes((0xFF, k >> 8, k & 0xFF, 0))) for k in range(_LOWEST, 1 << 16)]


@dataclass
class Stretch:
    """Frames that follow each other without a gap. start, end : bytes.  key : version, layer and rate.  mono : bool."""

    start: int
    end: int
    frames: int
    key: int
    mono: bool

    @property
    def sr(self) -> int:
        return _RATES[self.key >> 11 & 3][self.key >> 2 & 3]

    @property
    def layer(self) -> int:
        return 4 - (self.key >> 9 & 3)

    @property
    def samples(self) -> int:
        """In each frame."""
        if self.layer == 1:
            return 384
        return 576 if self.layer == 3 and self.key >> 11 & 3 != 3 else 1152

    @property
    def channels(self) -> int:
        return 1 if self.mono else 2


@dataclass(frozen=True)
class Announced:
    """The header in the first frame.

    kind : "Xing" (also Info) or "VBRI".  frames, size : None where it does not say.  delay, padding : samples, or None.
    """

    kind: str
    frames: int | None = None
    size: int | None = None
    delay: int | None = None
    padding: int | None = None


@dataclass
class Walk:
    """What a walk through a file found.

    stretches : of frames with sound, the header's frame left out.  announced : the header, None without one.
    first : position of the first frame.  short_by : bytes that the last frame lacks.  junk : bytes between frames
    that are neither tags nor zeros.  too_long : the file has more than ``MOST_FRAMES`` frames; the walk ended there.
    """

    stretches: list[Stretch] = field(default_factory=list)
    announced: Announced | None = None
    first: int = -1
    short_by: int = 0
    junk: int = 0
    too_long: bool = False

    @property
    def frames(self) -> int:
        return sum(stretch.frames for stretch in self.stretches)


def skip_id3(data: bytes) -> int:
    """Position after the ID3v2 tags at the beginning, with their footers."""
    at = 0
    for _ in range(_MOST_TAGS):
        if data[at : at + 3] != b"ID3" or len(data) < at + 10:
            break
        at += _id3_size(data, at)
    return min(at, len(data))


def _id3_size(data: bytes, at: int) -> int:
    size = 0
    for byte in data[at + 6 : at + 10]:  # four bytes of seven bits
        size = size << 7 | byte & 0x7F
    footer = data[at + 5] & 0x10
    return 10 + size + (10 if footer else 0)


def first_frame(data: bytes, at: int) -> int:
    """Position of the first of some frames that follow each other, or reach the end of the file; -1 without one.

    Where a tag before them claims to be longer than the file, they are looked for in it.
    """
    return _search(data, at if at < len(data) else 10, [_TRIES])


def _search(data: bytes, at: int, tries: list[int], key: int | None = None) -> int:
    """tries : number of places that may still be looked at.  key : of the frames to look for; None takes any."""
    for match in _SYNC.finditer(data, at):
        if tries[0] <= 0:
            return -1
        tries[0] -= 1
        start = match.start()
        if _chained(data, start) and (key is None or _key(data, start) == key or _chained(data, start, 4 * _CHAIN)):
            return start
    return -1


def _key(data: bytes, at: int) -> int:
    return (data[at + 1] << 8 | data[at + 2]) & _SAME


def _chained(data: bytes, at: int, count: int = _CHAIN) -> bool:
    """Whether so many frames of one kind follow each other here; fewer are enough before a tag or the file's end."""
    key = -1
    for k in range(count):
        if at + 4 > len(data):
            return k > 1 or k == 1 and at == len(data)
        length = _LENGTHS[data[at + 1] << 8 | data[at + 2]] if data[at] == 0xFF else 0
        if not length:
            return k > 0 and data[at : at + 3] in _TAGS
        if k and _key(data, at) != key:
            return False
        key = _key(data, at)
        at += length
    return True


def walk(data: bytes) -> Walk:
    """Go through all frames of a file."""
    found, tries = Walk(), [_TRIES]
    start = skip_id3(data)
    at = found.first = first_frame(data, _skip_tag(data, start) if data[start : start + 3] == b"APE" else start)
    if at < 0:
        return found
    found.announced = _announced(data, at)
    left = MOST_FRAMES
    while 0 <= at < len(data):
        if _announced(data, at) is not None:
            at += _LENGTHS[data[at + 1] << 8 | data[at + 2]]
        stretch = _stretch(data, at, left + 1)
        left -= stretch.frames
        if left < 0:
            found.too_long = True
            return found
        if stretch.frames:
            found.stretches.append(stretch)
        at = stretch.end
        if at + 4 <= len(data) and data[at] == 0xFF and (length := _LENGTHS[data[at + 1] << 8 | data[at + 2]]):
            if at + length > len(data):
                found.short_by = at + length - len(data)
                break
            if _chained(data, at):
                continue  # frames of another kind
            at += 1
        gap, at = at, _search(data, _skip_tag(data, at), tries, stretch.key)
        found.junk += _junk(data[gap : at if at >= 0 else len(data)])
    found.stretches = _without_false_ones(found.stretches)
    return found


def _stretch(data: bytes, at: int, most: int) -> Stretch:
    """The whole frames of one kind that follow each other from here on; not many more than ``most``."""
    start, end, frames, size = at, at, 0, len(data)
    key, mono = _key(data, at), data[at + 3] >> 6 == 3 if at + 3 < size else False
    while frames < most and at + 4 <= size and data[at] == 0xFF:
        header = data[at + 1] << 8 | data[at + 2]
        length = _LENGTHS[header]
        if not length or header & _SAME != key or (data[at + 3] >> 6 == 3) != mono:
            break
        at += length
        if at > size:
            break
        end = at
        frames += 1
    return Stretch(start, end, frames, key, mono)


def _without_false_ones(stretches: list[Stretch]) -> list[Stretch]:
    """Without single frames of another kind between the others: bytes of a tag or of damage that look like frames."""
    if len(stretches) < 2:
        return stretches
    most = max(stretches, key=lambda stretch: stretch.frames)
    return [s for s in stretches if s.frames >= _CHAIN or (s.key, s.mono) == (most.key, most.mono)]


def _skip_tag(data: bytes, at: int) -> int:
    """Position after a tag that begins here."""
    begin = data[at : at + 32]
    if begin[:3] == b"ID3" and len(begin) >= 10:
        return at + _id3_size(data, at)
    if begin[:8] == b"APETAGEX" and len(begin) >= 24:
        size, flags = struct.unpack("<I4xI", begin[12:24])
        return at + size + (32 if flags & 1 << 31 else 0)
    if begin[:3] == b"TAG":
        return at + 128
    return at


def _junk(gap: bytes) -> int:
    """Bytes between frames that are neither a tag nor padding."""
    known = gap[:3] in _TAGS or b"TAG" in gap[-128:-124]
    return 0 if known else len(gap.strip(b"\x00\xff\x55\xaa"))


def _announced(data: bytes, at: int) -> Announced | None:
    """The header in the frame that begins here: Xing or Info, with LAME's extension, or VBRI; None without one."""
    frame = data[at : at + frame_length(data[at : at + 4])]
    if len(frame) < 40:
        return None
    if frame[36:40] == b"VBRI" and len(frame) >= 54:
        size, frames = struct.unpack(">II", frame[46:54])
        return Announced("VBRI", frames, size)
    mpeg1, mono = frame[1] >> 3 & 3 == 3, len(frame) > 3 and frame[3] >> 6 == 3
    tag = 4 + ((17 if mono else 32) if mpeg1 else (9 if mono else 17))  # after the side information
    if frame[tag : tag + 4] not in (b"Xing", b"Info") or len(frame) < tag + 8:
        return None
    flags = frame[tag + 7]
    at = tag + 8
    values: list[int | None] = [None, None]
    for k, bit in enumerate((1, 2)):
        if flags & bit and len(frame) >= at + 4:
            (values[k],) = struct.unpack(">I", frame[at : at + 4])
        at += 4 if flags & bit else 0
    count, size = values
    at += (100 if flags & 4 else 0) + (4 if flags & 8 else 0)
    lame = frame[at : at + 24]
    if len(lame) < 24 or not lame[0]:
        return Announced("Xing", count, size)
    return Announced("Xing", count, size, lame[21] << 4 | lame[22] >> 4, (lame[22] & 15) << 8 | lame[23])


def rebuilt(data: bytes, stretches: list[Stretch], announced: Announced | None) -> tuple[bytes, int]:
    """The frames alone, one after the other, behind a header that says how many there are.

    announced : the file's own header, of which the encoder's delay is kept, and its padding where the count is right.
    Returns the copy, and how many samples at its beginning are not of the file: behind any header, libmpg123 leaves out
    its own delay, so where the file has none, a silent frame comes first.
    """
    frames = b"".join(data[s.start : s.end] for s in stretches)
    first = stretches[0]
    if first.layer != 3:  # these layers know no such header, and need none: all their frames have one size
        return frames, 0
    count, like = sum(s.frames for s in stretches), data[first.start : first.start + 4]
    if announced is None or announced.delay is None:
        silent = _largest_frame(like)
        return _header_frame(
            like, count + 1, len(silent + frames), None
        ) + silent + frames, first.samples - _DECODER_DELAY
    padding = (announced.padding or 0) if announced.frames == count else 0
    return _header_frame(like, count, len(frames), announced.delay << 12 | padding) + frames, 0


def _largest_frame(like: bytes) -> bytes:
    """A silent frame for a stream whose frames begin with the header ``like``: no checksum, the highest bitrate."""
    head = bytes((0xFF, like[1] | 1, like[2] & 0x0C | 0xE0, like[3]))
    return head.ljust(frame_length(head), b"\x00")


def _header_frame(like: bytes, frames: int, size: int, gap: int | None) -> bytes:
    """An Info frame for a stream whose frames begin with the header ``like``.

    gap : delay and padding as LAME writes them, 12 bits each; None where they are not known.
    """
    mpeg1, mono = like[1] >> 3 & 3 == 3, like[3] >> 6 == 3
    silent = _largest_frame(like)
    side = (17 if mono else 32) if mpeg1 else (9 if mono else 17)
    frame = silent[: 4 + side] + b"Info" + struct.pack(">III", 3, frames, size + len(silent))
    if gap is not None:
        frame += b"LAME3.100" + bytes(12) + gap.to_bytes(3, "big") + bytes(12)
    return frame.ljust(len(silent), b"\x00")

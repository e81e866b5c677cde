"""Is the file cut short? Decoders read a truncated file without a word, so its frames and chunks are walked here.

Only what the container itself declares is compared with the bytes that are there: RIFF chunk sizes (Microsoft/IBM
Multimedia Programming Interface 1.0), Ogg pages (RFC 3533), MPEG audio frames (ISO/IEC 11172-3, 13818-3).
"""

import struct

_BITRATES = {  # kbit/s by (MPEG-1?, layer); index 0 = free format, 15 = not allowed
    (True, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}  # Hz by version bits
_SEARCHED = 65_536  # bytes after the tags in which the first MPEG frame must begin
_STREAMED = 0x7FFFF000  # recorders that cannot seek back leave such sizes in a WAV header; they announce nothing


def cut_short(data: bytes, form: str) -> bool:
    """Whether a file ends before its container says it should; form : libsndfile's name of the format."""
    if form in ("WAV", "WAVEX"):
        return _riff_cut(data)
    if form == "OGG":
        return _ogg_cut(data)
    if form in ("MP3", "MPEG"):
        return _mpeg_cut(data)
    if form in ("AIFF", "RF64", "W64", "AU"):
        return _announced_size(data, form) > len(data)
    return False  # FLAC has no sizes to compare: whether its last frame can be read is tried by the decoder


def _riff_cut(data: bytes) -> bool:
    at = 12
    order = ">" if data[:4] == b"RIFX" else "<"
    while at + 8 <= len(data):
        (size,) = struct.unpack(order + "I", data[at + 4 : at + 8])
        if data[at : at + 4] == b"data":
            return size < _STREAMED and at + 8 + size > len(data)
        at += 8 + size + size % 2
    return False


def _announced_size(data: bytes, form: str) -> int:
    """Bytes that the header announces for the whole file; 0 where it announces none.

    AIFF (Apple 1989), RF64 (EBU Tech 3306), Sony Wave64, AU (Sun).
    """
    if len(data) < 48:
        return 0
    if form == "AIFF":
        return int(struct.unpack(">I", data[4:8])[0]) + 8
    if form == "RF64":  # the sizes that do not fit into 32 bits stand in the chunk ds64
        return int(struct.unpack("<Q", data[20:28])[0]) + 8 if data[12:16] == b"ds64" else 0
    if form == "W64":
        return int(struct.unpack("<Q", data[16:24])[0])
    offset, size = struct.unpack(">II", data[4:12])
    return 0 if size >= _STREAMED else int(offset + size)


def _ogg_cut(data: bytes) -> bool:
    last = data.rfind(b"OggS")
    if last < 0 or last + 27 > len(data):
        return True
    segments = data[last + 26]
    sizes = data[last + 27 : last + 27 + segments]
    return len(sizes) < segments or last + 27 + segments + sum(sizes) > len(data)


def _mpeg_cut(data: bytes) -> bool:
    at = _after_id3(data)
    first = at = _next_frame(data, at)
    frames = 0
    while at >= 0 and (length := frame_length(data[at : at + 4])):
        if at + length > len(data):
            return True
        frames += 1
        at += length
    return frames < _announced_frames(data, first)


def _announced_frames(data: bytes, first: int) -> int:
    """Frames that a Xing or Info header in the first frame announces; 0 without one."""
    if first < 0:
        return 0
    tag = max(data.find(b"Xing", first, first + 64), data.find(b"Info", first, first + 64))
    if tag < 0 or not data[tag + 7] & 1:
        return 0
    return int(struct.unpack(">I", data[tag + 8 : tag + 12])[0])


def _after_id3(data: bytes) -> int:
    if data[:3] != b"ID3" or len(data) < 10:
        return 0
    size = 0
    for byte in data[6:10]:  # four bytes of seven bits
        size = size << 7 | byte & 0x7F
    return 10 + size


def _next_frame(data: bytes, at: int) -> int:
    """Position of the first frame that another frame follows, or that ends the file; -1 without one.

    Only ``_SEARCHED`` bytes are looked at: a file of nothing but sync bytes would keep a core busy for minutes.
    """
    last = at + _SEARCHED
    while (at := data.find(b"\xff", at, last)) >= 0:
        length = frame_length(data[at : at + 4])
        if length and (at + length >= len(data) or frame_length(data[at + length : at + length + 4])):
            return at
        at += 1
    return -1


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

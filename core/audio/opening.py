"""Opening a file of any format that is read. Knows no limits of memory and time: see `core.audio.isolated`.

libsndfile reads what it can, FFmpeg (`core.audio.av_decoding`) the rest. What a container says wrong is mended
first: the frames
of an MP3 are counted (`core.audio.mpeg`), chained Ogg is taken apart (`core.audio.ogg`), sizes that were never written
are filled in (`core.audio.containers`).
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from core.audio import free_format, mpeg, ogg
from core.audio.containers import check_sizes
from core.audio.decoders import AGAIN, Joined, Opened, SoundFile, TruncatedError, UnreadableError, damaged
from core.audio.formats import CONVERT, Format
from core.records import Remark, RemarkKind
from core.wording import counted

_SHORTER = "Cut it into shorter files, or export it again as FLAC."
LAST_FRAME = "The last frame is not complete: the file may be cut."
_UNCOMPRESSED = ("PCM_S8", "PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW")


def open_plain(data: bytes, form: Format) -> Opened | None:
    """A file whose samples are stored as they are; None for what has to be decoded.

    Raises UnreadableError for one that is cut short.
    """
    try:
        opened = _plain(data, form)
    except TruncatedError:
        raise
    except UnreadableError:
        return None
    return opened if opened.header.codec in _UNCOMPRESSED else None


def open_file(data: bytes, form: Format) -> Opened:
    """Any file that is read. Raises UnreadableError."""
    if form.decoder == "FFmpeg":
        return _by_ffmpeg(data, form) if form.name != "Opus" else _ogg(data, form)
    if form.name == "MP3":
        return _mp3(data, form)
    if form.name == "OGG":
        return _ogg(data, form)
    if form.name == "FLAC" and flac_length_unknown(data):
        return _by_ffmpeg(data, form)
    return _either(data, form, lambda: _plain(data, form))


def _either(data: bytes, form: Format, opener: Callable[[], Opened], remarks: Sequence[Remark] = ()) -> Opened:
    """By libsndfile, or by FFmpeg where that fails; then the first one's reason counts if FFmpeg fails as well."""
    try:
        opened = opener()
        if opened.header.frames > 0:
            return opened
    except TruncatedError:
        raise
    except UnreadableError as error:
        try:
            return _by_ffmpeg(data, form, remarks)
        except TruncatedError:
            raise
        except UnreadableError:
            raise error from None
    try:
        return _by_ffmpeg(data, form, remarks)
    except UnreadableError:
        return opened  # its length is zero, which is the reason to tell


def _by_ffmpeg(data: bytes, form: Format, remarks: Sequence[Remark] = ()) -> Opened:
    from core.audio.av_decoding import AvFile

    return AvFile(data, form, remarks)


def _plain(data: bytes, form: Format) -> Opened:
    """By libsndfile, after a look at the sizes that the container announces."""
    sizes = check_sizes(data, form.name)
    if sizes.short_by:
        raise TruncatedError(f"is truncated: {_last_bytes(sizes.short_by)} missing. {AGAIN}")
    remarks = []
    if sizes.mended is not None:
        remarks.append(
            Remark(
                RemarkKind.LENGTH_UNKNOWN, "The recorder never wrote the length into the file; it was read to its end."
            )
        )
    return SoundFile(sizes.mended or data, form, remarks)


def _bytes(count: int) -> str:
    return counted(count, "byte") if count < 1e6 else f"{count / 1e6:,.1f} MB"


def _last_bytes(count: int) -> str:
    return "its last byte is" if count == 1 else f"its last {_bytes(count)} are"


def flac_length_unknown(data: bytes) -> bool:
    """Whether a FLAC file does not say how long it is, as one that was written into a pipe (RFC 9639, 8.2)."""
    at = mpeg.skip_id3(data)
    total = int.from_bytes(data[at + 21 : at + 26], "big") & 0xFFFFFFFFF
    return data[at : at + 4] == b"fLaC" and total == 0


def _mp3(data: bytes, form: Format) -> Opened:
    found = mpeg.walk(data)
    if found.too_long:
        raise UnreadableError(f"has more than {mpeg.MOST_FRAMES:,} frames of sound. {_SHORTER}")
    if not found.frames:
        return _free_format(data, form)
    groups: list[list[mpeg.Stretch]] = []
    for stretch in found.stretches:
        if groups and (groups[-1][0].key, groups[-1][0].mono) == (stretch.key, stretch.mono):
            groups[-1].append(stretch)
        else:
            groups.append([stretch])
    remarks = _mp3_remarks(found, len(groups))
    if _header_is_right(data, found):
        return _either(data, form, lambda: SoundFile(data, form, remarks), remarks)
    if found.stretches[0].layer != 3:
        return _either(data, form, lambda: _old_layer(data, found, form, remarks), remarks)
    announced = [found.announced, *[None] * len(groups)]
    parts = [partial(_rebuilt, data, group, known, form) for group, known in zip(groups, announced, strict=False)]
    return Joined(parts, remarks)


def _free_format(data: bytes, form: Format) -> Opened:
    found = free_format.find(data, mpeg.skip_id3(data))
    if found is None:
        raise UnreadableError(damaged(form))
    whole = found.stretch
    cut = Remark(RemarkKind.CUT, LAST_FRAME)
    opened = SoundFile(data[whole.start : whole.end], form, [cut] if found.short_by else [])
    frames = whole.frames * whole.samples  # libsndfile works the length out from the first frame
    if abs(opened.header.frames - frames) > max(2 * whole.samples, 0.01 * frames):
        raise UnreadableError(f"is a free-format MP3 whose frames the decoder does not find. {CONVERT}")
    opened.header = replace(opened.header, frames=frames)
    return opened


def _rebuilt(data: bytes, group: list[mpeg.Stretch], announced: mpeg.Announced | None, form: Format) -> Opened:
    mended, skip = mpeg.rebuilt(data, group, announced)
    return SoundFile(mended, form, skip=skip)


def _old_layer(data: bytes, found: mpeg.Walk, form: Format, remarks: list[Remark]) -> Opened:
    """Layers 1 and 2, whose length libsndfile works out from the bitrate of the first frame."""
    opened = SoundFile(mpeg.rebuilt(data, found.stretches, None)[0], form, remarks)
    if abs(opened.header.frames - found.frames * found.stretches[0].samples) > 2 * found.stretches[0].samples:
        raise UnreadableError("has frames of several sizes.")
    return opened


def _header_is_right(data: bytes, found: mpeg.Walk) -> bool:
    """Whether libsndfile can read the file as it is: its header tells the truth, and nothing lies in the way."""
    announced = found.announced
    if announced is None or announced.frames is None or announced.kind == "VBRI":
        return False
    one_tag = found.first == 0 or data[5] & 0x10 == 0 and found.first == mpeg.skip_id3(data[: found.first])
    return one_tag and len(found.stretches) == 1 and abs(announced.frames - found.frames) <= 1


def _mp3_remarks(found: mpeg.Walk, kinds: int) -> list[Remark]:
    """Raises UnreadableError when the file is cut short."""
    first, remarks = found.stretches[0], []
    seconds = sum(s.frames * s.samples / s.sr for s in found.stretches)
    announced = found.announced.frames if found.announced else None
    missing = (announced or 0) - found.frames
    if missing > 1 and not _size_is_right(found):
        expected = (announced or 0) * first.samples / first.sr
        if found.short_by:
            raise TruncatedError(f"is truncated: {expected:.1f} s were announced, {seconds:.1f} s are there. {AGAIN}")
        remarks.append(
            Remark(
                RemarkKind.CUT, f"The header announces {expected:.1f} s, and {seconds:.1f} s are there. It may be cut."
            )
        )
    elif found.short_by:
        remarks.append(Remark(RemarkKind.CUT, LAST_FRAME))
    if announced and missing < -1 or kinds > 1:
        remarks.append(
            Remark(RemarkKind.JOINED, "The file goes on after the end that its header announces; all of it was read.")
        )
    if found.junk:
        remarks.append(
            Remark(
                RemarkKind.DAMAGED, f"The decoder skipped {_bytes(found.junk)} between the frames: they hold no sound."
            )
        )
    return remarks


def _size_is_right(found: mpeg.Walk) -> bool:
    """Whether the header's size is that of the file: then only its number of frames is wrong."""
    size = found.announced.size if found.announced else None
    return bool(size) and size is not None and size <= found.stretches[-1].end - found.first


def _ogg(data: bytes, form: Format) -> Opened:
    pages = ogg.walk(data)
    if pages.too_many:
        raise UnreadableError(f"has more than {ogg.MOST_PAGES:,} pages. {_SHORTER}")
    links = [link for link in pages.links if link.codec]
    if pages.links and not links and not pages.short_by:
        raise UnreadableError(
            "holds no sound that is known here: no Vorbis, Opus, FLAC or Speex. Save it as WAV or FLAC."
        )
    if pages.short_by:
        raise TruncatedError(f"is truncated: it ends in the middle. {AGAIN}")
    if not links:
        raise UnreadableError(damaged(form))
    remarks = []
    if not all(link.ended for link in links):
        remarks.append(Remark(RemarkKind.CUT, "The end of the recording is not marked in the file: it may be cut."))
    if len(links) == 1:
        return _link(data, links[0], form, remarks)
    remarks.append(
        Remark(RemarkKind.JOINED, f"{len(links)} recordings follow each other in the file; all of them were read.")
    )
    return Joined([partial(_link, data, link, form, ()) for link in links], remarks)


def _link(data: bytes, link: ogg.Link, form: Format, remarks: Sequence[Remark]) -> Opened:
    part = data[link.start : link.end]
    if link.codecs == ("Vorbis",):
        return _either(part, form, lambda: SoundFile(part, form, remarks), remarks)
    return _by_ffmpeg(part, form, remarks)

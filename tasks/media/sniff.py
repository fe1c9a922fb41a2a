"""Which container a file is, from its first bytes; names and extensions are never believed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tasks.errors import PermanentError

_HEAD_BYTES = 1024
_BRANDS_OF_IMAGES = frozenset({b"avif", b"avis", b"heic", b"heix", b"heim", b"mif1", b"msf1", b"crx "})
_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})
_ASF = bytes.fromhex("3026b2758e66cf11")

_PREFIXES: tuple[tuple[bytes, str, str], ...] = (
    (b"\x1a\x45\xdf\xa3", "matroska", "matroska"),
    (b"fLaC", "flac", "flac"),
    (b"OggS", "ogg", "ogg"),
    (b"caff", "caf", "caf"),
    (b"FLV", "flv", "flv"),
    (b"#!AMR", "amr", "amr"),
    (b"\x00\x00\x01\xba", "mpeg", "mpeg"),
    (_ASF, "asf", "asf"),
    (b"ID3", "mp3", "mp3,aac,flac"),
)
_IMAGES = (
    b"\x89PNG",
    b"\xff\xd8\xff",
    b"GIF8",
    b"BM",
    b"II*\x00",
    b"MM\x00*",
    b"\x00\x00\x01\x00",
    b"8BPS",
    b"\xff\x0a",
)
_PLAYLISTS = (b"#EXTM3U", b"ffconcat", b"# mpv EDL", b"<?xml", b"<svg", b"<MPD", b"v=0", b"[playlist]")


@dataclass(frozen=True)
class Container:
    """A container format: our name for it and the demuxers that may read it."""

    name: str
    demuxers: str


MOV = Container("mov", "mov")


def sniff(path: Path) -> Container:
    """Tell the container; raise ``media.empty`` or ``media.unsupported``."""
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if not head.strip(b"\x00"):
        what = "is empty" if not path.stat().st_size else "holds nothing but zeros"
        raise PermanentError("media.empty", f"The file {what}")
    container = _by_prefix(head) or _by_structure(head)
    if container is None:
        raise PermanentError("media.unsupported", _describe_unknown(head))
    return container


def _by_prefix(head: bytes) -> Container | None:
    for prefix, name, demuxers in _PREFIXES:
        if head.startswith(prefix):
            return Container(name, demuxers)
    return None


def _by_structure(head: bytes) -> Container | None:
    if head[4:8] in _BOXES and head[8:12] not in _BRANDS_OF_IMAGES:
        return MOV
    if head[:4] in (b"RIFF", b"RF64"):
        return {b"WAVE": Container("wav", "wav"), b"AVI ": Container("avi", "avi")}.get(head[8:12])
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return Container("aiff", "aiff")
    if any(_has_sync(head, offset, packet) for offset, packet in ((0, 188), (4, 192))):
        return Container("mpegts", "mpegts")
    return _by_audio_sync(head)


def _has_sync(head: bytes, offset: int, packet: int) -> bool:
    return all(head[offset + i * packet : offset + i * packet + 1] == b"G" for i in range(4))


def _by_audio_sync(head: bytes) -> Container | None:
    """MPEG audio and ADTS begin with eleven set bits."""
    if head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    if head[1] & 0xF6 == 0xF0:
        return Container("aac", "aac")
    return Container("mp3", "mp3") if head[1] & 0x06 and head[2] & 0xF0 != 0xF0 else None


def _describe_unknown(head: bytes) -> str:
    if head.startswith(_IMAGES) or head[8:12] in _BRANDS_OF_IMAGES | {b"WEBP"}:
        return "The file is an image, not a video or a sound"
    if head.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(_PLAYLISTS):
        return "The file is a playlist or a document that points to other files, not a video or a sound itself"
    return "The file is not a video or a sound that we know"

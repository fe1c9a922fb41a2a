"""Small good files of every container and picture that is read, and damaged ones made of them."""

from __future__ import annotations

import random
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av

from tasks.media.sound_file import SoundForm, write_sound
from tests import media_samples as samples

VIDEOS = {"mp4": "libx264", "mkv": "libx264", "webm": "libvpx", "ts": "libx264", "avi": "mpeg4"}
SOUNDS = {
    "mp3": SoundForm(".mp3", "mp3", "libmp3lame", "s16p", "audio/mpeg", bit_rate=96_000),
    "flac": SoundForm(".flac", "flac", "flac", "s16", "audio/flac"),
    "ogg": SoundForm(".ogg", "ogg", "libopus", "s16", "audio/ogg", bit_rate=96_000),
    "m4a": SoundForm(".m4a", "ipod", "aac", "fltp", "audio/mp4", bit_rate=96_000),
}
PICTURES = {"png": ("png", "rgba"), "jpeg": ("mjpeg", "yuvj420p"), "webp": ("libwebp", "yuva420p")}


def make_seeds(folder: Path) -> dict[str, bytes]:
    """Return small good files of many containers, by their suffixes, and pictures."""
    wav = samples.make_tone(folder / "a.wav", duration_s=0.5)
    made = [wav]
    for name, codec in VIDEOS.items():
        video = folder / f"a.{name}"
        made.append(samples.make_video(video, width=64, height=64, duration_s=0.2, codec=codec, options={}))
    for form in SOUNDS.values():
        made.append(folder / f"a{form.suffix}")
        write_sound(wav, made[-1], form)
    found = {path.suffix[1:]: path.read_bytes() for path in made}
    return found | {name: draw(*codec) for name, codec in PICTURES.items()}


def draw(codec: str, pixels: str) -> bytes:
    """Return the first picture of the test card, encoded as a file that is a picture and no more."""
    encoder = av.CodecContext.create(codec, "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.options = {"compression_level": "0"} if codec == "png" else {}  # pixels as they are, to be damaged alone
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = 64, 64, pixels, Fraction(1, 1)
    frame = av.VideoFrame.from_ndarray(samples.test_card(64, 64)(0, 0.0), format="rgb24").reformat(format=pixels)
    frame.pts = 0
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])


def damaged(originals: Mapping[str, bytes], count: int) -> Iterator[tuple[str, bytes]]:
    """Yield (kind, file) with bits turned at rates from 0.0001 to 0.05, always the same ones."""
    chance, kinds = random.Random(5), list(originals)
    for number in range(count):
        kind = kinds[number % len(kinds)]
        data = bytearray(originals[kind])
        for _ in range(max(1, int(len(data) * 10 ** chance.uniform(-4, -1.3)))):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        yield kind, REPAIRS.get(kind, bytes)(data)


def repair_png(data: bytearray) -> bytes:
    """Write the checksums of each chunk and of the pixels anew: else nothing would ever meet what was damaged."""
    chunks, at = [], 8
    while at + 12 <= len(data) and (end := at + 8 + int.from_bytes(data[at : at + 4])) + 4 <= len(data):
        chunks.append((at + 4, end))
        at = end + 4
    packed = [(start + 4, end) for start, end in chunks if data[start : start + 4] == b"IDAT"]
    with suppress(zlib.error, IndexError):
        pixels = zlib.decompressobj().decompress(b"".join(data[start:end] for start, end in packed)[:-4])
        data[packed[-1][1] - 4 : packed[-1][1]] = zlib.adler32(pixels).to_bytes(4)
    for start, end in chunks:
        data[end : end + 4] = zlib.crc32(data[start:end]).to_bytes(4)
    return bytes(data)


def repair_ogg(data: bytearray) -> bytes:
    """Write the checksum of each page anew, from one capture pattern to the next."""
    starts = [found.start() for found in re.finditer(b"OggS", data)]
    for start, end in pairwise([*starts, len(data)]):
        if end - start >= 27:
            data[start + 22 : start + 26] = bytes(4)
            data[start + 22 : start + 26] = ogg_checksum(data[start:end]).to_bytes(4, "little")
    return bytes(data)


def ogg_checksum(page: bytearray) -> int:
    """Return the CRC-32 of RFC 3533, which goes through bits the other way round than zlib's."""
    told = 0
    for byte in page:
        told ^= byte << 24
        for _ in range(8):
            told = (told << 1 ^ (0x04C11DB7 if told & 0x80000000 else 0)) & 0xFFFFFFFF
    return told


REPAIRS: dict[str, Callable[[bytearray], bytes]] = {"png": repair_png, "ogg": repair_ogg}

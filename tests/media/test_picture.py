"""Uploaded pictures: only their pixels survive."""

from __future__ import annotations

import struct
import zlib
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tasks.errors import PermanentError
from tasks.media.picture import clean_picture, declared_size

RED = (220, 30, 40)


def encode(codec: str, pixel_format: str, *, width: int = 40, height: int = 24, alpha: int = 255) -> bytes:
    """Return a picture of one colour, encoded."""
    pixels = np.zeros((height, width, 4), np.uint8)
    pixels[...] = (*RED, alpha)
    frame = av.VideoFrame.from_ndarray(pixels, format="rgba").reformat(format=pixel_format)
    encoder = av.CodecContext.create(codec, "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = width, height, pixel_format, Fraction(1, 1)
    frame.pts = 0
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])


def pixels_of(path: Path) -> np.ndarray:
    decoder = av.CodecContext.create("png", "r")
    frames = [*decoder.decode(av.Packet(path.read_bytes())), *decoder.decode(None)]
    return frames[0].to_ndarray(format="rgba")


@pytest.mark.parametrize(
    ("codec", "pixel_format", "name", "alpha"),
    [("png", "rgba", "png", 128), ("png", "rgb24", "png", 255), ("mjpeg", "yuvj444p", "jpeg", 255)],
)
def test_pixels_survive(tmp_path: Path, codec: str, pixel_format: str, name: str, alpha: int) -> None:
    (tmp_path / "in").write_bytes(encode(codec, pixel_format, alpha=alpha))
    found = clean_picture(tmp_path / "in", tmp_path / "out.png")
    assert (found.format, found.width, found.height) == (name, 40, 24)
    assert found.has_alpha == (pixel_format == "rgba")
    middle = pixels_of(tmp_path / "out.png")[12, 20].astype(int)
    assert np.abs(middle - (*RED, alpha)).max() <= 4


@pytest.mark.security("S-2")
def test_what_follows_the_picture_is_gone(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(encode("png", "rgba") + b"<script>alert(1)</script>" * 9)
    clean_picture(tmp_path / "in", tmp_path / "out.png")
    assert b"script" not in (tmp_path / "out.png").read_bytes()


def test_large_pictures_are_scaled_down(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(encode("png", "rgba", width=6000, height=300))
    found = clean_picture(tmp_path / "in", tmp_path / "out.png")
    assert (found.width, found.height) == (4096, 205)


@pytest.mark.security("S-2")
@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "image.unsupported"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image.unsupported"),
        (b"GIF89a" + bytes(50), "image.unsupported"),
        (b"\x89PNG\r\n\x1a\n" + bytes(200), "image.damaged"),
        (b"RIFF\x10\x00\x00\x00WEBPVP8 " + bytes(20), "image.damaged"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, data: bytes, code: str) -> None:
    (tmp_path / "in").write_bytes(data)
    with pytest.raises(PermanentError) as refused:
        clean_picture(tmp_path / "in", tmp_path / "out.png")
    assert refused.value.code == code
    assert not (tmp_path / "out.png").exists()


@pytest.mark.security("S-3")
def test_a_picture_of_too_many_pixels_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(encode("png", "rgb24", width=8200, height=4))
    with pytest.raises(PermanentError) as refused:
        clean_picture(tmp_path / "in", tmp_path / "out.png")
    assert refused.value.code == "image.too_large"


@pytest.mark.parametrize(
    ("codec", "pixel_format", "name"),
    [
        ("png", "rgb24", "png"),
        ("mjpeg", "yuvj420p", "jpeg"),
        ("libwebp", "yuv420p", "webp"),
        ("libwebp", "yuva420p", "webp"),
        ("libwebp", "bgra", "webp"),
    ],
)
def test_the_size_is_known_from_the_header(codec: str, pixel_format: str, name: str) -> None:
    data = encode(codec, pixel_format, width=310, height=77, alpha=128)

    assert declared_size(data, name) == (310, 77)


@pytest.mark.security("S-3")
def test_a_picture_is_refused_by_its_header_before_memory_is_taken(tmp_path: Path) -> None:
    data = bytearray(encode("png", "rgba"))
    data[16:24] = struct.pack(">II", 16_000, 16_000)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    (tmp_path / "in").write_bytes(data)

    with pytest.raises(PermanentError) as refused:
        clean_picture(tmp_path / "in", tmp_path / "out.png")
    assert refused.value.code == "image.too_large"


@pytest.mark.security("S-3")
def test_a_size_that_is_not_found_in_the_header_is_refused_by_the_decoder(tmp_path: Path) -> None:
    small = encode("mjpeg", "yuvj420p")
    frame = small.index(b"\xff\xc0")
    large = small[: frame + 5] + struct.pack(">HH", 9000, 9000) + small[frame + 9 :]
    (tmp_path / "in").write_bytes(large[:2] + b"\xff" * 20_000 + large[2:])

    assert declared_size((tmp_path / "in").read_bytes(), "jpeg") == (0, 0)
    with pytest.raises(PermanentError) as refused:
        clean_picture(tmp_path / "in", tmp_path / "out.png")
    assert refused.value.code == "image.damaged"

"""Probing tells what a file really holds, and refuses hostile ones with a stable code."""

from __future__ import annotations

import hashlib
import struct
import wave
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tasks.errors import PermanentError
from tasks.media import MediaLimits
from tasks.media.probe import probe_file
from tests import media_samples as samples


def refusal(path: Path, limits: MediaLimits | None = None) -> str:
    with pytest.raises(PermanentError) as caught:
        probe_file(path, limits)
    assert caught.value.detail
    return caught.value.code


@pytest.mark.parametrize(
    ("name", "codec", "container", "audio"),
    [
        ("clip.mp4", "libx264", "mov", "aac"),
        ("clip.mov", "libx264", "mov", "aac"),
        ("clip.mkv", "libx264", "matroska", "aac"),
        ("clip.webm", "libvpx", "matroska", "opus"),
        ("clip.ts", "libx264", "mpegts", "aac"),
        ("clip.avi", "mpeg4", "avi", "aac"),
    ],
)
def test_probe_tells_size_rate_length_and_codecs(
    tmp_path: Path, name: str, codec: str, container: str, audio: str
) -> None:
    path = samples.make_video(tmp_path / name, width=320, height=240, fps=25, duration_s=2.0, codec=codec, options={})

    info = probe_file(path)

    assert info.container == container
    assert info.duration_s == pytest.approx(2.0, abs=0.1)
    assert info.size_bytes == path.stat().st_size
    assert info.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert info.video is not None and info.audio is not None
    assert (info.video.width, info.video.height, info.video.rotation) == (320, 240, 0)
    assert Fraction(info.video.fps_num, info.video.fps_den) == 25
    assert info.video.frame_count == 50
    assert info.video.variable_frame_rate is False
    assert info.audio.codec == audio


def test_colour_tags_are_named(tmp_path: Path) -> None:
    info = probe_file(samples.make_video(tmp_path / "clip.mp4"))

    assert info.video is not None
    assert (info.video.color_space, info.video.color_range, info.video.color_transfer) == ("bt709", "tv", "bt709")
    assert info.video.pixel_format == "yuv420p"


def test_fractional_rate_is_kept_exact(tmp_path: Path) -> None:
    info = probe_file(samples.make_video(tmp_path / "clip.mp4", fps=Fraction(30000, 1001)))

    assert info.video is not None
    assert (info.video.fps_num, info.video.fps_den) == (30000, 1001)


def write_frames(path: Path, times: list[int], *, rotation: int = 0, size: tuple[int, int] = (320, 240)) -> Path:
    """Write frames at the given thousandths of a second, with a display rotation."""
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=30, options={"preset": "ultrafast", "bf": "0"})
        stream.width, stream.height, stream.pix_fmt = (*size, "yuv420p")
        stream.codec_context.time_base = Fraction(1, 1000)
        if rotation:
            stream.set_display_rotation(rotation)
        draw = samples.test_card(*size)
        for number, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(draw(number, 0.0), format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def test_uneven_frame_times_are_noticed(tmp_path: Path) -> None:
    steady = probe_file(write_frames(tmp_path / "steady.mp4", [40 * i for i in range(60)]))
    uneven = probe_file(
        write_frames(tmp_path / "uneven.mp4", [40 * i + (300 if i > 30 else 0) + i * i for i in range(60)])
    )

    assert steady.video is not None and uneven.video is not None
    assert steady.video.variable_frame_rate is False
    assert uneven.video.variable_frame_rate is True


@pytest.mark.parametrize(("anticlockwise", "clockwise"), [(90, 270), (-90, 90), (180, 180)])
def test_rotation_is_told_clockwise_and_swaps_the_displayed_size(
    tmp_path: Path, anticlockwise: int, clockwise: int
) -> None:
    path = write_frames(tmp_path / "turned.mp4", [40 * i for i in range(10)], rotation=anticlockwise)

    info = probe_file(path)

    assert info.video is not None
    assert info.video.rotation == clockwise
    assert (info.video.width, info.video.height) == (320, 240)
    expected = (240, 320) if clockwise in (90, 270) else (320, 240)
    assert (info.video.display_width, info.video.display_height) == expected


def test_sound_alone_has_no_video(tmp_path: Path) -> None:
    info = probe_file(samples.make_tone(tmp_path / "tone.wav", duration_s=1.5, channels=2))

    assert info.video is None
    assert info.audio is not None
    assert (info.audio.sample_rate, info.audio.channels, info.duration_s) == (48000, 2, 1.5)


def test_silent_film_has_no_audio(tmp_path: Path) -> None:
    info = probe_file(samples.make_video(tmp_path / "silent.mp4", audio=None))

    assert info.audio is None
    assert info.video is not None


def test_cover_picture_is_not_a_video(tmp_path: Path) -> None:
    path = tmp_path / "song.m4a"
    with av.open(str(path), "w", format="mp4") as output:
        sound = output.add_stream("aac", rate=48000, layout="mono")
        cover = output.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 64, 64, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 48000), np.int16), format="s16", layout="mono")
        frame.sample_rate = 48000
        output.mux(sound.encode(frame))
        output.mux(sound.encode(None))
        output.mux(cover.encode(av.VideoFrame(64, 64, "yuvj420p")))
        output.mux(cover.encode(None))

    info = probe_file(path)

    assert info.video is None
    assert info.audio is not None


def write_text(text: str) -> Callable[[Path], Path]:
    def write(path: Path) -> Path:
        path.write_text(text)
        return path

    return write


def write_bytes(data: bytes) -> Callable[[Path], Path]:
    def write(path: Path) -> Path:
        path.write_bytes(data)
        return path

    return write


def write_truncated(path: Path) -> Path:
    return samples.make_truncated(path.with_suffix(".mp4")).rename(path)


PNG = bytes.fromhex("89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b55")

HOSTILE: dict[str, tuple[Callable[[Path], Path], str]] = {
    "zero bytes": (write_bytes(b""), "media.empty"),
    "nothing but zeros": (write_bytes(bytes(100_000)), "media.empty"),
    "a letter": (samples.make_not_video, "media.unsupported"),
    "random bytes": (write_bytes(np.random.default_rng(7).bytes(50_000)), "media.unsupported"),
    "an HLS playlist": (samples.make_playlist, "media.unsupported"),
    "an HLS playlist behind a byte order mark": (
        write_bytes(b"\xef\xbb\xbf#EXTM3U\n#EXTINF:1,\n/etc/hostname\n"),
        "media.unsupported",
    ),
    "an ffconcat script": (write_text("ffconcat version 1.0\nfile /etc/hostname\n"), "media.unsupported"),
    "a DASH manifest": (
        write_text("<?xml version='1.0'?><MPD><BaseURL>file:///etc/</BaseURL></MPD>"),
        "media.unsupported",
    ),
    "a session description": (
        write_text("v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video 5000 RTP/AVP 96\n"),
        "media.unsupported",
    ),
    "an edit list": (write_text("# mpv EDL v0\n/etc/hostname,0,5\n"), "media.unsupported"),
    "an SVG": (write_text('<svg xmlns="http://www.w3.org/2000/svg"/>'), "media.unsupported"),
    "a PNG": (write_bytes(PNG), "media.unsupported"),
    "a JPEG": (write_bytes(b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(200)), "media.unsupported"),
    "a GIF": (write_bytes(b"GIF89a" + bytes(200)), "media.unsupported"),
    "a WebP": (write_bytes(b"RIFF\x00\x01\x00\x00WEBPVP8 " + bytes(200)), "media.unsupported"),
    "a HEIC": (write_bytes(b"\x00\x00\x00\x18ftypheic" + bytes(200)), "media.unsupported"),
    "an mp4 cut in the middle": (write_truncated, "media.truncated"),
    "an mp4 head alone": (write_bytes(b"\x00\x00\x00\x18ftypisom" + bytes(12)), "media.truncated"),
    "an mp4 whose index is junk": (
        write_bytes(b"\x00\x00\x00\x10ftypisom\x00\x00\x00\x00" + b"\x00\x00\x00\x18moov" + b"\xff" * 16),
        "media.no_streams",
    ),
    "a Matroska head alone": (write_bytes(bytes.fromhex("1a45dfa3") + b"\x80" + bytes(64)), "media.damaged"),
}


@pytest.mark.security("S-2")
@pytest.mark.parametrize("what", HOSTILE)
@pytest.mark.parametrize("name", ["upload.mp4", "upload.m3u8", "upload"])
def test_hostile_file_is_refused_whatever_its_name(tmp_path: Path, what: str, name: str) -> None:
    write, code = HOSTILE[what]

    assert refusal(write(tmp_path / name)) == code


@pytest.mark.parametrize("name", ["clip.mkv", "clip.webm", "clip.mov"])
def test_file_cut_off_in_transfer_is_truncated(tmp_path: Path, name: str) -> None:
    codec = "libvpx" if name.endswith("webm") else "libx264"
    path = samples.make_video(tmp_path / name, codec=codec, options={})
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 7 // 10])

    assert refusal(path) == "media.truncated"


@pytest.mark.security("S-3")
def test_wav_that_claims_one_sample_a_second_is_refused_before_decoding(tmp_path: Path) -> None:
    path = samples.make_tone(tmp_path / "bomb.wav", duration_s=1.0)
    data = bytearray(path.read_bytes())
    data[24:28] = struct.pack("<I", 1)
    path.write_bytes(data)

    assert refusal(path) == "media.unsupported_audio"


def claim_length(path: Path, seconds: float) -> Path:
    """Write another length into a Matroska header (Duration, 8 bytes of floating point, in milliseconds)."""
    data = bytearray(path.read_bytes())
    at = data.find(bytes.fromhex("448988"))
    struct.pack_into(">d", data, at + 3, seconds * 1000)
    path.write_bytes(data)
    return path


@pytest.mark.security("S-3")
def test_header_that_claims_ten_hours_is_refused(tmp_path: Path) -> None:
    path = claim_length(samples.make_video(tmp_path / "liar.mkv"), 36_000)

    assert refusal(path) == "media.too_long"


def test_header_that_claims_more_than_the_packets_hold_is_refused(tmp_path: Path) -> None:
    path = claim_length(samples.make_video(tmp_path / "liar.mkv"), 3_600)

    assert refusal(path) == "media.truncated"


def test_an_mp4_is_measured_by_its_samples_whatever_its_header_claims(tmp_path: Path) -> None:
    path = samples.make_video(tmp_path / "liar.mp4", duration_s=2.0)
    data = bytearray(path.read_bytes())
    at = data.find(b"mvhd")
    struct.pack_into(">I", data, at + 20, 36_000 * struct.unpack_from(">I", data, at + 16)[0])
    path.write_bytes(data)

    assert probe_file(path).duration_s == pytest.approx(2.0, abs=0.05)


def test_length_is_measured_where_the_header_claims_too_little(tmp_path: Path) -> None:
    path = samples.make_tone(tmp_path / "long.wav", duration_s=3.0)
    recording = tmp_path / "live.mkv"
    with av.open(str(path)) as source, av.open(str(recording), "w", options={"live": "1"}) as output:
        stream = output.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(audio=0):
            if packet.dts is not None:
                packet.stream = stream
                output.mux(packet)

    assert probe_file(recording).duration_s == pytest.approx(3.0, abs=0.1)
    assert refusal(recording, MediaLimits(max_duration_s=2.0)) == "media.too_long"


@pytest.mark.security("S-3")
def test_huge_picture_is_refused_from_the_header(tmp_path: Path) -> None:
    path = samples.make_video(tmp_path / "huge.mp4", width=640, height=480, audio=None)

    assert refusal(path, MediaLimits(max_pixels=640 * 479)) == "media.too_large"
    assert refusal(path, MediaLimits(max_side=639)) == "media.too_large"
    assert probe_file(path, MediaLimits(max_pixels=640 * 480)).video is not None


@pytest.mark.security("S-3")
def test_header_with_a_monstrous_size_is_refused(tmp_path: Path) -> None:
    path = samples.make_video(
        tmp_path / "liar.avi", width=320, height=240, duration_s=0.2, audio=None, codec="ffvhuff", options={}
    )
    honest, monstrous = struct.pack("<II", 320, 240), struct.pack("<II", 15_000, 15_000)
    path.write_bytes(path.read_bytes().replace(honest, monstrous))

    assert refusal(path) == "media.unsupported_video"


@pytest.mark.security("S-3")
def test_too_many_streams_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "many.mkv"
    with av.open(str(path), "w") as output:
        streams = [output.add_stream("aac", rate=48000, layout="mono") for _ in range(12)]
        for stream in streams:
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 4800), np.int16), format="s16", layout="mono")
            frame.sample_rate = 48000
            output.mux(stream.encode(frame))
            output.mux(stream.encode(None))

    assert refusal(path) == "media.too_many_streams"


def test_too_many_channels_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "wide.wav"
    with wave.open(str(path), "wb") as writer:
        writer.setnchannels(24)
        writer.setsampwidth(2)
        writer.setframerate(48000)
        writer.writeframes(bytes(24 * 2 * 4800))

    assert refusal(path) == "media.unsupported_audio"


@pytest.mark.security("S-3")
def test_a_thousand_frames_a_second_are_refused(tmp_path: Path) -> None:
    path = write_frames(tmp_path / "flicker.mp4", list(range(500)), size=(64, 64))

    assert refusal(path) == "media.unsupported_video"


def test_subtitles_alone_are_no_media(tmp_path: Path) -> None:
    path = tmp_path / "subs.mkv"
    subtitles = tmp_path / "subs.srt"
    subtitles.write_text("1\n00:00:00,000 --> 00:00:01,000\nHello\n\n")
    with av.open(str(subtitles)) as source, av.open(str(path), "w") as output:
        stream = output.add_stream_from_template(source.streams[0])
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = stream
                output.mux(packet)

    assert refusal(path) == "media.no_streams"


@pytest.mark.security("S-2")
def test_no_other_file_is_opened_by_an_external_reference(tmp_path: Path) -> None:
    """A QuickTime file may say that its samples lie in another file; they are not fetched."""
    secret = samples.make_video(tmp_path / "secret.mov", audio=None)
    path = tmp_path / "thief.mov"
    data = secret.read_bytes()
    at = data.find(b"url ")
    assert at > 0
    # "self-contained" flag of the data reference taken away: what follows would be the location
    thief = bytearray(data)
    thief[at + 4 : at + 8] = bytes(4)
    path.write_bytes(bytes(thief))
    secret.unlink()

    try:
        info = probe_file(path)
    except PermanentError as error:
        assert error.code.startswith("media.")
    else:
        assert info.sha256 == hashlib.sha256(bytes(thief)).hexdigest()


def test_progress_counts_seconds_of_media(tmp_path: Path) -> None:
    path = samples.make_video(tmp_path / "clip.mp4", duration_s=4.0)
    seen: list[tuple[float, float]] = []

    probe_file(path, progress=lambda done_s, total_s: seen.append((done_s, total_s)))

    assert seen[0][0] <= seen[-1][0] <= 4.1
    assert {round(total) for _, total in seen} == {4}

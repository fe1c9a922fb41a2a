"""Probing: what a file is, and whether we are willing to work on it."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import av.error
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from tasks.contracts import AudioInfo, MediaInfo, VideoInfo
from tasks.errors import PermanentError
from tasks.media.apart import Budget, Errand, call
from tasks.media.checksum import sha256_of
from tasks.media.colour import RANGES, SPACES, TRANSFERS
from tasks.media.container import open_media, packets_of
from tasks.media.limits import MediaLimits, spell_s
from tasks.media.packets import PacketScan, StreamScan, is_variable_rate, measured_rate, scan_packets
from tasks.media.siting import siting_of
from tasks.media.sniff import sniff

if TYPE_CHECKING:
    from tasks.media.walled import Teller

_MISSING_SHARE = 0.05
_MISSING_S = 1.0
_FIRST_FRAME_PACKETS = 500
CPU_S, BYTES_PER_CPU_S = 60, 20_000_000
"""A minute, and a second more for each 20 MB: every packet is read and the whole file is hashed."""
MIN_PIXEL_ASPECT, MAX_PIXEL_ASPECT = Fraction(1, 4), Fraction(4)


def probe_file(
    path: Path, limits: MediaLimits | None = None, *, progress: Callable[[float, float], None] | None = None
) -> MediaInfo:
    """Tell what a file holds, reading every packet of it.

    :param progress: called with the seconds read and the seconds the header claims.
    Errors, all permanent: ``media.empty unsupported damaged truncated too_long too_large too_many_streams no_streams
    unsupported_video unsupported_audio``.
    """
    limits = limits or MediaLimits()
    if limits.walls:
        budget = Budget(cpu_s=CPU_S + path.stat().st_size // BYTES_PER_CPU_S)
        return MediaInfo.from_json(call(Errand("tasks.media.probe:tell_probe", path, limits, budget=budget), progress))
    name = sniff(path).name
    with open_media(path, limits) as container:
        claimed_s = (container.duration or 0) / av.time_base
        video, audio = _pick_streams(container, limits)
        _check_claims(claimed_s, video, audio, limits)
        first = _first_frame(container, video) if video else None
        container.seek(0)
        scan = scan_packets(
            container, limits, video=video, progress=(lambda seen_s: progress(seen_s, claimed_s)) if progress else None
        )
        _check_complete(claimed_s, scan)
        video_info = _video_info(video, first, scan, limits) if video and first else None
        audio_info = _audio_info(audio) if audio else None
    return MediaInfo(name, round(scan.duration_s, 6), path.stat().st_size, sha256_of(path), video_info, audio_info)


def tell_probe(path: Path, _: Path, limits: MediaLimits, arguments: dict[str, Any], teller: Teller) -> dict[str, Any]:
    """Return what a file holds as JSON."""
    return probe_file(path, limits, progress=teller.progress).to_json()


def find_video(container: InputContainer) -> VideoStream | None:
    """Return the first video stream that is not a cover picture."""
    for stream in container.streams.video:
        if not stream.disposition & (Disposition.attached_pic | Disposition.timed_thumbnails):
            return stream
    return None


def _pick_streams(container: InputContainer, limits: MediaLimits) -> tuple[VideoStream | None, AudioStream | None]:
    played = len(container.streams.video) + len(container.streams.audio)
    if len(container.streams) > limits.max_streams or played > limits.max_av_streams:
        raise PermanentError(
            "media.too_many_streams", f"The file has {len(container.streams)} streams; that is too many"
        )
    video = find_video(container)
    audio = container.streams.audio[0] if container.streams.audio else None
    if video is None and audio is None:
        raise PermanentError("media.no_streams", "The file holds neither video nor sound")
    return video, audio


def _check_claims(claimed_s: float, video: VideoStream | None, audio: AudioStream | None, limits: MediaLimits) -> None:
    """Refuse from the header alone whatever it is already too much for."""
    if video is not None:
        _check_size(video.codec_context.width if video.codec_context else 0, _height(video), limits)
    if audio is not None:
        _check_audio(audio, limits)
    if claimed_s > limits.max_duration_s:
        raise PermanentError(
            "media.too_long",
            f"The file says it lasts {spell_s(claimed_s)}; {spell_s(limits.max_duration_s)} are allowed",
            {"duration_s": claimed_s, "limit_s": limits.max_duration_s},
        )


def _height(video: VideoStream) -> int:
    return video.codec_context.height if video.codec_context else 0


def _check_size(width: int, height: int, limits: MediaLimits) -> None:
    if width <= 0 or height <= 0:
        raise PermanentError(
            "media.unsupported_video", "The video's codec is unknown, or its picture is larger than allowed"
        )
    if width * height > limits.max_pixels or max(width, height) > limits.max_side:
        raise PermanentError(
            "media.too_large",
            f"A picture of {width}x{height} is larger than allowed",
            {"width": width, "height": height, "max_pixels": limits.max_pixels},
        )


def _check_audio(audio: AudioStream, limits: MediaLimits) -> None:
    context = audio.codec_context
    if context is None or not context.sample_rate:
        raise PermanentError("media.unsupported_audio", "The sound's codec is unknown")
    if not limits.min_sample_rate <= context.sample_rate <= limits.max_sample_rate:
        raise PermanentError("media.unsupported_audio", f"A sample rate of {context.sample_rate} Hz is not supported")
    if context.channels > limits.max_channels:
        raise PermanentError("media.unsupported_audio", f"{context.channels} sound channels are more than allowed")


def _first_frame(container: InputContainer, video: VideoStream) -> VideoFrame:
    """Decode one frame: it alone carries the rotation and the colours that the decoder really sees."""
    try:
        for number, packet in enumerate(packets_of(container, video)):
            for frame in packet.decode():
                return frame
            if number > _FIRST_FRAME_PACKETS:
                break
    except av.error.FFmpegError as error:
        raise PermanentError("media.damaged", "The first picture of the video cannot be decoded") from error
    raise PermanentError("media.damaged", "The video holds no picture that can be decoded")


def _check_complete(claimed_s: float, scan: PacketScan) -> None:
    if not scan.streams or scan.duration_s <= 0:
        raise PermanentError("media.truncated", "The file ends before its first picture or sound")
    missing_s = claimed_s - scan.duration_s
    if missing_s > max(_MISSING_S, _MISSING_SHARE * claimed_s):
        raise PermanentError(
            "media.truncated",
            f"The file says it lasts {claimed_s:.1f} s but ends after {scan.duration_s:.1f} s",
            {"claimed_s": claimed_s, "duration_s": scan.duration_s},
        )


def _video_info(video: VideoStream, first: VideoFrame, scan: PacketScan, limits: MediaLimits) -> VideoInfo:
    packets = scan.streams.get(video.index) or StreamScan(video.time_base or Fraction(1, 1000))
    _check_size(first.width, first.height, limits)
    rate = video.average_rate or measured_rate(packets) or Fraction(0)
    aspect = sample_aspect_of(video)
    real_fps = packets.count / scan.duration_s
    if real_fps > limits.max_fps:
        raise PermanentError("media.unsupported_video", f"{real_fps:.0f} frames a second are more than allowed")
    return VideoInfo(
        codec=video.codec_context.name,
        width=first.width,
        height=first.height,
        fps_num=rate.numerator,
        fps_den=rate.denominator,
        rotation=rotation_of(first),
        pixel_format=first.format.name,
        frame_count=packets.count,
        color_space=SPACES.get(first.colorspace, ""),
        color_range=RANGES.get(first.color_range, ""),
        color_transfer=TRANSFERS.get(first.color_trc, ""),
        bit_rate=video.bit_rate or 0,
        variable_frame_rate=is_variable_rate(packets),
        sample_aspect_num=aspect.numerator,
        sample_aspect_den=aspect.denominator,
        chroma_location=siting_of(video),
    )


def sample_aspect_of(video: VideoStream) -> Fraction:
    """Return the width of a coded pixel by its height; claims that no camera makes are square pixels."""
    aspect = video.sample_aspect_ratio or Fraction(1)
    return aspect if MIN_PIXEL_ASPECT <= aspect <= MAX_PIXEL_ASPECT else Fraction(1)


def rotation_of(frame: VideoFrame) -> int:
    """Return how many degrees clockwise a decoded frame must be turned to be shown: 0, 90, 180 or 270."""
    return round(-frame.rotation / 90) * 90 % 360  # the display matrix counts anticlockwise


def _audio_info(audio: AudioStream) -> AudioInfo:
    context = audio.codec_context
    return AudioInfo(context.name, context.sample_rate, context.channels, audio.bit_rate or 0)

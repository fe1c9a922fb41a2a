"""The floor: decode and, unless ``--decode-only``, encode with the same libraries and settings, with no captions."""

from __future__ import annotations

import sys

import av


def transcode(source: str, target: str | None) -> None:
    """Transcode with x264 medium CRF 18 and the audio packets kept; only decode when there is no target."""
    with av.open(source) as reader:
        video = reader.streams.video[0]
        video.thread_type = "AUTO"
        if target is None:
            for _ in reader.decode(video):
                pass
            return
        with av.open(target, "w", options={"movflags": "+faststart"}) as writer:
            copy_video_and_audio(reader, video, writer)


def copy_video_and_audio(
    reader: av.container.InputContainer, video: av.VideoStream, writer: av.container.OutputContainer
) -> None:
    """Encode the video, remux the audio."""
    out = writer.add_stream("libx264", rate=video.average_rate, options={"preset": "medium", "crf": "18"})
    out.width, out.height, out.pix_fmt = video.width, video.height, "yuv420p"
    out.codec_context.time_base = video.time_base
    for name in ("color_range", "colorspace", "color_primaries", "color_trc"):
        setattr(out.codec_context, name, getattr(video.codec_context, name))
    audio = reader.streams.audio[0]
    kept = writer.add_stream_from_template(audio)
    for packet in reader.demux(video, audio):
        if packet.stream is audio:
            if packet.dts is not None:
                packet.stream = kept
                writer.mux(packet)
            continue
        for frame in packet.decode():
            frame.pict_type = 0
            writer.mux(out.encode(frame))
    writer.mux(out.encode(None))


if __name__ == "__main__":
    arguments = [word for word in sys.argv[1:] if word != "--decode-only"]
    transcode(arguments[0], None if "--decode-only" in sys.argv else arguments[1])

"""Sound that stays as it is: which codec is copied to the byte into which container, and which is encoded anew."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from render_node.encode.settings import EncoderChoice
from render_node.encode.writer import FileWriter
from render_node.footage import Footage
from render_node.geometry import choose_geometry
from render_node.lanes import Outlet, Target
from render_node.source_sound import SourceSound
from tasks.contracts import VideoInfo
from tasks.contracts.outputs import RenderOutput, complete_output
from tests.media_samples import make_tone, make_video
from tests.render.test_render import audio_of

SIDE = 64
X264 = EncoderChoice("libx264", {"preset": "ultrafast"})
VP9 = EncoderChoice("libvpx-vp9", {"deadline": "realtime", "cpu-used": "8"})


def with_sound(folder: Path, suffix: str, encoder: str) -> Path:
    """Write a second of picture and of sound in a codec."""
    picture = make_video(folder / "picture.mp4", width=SIDE, height=SIDE, duration_s=1, audio=None)
    tone = make_tone(folder / "tone.wav", duration_s=1)
    source = folder / f"in.{suffix}"
    with av.open(str(picture)) as video, av.open(str(tone)) as wav, av.open(str(source), "w") as out:
        kept = out.add_stream_from_template(video.streams.video[0])
        sound = out.add_stream(encoder, rate=48000, layout="mono")
        for packet in video.demux(video=0):
            if packet.dts is not None:
                packet.stream = kept
                out.mux(packet)
        resampler = av.AudioResampler(
            format=sound.codec_context.codec.audio_formats[0], rate=48000, layout="mono", frame_size=1152
        )
        for frame in [*wav.decode(audio=0), None]:
            for part in resampler.resample(frame):
                out.mux(sound.encode(part))
        out.mux(sound.encode(None))
    return source


def carry(source: Path, path: Path, container: str) -> str:
    """Write a file with the source's picture and sound; return what became of the sound."""
    choice = VP9 if container == "webm" else X264
    output = complete_output(RenderOutput(container=container))
    geometry = choose_geometry(VideoInfo("h264", SIDE, SIDE, 30, 1), output)
    with av.open(str(source)) as opened, FileWriter(path, container, choice) as writer:
        footage = Footage(opened)
        sound = SourceSound(footage)
        for item in footage:
            if isinstance(item, av.VideoFrame):
                if not writer.frames:
                    writer.open_video(item, rate=footage.stream.average_rate)
                    sound.declare(Outlet(Target(path, output, choice, geometry), writer))
                writer.write_frame(item)
            else:
                sound.take(item, is_open=writer.frames > 0)
        sound.release()
        writer.finish()
        return writer.audio_mode


@pytest.mark.parametrize(
    ("encoder", "suffix", "container"),
    [
        ("aac", "mp4", "mp4"),
        ("libmp3lame", "mp4", "mp4"),
        ("libmp3lame", "mov", "mp4"),
        ("libmp3lame", "mkv", "mov"),
        ("libopus", "mkv", "mp4"),
        ("libopus", "mkv", "webm"),
        ("flac", "mkv", "mp4"),
        ("alac", "mov", "mp4"),
        ("ac3", "mp4", "mov"),
        ("pcm_s16le", "mov", "mov"),
        ("pcm_s24le", "mkv", "mov"),
        ("pcm_f32le", "mov", "mov"),
    ],
)
def test_what_a_container_can_hold_is_copied_to_the_byte(
    tmp_path: Path, encoder: str, suffix: str, container: str
) -> None:
    source = with_sound(tmp_path, suffix, encoder)
    out = tmp_path / f"out.{container}"

    assert carry(source, out, container) == "copy"

    assert b"".join(audio_of(out)) == b"".join(audio_of(source)) != b""


@pytest.mark.parametrize(
    ("encoder", "suffix", "container", "made"),
    [
        ("pcm_s16le", "mov", "mp4", "aac"),
        ("libmp3lame", "mp4", "webm", "opus"),
        ("flac", "mkv", "mov", "aac"),
        ("libopus", "mkv", "mov", "aac"),
    ],
)
def test_what_it_cannot_hold_is_encoded_and_as_long(
    tmp_path: Path, encoder: str, suffix: str, container: str, made: str
) -> None:
    out = tmp_path / f"out.{container}"

    assert carry(with_sound(tmp_path, suffix, encoder), out, container) == made

    with av.open(str(out)) as container_:
        stream = container_.streams.audio[0]
        assert stream.codec_context.codec.canonical_name == made
        samples = sum(frame.samples for frame in container_.decode(stream))
        assert samples / stream.rate == pytest.approx(1.0, abs=1 / 30)

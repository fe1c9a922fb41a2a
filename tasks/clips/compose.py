"""Clips and a song become one film: every cut on its planned frame, sound and picture ending together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from av.video.frame import VideoFrame

from tasks.clips.film import FINAL, Film
from tasks.clips.fit import ClipFile, Picture, Place, describe_fit, fit_frames, read_clip
from tasks.clips.transitions import blend, frames_of
from tasks.contracts.clips import ClipPlan, ComposedVideo
from tasks.errors import PermanentError
from tasks.media.container import media_start, open_media
from tasks.media.limits import MediaLimits
from tasks.media.packets import scan_packets
from tasks.media.probe import find_video

if TYPE_CHECKING:
    from tasks.media.walled import Teller

Progress = Callable[[float, float], None]
_BT709, _LIMITED = 1, 1


@dataclass(frozen=True)
class FilmOptions:
    """What the film shall be: size in even pixels, how clips follow each other, ``mp4`` or ``mov``.

    :param audio: ``copy`` refuses a song that the container cannot hold as it is; ``auto`` encodes it.
    """

    size: tuple[int, int]
    transition: str = "cut"
    container: str = "mp4"
    audio: str = "auto"
    limits: MediaLimits = field(default_factory=MediaLimits)


def compose(
    plan: ClipPlan,
    clips: Mapping[int, Path],
    song: Path,
    out: Path,
    *,
    options: FilmOptions,
    progress: Progress | None = None,
) -> ComposedVideo:
    """Join clips, by number, on the frames of their plan and lay the song under them.

    :param progress: called with frames done and in all; what it raises stops the work.
    Errors: ``clips.missing clips.empty clips.unknown_transition clips.off_plan``, those of opening media.
    """
    report: Progress = progress or (lambda done, total: None)
    frames_of(options.transition, plan.fps)
    files = [_file_of(clips, clip.number, options.limits) for clip in plan.clips]
    fits = tuple(describe_fit(file, _place(plan, n, options)) for n, file in enumerate(files))
    with (
        open_media(song, options.limits) as sound,
        Film(out, size=options.size, fps=plan.fps, options=FINAL, container=options.container) as film,
    ):
        if not sound.streams.audio:
            raise PermanentError("music.no_sound", "The file has no sound track")
        audio = film.add_song(
            sound,
            zero=media_start(sound),
            end_s=plan.frame_count / plan.fps,
            must_copy=options.audio == "copy",
        )
        starts = {clip.start_frame for clip in plan.clips}
        for picture in _pictures(plan, files, options):
            film.write(_frame(picture), is_cut=film.frames in starts)
            report(film.frames, plan.frame_count)
        film.finish()
    video_end_s, audio_end_s, frame_count = _measure(out, options.limits)
    if frame_count != plan.frame_count:
        raise PermanentError("clips.off_plan", f"The film has {frame_count} frames; {plan.frame_count} were planned")
    return ComposedVideo(
        width=options.size[0],
        height=options.size[1],
        fps_num=plan.fps_num,
        fps_den=plan.fps_den,
        frame_count=frame_count,
        video_end_s=video_end_s,
        audio_end_s=audio_end_s,
        audio=audio,
        transition=options.transition,
        size_bytes=out.stat().st_size,
        clips=fits,
    )


def compose_in_room(folder: Path, order: dict[str, Any], teller: Teller) -> dict[str, Any]:
    """Make a film into a room's folder and describe it; called by :class:`tasks.media.room.Room`."""
    wanted = order["options"]
    options = FilmOptions(**{**wanted, "size": tuple(wanted["size"])}, limits=MediaLimits(**order["limits"]))
    clips = {int(number): Path(path) for number, path in order["clips"]}
    plan, out = ClipPlan.from_json(order["plan"]), folder / order["name"]
    return compose(plan, clips, Path(order["song"]), out, options=options, progress=teller.progress).to_json()


def _file_of(clips: Mapping[int, Path], number: int, limits: MediaLimits) -> ClipFile:
    if number not in clips:
        raise PermanentError("clips.missing", f"Clip {number} is not there")
    return read_clip(clips[number], limits)


def _place(plan: ClipPlan, number: int, options: FilmOptions) -> Place:
    return Place(number, plan.clips[number].frame_count, plan.fps, options.size)


def _pictures(plan: ClipPlan, files: list[ClipFile], options: FilmOptions) -> Iterator[Picture]:
    """Yield every frame of the film."""
    before: Picture | None = None
    length = frames_of(options.transition, plan.fps)
    for number, file in enumerate(files):
        last = before
        for place, picture in enumerate(fit_frames(file, _place(plan, number, options), options.limits)):
            shown = picture
            if last is not None and place < length:
                shown = blend(options.transition, picture, last, place / length)
            before = picture
            yield shown


def _frame(picture: Picture) -> VideoFrame:
    frame = VideoFrame.from_ndarray(picture, format="yuv420p")
    frame.colorspace, frame.color_range = _BT709, _LIMITED
    return frame


def _measure(path: Path, limits: MediaLimits) -> tuple[float, float, int]:
    """Return the ends of picture and sound in seconds and the number of frames, from the packets themselves."""
    with open_media(path, limits) as container:
        video = find_video(container)
        assert video is not None
        sound = container.streams.audio[0]
        scan = scan_packets(container, limits, video=video, progress=None)
        picture = scan.streams[video.index]
        return float(picture.end_s), float(scan.streams[sound.index].end_s), picture.count

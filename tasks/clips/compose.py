"""Clips and a song become one film: every cut on its planned frame, sound and picture ending together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from av.video.frame import VideoFrame

from tasks.clips.film import FINAL, Film
from tasks.clips.fit import ClipFile, Picture, Place, describe_fit, fit_frames, read_clip
from tasks.clips.patch import OtherCoderError, PatchedFilm, find_touched
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
    :param before: a film of the same plan and options, but for the clips whose numbers are in ``changed``.
    """

    size: tuple[int, int]
    transition: str = "cut"
    container: str = "mp4"
    audio: str = "auto"
    limits: MediaLimits = field(default_factory=MediaLimits)
    before: Path | None = None
    changed: frozenset[int] = frozenset()


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
    audio, copied = _join(plan, files, song, out, options=options, report=report)
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
        copied_frames=copied,
    )


def _join(
    plan: ClipPlan, files: list[ClipFile], song: Path, out: Path, *, options: FilmOptions, report: Progress
) -> tuple[str, int]:
    """Write the film; return what was done with the song, and how many frames were copied."""
    if options.before is not None:
        try:
            film = PatchedFilm(out, options.before, fps=plan.fps, container=options.container, limits=options.limits)
            audio = _fill(film, plan, files, song, options=options, report=report)
            return audio, film.copied_frames
        except OtherCoderError:
            out.unlink(missing_ok=True)  # all of it is encoded anew, and the film says that nothing was copied
    whole = Film(out, size=options.size, fps=plan.fps, options=FINAL, container=options.container)
    return _fill(whole, plan, files, song, options=options, report=report), 0


def _fill(
    made: Film, plan: ClipPlan, files: list[ClipFile], song: Path, *, options: FilmOptions, report: Progress
) -> str:
    touched = find_touched(plan, options.changed, transition=options.transition)
    with open_media(song, options.limits) as sound, made as film:
        if not sound.streams.audio:
            raise PermanentError("music.no_sound", "The file has no sound track")
        end_s, must_copy = plan.frame_count / plan.fps, options.audio == "copy"
        audio = film.add_song(sound, zero=media_start(sound), end_s=end_s, must_copy=must_copy)
        last: Picture | None = None
        for number, file in enumerate(files):
            if isinstance(film, PatchedFilm) and number not in touched:
                film.copy_clip(plan.clips[number].frame_count)
                needs = number + 1 in touched and options.transition == "dissolve"
                last = _last_picture(file, _place(plan, number, options), options.limits) if needs else None
                report(film.frames, plan.frame_count)
                continue
            for place, (picture, shown) in enumerate(_pictures(plan, number, file, options, last)):
                film.write(_frame(shown), is_cut=place == 0)
                report(film.frames, plan.frame_count)
                final = picture
            last = final
        film.finish()
    return audio


def compose_in_room(folder: Path, order: dict[str, Any], teller: Teller) -> dict[str, Any]:
    """Make a film into a room's folder and describe it; called by :class:`tasks.media.room.Room`."""
    wanted = order["options"]
    before = Path(wanted["before"]) if wanted["before"] else None
    told = {**wanted, "size": tuple(wanted["size"]), "changed": frozenset(wanted["changed"]), "before": before}
    options = FilmOptions(**told, limits=MediaLimits(**order["limits"]))
    clips = {int(number): Path(path) for number, path in order["clips"]}
    plan, out = ClipPlan.from_json(order["plan"]), folder / order["name"]
    return compose(plan, clips, Path(order["song"]), out, options=options, progress=teller.progress).to_json()


def _file_of(clips: Mapping[int, Path], number: int, limits: MediaLimits) -> ClipFile:
    if number not in clips:
        raise PermanentError("clips.missing", f"Clip {number} is not there")
    return read_clip(clips[number], limits)


def _place(plan: ClipPlan, number: int, options: FilmOptions) -> Place:
    return Place(number, plan.clips[number].frame_count, plan.fps, options.size)


def _pictures(
    plan: ClipPlan, number: int, file: ClipFile, options: FilmOptions, last: Picture | None
) -> Iterator[tuple[Picture, Picture]]:
    """Yield every frame of a clip, as it is and as it is shown; ``last`` is what the clip before ends with."""
    length = frames_of(options.transition, plan.fps)
    for place, picture in enumerate(fit_frames(file, _place(plan, number, options), options.limits)):
        shown = picture
        if number and place < length:
            shown = blend(options.transition, picture, picture if last is None else last, place / length)
        yield picture, shown


def _last_picture(file: ClipFile, place: Place, limits: MediaLimits) -> Picture:
    *_, last = fit_frames(file, place, limits)
    return last


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

"""One pass over the footage: every frame decoded once, drawn once for each look, written to every output."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

import av

from render_node.footage import Footage, time_of
from render_node.lanes import Lane, Outlet, Target
from render_node.sound import SoundPlan
from render_node.source_sound import MadeSound, SourceSound
from tasks.contracts import SoundOutput
from tasks.errors import PermanentError

Progress = Callable[[int, int, str], None]


class Pass:
    """Reads, lets the lanes draw and write, and passes the sound on.

    :param total: frames that the footage is expected to have, for progress.
    :param mixes: sound that outputs want made anew.
    """

    def __init__(
        self,
        footage: Footage,
        lanes: list[Lane],
        *,
        total: int,
        mixes: dict[SoundOutput, SoundPlan],
        progress: Progress | None = None,
    ) -> None:
        self.frames = 0
        self._footage, self._lanes, self._total, self._progress = footage, lanes, total, progress
        self._sound = SourceSound(footage)
        self._mixes = {sound: MadeSound(plan) for sound, plan in mixes.items()}

    def run(self, outlets: list[Outlet]) -> None:
        """Go through the whole source and finish the outputs; raise ``media.damaged`` when it holds no frame."""
        for lane in self._lanes:
            lane.declare_sound = self._declare
        for item in self._footage:
            if isinstance(item, av.VideoFrame):
                self._take(item)
            else:
                self._sound.take(item, is_open=self._is_open())
        for lane in self._lanes:
            lane.finish()
        if not self._is_open():
            raise PermanentError("media.damaged", "Not one frame of the video can be decoded")
        self._sound.release()
        for mix in self._mixes.values():
            mix.write(float("inf"))
        for outlet in outlets:
            outlet.writer.finish()

    def _take(self, frame: av.VideoFrame) -> None:
        if self.frames == 0:
            for lane in self._lanes:
                lane.prepare(frame)
            for lane in self._lanes:
                lane.drawing.start()
        for lane in self._lanes:
            lane.take(frame)
        self.frames += 1
        if self._is_open():
            for mix in self._mixes.values():
                mix.write(float(time_of(frame)))
        if self._progress:
            self._progress(min(self.frames, self._total), self._total, "frames")

    def _declare(self, outlet: Outlet) -> None:
        sound = outlet.target.output.sound
        if sound in self._mixes:
            self._mixes[sound].declare(outlet)
        elif not sound.mute and not sound.is_mixed:
            self._sound.declare(outlet)

    def _is_open(self) -> bool:
        return all(lane.frames for lane in self._lanes)


def open_outlets(stack: ExitStack, lanes: dict[int, Lane], targets: list[Target]) -> list[Outlet]:
    """Open the files of all targets and join them to their lanes; ``lanes`` is by the target's position."""
    outlets = []
    for position, target in enumerate(targets):
        writer = target.open_writer()
        if writer is not None:
            outlet = Outlet(target, stack.enter_context(writer))
            lanes[position].outlets.append(outlet)
            outlets.append(outlet)
    return outlets

"""Frames on their way into a framing: upright, cropped along a path, split in two, or fitted over a blur (ring 2)."""

from __future__ import annotations

import av
import av.filter
from av.filter.context import FilterContext

from tasks.contracts.shorts import CropKey, Framing, SceneFrame
from tasks.edits.framing import crop_at
from tasks.media.siting import LEFT, place_of

TURNS = {0: (), 90: (("transpose", "clock"),), 180: (("hflip", ""), ("vflip", "")), 270: (("transpose", "cclock"),)}
SCALE = "flags=bicubic+accurate_rnd+full_chroma_int+full_chroma_inp"
SLACK = 4
"""Pixels that are cut wider than needed, so that the exact place is taken from the enlarged picture."""
BLUR_SHRINK, BLUR_SIGMA = 4, 12


class _Window:
    """A crop whose place is told for every frame: roughly in the source, then exactly in the enlarged picture."""

    def __init__(
        self, keys: tuple[CropKey, ...], source: tuple[int, int], out: tuple[int, int], crop: tuple[float, float]
    ) -> None:
        self.keys, self._source, self._out = keys, source, out
        self._exact = [min(side, part * side) for side, part in zip(source, crop, strict=True)]
        self._wide = [
            min(side, int(size) // 2 * 2 + SLACK) // 2 * 2 for side, size in zip(source, self._exact, strict=True)
        ]
        self._scales = [made / size for made, size in zip(out, self._exact, strict=True)]
        self._scaled = [
            max(made, round(wide * scale / 2) * 2)
            for made, wide, scale in zip(out, self._wide, self._scales, strict=True)
        ]
        self._rough: FilterContext | None = None
        self._fine: FilterContext | None = None

    def add(self, graph: av.filter.Graph, last: FilterContext, scale: str) -> FilterContext:
        self._rough = _link(graph, last, "crop", f"{self._wide[0]}:{self._wide[1]}:0:0:exact=1")
        scaled = _link(graph, self._rough, "scale", f"{self._scaled[0]}:{self._scaled[1]}:{scale}")
        self._fine = _link(graph, scaled, "crop", f"{self._out[0]}:{self._out[1]}:0:0:exact=1")
        return self._fine

    def place(self, t: float) -> None:
        assert self._rough is not None and self._fine is not None
        centre = crop_at(self.keys, t)
        for axis, name in enumerate(("x", "y")):
            left = max(
                0.0,
                min(self._source[axis] - self._exact[axis], centre[axis] * self._source[axis] - self._exact[axis] / 2),
            )
            rough = min(int(left) // 2 * 2, self._source[axis] - self._wide[axis])
            fine = round((left - rough) * self._scales[axis] / 2) * 2
            self._rough.process_command(name, str(rough))
            self._fine.process_command(name, str(max(0, min(fine, self._scaled[axis] - self._out[axis]))))


class Reframer:
    """Turns the frames of a source, given with rising times, into frames of one size.

    :param rotation: degrees clockwise by which the source is shown.
    :param siting: where its chroma lies, as stored; in what comes out it lies as H.264 has it, ``left``.
    """

    def __init__(self, framing: Framing, size: tuple[int, int], *, rotation: int = 0, siting: str = LEFT) -> None:
        across, down = (128 * half for half in place_of(siting, rotation))
        self._scale = f"{SCALE}:in_h_chr_pos={across}:in_v_chr_pos={down}:out_chroma_loc={LEFT}"
        self._scenes, self._size, self._rotation = framing.scenes, size, rotation
        self._graph: av.filter.Graph | None = None
        self._windows: list[_Window] = []
        self._form: tuple[object, ...] = ()
        self._count = 0

    def frame(self, frame: av.VideoFrame, t: float) -> av.VideoFrame:
        """Return the framed picture of a moment of the source; its colours are told as before."""
        scene = next((each for each in reversed(self._scenes) if each.start <= t + 1e-6), self._scenes[0])
        form = (scene, frame.width, frame.height, frame.format.name)
        if self._graph is None or form != self._form:
            self._graph, self._form = self._build(frame, scene), form
        for window in self._windows:
            window.place(t)
        frame.pts = self._count  # filters of two inputs wait for time to pass
        self._count += 1
        self._graph.push(frame)
        made = self._graph.pull()
        assert isinstance(made, av.VideoFrame)
        made.colorspace, made.color_range = int(frame.colorspace), int(frame.color_range)
        made.color_primaries, made.color_trc = int(frame.color_primaries), int(frame.color_trc)
        return made

    def _build(self, frame: av.VideoFrame, scene: SceneFrame) -> av.filter.Graph:
        graph = av.filter.Graph()
        described = f"video_size={frame.width}x{frame.height}:pix_fmt={frame.format.name}:time_base=1/1000"
        last = graph.add("buffer", described)
        for name, arguments in TURNS[self._rotation]:
            last = _link(graph, last, name, arguments)
        turned = self._rotation in (90, 270)
        source = (frame.height, frame.width) if turned else (frame.width, frame.height)
        self._windows = []
        _link(graph, self._lay_out(graph, last, scene, source), "buffersink", "")
        graph.configure()
        return graph

    def _lay_out(
        self, graph: av.filter.Graph, last: FilterContext, scene: SceneFrame, source: tuple[int, int]
    ) -> FilterContext:
        width, height = self._size
        if scene.layout == "fit":
            return _over_blur(graph, last, source, self._size, scale=self._scale)
        crop = (scene.width, scene.height)
        if scene.layout == "split":
            heights = height // 4 * 2, height - height // 4 * 2
            both = zip((scene.keys, scene.second), heights, strict=True)
            halves = [_Window(keys, source, (width, half), crop) for keys, half in both]
            self._windows = halves
            ways = _fork(graph, last)
            stack = graph.add("vstack", "inputs=2")
            for number, (way, half) in enumerate(zip(ways, halves, strict=True)):
                half.add(graph, way, self._scale).link_to(stack, 0, number)
            return stack
        self._windows = [_Window(scene.keys, source, self._size, crop)]
        return self._windows[0].add(graph, last, self._scale)


def _over_blur(
    graph: av.filter.Graph, last: FilterContext, source: tuple[int, int], size: tuple[int, int], *, scale: str
) -> FilterContext:
    """Lay the whole picture over a blurred one that fills the frame."""
    width, height = size
    behind, above = _fork(graph, last)
    small = [max(2, side // BLUR_SHRINK // 2 * 2) for side in size]
    cover = max(small[0] / source[0], small[1] / source[1])
    covered = [max(need, -(-int(side * cover + 0.999) // 2) * 2) for need, side in zip(small, source, strict=True)]
    behind = _link(graph, behind, "scale", f"{covered[0]}:{covered[1]}:flags=area")
    behind = _link(graph, behind, "crop", f"{small[0]}:{small[1]}")
    behind = _link(graph, _link(graph, behind, "gblur", f"sigma={BLUR_SIGMA}"), "scale", f"{width}:{height}:{scale}")
    part = min(width / source[0], height / source[1])
    inner = [max(2, round(side * part / 2) * 2) for side in source]
    above = _link(graph, above, "scale", f"{inner[0]}:{inner[1]}:{scale}")
    x, y = (width - inner[0]) // 4 * 2, (height - inner[1]) // 4 * 2
    laid = graph.add("overlay", f"{x}:{y}:format=auto:eval=init")
    behind.link_to(laid, 0, 0)
    above.link_to(laid, 0, 1)
    return laid


def _fork(graph: av.filter.Graph, last: FilterContext) -> tuple[FilterContext, FilterContext]:
    split = _link(graph, last, "split", "2")
    ways = graph.add("null"), graph.add("null")
    for number, way in enumerate(ways):
        split.link_to(way, number)
    return ways


def _link(graph: av.filter.Graph, last: FilterContext, name: str, arguments: str) -> FilterContext:
    step = graph.add(name, arguments or None)
    last.link_to(step)
    return step

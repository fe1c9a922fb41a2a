"""The room in which a node works on footage: decoding, drawing and encoding happen in there, files come out.

What only a host with a GPU needs is loaded there alone: without it, whoever opens a room needs no codecs of its own.
"""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import render_node
from render_node.frames.browser import OFF, find_chromium
from render_node.ordered_images import offered_images
from tasks.config import WorkerSettings
from tasks.contracts import RenderOutput
from tasks.errors import ConfigurationError, ReelyardError
from tasks.fonts import available_faces, font_faces
from tasks.media.apart import Budget
from tasks.media.room import Openings, Room, whole_host
from tasks.names import POLICY, TaskName
from tasks.sandbox import sandbox_problem

if TYPE_CHECKING:  # a room imports this module, and must not load the whole worker with it
    from tasks.attempt import StepContext

logger = logging.getLogger(__name__)
FOLDER = "room"
KEPT = (
    *("chromium", "encoder", "decoder", "gpu", "nvenc_sessions", "lock_dir", "encoder_threads"),
    *("max_media_s", "max_pixels"),
)
"""Settings that matter behind the walls. The rest, with its secrets, stays outside."""
ERRANDS = "render_node.errands"
FONT_CONFIGURATION = ("/etc/fonts", "/etc/alternatives", "/etc/chromium.d", "/etc/vulkan", "/etc/glvnd")
GPU_DEVICES = ("nvidia*", "dri")
GPU_VARIABLES = ("CUDA_", "NVIDIA_", "LD_LIBRARY_PATH", "VK_", "__EGL_", "__GLX_", "LIBVA_", "REELYARD_CHROMIUM_GPU")


@dataclass(frozen=True)
class Workroom:
    """A room with everything in it that one order needs: fonts, pictures, settings without secrets."""

    room: Room
    order: dict[str, Any]
    scratch: Path

    @property
    def walls(self) -> str:
        """What stands around it: ``bubblewrap``, ``no network`` or ``limits``; each of them with limits."""
        return self.room.walls

    def call(self, errand: str, report: Callable[[int, int], None] | None = None, **arguments: Any) -> Any:
        """Have an errand of :mod:`render_node.errands` done and return what it returns."""
        tick = (lambda done, total: report(int(done), int(total))) if report else None
        return self.room.call(f"{ERRANDS}:{errand}", {**self.order, **arguments}, tick)

    def prove(self, name: str, scenario: dict[str, Any], output: RenderOutput, **more: Any) -> dict[str, Any]:
        """Hold a file that was made in there against stills; raise ``render.parity_failed``."""
        found: dict[str, Any] = self.call("prove", name=name, scenario=scenario, output=output.to_json(), **more)
        return found

    def take(self, name: str) -> Path:
        """Bring a file out into the scratch directory."""
        return self.room.take(name, self.scratch / name)

    def has(self, name: str) -> bool:
        """Tell whether there is a file."""
        return (self.room.folder / name).is_file()


@contextmanager
def open_workroom(
    context: StepContext, source: Path | None, *, music: Path | None = None, reads: Sequence[Path] = ()
) -> Iterator[Workroom]:
    """Open a room over a step's files; errors ``sandbox.missing`` and those of :class:`tasks.media.room.Room`."""
    with open_room(context.settings, context.scratch, source, music=music, reads=reads) as room:
        yield room


@contextmanager
def open_room(
    settings: WorkerSettings,
    scratch: Path,
    source: Path | None,
    *,
    music: Path | None = None,
    reads: Sequence[Path] = (),
) -> Iterator[Workroom]:
    """Open a room in a scratch directory; errors as those of :func:`open_workroom`."""
    folder = scratch / FOLDER
    folder.mkdir()
    faces = [face for face in available_faces() if face not in font_faces()]
    images = put_images(scratch)
    kept = {name: getattr(settings, name) for name in KEPT}
    browser = find_chromium(settings.chromium)
    files = [path for path in (source, music, *reads, *images.values(), *(face.path for face in faces)) if path]
    order = {
        "settings": {**kept, "chromium": str(browser)},
        "fonts": [{**asdict(face), "path": str(face.path.absolute())} for face in faces],
        "images": {name: str(path.absolute()) for name, path in images.items()},
        "source": str(source.absolute()) if source else "",
        "music": str(music.absolute()) if music else "",
        "source_sha256": "",
    }
    openings = openings_of(settings, browser, files)
    with Room(folder, walls_of(settings), budget=budget_of(settings), openings=openings, starts_browser=True) as room:
        yield Workroom(room, order, scratch)


def put_images(scratch: Path) -> dict[str, Path]:
    """Write the pictures at hand where the room can read them."""
    paths = {}
    for number, (name, data) in enumerate(offered_images().items()):
        paths[name] = scratch / f"picture-{number}"
        paths[name].write_bytes(data)
    return paths


def budget_of(settings: WorkerSettings) -> Budget:
    """Return what a step may use. CUDA reserves more address space than there is memory: with a GPU any will do."""
    budget = whole_host(POLICY[TaskName.RENDER_VIDEO].hard_limit_s)
    return replace(budget, memory_bytes=-1) if uses_gpu(settings) else budget


def uses_gpu(settings: WorkerSettings) -> bool:
    """Tell whether there is a GPU that this node was not told to leave alone."""
    may_code = settings.encoder != "libx264" or settings.decoder != "software"
    draws = os.environ.get("REELYARD_CHROMIUM_GPU", OFF) != OFF
    return (may_code and any(Path("/dev").glob("nvidia*"))) or (draws and bool(gpu_devices()))


def walls_of(settings: WorkerSettings) -> str:
    """Return REELYARD_SANDBOX, or ``off`` where a GPU works on this host and not within bubblewrap."""
    if settings.sandbox == "off" or not uses_gpu(settings) or sandbox_problem():
        return settings.sandbox
    return choose_walls(settings.sandbox, *compare_gpu(settings))


@cache
def compare_gpu(settings: WorkerSettings) -> tuple[dict[str, str], dict[str, str]]:
    """Return what a GPU does here and within bubblewrap."""
    browser = find_chromium(settings.chromium)
    kept = {name: getattr(settings, name) for name in KEPT} | {"chromium": str(browser)}
    with tempfile.TemporaryDirectory(prefix="room-") as folder:
        openings = openings_of(settings, browser, [])
        room = Room(Path(folder), "required", budget=budget_of(settings), openings=openings, starts_browser=True)
        try:
            with room:
                inside: dict[str, str] = room.call(f"{ERRANDS}:see_gpu", {"settings": kept})
        except ReelyardError as error:
            inside = {"room": error.detail}
    from render_node.capability import look_at_gpu

    return look_at_gpu(settings), inside


def choose_walls(mode: str, here: dict[str, str], inside: dict[str, str]) -> str:
    """Return the mode, ``off`` for ``auto`` where something that works here does not work inside.

    Raise ConfigurationError ``sandbox.missing`` where walls are required.
    """
    lost = sorted(name for name, problem in here.items() if not problem and inside.get(name) != "")
    lost += ["graphics"] if here.get("graphics") != inside.get("graphics") else []
    if not lost:
        return mode
    problem = f"within bubblewrap the GPU does not do {', '.join(lost)}"
    if mode == "required":
        raise ConfigurationError("sandbox.missing", problem)
    logger.warning("rendering without bubblewrap", extra={"reason": problem})
    return "off"


def gpu_devices() -> list[Path]:
    """Return the device files of GPUs."""
    return [path for pattern in GPU_DEVICES for path in sorted(Path("/dev").glob(pattern))]


def openings_of(settings: WorkerSettings, browser: Path, files: list[Path]) -> Openings:
    """Return what must be seen in there: our code, the browser, how fonts are found, and a GPU where one is used."""
    code = [Path(render_node.__file__).parent, browser.resolve().parent]
    reads = [*files, *code, *(path for path in map(Path, FONT_CONFIGURATION) if path.exists())]
    if not uses_gpu(settings):
        return Openings(reads)
    environment = {name: value for name, value in os.environ.items() if name.startswith(GPU_VARIABLES)}
    writes = []
    if settings.nvenc_sessions:
        from render_node.encode.sessions import card_of

        writes.append(card_of(settings).folder)
        writes[0].mkdir(parents=True, exist_ok=True)
    return Openings([*reads, Path("/sys")], writes, gpu_devices(), environment)

"""S-2, S-3: footage is decoded, drawn on and encoded behind walls, and what comes out is what would be made without."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from render_node.errands import settings_of
from render_node.ops import render
from render_node.ordered_images import offer_images
from render_node.render import render_file
from render_node.workroom import KEPT, choose_walls, compare_gpu, open_workroom
from tasks import sandbox
from tasks.attempt import StepContext
from tasks.children import ChildGroup, children_of_attempt
from tasks.config import WorkerSettings, read_worker_settings
from tasks.contracts import Claim, RenderOrder, RenderOutput
from tasks.errors import ConfigurationError, FencedError, PermanentError, ReelyardError, TransientError
from tasks.media.apart import Budget
from tasks.media.checksum import sha256_of
from tasks.media.room import Openings, Room
from tasks.sandbox import sandbox_problem
from tasks.storage.memory import MemoryStorage
from tests.conftest import require
from tests.media.test_confined import SETTINGS
from tests.media_samples import make_video
from tests.render.looks import look
from tests.security.hostile_media import crafted

pytestmark = pytest.mark.security("S-2")
WIDTH, HEIGHT = 64, 114
TESTS = "tests.media.errands"
OUTPUT = RenderOutput(encoder="libx264", preset="ultrafast")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_video(tmp_path_factory.mktemp("room") / "a.mp4", width=WIDTH, height=HEIGHT, duration_s=0.5)


@pytest.fixture
def document() -> dict[str, Any]:
    return look("pop", width=WIDTH, height=HEIGHT, texts=("Yes",), word_s=0.4)


def context_of(tmp_path: Path, clip: Path, mode: str, **claimed: Any) -> StepContext:
    if mode == "required":
        require(not sandbox_problem(), "bubblewrap")
    scratch = tmp_path / f"scratch-{mode}"
    scratch.mkdir()
    storage = MemoryStorage()
    storage.put_file("in", clip, content_type="video/mp4")
    claim = Claim.from_json({"claimed": True, "input": {}, "output_prefix": "out/", **claimed})
    settings = replace(read_worker_settings({**SETTINGS, "REELYARD_SANDBOX": mode}), source_cache_bytes=0)
    return StepContext(claim, scratch, storage, settings)


@contextmanager
def bare_room(folder: Path, **budget: int) -> Iterator[Room]:
    """Open a room without bubblewrap, which shows it no tests."""
    folder.mkdir(exist_ok=True)
    with Room(folder, "off", budget=Budget(**budget), openings=Openings()) as room:
        yield room


@pytest.mark.parametrize(("mode", "walls"), [("off", {"no network", "limits"}), ("required", {"bubblewrap"})])
def test_a_render_behind_walls_is_the_same_to_the_bit(
    chromium: str, document: dict[str, Any], clip: Path, tmp_path: Path, mode: str, walls: set[str]
) -> None:
    order = RenderOrder("in", document, OUTPUT, source_sha256=sha256_of(clip))
    context = context_of(tmp_path, clip, mode, input=order.to_json())
    here = render_file(clip, document, tmp_path / "here.mp4", output=OUTPUT, settings=context.settings)

    done = render(context)

    assert done["receipt"]["checks"]["walls"] in walls
    assert done["sha256"] == sha256_of(tmp_path / "here.mp4")
    told = ("recipe", "frame_count", "duration_s", "colour", "pictures_sha256", "audio_duration_s", "fps_num")
    assert {name: done["receipt"][name] for name in told} == {name: here.to_json()[name] for name in told}


def test_only_the_files_of_the_order_are_seen_and_nobody_is_reached(
    chromium: str, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = context_of(tmp_path, clip, "required")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "never to be seen")
    with offer_images({"logo": b"picture"}), open_workroom(context, clip) as room:
        command = room.room._command
    bound = [command[at + 1] for at, part in enumerate(command) if part in ("--bind", "--ro-bind", "--dev-bind")]
    assert [path for path in bound if path.startswith(str(tmp_path))] == [
        str(context.scratch / "picture-0"),
        str(context.scratch / "room"),
    ]
    assert str(clip) in bound
    assert "--unshare-all" in command
    assert "never to be seen" not in " ".join(command)
    assert not {"callback_secret", "redis_url", "storage"} & set(room.order["settings"])


def test_a_gpu_that_works_outside_alone_is_worth_more_than_bubblewrap_unless_that_is_required() -> None:
    here = {"h264_nvenc": "", "av1_nvenc": "no such encoder", "graphics": "off"}

    assert choose_walls("auto", here, dict(here)) == "auto"
    assert choose_walls("auto", here, {**here, "av1_nvenc": "another reason"}) == "auto"
    for inside in ({**here, "h264_nvenc": "no device"}, {**here, "graphics": "vulkan"}, {"room": "it did not open"}):
        assert choose_walls("auto", here, inside) == "off"
        with pytest.raises(ConfigurationError) as caught:
            choose_walls("required", here, inside)
        assert caught.value.code == "sandbox.missing"


def test_what_a_gpu_does_is_looked_at_in_a_room_as_well(chromium: str) -> None:
    require(not sandbox_problem(), "bubblewrap")
    settings = replace(read_worker_settings(SETTINGS), chromium=chromium)

    here, inside = compare_gpu(settings)

    assert set(here) == set(inside)
    assert choose_walls("auto", here, inside) == "auto"


def test_settings_behind_the_walls_hold_no_secret(tmp_path: Path) -> None:
    settings = read_worker_settings(SETTINGS)
    kept = {name: getattr(settings, name) for name in KEPT}

    inside = settings_of(kept)

    assert {name: getattr(inside, name) for name in KEPT} == kept
    rest = [getattr(inside, field.name) for field in fields(WorkerSettings) if field.name not in (*KEPT, "storage")]
    assert not any(rest)
    assert not any(vars(inside.storage).values())


@pytest.mark.security("S-3")
@pytest.mark.parametrize(
    ("function", "error", "code"),
    [
        ("crash", PermanentError, "media.damaged"),
        ("spin", PermanentError, "media.damaged"),
        ("swell", PermanentError, "media.damaged"),
        ("kill", TransientError, "node.out_of_memory"),
        ("give_up", TransientError, "browser.crashed"),
        ("stumble", TransientError, "media.reader_failed"),
        ("garble", TransientError, "media.reader_failed"),
        ("overstate", TransientError, "media.reader_failed"),
    ],
)
def test_what_misbehaves_in_a_room_ends_that_room_alone(
    function: str, error: type[ReelyardError], code: str, tmp_path: Path
) -> None:
    with bare_room(tmp_path / "room", memory_bytes=1 << 30, cpu_s=2) as room, pytest.raises(error) as caught:
        room.call(f"{TESTS}:{function}", {})

    assert caught.value.code == code


def test_what_libraries_print_is_no_answer(tmp_path: Path) -> None:
    with bare_room(tmp_path / "room") as room:
        assert room.call(f"{TESTS}:babble", {}) is None


def test_a_room_does_errand_after_errand_until_one_breaks_it(tmp_path: Path) -> None:
    with bare_room(tmp_path / "room") as room:
        assert [room.call(f"{TESTS}:add", {"by": by}) for by in (1, 2, 3)] == [1, 3, 6]
        with pytest.raises(PermanentError):
            room.call(f"{TESTS}:refuse", {})
        assert room.call(f"{TESTS}:add", {"by": 4}) == 10
        with pytest.raises(PermanentError):
            room.call(f"{TESTS}:crash", {})
        with pytest.raises(PermanentError):
            room.call(f"{TESTS}:add", {"by": 1})


def test_what_is_no_footage_is_refused_in_a_room_by_its_own_code(
    chromium: str, document: dict[str, Any], clip: Path, tmp_path: Path
) -> None:
    programs = crafted(tmp_path / "canary", 1)
    context = context_of(tmp_path, clip, "auto")
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"")
    with open_workroom(context, bad) as room:
        for what, data in programs.items():
            bad.write_bytes(data)
            with pytest.raises(PermanentError) as caught:
                room.call("render", scenario=document, outputs=[OUTPUT.to_json()], names=["a.mp4"], posters={})
            assert caught.value.code.startswith("media."), what


@pytest.mark.parametrize("what", ["link", "hard link", "folder", "nothing"])
def test_what_is_no_file_of_its_own_is_not_taken(what: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    with bare_room(tmp_path / "room") as room:
        made = room.folder / "made"
        {"link": made.symlink_to, "hard link": made.hardlink_to, "folder": lambda _: made.mkdir()}.get(
            what, lambda _: None
        )(secret)
        with pytest.raises(TransientError) as caught:
            room.take("made", tmp_path / "taken")

    assert caught.value.code == "media.reader_failed"


def test_an_attempt_that_ends_ends_its_room_in_the_middle_of_an_errand(tmp_path: Path) -> None:
    children = ChildGroup()

    def stop(done: float, total: float) -> None:
        raise FencedError("step.fenced", "This attempt has ended")

    with children_of_attempt(children), pytest.raises(FencedError), bare_room(tmp_path / "room") as room:
        room.call(f"{TESTS}:forever", {}, stop)

    assert children._roots == set()
    assert not Path(f"/proc/{room._process.pid}").exists()


def test_where_walls_are_required_and_missing_nothing_is_decoded(
    chromium: str, document: dict[str, Any], clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = context_of(tmp_path, clip, "auto", input=RenderOrder("in", document, OUTPUT).to_json())
    monkeypatch.setattr(sandbox.shutil, "which", lambda name: None)
    sandbox_problem.cache_clear()
    try:
        with pytest.raises(ConfigurationError) as caught:
            render(replace(context, settings=replace(context.settings, sandbox="required", chromium=chromium)))
    finally:
        sandbox_problem.cache_clear()

    assert caught.value.code == "sandbox.missing"

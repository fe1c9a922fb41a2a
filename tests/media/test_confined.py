"""S-2, S-3: uploads are read by a process with limits, in bubblewrap where it works; a bad file ends that alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest

from tasks import sandbox
from tasks.attempt import StepContext
from tasks.config import read_worker_settings
from tasks.contracts import Claim
from tasks.errors import ConfigurationError, PermanentError, TransientError
from tasks.ingest import ops
from tasks.media.apart import judge
from tasks.sandbox import clean_environment, confine, ended_by, sandbox_problem
from tasks.self_test import examine_sandbox
from tasks.storage.memory import MemoryStorage
from tests.conftest import require
from tests.media_samples import make_video

SETTINGS = {
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "AWS_ACCESS_KEY_ID": "a",
    "AWS_SECRET_ACCESS_KEY": "b",
    "REELYARD_CALLBACK_SECRET": "c" * 32,
}
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000030000000208020000001216f14d0000001049444154789c63f8cfc000410c"
    "70160041d205fb87f0b9480000000049454e44ae426082"
)
"""Three by two red pixels."""
pytestmark = pytest.mark.security("S-2")


@pytest.fixture(params=["off", "required"])
def context(request: pytest.FixtureRequest, tmp_path: Path) -> StepContext:
    """A step's context without a sandbox and with one."""
    if request.param == "required":
        require(not sandbox_problem(), "bubblewrap")
    settings = read_worker_settings({**SETTINGS, "REELYARD_SANDBOX": request.param})
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    claim = Claim.from_json({"claimed": True, "input": {"object_key": "in"}, "output_prefix": "out/"})
    return StepContext(claim, scratch, MemoryStorage(), settings)


def put(context: StepContext, data: bytes) -> None:
    context.storage.put_bytes("in", data, content_type="application/octet-stream")


def video(tmp_path: Path) -> bytes:
    return make_video(tmp_path / "a.mp4", width=64, height=64, duration_s=0.4).read_bytes()


def test_an_upload_is_probed_and_drawn_within_the_walls(context: StepContext, tmp_path: Path) -> None:
    put(context, video(tmp_path))

    info = ops.probe(context)
    poster = ops.poster(replace(context, claim=replace(context.claim, results={"probe": info})))

    assert (info["container"], info["video"]["width"], info["video"]["height"]) == ("mov", 64, 64)
    assert poster == {"object_key": "out/poster.png", "width": 64, "height": 64}
    assert context.storage.get_bytes("out/poster.png").startswith(b"\x89PNG")


def test_a_picture_is_written_anew_within_the_walls(context: StepContext) -> None:
    put(context, PNG)

    told = ops.image(context)

    assert told["media"]["image"]["width"] == 3
    assert context.storage.get_bytes("out/image.png").startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("data", "code"), [(b"", "media.empty"), (b"#EXTM3U\nfile:///etc/passwd\n", "media.unsupported")]
)
def test_what_is_refused_within_the_walls_is_refused_by_its_own_code(
    context: StepContext, data: bytes, code: str
) -> None:
    put(context, data)

    with pytest.raises(PermanentError) as caught:
        ops.probe(context)

    assert caught.value.code == code


def run(mode: str, code: str, tmp_path: Path) -> str:
    """Return what a piece of Python prints within the walls; it may read ``seen`` and write in ``out``."""
    (tmp_path / "seen").write_text("seen")
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "out").mkdir()
    command = confine(mode, [sys.executable, "-c", code], reads=tmp_path / "seen", writes=tmp_path / "out")
    done = subprocess.run(command, env=clean_environment(), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_within_bubblewrap_there_are_no_other_files_no_network_and_no_secrets(tmp_path: Path) -> None:
    require(not sandbox_problem(), "bubblewrap")
    code = f"""
import os, socket
from pathlib import Path
home = Path({str(tmp_path)!r})
print((home / "seen").read_text(), (home / "secret").exists(), Path("/etc/hostname").exists(), end=" ")
(home / "out" / "made").write_text("made")
try:
    (home / "seen").write_text("changed")
except OSError as error:
    print("read-only", end=" ")
try:
    socket.create_connection(("192.0.2.1", 80), timeout=5)
except OSError as error:
    print("no network" if error.errno == 101 else error, end=" ")
print(sorted(name for name in os.environ if "SECRET" in name or "REELYARD" in name))
"""

    assert run("required", code, tmp_path) == "seen False False read-only no network []"
    assert (tmp_path / "out" / "made").read_text() == "made"


def test_without_bubblewrap_there_is_no_network_where_the_kernel_lets_it_be_left(tmp_path: Path) -> None:
    code = """
import ctypes, os, socket
from tasks.sandbox import raise_walls
walls = raise_walls()
try:
    socket.create_connection(("192.0.2.1", 80), timeout=5)
except OSError as error:
    reached = "no network" if error.errno == 101 else str(error)
open("made", "w").close()
print(walls == reached, os.geteuid() == os.stat("made").st_uid, ctypes.CDLL(None).prctl(39, 0, 0, 0, 0))
"""
    as_somebody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []
    tmp_path.chmod(0o777)
    told = []
    for command in ([], as_somebody):
        done = subprocess.run(
            [*command, sys.executable, "-c", code],
            env=clean_environment(),
            capture_output=True,
            text=True,
            cwd=tmp_path,
        )
        assert done.returncode == 0, done.stderr
        told.append(done.stdout.split())
        (tmp_path / "made").unlink()
    require(told[0][0] == "True", "network namespaces")

    assert told == [["True", "True", "1"]] * 2


@pytest.mark.security("S-3")
@pytest.mark.parametrize(
    ("limits", "code", "signals"),
    [
        ("Limits(1 << 30, 60, 1 << 20)", "bytearray(2 << 30)", {0}),
        ("Limits(1 << 30, 1, 1 << 20)", "\nwhile True: pass", {signal.SIGXCPU, signal.SIGKILL}),
        ("Limits(1 << 30, 60, 1 << 20)", "open(__import__('sys').argv[1], 'wb').write(bytes(2 << 20))", {0}),
    ],
)
def test_memory_time_and_files_end_at_their_limits(tmp_path: Path, limits: str, code: str, signals: set[int]) -> None:
    script = f"from tasks.sandbox import Limits, limit_self; limit_self({limits});{code}"
    command = [sys.executable, "-c", script, str(tmp_path / "made")]
    done = subprocess.run(command, capture_output=True, timeout=60, cwd=tmp_path)

    assert done.returncode != 0
    assert ended_by(done.returncode) in signals
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 1 << 20


@pytest.mark.security("S-3")
@pytest.mark.parametrize(
    ("returncode", "error", "code"),
    [
        (-signal.SIGSEGV, PermanentError, "media.damaged"),
        (128 + signal.SIGABRT, PermanentError, "media.damaged"),
        (-signal.SIGXCPU, PermanentError, "media.damaged"),
        (4, PermanentError, "media.damaged"),
        (-signal.SIGKILL, TransientError, "node.out_of_memory"),
        (1, TransientError, "media.reader_failed"),
        (0, TransientError, "media.reader_failed"),
    ],
)
def test_how_the_reader_ended_says_whose_fault_it_is(returncode: int, error: type[Exception], code: str) -> None:
    with pytest.raises(error) as caught:
        judge({}, returncode, BytesIO(b"traceback"), kind="media")

    assert getattr(caught.value, "code", "") == code


@pytest.fixture
def without_bubblewrap(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(sandbox.shutil, "which", lambda name: None)
    sandbox_problem.cache_clear()
    yield
    sandbox_problem.cache_clear()


@pytest.mark.usefixtures("without_bubblewrap")
def test_where_bubblewrap_is_missing_auto_goes_on_and_required_refuses(caplog: pytest.LogCaptureFixture) -> None:
    here = Path(os.devnull)

    assert confine("auto", ["true"], reads=here, writes=here) == ["true"]
    assert examine_sandbox("auto") == []
    assert "without a sandbox" in caplog.text
    with pytest.raises(ConfigurationError) as caught:
        confine("required", ["true"], reads=here, writes=here)
    assert caught.value.code == "sandbox.missing"
    assert examine_sandbox("required") == ["sandbox: bubblewrap (bwrap) is not installed"]
    assert examine_sandbox("off") == []

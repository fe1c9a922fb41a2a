"""The units are what systemd takes, wall processes in as far as these allow it, and let every step end."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from api.config import read_api_settings
from tasks.config import read_worker_settings
from tasks.environment import VARIABLES
from tasks.names import POLICY, Queue
from tests.conftest import require
from tests.deploy.fetchers import WALL, fetches
from tests.deploy.manifests import ROOT, queues_of, secret_keys
from tests.deploy.values import FILLED

SYSTEMD = ROOT / "deploy/systemd"
UNITS = sorted(SYSTEMD.glob("*.service"))
BINARIES = "/opt/reelyard/.venv/bin"
WHISPERX = "/opt/reelyard/.venv-whisperx/bin"
GPU_WORKERS = ("reelyard-render@", "reelyard-transcription@")
WORKERS = ("reelyard-cpu", *GPU_WORKERS)
MOST_EXPOSED = {"reelyard-cpu": 35, **dict.fromkeys(GPU_WORKERS, 40)}
"""Tenths of systemd's own measure; what need not make namespaces stays below 2."""
HARDENED = {
    "NoNewPrivileges=yes",
    "CapabilityBoundingSet=",
    "ProtectSystem=strict",
    "ProtectHome=yes",
    "PrivateTmp=yes",
    "RestrictSUIDSGID=yes",
    "UMask=0077",
    "User=reelyard",
    "KillMode=mixed",
}
UNNAMESPACED = ("RestrictNamespaces=", "ProtectProc=", "ProtectKernelTunables=", "ProtectKernelLogs=", "ProcSubset=")
"""What keeps bubblewrap or Chromium from walling themselves in."""


def lines_of(unit: Path) -> list[str]:
    return [line for line in unit.read_text().splitlines() if line and not line.startswith("#")]


def values_of(unit: Path, key: str) -> list[str]:
    return [line.partition("=")[2] for line in lines_of(unit) if line.startswith(f"{key}=")]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lay the units where the programs that they start exist."""
    folder = tmp_path_factory.mktemp("units")
    for program in ("python", "celery", "gunicorn", "weed"):
        (folder / program).symlink_to("/bin/true")
    for unit in UNITS:
        text = unit.read_text().replace(BINARIES, str(folder)).replace(WHISPERX, str(folder))
        (folder / unit.name).write_text(text)
    return folder


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("systemd-analyze")
    require(program, "systemd-analyze (make packages)")
    return subprocess.run([str(program), *arguments], capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_verifies_the_unit(unit: Path, installed: Path) -> None:
    done = analyze("verify", "--man=no", "--recursive-errors=no", str(installed / unit.name))

    assert (done.returncode, done.stderr) == (0, "")


def test_systemd_would_find_a_word_that_it_does_not_know(installed: Path) -> None:
    wrong = installed / "reelyard-wrong.service"
    wrong.write_text((installed / "reelyard-api.service").read_text().replace("UMask=", "Umask="))

    assert "Umask" in analyze("verify", "--man=no", "--recursive-errors=no", str(wrong)).stderr


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_little_is_left_open_by_the_measure_of_systemd(unit: Path, installed: Path) -> None:
    threshold = MOST_EXPOSED.get(unit.stem, 20)
    done = analyze("security", "--offline=true", f"--threshold={threshold}", "--no-pager", str(installed / unit.name))

    assert done.returncode == 0, done.stdout[-300:]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_every_unit_is_hardened_and_workers_may_still_make_namespaces(unit: Path) -> None:
    lines = lines_of(unit)

    assert HARDENED - set(lines) == set()
    loosened = [line for line in lines if line.startswith(UNNAMESPACED)]
    assert bool(loosened) is (unit.stem not in WORKERS)
    if unit.stem in GPU_WORKERS:
        assert not {"PrivateDevices=yes", "ProtectClock=yes", "DevicePolicy=closed"} & set(lines)


def test_every_queue_has_a_consumer_that_may_end_its_longest_step() -> None:
    served: list[str] = []
    for unit in UNITS:
        queues = queues_of(shlex.split(values_of(unit, "ExecStart")[0]))
        served += queues
        if queues:
            longest_s = max(policy.hard_limit_s for policy in POLICY.values() if policy.queue.value in queues)
            assert longest_s < int(values_of(unit, "TimeoutStopSec")[0]) <= longest_s + 300, unit.name

    heard_twice = [Queue.TRANSCRIPTION.value]
    assert sorted(served) == sorted([queue.value for queue in Queue] + heard_twice)


def test_a_farm_that_has_whisperx_can_take_its_queue_from_cpu_hosts() -> None:
    there = shlex.split(values_of(SYSTEMD / "reelyard-cpu.service", "ExecStart")[0])
    emptied, lone = (shlex.split(line) for line in values_of(SYSTEMD / "whisperx.conf.example", "ExecStart"))
    whisperx = SYSTEMD / "reelyard-transcription@.service"

    assert emptied == [], "an empty one forgets what stood before"
    assert [part for part in lone if "," not in part] == [part for part in there if "," not in part]
    assert queues_of(there) - queues_of(lone) == queues_of(shlex.split(values_of(whisperx, "ExecStart")[0]))
    environ = dict(word.split("=", 1) for value in values_of(whisperx, "Environment") for word in value.split())
    assert (environ["REELYARD_SPEECH_ENGINE"], environ["REELYARD_WHISPER_DEVICE"]) == ("whisperx", "cuda")
    assert environ["CUDA_VISIBLE_DEVICES"] == "%i"
    folder = WHISPERX.removesuffix("/bin")
    assert environ["LD_LIBRARY_PATH"].split(":") == [f"{folder}/nvidia/{part}/lib" for part in ("cublas", "cudnn")]


def test_only_the_api_side_reads_its_secrets() -> None:
    for unit in UNITS:
        files = {Path(path).name for path in values_of(unit, "EnvironmentFile")}
        known = {name: set[str]() for name in ("reelyard-wall", "reelyard-storage")}
        known |= {worker: {"worker.env"} for worker in WORKERS}
        assert files == known.get(unit.stem, {"worker.env", "api.env"}), unit.name
    assert "DATABASE_URL" not in (SYSTEMD / "worker.env.example").read_text()


def test_what_fetches_reaches_this_host_and_the_wall_unless_services_are_named() -> None:
    fetching = {unit.stem for unit in UNITS if fetches(shlex.split(values_of(unit, "ExecStart")[0]))}

    assert fetching == {"reelyard-cpu", "reelyard-engine"}
    for unit in (SYSTEMD / f"{name}.service" for name in fetching):
        assert values_of(unit, "IPAddressDeny") == ["any"]
        assert values_of(unit, "IPAddressAllow") == ["127.0.0.1 127.0.0.53 ::1"]
        environ = dict(word.split("=", 1) for value in values_of(unit, "Environment") for word in value.split())
        assert environ["REELYARD_FETCH_PROXY"] == environ["HTTPS_PROXY"] == "http://127.0.0.1:3128"
        for key in ("Wants", "After"):
            assert "reelyard-wall.service" in values_of(unit, key)[0].split()
    (start,) = values_of(SYSTEMD / "reelyard-wall.service", "ExecStart")
    assert start.endswith(f"-m {WALL} --host 127.0.0.1 --port 3128")


@pytest.mark.parametrize("name", ["services.conf.example", "open.conf.example"])
def test_systemd_takes_what_is_laid_over_the_units(name: str, installed: Path) -> None:
    for unit in ("reelyard-cpu", "reelyard-engine"):
        folder = installed / f"{unit}.service.d"
        folder.mkdir(exist_ok=True)
        laid = folder / name.removesuffix(".example")
        laid.write_text((SYSTEMD / name).read_text())
        done = analyze("verify", "--man=no", "--recursive-errors=no", str(installed / f"{unit}.service"))
        laid.unlink()
        assert (done.returncode, done.stderr) == (0, "")


def test_the_storage_of_a_host_is_reached_from_this_host_alone_and_has_its_keys_to_itself() -> None:
    unit = SYSTEMD / "reelyard-storage.service"

    assert (values_of(unit, "IPAddressDeny"), values_of(unit, "IPAddressAllow")) == (["any"], ["localhost"])
    assert values_of(unit, "LoadCredential") == ["keys.json:/etc/reelyard/storage.json"]
    (start,) = values_of(unit, "ExecStart")
    assert "-s3.config=%d/keys.json" in start and "-ip.bind=127.0.0.1" in start
    port = "127.0.0.1:8333"
    assert port in (SYSTEMD / "Caddyfile.example").read_text()
    assert f"S3_ENDPOINT_URL=http://{port}" in (ROOT / "docs/howto/api-host.rst").read_text()


def test_one_file_takes_the_wall_away() -> None:
    opened = values_of(SYSTEMD / "open.conf.example", "UnsetEnvironment")[0].split()

    assert opened == ["REELYARD_FETCH_PROXY", "HTTPS_PROXY"]
    for key in ("IPAddressDeny", "IPAddressAllow"):
        assert values_of(SYSTEMD / "open.conf.example", key) == [""], "an empty one forgets what stood before"


def test_the_example_files_are_all_that_the_processes_need() -> None:
    worker = filled(SYSTEMD / "worker.env.example")
    api = filled(SYSTEMD / "api.env.example")

    assert [name for name in worker | api if name not in VARIABLES] == ["GUNICORN_BIND"]
    assert read_worker_settings(worker).storage.s3_bucket == "reelyard"
    assert read_api_settings(worker | api).env == "production"


def filled(path: Path) -> dict[str, str]:
    """Return an example's values, with what is empty filled in where that is needed."""
    given = dict(line.split("=", 1) for line in path.read_text().splitlines() if line and not line.startswith("#"))
    assert set(given) == secret_keys(path)
    return {name: value or FILLED.get(name, "") for name, value in given.items() if value or name in FILLED}


def test_the_installer_of_a_gpu_host_ends_in_the_doctor() -> None:
    done = run_installer("--dry-run", "--gpus", "0,3")

    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stderr
    assert lines[-1].endswith("/opt/reelyard/.venv/bin/reelyard doctor --worker --home /var/lib/reelyard")
    assert [line for line in lines if line.startswith("systemctl enable")] == [
        "systemctl enable reelyard-render@0.service",
        "systemctl enable reelyard-render@3.service",
    ]
    assert any("--require-hashes -r /opt/reelyard/requirements/gpu.txt" in line for line in lines)
    assert not any("systemctl restart" in line or "systemctl stop" in line for line in lines)


def test_the_installer_makes_a_host_hear_speech_where_it_is_told_to() -> None:
    done = run_installer("--dry-run", "--gpus", "0,1", "--whisperx", "1")

    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stderr
    assert [line.split()[-1] for line in lines if line.startswith("systemctl enable")] == [
        "reelyard-render@0.service",
        "reelyard-render@1.service",
        "reelyard-transcription@1.service",
    ]
    assert any("-whisperx/bin/python -m pip install --quiet --require-hashes" in line for line in lines)
    assert "  systemctl start reelyard-transcription@1" in lines
    assert any("rsync" in line and "--exclude .venv*" in line for line in lines), "an update would delete it"
    assert not any("whisperx" in line for line in run_installer("--dry-run", "--gpus", "0").stdout.splitlines())


def test_the_installer_says_what_it_takes() -> None:
    done = run_installer("--gpu")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("usage: ")


def test_the_installer_without_a_driver_changes_nothing(tmp_path: Path) -> None:
    done = run_installer("--dry-run", path=bare_path(tmp_path))

    assert (done.returncode, done.stdout) == (3, "")
    assert "install NVIDIA's driver first" in done.stderr


def bare_path(folder: Path) -> str:
    """Return a PATH with little on it, and no driver."""
    for program in ("bash", "dirname", "id", "paste"):
        (folder / program).symlink_to(shutil.which(program) or "/bin/false")
    return str(folder)


def run_installer(*arguments: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": path or os.environ["PATH"], "LC_ALL": "C"}
    command = [shutil.which("bash") or "bash", str(SYSTEMD / "install-gpu-host.sh"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=environ)

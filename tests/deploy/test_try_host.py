"""What tries the installer of GPU hosts finds what an installer left undone."""

from __future__ import annotations

from pathlib import Path

from deploy.try_host import INSTALLER, SOURCE, UNITS, UNSENT, find_problems, on_host
from tests.deploy.manifests import ROOT

WHISPERX = "reelyard-transcription@1.service"


def make_tree(folder: Path) -> Path:
    """Lay out what a host has after the installer."""
    wanted = folder / "etc/systemd/system/multi-user.target.wants"
    for path in (wanted, folder / "etc/reelyard", folder / "opt/reelyard/.venv/bin"):
        path.mkdir(parents=True)
    for unit in (*UNITS, WHISPERX):
        (wanted / unit).symlink_to("/etc/systemd/system/anything")
    (folder / "opt/reelyard/.venv/bin/celery").touch()
    (folder / "etc/passwd").write_text(
        "root:x:0:0::/root:/bin/bash\nreelyard:x:998:998::/var/lib/reelyard:/sbin/nologin\n"
    )
    settings = folder / "etc/reelyard/worker.env"
    settings.touch(0o600)
    return folder


def test_a_host_as_it_should_be_has_no_problem(tmp_path: Path) -> None:
    assert find_problems(make_tree(tmp_path), WHISPERX) == []


def test_each_thing_that_is_not_there_is_named(tmp_path: Path) -> None:
    tree = make_tree(tmp_path)
    for unit in (UNITS[1], WHISPERX):
        (tree / "etc/systemd/system/multi-user.target.wants" / unit).unlink()
    (tree / "etc/reelyard/worker.env").chmod(0o644)
    (tree / "etc/passwd").write_text("root:x:0:0::/root:/bin/bash\n")
    (tree / "opt/reelyard/.git").mkdir()

    assert find_problems(tree, WHISPERX) == [
        f"{UNITS[1]} is not enabled",
        f"{WHISPERX} is not enabled",
        "worker.env is not there for root alone",
        "there is no user reelyard",
        "the code is not laid out",
    ]


def test_the_installer_runs_as_it_stands_in_the_checkout(tmp_path: Path) -> None:
    script = ROOT / INSTALLER.removeprefix(f"{SOURCE}/")

    assert script.name == "install-gpu-host.sh"
    assert script.exists()
    assert {".venv*", ".git"} <= set(UNSENT), "what is built here must not pass for what the installer made"
    assert on_host(tmp_path)[:4] == ["bwrap", "--bind", str(tmp_path), "/"]

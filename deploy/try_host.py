"""Run the installer of GPU hosts in a fresh Debian tree: ``python -m deploy.try_host``, as root, with bubblewrap.

The installer runs as it stands, twice, as for a new host and for an update: packages of Debian, the user, the code, the
locks, Chromium, the units, and the doctor, who starts the browser and encodes frames. What is not tried: the driver, so
GPUs are named (``--gpus 0,1``) and only libx264 encodes; systemd itself, so units are enabled and never started.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from deploy.try_images import ROOT, make_base, run, say

SOURCE = "/root/reelyard"
INSTALLER = f"{SOURCE}/deploy/systemd/install-gpu-host.sh"
UNSENT = (".venv*", ".git", ".reelyard", "node_modules", "__pycache__", "_build", "dist", "*.egg-info", ".*_cache")
ENVIRON = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LC_ALL": "C.UTF-8",
    "PIP_CERT": "/etc/ssl/certs/ca-certificates.crt",
    "DEBIAN_FRONTEND": "noninteractive",
    "SYSTEMD_OFFLINE": "1",
}
UNITS = ("reelyard-render@0.service", "reelyard-render@1.service")


def main(arguments: list[str] | None = None) -> int:
    """Make the host, look at what the installer left, and return 0 when all is as it should be."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, default=Path("/var/tmp/reelyard-try"), help="where trees are made")  # noqa: S108
    parser.add_argument("--whisperx", action="store_true", help="have GPU 1 hear speech, too (some 12 GB)")
    parser.add_argument("--keep", action="store_true", help="keep the tree of the host")
    chosen = parser.parse_args(arguments)
    if not can_make_trees():
        return 2
    chosen.work.mkdir(parents=True, exist_ok=True)
    tree = make_host(make_base(chosen.work / "base"), chosen.work / "host")
    try:
        return try_installer(tree, ["--gpus", "0,1", *(["--whisperx", "1"] if chosen.whisperx else [])])
    finally:
        if not chosen.keep:
            shutil.rmtree(tree)


def can_make_trees() -> bool:
    """Tell whether trees can be made here; say what is missing where they cannot."""
    is_able = os.geteuid() == 0 and all(map(shutil.which, ("debootstrap", "bwrap")))
    if not is_able:
        say("This wants root, debootstrap and bubblewrap (apt-get install debootstrap bubblewrap)")
    return is_able


def make_host(base: Path, tree: Path) -> Path:
    """Make the tree of a host on which a release was checked out and nothing installed."""
    shutil.rmtree(tree, ignore_errors=True)
    run(["cp", "-a", str(base), str(tree)])
    shutil.rmtree(tree / "usr/local")
    shutil.copytree(ROOT, tree / SOURCE.lstrip("/"), ignore=shutil.ignore_patterns(*UNSENT), symlinks=True)
    run([*on_host(tree), "apt-get", "update", "-q"], ENVIRON)
    run([*on_host(tree), "apt-get", "install", "-y", "-q", "--no-install-recommends", "systemd"], ENVIRON)
    return tree


def on_host(tree: Path) -> list[str]:
    """Return the beginning of a command that runs in a tree as root, with namespaces still to be had inside."""
    places = ["--bind", str(tree), "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/run"]
    shared = ["--perms", "1777", "--tmpfs", "/dev/shm"]  # noqa: S108 - a browser wants it
    return ["bwrap", *places, *shared, "--cap-add", "ALL", "--die-with-parent", "--chdir", "/root"]


def try_installer(tree: Path, flags: list[str]) -> int:
    """Run the installer twice; return 0 when both runs end well and leave what they should."""
    settings = tree / "etc/reelyard/worker.env"
    for turn in ("new", "updated"):
        began = time.monotonic()
        command = [*on_host(tree), "bash", INSTALLER, *flags]
        done = subprocess.run(command, env=ENVIRON, capture_output=True, text=True, check=False)
        problems = [] if done.returncode == 0 else [f"it ended with {done.returncode}: {done.stderr[-1500:]}"]
        problems += find_problems(tree, *[f"reelyard-transcription@{gpu}.service" for gpu in flags[3:]])
        say(f"{turn} host: {'does NOT work' if problems else 'works'} after {time.monotonic() - began:.0f} s")
        say("\n".join([*done.stdout.splitlines()[-16:], *problems]))
        if problems:
            return 1
        if turn == "new":
            settings.write_text(settings.read_text() + "# an operator was here\n")
    kept = settings.read_text().endswith("# an operator was here\n")
    say("what the operator wrote is kept" if kept else "what the operator wrote is GONE")
    return 0 if kept else 1


def find_problems(tree: Path, *more: str) -> list[str]:
    """Say what is not as the installer should leave it."""
    wanted = tree / "etc/systemd/system/multi-user.target.wants"
    problems = [f"{unit} is not enabled" for unit in (*UNITS, *more) if not (wanted / unit).is_symlink()]
    settings = tree / "etc/reelyard/worker.env"
    alone = (0o600, tree.stat().st_uid)
    if not settings.exists() or (settings.stat().st_mode & 0o777, settings.stat().st_uid) != alone:
        problems.append(f"{settings.name} is not there for root alone")
    if "reelyard:" not in (tree / "etc/passwd").read_text():
        problems.append("there is no user reelyard")
    code = tree / "opt/reelyard"
    if not (code / ".venv/bin/celery").exists() or (code / ".git").exists():
        problems.append("the code is not laid out")
    return problems


if __name__ == "__main__":
    sys.exit(main())

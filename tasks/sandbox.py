"""Walls around a process that reads a stranger's file: limits always, bubblewrap where it works (ring 1)."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from tasks.errors import ConfigurationError

SYSTEM = ("/usr", "/bin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d")
OUT_OF_MEMORY = 4
"""What a confined process ends with when it may not have the memory that a file takes."""
_TRIAL_S = 20.0
_GRACE_S = 5
"""Between SIGXCPU, which tells that time is up, and SIGKILL, which tells nothing."""
_PACKAGE = Path(__file__).parent


@dataclass(frozen=True)
class Limits:
    """What a process may use: bytes of address space, seconds of CPU, bytes of any file that it writes."""

    memory_bytes: int
    cpu_s: int
    file_bytes: int


def limit_self(limits: Limits) -> None:
    """Give this process and what it starts its limits for good; crossing one ends it or fails what it does."""
    for kind, soft, most in (
        (resource.RLIMIT_AS, limits.memory_bytes, limits.memory_bytes),
        (resource.RLIMIT_CPU, limits.cpu_s, limits.cpu_s + _GRACE_S),
        (resource.RLIMIT_FSIZE, limits.file_bytes, limits.file_bytes),
        (resource.RLIMIT_CORE, 0, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (min(soft, most), most))


def clean_environment() -> dict[str, str]:
    """Return all that a confined process needs of the environment: no secrets, and libraries kept to one thread.

    Each thread of a library reserves address space, which is what the limit counts.
    """
    known = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
    return {**known, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}


def ended_by(returncode: int) -> int:
    """Return the number of the signal that ended a process, 0 when none did; bubblewrap adds 128, as shells do."""
    return -returncode if returncode < 0 else max(0, returncode - 128)


def confine(mode: str, argv: Sequence[str | Path], *, reads: Path, writes: Path) -> list[str]:
    """Return the command that runs ``argv`` with no network and no files but its own code, ``reads`` and ``writes``.

    :param mode: ``required`` raises ConfigurationError ``sandbox.missing`` where bubblewrap does not work; ``auto``
        goes without it there, and ``off`` everywhere.
    """
    plain = [str(part) for part in argv]
    if mode == "off" or (mode == "auto" and sandbox_problem()):
        return plain
    if problem := sandbox_problem():
        raise ConfigurationError("sandbox.missing", problem)
    bound = [("--ro-bind", reads), ("--bind", writes)]
    walls = [part for kind, path in bound for part in (kind, *[str(path.absolute())] * 2)]
    return [*_walls(), *walls, "--", *plain]


@lru_cache(maxsize=1)
def sandbox_problem() -> str:
    """Return why bubblewrap cannot be used on this host; nothing when it was seen to work (tried once)."""
    if sys.platform != "linux" or not shutil.which("bwrap"):
        return "bubblewrap (bwrap) is not installed"
    try:
        done = subprocess.run(
            [*_walls(), "--", sys.executable, "-c", "import tasks"], capture_output=True, timeout=_TRIAL_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"bubblewrap does not start: {error}"
    return "" if done.returncode == 0 else f"bubblewrap fails: {done.stderr.decode(errors='replace').strip()[-300:]}"


def _walls() -> list[str]:
    command = [shutil.which("bwrap") or "bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--clearenv"]
    for name, value in clean_environment().items():
        command += ["--setenv", name, value]
    command += ["--proc", "/proc", "--dev", "/dev", "--chdir", "/"]
    command += ["--tmpfs", "/tmp"]  # noqa: S108  # nosec B108
    for path in (*SYSTEM, *dict.fromkeys((sys.base_prefix, sys.prefix, str(_PACKAGE)))):
        command += ["--ro-bind-try", path, path]
    return command

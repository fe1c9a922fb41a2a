"""A database that is restored from a backup goes on with every job, and says which files are gone (R21)."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from psycopg2 import sql

from api import create_app
from api.assets.models import Asset
from api.config import read_api_settings
from api.control.rounds import build_runner
from api.extensions import db, get_storage
from api.ids import new_id
from api.jobs.models import Attempt, Event, Job, Step
from cli.backups import MANIFEST, make_backup, read_manifest, restore_database
from cli.exits import Exit
from cli.main import main
from cli.services.launcher import start_services
from tasks.errors import ConfigurationError, FencedError, InvalidInputError
from tests.apps import run_sql
from tests.engine.play import Play, fan_out, ingest, one_step
from tests.engine.test_process import DeafWorkers, wait_for_end

JOBS = int(os.environ.get("TEST_RESTORE_JOBS", "30"))
"""Jobs in the backup; what is promised is 100,000, restored in five minutes."""
OPEN = min(JOBS // 10, 200)
"""Jobs that wait, and as many that run: they are worked off after the restore. The rest has ended."""
PROMISED_S = 300
AT_ONCE = 5000
"""Jobs that one transaction copies: more would meet the time that a statement may take."""


@pytest.fixture
def url(database_environ: dict[str, str]) -> Iterator[str]:
    """An empty database."""
    name, base = f"restored_{uuid.uuid4().hex[:12]}", database_environ["DATABASE_URL"]
    run_sql(base, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    yield base.rpartition("/")[0] + f"/{name}"
    run_sql(base, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def broker(folder: Path) -> Iterator[str]:
    """A broker that knows nothing, as after its loss."""
    for part in (folder, *list(folder.parents)[:2]):
        part.chmod(part.stat().st_mode | 0o055)
    with start_services(folder / "broker", names=("valkey",), environ={}, durable=False) as running:
        yield running.environ["REDIS_URL"]


@contextmanager
def world(environ: dict[str, str], url: str, redis_url: str) -> Iterator[Any]:
    """An application over the restored database."""
    application = create_app(read_api_settings({**environ, "DATABASE_URL": url, "REDIS_URL": redis_url}))
    with application.app_context():
        yield application


def add_asset(owner_id: uuid.UUID, *, stored: bool) -> uuid.UUID:
    asset = Asset(
        id=new_id(), owner_id=owner_id, kind="video", state="ready", filename="a.mp4", content_type="video/mp4",
        object_key=f"uploads/{uuid.uuid4()}", size_bytes=4,
    )  # fmt: skip
    db.session.add(asset)
    db.session.commit()
    if stored:
        get_storage().put_bytes(asset.object_key, b"film", content_type="video/mp4")
    return asset.id


def copy_ended(job_id: uuid.UUID, count: int) -> None:
    """Copy an ended job of one step with its attempt and its events, by SQL: a hundred thousand would take hours."""
    for first in range(1, count + 1, AT_ONCE):
        _copy_some(job_id, first, min(first + AT_ONCE - 1, count))


def _copy_some(job_id: uuid.UUID, first: int, last: int) -> None:
    run = db.session.execute
    run(
        db.text(
            "CREATE TEMP TABLE copy ON COMMIT DROP AS SELECT n, gen_random_uuid() AS job, gen_random_uuid() AS step"
            " FROM generate_series(:first, :last) n"
        ),
        {"first": first, "last": last},
    )
    for model, new in (
        (Job, {"id": "copy.job"}),
        (Step, {"id": "copy.step", "job_id": "copy.job", "token": "-copy.n"}),
        (Attempt, {"step_id": "copy.step", "token": "-copy.n"}),
        (Event, {"job_id": "copy.job"}),
    ):
        name, columns = model.__tablename__, [column.name for column in model.__table__.columns]
        of_job = {"job": "id = :job", "attempt": "step_id IN (SELECT id FROM step WHERE job_id = :job)"}
        values = ", ".join(new.get(column, f"old.{column}") for column in columns)
        origin = f"(SELECT * FROM {name} WHERE {of_job.get(name, 'job_id = :job')}) old"
        run(
            db.text(f"INSERT INTO {name} ({', '.join(columns)}) SELECT {values} FROM copy, {origin}"),
            {"job": job_id},
        )
    db.session.commit()


@pytest.mark.timeout(300 if JOBS < 1000 else 3600)
def test_after_a_restore_every_job_ends_and_every_asset_is_there_or_says_that_it_is_missing(
    play: Play,
    url: str,
    database_environ: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    waiting = [play.create(ingest()) for _ in range(OPEN)]
    running = [play.create(fan_out(5)) for _ in range(OPEN)]
    claims = [play.claim(job_id, "part", part=part) for job_id in running for part in range(5)]
    done = play.create(one_step())
    play.succeed(play.claim(done, "only"))
    copy_ended(done, JOBS - 2 * OPEN - 1)
    kept, lost = (add_asset(play.owner_id, stored=stored) for stored in (True, False))
    backup = make_backup(database_environ["DATABASE_URL"], tmp_path)
    zombie = play.claim(waiting[0], "probe")  # given out after the backup: it is not in it

    for name, value in {**database_environ, "DATABASE_URL": url}.items():
        monkeypatch.setenv(name, value)
    started = time.monotonic()
    assert main(["restore", str(backup)]) == Exit.OK
    assert time.monotonic() - started < PROMISED_S
    assert "the files of 1 of them are missing" in capsys.readouterr().out

    with broker(tmp_path) as redis_url, world(database_environ, url, redis_url) as again:
        there = Play(again, play.owner_id)
        for claim in (claims[0], zombie):
            with pytest.raises(FencedError):
                there.beat(claim)
        runner, workers = build_runner(again), DeafWorkers(there, redis_url)
        runner.start()
        try:
            assert set(wait_for_end(there, waiting + running, timeout_s=60 + 2 * OPEN)) == {"succeeded"}
        finally:
            runner.ask_to_stop()
            workers.stop()
            runner.join(20)
        assert db.session.query(Job.state, db.func.count()).group_by(Job.state).all() == [("succeeded", JOBS)]
        assert db.session.query(Attempt).filter(Attempt.token < 0).count() == JOBS - 2 * OPEN - 1
        found = {asset.id: (asset.state, asset.refused_code) for asset in db.session.query(Asset)}
        assert found == {kept: ("ready", None), lost: ("refused", "storage.missing")}
        db.session.remove()
        db.engine.dispose()


def test_a_database_that_postgresql_recovered_is_made_safe_as_it_stands(
    play: Play,
    url: str,
    database_environ: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    running, waiting = play.create(one_step()), play.create(one_step())
    claim = play.claim(running, "only")
    kept, lost = (add_asset(play.owner_id, stored=stored) for stored in (True, False))
    # What archived WAL brings back is the database of an earlier moment, which nobody has touched yet
    restore_database(make_backup(database_environ["DATABASE_URL"], tmp_path), url, replace=False)
    zombie = play.claim(waiting, "only")
    for name, value in {**database_environ, "DATABASE_URL": url}.items():
        monkeypatch.setenv(name, value)

    assert main(["restore", "--in-place"]) == Exit.OK

    shown = capsys.readouterr().out
    assert shown == "Made safe what is there\n2 assets are in the database, the files of 1 of them are missing\n"
    with world(database_environ, url, database_environ["REDIS_URL"]) as again:
        there = Play(again, play.owner_id)
        assert [there.states(job_id)["only"] for job_id in (running, waiting)] == ["queued", "queued"]
        mine = there.claim(waiting, "only")
        assert mine.token > zombie.token
        for old in (claim, zombie):
            with pytest.raises(FencedError):
                there.beat(old)
        there.succeed(mine)
        assert there.job(waiting).state == "succeeded"
        found = {asset.id: (asset.state, asset.refused_code) for asset in db.session.query(Asset)}
        assert found == {kept: ("ready", None), lost: ("refused", "storage.missing")}
        db.session.remove()
        db.engine.dispose()


def test_in_place_wants_a_database_that_nobody_uses_and_that_holds_something(
    play: Play,
    url: str,
    database_environ: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    token = play.claim(play.create(one_step()), "only").token
    for name, value in database_environ.items():
        monkeypatch.setenv(name, value)
    in_use = (main(["restore", "--in-place"]), capsys.readouterr().err)
    monkeypatch.setenv("DATABASE_URL", url)
    empty = (main(["restore", "--in-place"]), capsys.readouterr().err)

    assert (in_use[0], in_use[1].partition(":")[0]) == (Exit.FAILED, "restore.in_use")
    assert empty[0] == Exit.USAGE and "name a BACKUP" in empty[1]
    assert play.claim(play.create(one_step()), "only").token == token + 1


@pytest.mark.parametrize("given", [[], ["somewhere", "--in-place"], ["--in-place", "--replace"]])
def test_a_restore_is_of_a_backup_or_in_place(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["restore", *given]) == Exit.USAGE

    assert "Name a BACKUP (--replace overwrites), or say --in-place alone" in capsys.readouterr().err


def test_a_database_that_holds_something_or_is_in_use_is_left_alone(
    play: Play, url: str, database_environ: dict[str, str], tmp_path: Path
) -> None:
    backup = make_backup(database_environ["DATABASE_URL"], tmp_path)
    restore_database(backup, url, replace=False)

    with pytest.raises(ConfigurationError, match=r"restore\.not_empty"):
        restore_database(backup, url, replace=False)
    with pytest.raises(ConfigurationError, match=r"restore\.in_use"):
        restore_database(backup, database_environ["DATABASE_URL"], replace=True)
    assert restore_database(backup, url, replace=True).version == 1


def test_a_backup_that_was_changed_is_refused(play: Play, database_environ: dict[str, str], tmp_path: Path) -> None:
    backup = make_backup(database_environ["DATABASE_URL"], tmp_path)
    read_manifest(backup)
    dump = backup / "database.dump"
    dump.write_bytes(dump.read_bytes()[:-1] + b"x")

    with pytest.raises(InvalidInputError, match=r"backup\.broken"):
        read_manifest(backup)
    (backup / MANIFEST).unlink()
    with pytest.raises(InvalidInputError, match=r"backup\.broken"):
        read_manifest(backup)


def test_only_the_latest_backups_are_kept(
    play: Play, database_environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in database_environ.items():
        monkeypatch.setenv(name, value)
    made = []
    for _ in range(3):
        assert main(["backup", str(tmp_path), "--keep", "2"]) == Exit.OK
        made = sorted(path.name for path in tmp_path.iterdir())
        time.sleep(1.05)  # names count in seconds

    assert len(made) == 2
    assert all((tmp_path / name / MANIFEST).is_file() for name in made)

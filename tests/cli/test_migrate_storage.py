"""Moving every object to another bucket: whole, resumable, checked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from cli.exits import Exit
from cli.main import main
from cli.moving import Journal, Moved, move_objects
from tasks.config import StorageSettings
from tasks.errors import TransientError
from tasks.storage.base import Storage
from tasks.storage.memory import MemoryStorage
from tasks.storage.s3 import S3Storage


def filled(count: int = 3) -> MemoryStorage:
    storage = MemoryStorage()
    for number in range(count):
        storage.put_bytes(f"jobs/{number}", bytes([number]) * 1000, content_type="video/mp4")
    return storage


def move(source: Storage, target: Storage, journal: Path, *, dry_run: bool = False) -> Moved:
    return move_objects(source, target, Journal(journal), workers=2, dry_run=dry_run, progress=lambda key, size: None)


def contents(storage: Storage) -> dict[str, tuple[bytes, str]]:
    found = {}
    for info in storage.list(""):
        about = storage.head(info.key)
        assert about is not None
        found[info.key] = (storage.get_bytes(info.key), about.content_type)
    return found


def test_a_second_run_copies_only_what_is_new_or_has_changed(tmp_path: Path) -> None:
    source, target, journal = filled(), MemoryStorage(), tmp_path / "journal"
    first = move(source, target, journal)
    source.put_bytes("jobs/0", b"changed", content_type="video/mp4")
    source.put_bytes("jobs/9", b"new", content_type="image/png")
    target.put_bytes("other", b"of somebody", content_type="text/plain")

    second = move(source, target, journal)

    assert (first.copied, first.copied_bytes, first.kept) == (3, 3000, 0)
    assert (second.copied, second.copied_bytes, second.kept, second.extra) == (2, 10, 2, 1)
    assert contents(target) == {**contents(source), "other": (b"of somebody", "text/plain")}


def test_a_dry_run_changes_nothing(tmp_path: Path) -> None:
    target = MemoryStorage()

    moved = move(filled(), target, tmp_path / "journal", dry_run=True)

    assert (moved.copied, moved.copied_bytes) == (3, 3000)
    assert list(target.list("")) == []
    assert not (tmp_path / "journal").exists()


def test_what_lies_at_the_target_unchecked_is_copied_again(tmp_path: Path) -> None:
    source, target = filled(1), MemoryStorage()
    target.put_bytes("jobs/0", bytes(999) + b"x", content_type="video/mp4")  # the same size, other bytes

    moved = move(source, target, tmp_path / "journal")

    assert moved.copied == 1
    assert contents(target) == contents(source)


class Spoiling(MemoryStorage):
    """Gives back other bytes than it was given."""

    @contextmanager
    def local_copy(self, key: str, directory: Path, *, progress: object = None) -> Iterator[Path]:
        with super().local_copy(key, directory) as path:
            path.chmod(0o600)
            path.write_bytes(b"other" + path.read_bytes()[5:])
            yield path


def test_a_copy_that_comes_back_with_other_bytes_ends_the_move_and_is_not_taken_as_done(tmp_path: Path) -> None:
    source, journal = filled(1), tmp_path / "journal"

    with pytest.raises(TransientError, match=r"move\.not_equal"):
        move(source, Spoiling(), journal)

    assert not journal.exists()


class Leaving(MemoryStorage):
    """Loses an object between the listing and the reading."""

    def head(self, key: str) -> None:
        return None


def test_what_is_deleted_meanwhile_is_named_and_no_error(tmp_path: Path) -> None:
    source = Leaving()
    source.put_bytes("jobs/0", b"x", content_type="video/mp4")

    moved = move(source, MemoryStorage(), tmp_path / "journal")

    assert (moved.copied, moved.gone) == (0, ["jobs/0"])


def test_a_journal_that_was_cut_off_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    source, target, journal = filled(), MemoryStorage(), tmp_path / "journal"
    move(source, target, journal)
    journal.write_text(journal.read_text()[:-20])

    assert move(source, target, journal).copied == 1


def test_the_command_moves_a_bucket_of_a_real_storage(
    service_environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [f"move-{uuid4().hex[:8]}" for _ in range(2)]
    for name, value in {**service_environ, "REELYARD_S3_BUCKET": names[0]}.items():
        monkeypatch.setenv(name, value)
    variables = {**service_environ, "REELYARD_S3_BUCKET": names[1]}
    (tmp_path / "to.env").write_text("# target\n" + "\n".join(f"{name}={value}" for name, value in variables.items()))
    source, target = (bucket(service_environ, name) for name in names)
    with closing(source), closing(target):
        source.ensure_bucket()
        source.put_bytes("jobs/a b/Ünï.mp4", b"film" * 1000, content_type="video/mp4")

        codes = [main(["migrate-storage", "--to", str(tmp_path / "to.env"), "--json"]) for _ in range(2)]

        answers = [json.loads(part + "}") for part in capsys.readouterr().out.split("}\n")[:2]]
        assert codes == [Exit.OK, Exit.OK]
        assert [(answer["copied"], answer["kept"]) for answer in answers] == [(1, 0), (0, 1)]
        assert contents(target) == contents(source)


def test_a_bucket_is_not_copied_into_itself(
    service_environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in service_environ.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "to.env").write_text("\n".join(f"{name}={value}" for name, value in service_environ.items()))

    assert main(["migrate-storage", "--to", str(tmp_path / "to.env")]) == Exit.USAGE


def bucket(environ: dict[str, str], name: str) -> S3Storage:
    return S3Storage(
        StorageSettings(
            storage_type="seaweedfs",
            s3_bucket=name,
            s3_endpoint_url=environ["S3_ENDPOINT_URL"],
            s3_public_url="",
            s3_access_key=environ["AWS_ACCESS_KEY_ID"],
            s3_secret_key=environ["AWS_SECRET_ACCESS_KEY"],
            s3_region="us-east-1",
        )
    )

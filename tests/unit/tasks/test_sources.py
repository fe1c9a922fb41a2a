"""Sources are downloaded once for each host, whoever asks, in bounded space; and never when the object is gone."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tasks.errors import FencedError, PermanentError
from tasks.sources import SourceCache
from tasks.storage.memory import MemoryStorage

SIZE = 1000
PROCESSES = multiprocessing.get_context("fork")


class CountedStorage(MemoryStorage):
    """Notes each download in a file, which processes share, and takes its time."""

    def __init__(self, log: Path, wait_s: float = 0.0) -> None:
        super().__init__()
        self._log, self._wait_s = log, wait_s

    @property
    def downloads(self) -> int:
        return self._log.read_text().count("\n") if self._log.exists() else 0

    @contextmanager
    def local_copy(self, key: str, directory: Path, *, progress: Callable[[int], None] | None = None) -> Iterator[Path]:
        with self._log.open("a") as log:
            log.write(f"{key}\n")
        time.sleep(self._wait_s)
        with super().local_copy(key, directory, progress=progress) as path:
            yield path


@pytest.fixture
def storage(tmp_path: Path) -> CountedStorage:
    made = CountedStorage(tmp_path / "log")
    for name in ("a", "b", "c"):
        made.put_bytes(name, name.encode() * SIZE, content_type="video/mp4")
    return made


@pytest.fixture
def cache(tmp_path: Path) -> SourceCache:
    return SourceCache(tmp_path / "cache", 2 * SIZE)


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


def ignore(_: int) -> None:
    return


def read(cache: SourceCache, storage: MemoryStorage, key: str, scratch: Path) -> bytes:
    with cache.lend(storage, key, scratch, progress=ignore) as path:
        return path.read_bytes()


def test_an_object_is_downloaded_once_and_lent_read_only(
    cache: SourceCache, storage: CountedStorage, scratch: Path
) -> None:
    seen: list[int] = []
    for _ in range(3):
        with cache.lend(storage, "a", scratch, progress=seen.append) as path:
            assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"a" * SIZE, 0o400)
        assert list(scratch.iterdir()) == []
    assert (storage.downloads, seen) == (1, [SIZE] * 3)


def test_another_content_under_the_same_key_is_another_copy(
    cache: SourceCache, storage: CountedStorage, scratch: Path
) -> None:
    read(cache, storage, "a", scratch)
    storage.put_bytes("a", b"x" * SIZE, content_type="video/mp4")
    assert read(cache, storage, "a", scratch) == b"x" * SIZE


def test_an_object_that_is_gone_is_missing_although_a_copy_is_there(
    cache: SourceCache, storage: CountedStorage, scratch: Path
) -> None:
    read(cache, storage, "a", scratch)
    storage.delete(["a"])
    with pytest.raises(PermanentError) as raised:
        read(cache, storage, "a", scratch)
    assert raised.value.code == "storage.missing"


def test_the_longest_unwanted_goes_first_and_whoever_works_with_it_keeps_it(
    cache: SourceCache, storage: CountedStorage, scratch: Path
) -> None:
    read(cache, storage, "a", scratch)
    with cache.lend(storage, "b", scratch, progress=ignore) as lent:
        for path in cache.folder.glob("[0-9a-f]*"):
            age = 50 if path.samefile(lent) else 20
            os.utime(path, (time.time() - age,) * 2)
        read(cache, storage, "c", scratch)
        assert lent.read_bytes() == b"b" * SIZE
    before = storage.downloads
    read(cache, storage, "a", scratch)
    read(cache, storage, "c", scratch)
    assert storage.downloads == before
    read(cache, storage, "b", scratch)
    assert storage.downloads == before + 1
    assert sum(path.stat().st_size for path in cache.folder.iterdir()) <= cache.limit_bytes


def test_what_nobody_wanted_for_long_is_removed(cache: SourceCache, storage: CountedStorage, scratch: Path) -> None:
    read(cache, storage, "a", scratch)
    for path in cache.folder.glob("[0-9a-f]*"):
        os.utime(path, (time.time() - cache.keep_s - 1,) * 2)
    cache.tidy()
    assert list(cache.folder.glob("[0-9a-f]*")) == []


def test_what_is_too_large_is_lent_and_not_kept(storage: CountedStorage, scratch: Path, tmp_path: Path) -> None:
    small = SourceCache(tmp_path / "cache", SIZE - 1)
    assert [read(small, storage, "a", scratch) for _ in range(2)] == [b"a" * SIZE] * 2
    assert (storage.downloads, list(small.folder.iterdir())) == (2, [])


def test_a_folder_that_others_could_write_to_is_not_used(
    cache: SourceCache, storage: CountedStorage, scratch: Path
) -> None:
    cache.folder.mkdir()
    cache.folder.chmod(0o777)
    assert [read(cache, storage, "a", scratch) for _ in range(2)] == [b"a" * SIZE] * 2
    assert (storage.downloads, list(cache.folder.iterdir())) == (2, [])


def test_processes_that_want_the_same_wait_for_one_download(cache: SourceCache, scratch: Path, tmp_path: Path) -> None:
    slow = CountedStorage(tmp_path / "slow", wait_s=0.4)
    slow.put_bytes("a", b"a" * SIZE, content_type="video/mp4")

    def work(number: int) -> None:
        own = scratch / str(number)
        own.mkdir()
        os._exit(0 if read(cache, slow, "a", own) == b"a" * SIZE else 1)

    workers = [PROCESSES.Process(target=work, args=(number,)) for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert ([worker.exitcode for worker in workers], slow.downloads) == ([0] * 4, 1)


def test_a_download_that_is_killed_holds_nobody_up(cache: SourceCache, scratch: Path, tmp_path: Path) -> None:
    stuck = CountedStorage(tmp_path / "stuck", wait_s=600)
    quick = CountedStorage(tmp_path / "quick")
    for each in (stuck, quick):
        each.put_bytes("a", b"a" * SIZE, content_type="video/mp4")
    worker = PROCESSES.Process(target=read, args=(cache, stuck, "a", scratch))
    worker.start()
    while not stuck.downloads:
        time.sleep(0.01)
    waits: list[int] = []

    def cancel(count: int) -> None:
        waits.append(count)
        raise FencedError("job.cancelled", "cancelled")

    with pytest.raises(FencedError), cache.lend(quick, "a", scratch, progress=cancel):
        pass
    assert (waits, quick.downloads) == ([0], 0)  # it was waiting for the other one

    os.kill(worker.pid or 0, signal.SIGKILL)
    worker.join()
    assert read(cache, quick, "a", scratch) == b"a" * SIZE

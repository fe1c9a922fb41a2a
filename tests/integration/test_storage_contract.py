"""All storages keep the same promises: SeaweedFS through S3 and signed URLs, each provider's dialect, and memory."""

from __future__ import annotations

import hashlib
import os
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from uuid import uuid4

import pytest

from tasks.errors import PermanentError
from tasks.storage import Storage
from tasks.storage.dialect import DIALECTS
from tasks.storage.memory import MemoryStorage
from tasks.storage.s3 import S3Storage
from tests.integration.buckets import PART, Client, HttpClient, MemoryClient, presign, s3_settings
from tests.integration.dialects import served
from tests.integration.rules import RULES


@pytest.fixture(scope="module", params=["s3", "memory", *RULES])
def pair(request: pytest.FixtureRequest) -> Iterator[tuple[Storage, Client]]:
    if request.param == "memory":
        memory = MemoryStorage()
        memory.ensure_bucket()
        yield memory, MemoryClient(memory)
        return
    with ExitStack() as stack:
        if request.param == "s3":
            settings, refused = s3_settings(request.getfixturevalue("service_environ")), list[str]()
        else:
            settings, refused = stack.enter_context(served(request.param, request.getfixturevalue("services")))
        storage = stack.enter_context(closing(S3Storage(settings)))
        storage.ensure_bucket(cors_origins=("http://editor.example",))
        yield storage, HttpClient()
        assert refused == []  # nothing was asked for that it does not do


CHECKING = ["s3", "memory", *(kind for kind in RULES if DIALECTS[kind].checks_sha256)]
ATOMIC = ["s3", "memory", *(kind for kind in RULES if DIALECTS[kind].writes_once)]
checking = pytest.mark.parametrize("pair", CHECKING, indirect=True)
atomic = pytest.mark.parametrize("pair", ATOMIC, indirect=True)


@pytest.fixture
def storage(pair: tuple[Storage, Client]) -> Storage:
    return pair[0]


@pytest.fixture
def client(pair: tuple[Storage, Client]) -> Client:
    return pair[1]


def test_making_the_bucket_twice_is_harmless(storage: Storage) -> None:
    storage.ensure_bucket(cors_origins=("http://editor.example",))

    storage.ping()


def test_bytes_come_back_as_they_went(storage: Storage, key: str) -> None:
    assert storage.put_bytes(key, b"\x00\xffdata", content_type="application/octet-stream") is True

    assert storage.get_bytes(key) == b"\x00\xffdata"
    info = storage.head(key)
    assert info is not None
    assert (info.key, info.size_bytes, info.content_type) == (key, 6, "application/octet-stream")
    assert '"' not in info.etag and len(info.etag) == 32
    assert info.modified_at.tzinfo is not None


@checking
def test_a_declared_checksum_is_part_of_what_was_signed(pair: tuple[Storage, Client], key: str) -> None:
    storage, client = pair
    data = b"what was declared"
    signed = storage.presign_put(
        key,
        content_type="video/mp4",
        size_bytes=len(data),
        part_size_bytes=PART,
        sha256=hashlib.sha256(data).hexdigest(),
    )
    other = b"what was_declared"
    sums = {"x-amz-checksum-sha256": b64encode(hashlib.sha256(other).digest()).decode()}

    assert client.put(signed.parts[0], other, signed.headers) >= 400
    assert client.put(signed.parts[0], other, {**signed.headers, **sums}) >= 400
    assert client.put(signed.parts[0], data, {"Content-Type": "video/mp4"}) >= 400
    assert storage.head(key) is None
    assert client.put(signed.parts[0], data, signed.headers) == 200
    assert storage.get_bytes(key) == data


def test_put_if_absent_writes_once(storage: Storage, key: str) -> None:
    first = storage.put_bytes(key, b"first", content_type="text/plain", if_absent=True)
    second = storage.put_bytes(key, b"second", content_type="text/plain", if_absent=True)

    assert (first, second) == (True, False)
    assert storage.get_bytes(key) == b"first"


def test_a_file_is_put_only_where_nothing_is(storage: Storage, key: str, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_bytes(b"first" * 500_000)
    second.write_bytes(b"second")
    put = [storage.put_if_absent(key, path, content_type="video/mp4") for path in (first, second)]
    assert put == [True, False]
    found = storage.head(key)
    assert found is not None
    assert (found.size_bytes, found.content_type) == (2_500_000, "video/mp4")


@atomic
def test_of_many_who_put_a_file_at_once_one_wins(storage: Storage, key: str, tmp_path: Path) -> None:
    won: list[int] = []

    def put(number: int) -> None:
        path = tmp_path / str(number)
        path.write_bytes(bytes([number]) * 100_000)
        if storage.put_if_absent(key, path, content_type="video/mp4"):
            won.append(number)

    threads = [threading.Thread(target=put, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert storage.get_bytes(key) == bytes(won) * 100_000


def test_missing_object_is_a_permanent_error(storage: Storage, key: str, tmp_path: Path) -> None:
    assert storage.head(key) is None
    with pytest.raises(PermanentError, match=r"storage\.missing"):
        storage.get_bytes(key)
    with pytest.raises(PermanentError, match=r"storage\.missing"), storage.local_copy(key, tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_large_object_is_not_read_into_memory(storage: Storage, key: str) -> None:
    storage.put_bytes(key, bytes(101), content_type="text/plain")

    with pytest.raises(PermanentError, match=r"storage\.too_large"):
        storage.get_bytes(key, limit=100)


def test_file_goes_up_with_progress_and_its_copy_is_gone_afterwards(storage: Storage, key: str, tmp_path: Path) -> None:
    source = tmp_path / "source.bin"
    source.write_bytes(os.urandom(3 << 20))
    sent: list[int] = []
    read: list[int] = []
    folder = tmp_path / "copies"
    folder.mkdir()

    info = storage.put_file(key, source, content_type="video/mp4", progress=sent.append)
    with storage.local_copy(key, folder, progress=read.append) as copy:
        same = copy.read_bytes() == source.read_bytes()
        mode = copy.stat().st_mode & 0o777

    assert (info.size_bytes, info.content_type) == (3 << 20, "video/mp4")
    assert (sum(sent), sum(read)) == (3 << 20, 3 << 20)
    assert (same, mode) == (True, 0o400)
    assert list(folder.iterdir()) == []


def test_error_raised_by_progress_reaches_the_caller(storage: Storage, key: str, tmp_path: Path) -> None:
    source = tmp_path / "source.bin"
    source.write_bytes(bytes(1 << 20))

    def stop(count: int) -> None:
        raise PermanentError("test.stop", "enough")

    with pytest.raises(PermanentError, match=r"test\.stop"):
        storage.put_file(key, source, content_type="video/mp4", progress=stop)


@pytest.mark.security("S-6")
def test_presigned_put_takes_exactly_the_size_and_type_signed(storage: Storage, client: Client, key: str) -> None:
    upload = presign(storage, key, b"x" * 1000)

    assert (len(upload.parts), upload.upload_ref) == (1, "")
    bigger = client.put(upload.parts[0], b"x" * 1001, upload.headers)
    smaller = client.put(upload.parts[0], b"x" * 999, upload.headers)
    other_type = client.put(upload.parts[0], b"x" * 1000, {"Content-Type": "text/html"})
    assert (bigger, smaller, other_type) == (403, 403, 403)
    assert storage.head(key) is None
    assert client.put(upload.parts[0], b"x" * 1000, upload.headers) == 200
    info = storage.head(key)
    assert info is not None
    assert (info.size_bytes, info.content_type) == (1000, "video/mp4")


def test_large_upload_goes_up_in_parts(storage: Storage, client: Client, key: str) -> None:
    data = os.urandom(2 * PART + 17)
    upload = presign(storage, key, data)

    assert len(upload.parts) == 3
    assert upload.upload_ref
    statuses = [
        client.put(url, data[number * PART : (number + 1) * PART], upload.headers)
        for number, url in enumerate(upload.parts)
    ]
    storage.complete_parts(key, upload.upload_ref)

    assert statuses == [200, 200, 200]
    info = storage.head(key)
    assert info is not None
    assert (info.size_bytes, info.content_type) == (len(data), "video/mp4")
    assert storage.get_bytes(key, limit=1 << 25) == data


def test_completing_twice_is_harmless(storage: Storage, client: Client, key: str) -> None:
    data = os.urandom(PART + 1)
    upload = presign(storage, key, data)
    for number, url in enumerate(upload.parts):
        client.put(url, data[number * PART : (number + 1) * PART], upload.headers)

    storage.complete_parts(key, upload.upload_ref)
    storage.complete_parts(key, upload.upload_ref)

    assert storage.get_bytes(key, limit=1 << 25) == data


def test_missing_parts_are_named(storage: Storage, client: Client, key: str) -> None:
    data = os.urandom(2 * PART + 1)
    upload = presign(storage, key, data)
    client.put(upload.parts[1], data[PART : 2 * PART], upload.headers)

    with pytest.raises(PermanentError) as caught:
        storage.complete_parts(key, upload.upload_ref)

    assert caught.value.code == "upload.incomplete"
    assert caught.value.extra == {"missing_parts": [1, 3]}
    assert storage.head(key) is None


@pytest.mark.security("S-6")
def test_part_larger_than_signed_is_refused(storage: Storage, client: Client, key: str) -> None:
    upload = presign(storage, key, bytes(PART + 10))

    assert client.put(upload.parts[1], bytes(11), upload.headers) == 403


def test_parts_are_signed_again_in_their_old_size_and_those_sent_stay(
    storage: Storage, client: Client, key: str
) -> None:
    data = os.urandom(2 * PART + 17)
    first = presign(storage, key, data)
    client.put(first.parts[0], data[:PART], first.headers)

    again = storage.presign_put(
        key, content_type="video/mp4", size_bytes=len(data), part_size_bytes=3 * PART, upload_ref=first.upload_ref
    )

    assert (len(again.parts), again.part_size_bytes, again.upload_ref) == (3, PART, first.upload_ref)
    for number in (1, 2):
        assert client.put(again.parts[number], data[number * PART : (number + 1) * PART], again.headers) == 200
    storage.complete_parts(key, first.upload_ref)
    assert storage.get_bytes(key, limit=1 << 25) == data


def test_given_up_upload_cannot_be_completed(storage: Storage, key: str) -> None:
    upload = presign(storage, key, bytes(PART + 10))

    storage.abort_parts(key, upload.upload_ref)
    storage.abort_parts(key, upload.upload_ref)

    with pytest.raises(PermanentError, match=r"upload\.incomplete"):
        storage.complete_parts(key, upload.upload_ref)


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("clip.mp4", 'attachment; filename="clip.mp4"'),
        ("Ünï côdé.mp4", "attachment; filename=\"Uni code.mp4\"; filename*=UTF-8''%C3%9Cn%C3%AF%20c%C3%B4d%C3%A9.mp4"),
        ("影片.mp4", "attachment; filename=\".mp4\"; filename*=UTF-8''%E5%BD%B1%E7%89%87.mp4"),
        ("", "attachment"),
    ],
)
def test_download_is_named_for_a_person(storage: Storage, client: Client, key: str, name: str, header: str) -> None:
    storage.put_bytes(key, b"film", content_type="video/mp4")

    status, body, headers = client.get(storage.presign_get(key, filename=name, content_type="video/mp4"))

    assert (status, body) == (200, b"film")
    assert headers["Content-Disposition"] == header
    assert headers["Content-Type"] == "video/mp4"


def test_inline_download_is_shown_by_the_browser(storage: Storage, client: Client, key: str) -> None:
    storage.put_bytes(key, b"film", content_type="video/mp4")

    _, _, headers = client.get(storage.presign_get(key, filename="clip.mp4", inline=True))

    assert headers["Content-Disposition"] == 'inline; filename="clip.mp4"'


def test_listing_yields_what_lies_under_a_prefix_in_order(storage: Storage) -> None:
    root = f"jobs/{uuid4().hex}"
    for name in ("b/2", "a/1", "b/1"):
        storage.put_bytes(f"{root}/{name}", b"x" * 3, content_type="text/plain")

    assert [info.key for info in storage.list(f"{root}/")] == [f"{root}/a/1", f"{root}/b/1", f"{root}/b/2"]
    assert [info.size_bytes for info in storage.list(f"{root}/b/")] == [3, 3]


def test_deleting_takes_many_and_ignores_the_missing(storage: Storage, key: str) -> None:
    keys = [f"{key}-{number}" for number in range(3)]
    for name in keys:
        storage.put_bytes(name, b"x", content_type="text/plain")

    storage.delete([*keys, f"{key}-never"])

    assert [storage.head(name) for name in keys] == [None, None, None]
    storage.delete([])

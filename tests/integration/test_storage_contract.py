"""All storages keep the same promises: SeaweedFS through S3 and signed URLs, what lacks parts of S3, and memory."""

from __future__ import annotations

import hashlib
import os
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
from botocore.stub import Stubber

from tasks.config import StorageSettings
from tasks.errors import PermanentError
from tasks.storage import PresignedUpload, Storage, StorageError
from tasks.storage.dialect import DIALECTS
from tasks.storage.memory import MemoryStorage
from tasks.storage.s3 import S3Storage
from tests.integration.dialects import REFUSED, provider

PART = 5 << 20


class Client(Protocol):
    """What somebody does who holds nothing but a presigned URL."""

    def put(self, url: str, data: bytes, headers: dict[str, str]) -> int: ...

    def get(self, url: str) -> tuple[int, bytes, dict[str, str]]: ...


class HttpClient:
    def put(self, url: str, data: bytes, headers: dict[str, str]) -> int:
        return httpx.put(url, content=data, headers=headers, trust_env=False, timeout=30).status_code

    def get(self, url: str) -> tuple[int, bytes, dict[str, str]]:
        answer = httpx.get(url, trust_env=False, timeout=30)
        return answer.status_code, answer.content, {name.title(): value for name, value in answer.headers.items()}


class MemoryClient:
    def __init__(self, storage: MemoryStorage) -> None:
        self._storage = storage

    def put(self, url: str, data: bytes, headers: dict[str, str]) -> int:
        return self._storage.client_put(url, data, headers)

    def get(self, url: str) -> tuple[int, bytes, dict[str, str]]:
        return (200, *self._storage.client_get(url))


def s3_settings(environ: dict[str, str], **changes: str) -> StorageSettings:
    values = {
        "storage_type": "seaweedfs",
        "s3_bucket": "contract",
        "s3_endpoint_url": environ["S3_ENDPOINT_URL"],
        "s3_public_url": "",
        "s3_access_key": environ["AWS_ACCESS_KEY_ID"],
        "s3_secret_key": environ["AWS_SECRET_ACCESS_KEY"],
        "s3_region": environ.get("AWS_REGION", "us-east-1"),
        **changes,
    }
    return StorageSettings(**values)


@pytest.fixture(scope="module", params=["s3", "memory", *REFUSED])
def pair(request: pytest.FixtureRequest) -> Iterator[tuple[Storage, Client]]:
    if request.param == "memory":
        memory = MemoryStorage()
        memory.ensure_bucket()
        yield memory, MemoryClient(memory)
        return
    environ = request.getfixturevalue("service_environ")
    with ExitStack() as stack:
        changes = {}
        if request.param in REFUSED:
            served = stack.enter_context(provider(request.param, environ["S3_ENDPOINT_URL"]))
            changes = {"storage_type": request.param, "s3_endpoint_url": served.url}
        storage = stack.enter_context(closing(S3Storage(s3_settings(environ, **changes))))
        storage.ensure_bucket(cors_origins=("http://editor.example",))
        yield storage, HttpClient()
        assert not changes or served.refused == []  # nothing was asked for that it does not do


checking = pytest.mark.parametrize("pair", ["s3", "memory", "minio"], indirect=True)
"""Storages that check a declared checksum, and write once also when many do."""


@pytest.fixture
def storage(pair: tuple[Storage, Client]) -> Storage:
    return pair[0]


@pytest.fixture
def client(pair: tuple[Storage, Client]) -> Client:
    return pair[1]


@pytest.fixture
def s3(service_environ: dict[str, str]) -> Iterator[S3Storage]:
    with closing(S3Storage(s3_settings(service_environ))) as storage:
        storage.ensure_bucket()
        yield storage


@pytest.fixture
def key() -> str:
    return f"assets/{uuid4().hex}/source"


def presign(storage: Storage, key: str, data: bytes, content_type: str = "video/mp4") -> PresignedUpload:
    return storage.presign_put(key, content_type=content_type, size_bytes=len(data), part_size_bytes=PART)


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


@checking
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


# What only the real storage can show


@pytest.mark.security("S-6")
def test_signed_url_is_good_for_nothing_else(s3: S3Storage, key: str) -> None:
    s3.put_bytes(key, b"film", content_type="video/mp4")
    url = s3.presign_get(key)
    split = urlsplit(url)

    anonymous = httpx.get(split._replace(query="").geturl(), trust_env=False)
    tampered = httpx.get(url.replace("X-Amz-Expires=900", "X-Amz-Expires=90000"), trust_env=False)
    other = httpx.get(url.replace(key, f"{key}x"), trust_env=False)
    written = httpx.put(url, content=b"mine", trust_env=False)

    assert [answer.status_code for answer in (anonymous, tampered, other, written)] == [403, 403, 403, 403]
    assert s3.get_bytes(key) == b"film"


def test_download_can_be_resumed(s3: S3Storage, key: str) -> None:
    s3.put_bytes(key, b"0123456789", content_type="video/mp4")

    answer = httpx.get(s3.presign_get(key), headers={"Range": "bytes=4-"}, trust_env=False)

    assert (answer.status_code, answer.content) == (206, b"456789")


def test_urls_are_signed_for_the_public_address(service_environ: dict[str, str], key: str) -> None:
    inside = service_environ["S3_ENDPOINT_URL"]
    outside = inside.replace("127.0.0.1", "localhost")
    with closing(S3Storage(s3_settings(service_environ, s3_public_url=outside))) as storage:
        storage.ensure_bucket()
        storage.put_bytes(key, b"film", content_type="video/mp4")
        url = storage.presign_get(key)
    moved = url.replace(outside, inside)

    assert url.startswith(f"{outside}/contract/")
    assert httpx.get(url, trust_env=False).content == b"film"
    assert httpx.get(moved, trust_env=False).status_code == 403


def test_a_browser_of_a_listed_origin_may_upload(service_environ: dict[str, str], s3: S3Storage, key: str) -> None:
    s3.ensure_bucket(cors_origins=("http://editor.example",))
    upload = presign(s3, key, b"film")
    ask = {"Origin": "http://editor.example", "Access-Control-Request-Method": "PUT"}

    answer = httpx.options(upload.parts[0], headers=ask, trust_env=False)
    refused = httpx.options(upload.parts[0], headers={**ask, "Origin": "http://evil.example"}, trust_env=False)

    assert answer.headers.get("access-control-allow-origin") in ("http://editor.example", "*")
    assert refused.headers.get("access-control-allow-origin") not in ("http://evil.example", "*")


def test_storage_that_is_away_is_a_transient_error(service_environ: dict[str, str], key: str) -> None:
    settings = s3_settings(service_environ, s3_endpoint_url="http://127.0.0.1:9")

    with closing(S3Storage(settings)) as storage, pytest.raises(StorageError) as caught:
        storage.ping()

    assert caught.value.code == "storage.unavailable"


def test_wrong_keys_are_told_apart_from_a_missing_object(service_environ: dict[str, str], key: str) -> None:
    settings = s3_settings(service_environ, s3_secret_key="wrong-secret-key")

    with closing(S3Storage(settings)) as storage, pytest.raises(StorageError):
        storage.head(key)


@pytest.mark.parametrize(
    ("storage_type", "endpoint", "start"),
    [
        ("aws", "", "https://media.s3.amazonaws.com/k"),
        ("minio", "http://minio:9000", "http://minio:9000/media/k"),
        ("r2", "https://acc.r2.cloudflarestorage.com", "https://media.acc.r2.cloudflarestorage.com/k"),
        ("gcs", "https://storage.googleapis.com", "https://storage.googleapis.com/media/k"),
        ("tigris", "https://fly.storage.tigris.dev", "https://media.fly.storage.tigris.dev/k"),
        ("seaweedfs", "http://weed:8333", "http://weed:8333/media/k"),
    ],
)
def test_each_dialect_addresses_the_bucket_its_own_way(storage_type: str, endpoint: str, start: str) -> None:
    settings = s3_settings(
        {"S3_ENDPOINT_URL": endpoint, "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"},
        storage_type=storage_type,
        s3_bucket="media",
    )

    url = S3Storage(settings).presign_get("k")

    assert url.split("?")[0] == start
    assert "X-Amz-Signature=" in url


@pytest.mark.parametrize("kind", DIALECTS)
def test_what_is_shown_in_place_comes_from_the_cdn_and_what_is_saved_does_not(kind: str) -> None:
    environ = {"S3_ENDPOINT_URL": "https://s3.example", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    settings = s3_settings(environ, storage_type=kind, cdn_url="https://cdn.example/media/")

    with closing(S3Storage(settings)) as storage:
        shown = storage.presign_get("jobs/a b/é.mp4", filename="clip.mp4", inline=True)
        saved = storage.presign_get("jobs/a b/é.mp4", filename="clip.mp4")

    assert shown == "https://cdn.example/media/jobs/a%20b/%C3%A9.mp4"
    assert "X-Amz-Signature=" in saved
    assert "cdn.example" not in saved


@pytest.mark.parametrize("kind", [kind for kind, dialect in DIALECTS.items() if dialect.aborts_by_rule])
def test_where_the_provider_does_it_uploads_that_nobody_completes_end_by_rule(kind: str) -> None:
    environ = {"S3_ENDPOINT_URL": "https://s3.example", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    with closing(S3Storage(s3_settings(environ, storage_type=kind))) as storage, Stubber(storage._client) as stub:
        stub.add_response("head_bucket", {})
        rule = {"ID": "reelyard-uploads", "Status": "Enabled", "Filter": {"Prefix": ""}}
        ends = {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}}
        rules = {"Bucket": "contract", "LifecycleConfiguration": {"Rules": [{**rule, **ends}]}}
        stub.add_response("put_bucket_lifecycle_configuration", {}, rules)

        storage.ensure_bucket()

        stub.assert_no_pending_responses()

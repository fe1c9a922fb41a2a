"""S-6: a presigned upload is good for the bytes, place and time it was signed for; forty other uses are refused."""

from __future__ import annotations

import hashlib
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from urllib.parse import parse_qsl, quote, urlencode, urlsplit
from uuid import uuid4

import httpx
import pytest

from tasks.storage.s3 import S3Storage
from tests.integration.test_storage_contract import s3_settings

pytestmark = pytest.mark.security("S-6")
SIZE, TYPE = 1000, "video/mp4"
Request = tuple[str, str, dict[str, str], bytes]
GOOD = {"Content-Type": TYPE}


def with_query(url: str, **changes: str | None) -> str:
    """Return a URL with parameters of its query changed, or left out where None."""
    split = urlsplit(url)
    query = {**dict(parse_qsl(split.query)), **changes}
    kept = {name: value for name, value in query.items() if value is not None}
    return split._replace(query=urlencode(kept, quote_via=quote)).geturl()


def sized(size: int) -> Callable[[str], Request]:
    return lambda url: ("PUT", url, GOOD, b"x" * size)


def typed(kind: str | None) -> Callable[[str], Request]:
    return lambda url: ("PUT", url, {} if kind is None else {"Content-Type": kind}, b"x" * SIZE)


def by(method: str) -> Callable[[str], Request]:
    return lambda url: (method, url, GOOD, b"x" * SIZE)


def signed(**changes: str | None) -> Callable[[str], Request]:
    return lambda url: ("PUT", with_query(url, **changes), GOOD, b"x" * SIZE)


def elsewhere(old: str, new: str) -> Callable[[str], Request]:
    return lambda url: ("PUT", url.replace(old, new, 1), GOOD, b"x" * SIZE)


def bare(url: str) -> Request:
    return "PUT", urlsplit(url)._replace(query="").geturl(), GOOD, b"x" * SIZE


def flipped(place: int) -> Callable[[str], Request]:
    """Change one digit of the signature."""

    def misuse(url: str) -> Request:
        signature = dict(parse_qsl(urlsplit(url).query))["X-Amz-Signature"]
        other = "0" if signature[place] != "0" else "1"
        return signed(**{"X-Amz-Signature": signature[:place] + other + signature[place + 1 :]})(url)

    return misuse


MISUSES: dict[str, Callable[[str], Request]] = {
    **{f"{size} bytes": sized(size) for size in (0, 1, 999, 1001, 2000, 65_536, 1 << 20)},
    **{
        f"type {kind}": typed(kind) for kind in (None, "text/html", "image/svg+xml", "video/mp4; x=y", "VIDEO/MP4x", "")
    },
    **{method: by(method) for method in ("POST", "DELETE", "GET", "HEAD")},
    "no signature at all": bare,
    **{f"digit {place} of the signature": flipped(place) for place in (0, 31, 63)},
    "an empty signature": signed(**{"X-Amz-Signature": ""}),
    "no signature": signed(**{"X-Amz-Signature": None}),
    "longer life": signed(**{"X-Amz-Expires": "604800"}),
    "shorter life": signed(**{"X-Amz-Expires": "899"}),
    "no end": signed(**{"X-Amz-Expires": None}),
    "another time": signed(**{"X-Amz-Date": "20300101T000000Z"}),
    "no time": signed(**{"X-Amz-Date": None}),
    "another algorithm": signed(**{"X-Amz-Algorithm": "AWS4-HMAC-SHA1"}),
    "no algorithm": signed(**{"X-Amz-Algorithm": None}),
    "another key's name": signed(**{"X-Amz-Credential": "somebody/20300101/us-east-1/s3/aws4_request"}),
    "no key's name": signed(**{"X-Amz-Credential": None}),
    "fewer headers signed": signed(**{"X-Amz-SignedHeaders": "host"}),
    "no headers signed": signed(**{"X-Amz-SignedHeaders": None}),
    "one more parameter": signed(tagging=""),
    "part of a multipart upload": signed(partNumber="1", uploadId="1"),
    "its rights": signed(acl=""),
    "another name": elsewhere("/source", "/another"),
    "beside it": elsewhere("/source", "/source2"),
    "above it": elsewhere("/source", "/../source"),
    "another bucket": elsewhere("/contract/", "/reelyard/"),
    "no name": elsewhere("/source", "/"),
}


@pytest.fixture(scope="module")
def storage(service_environ: dict[str, str]) -> Iterator[S3Storage]:
    with closing(S3Storage(s3_settings(service_environ))) as storage:
        storage.ensure_bucket()
        yield storage


@pytest.fixture
def key() -> str:
    return f"assets/{uuid4().hex}/source"


def send(request: Request) -> int:
    method, url, headers, data = request
    body = {} if method in ("GET", "HEAD", "DELETE") else {"content": data}
    return httpx.request(method, url, headers=headers, trust_env=False, timeout=30, **body).status_code  # type: ignore[arg-type]


def test_there_are_forty_misuses() -> None:
    assert len(MISUSES) >= 40


@pytest.mark.parametrize("misuse", MISUSES)
def test_a_misuse_stores_nothing(storage: S3Storage, key: str, misuse: str) -> None:
    url = storage.presign_put(key, content_type=TYPE, size_bytes=SIZE, part_size_bytes=5 << 20).parts[0]
    prefix = key.rpartition("/")[0]

    status = send(MISUSES[misuse](url))

    assert status >= 400
    assert list(storage.list(prefix)) == []
    assert send(("PUT", url, GOOD, b"x" * SIZE)) == 200, "the right use must still work"


def test_other_bytes_than_were_declared_store_nothing(storage: S3Storage, key: str) -> None:
    told = hashlib.sha256(b"x" * SIZE).hexdigest()
    signed = storage.presign_put(key, content_type=TYPE, size_bytes=SIZE, part_size_bytes=5 << 20, sha256=told)
    name, fitting = "x-amz-checksum-sha256", b64encode(hashlib.sha256(b"y" * SIZE).digest()).decode()

    for headers in (signed.headers, GOOD, {**GOOD, name: fitting}, {**GOOD, name: ""}):
        assert send(("PUT", signed.parts[0], headers, b"y" * SIZE)) >= 400
    assert storage.head(key) is None
    assert send(("PUT", signed.parts[0], signed.headers, b"x" * SIZE)) == 200


def test_an_upload_that_comes_late_stores_nothing(service_environ: dict[str, str], key: str) -> None:
    with closing(S3Storage(replace(s3_settings(service_environ), presign_s=1))) as storage:
        url = storage.presign_put(key, content_type=TYPE, size_bytes=SIZE, part_size_bytes=5 << 20).parts[0]
        time.sleep(2.5)

        assert send(("PUT", url, GOOD, b"x" * SIZE)) >= 400
        assert storage.head(key) is None


def test_a_part_takes_its_own_length_alone(storage: S3Storage, key: str) -> None:
    part = 5 << 20
    signed = storage.presign_put(key, content_type=TYPE, size_bytes=part + SIZE, part_size_bytes=part)

    for size in (0, SIZE - 1, SIZE + 1, part):
        assert send(("PUT", signed.parts[1], {}, b"x" * size)) >= 400
    assert send(("PUT", signed.parts[1], {}, b"x" * SIZE)) == 200

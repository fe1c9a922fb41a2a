"""What S3 alone has: real signatures, resumed downloads, addresses, origins, rules, and its ways to fail."""

from __future__ import annotations

from contextlib import closing
from urllib.parse import urlsplit

import httpx
import pytest
from botocore.stub import Stubber

from tasks.storage import StorageError
from tasks.storage.dialect import DIALECTS
from tasks.storage.s3 import S3Storage
from tests.integration.buckets import presign, s3_settings


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

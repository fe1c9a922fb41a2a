"""What stands for a provider refuses what that provider refuses, so a storage that passes by it was asked properly."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from cli.services.launcher import RunningServices
from tasks.config import StorageSettings
from tasks.storage.connection import connect
from tasks.storage.s3 import S3Storage
from tests.integration.buckets import PART
from tests.integration.dialects import served
from tests.integration.rules import AWS_REGION, DOMAIN

Try = Callable[[Any, str], object]
CANNED = {"Bucket": "dialects", "Body": b"x"}


@pytest.fixture(scope="module")
def settings_of(services: RunningServices) -> Iterator[Callable[[str], StorageSettings]]:
    """Serve each kind once, with a bucket."""
    known = dict[str, StorageSettings]()
    with ExitStack() as stack:

        def serve(kind: str) -> StorageSettings:
            if kind not in known:
                settings, _ = stack.enter_context(served(kind, services))
                known[kind] = replace(settings, s3_bucket="dialects")
                with closing(S3Storage(known[kind])) as storage:
                    storage.ensure_bucket()
            return known[kind]

        yield serve


def client_of(settings: StorageSettings, **changes: str) -> Any:
    """Return a client with the settings' keys that is not made by us."""
    style = changes.pop("style", "virtual")
    sums = changes.pop("sums", "when_required")
    config = Config(s3={"addressing_style": style}, signature_version="s3v4", request_checksum_calculation=sums)
    session = boto3.session.Session(settings.s3_access_key, settings.s3_secret_key)
    region = changes.pop("region", settings.s3_region)
    return session.client("s3", endpoint_url=settings.s3_endpoint_url, region_name=region, config=config)


def join(*sizes: int) -> Try:
    """Put parts of these sizes and join them."""

    def attempt(client: Any, key: str) -> object:
        where = {"Bucket": "dialects", "Key": key}
        where["UploadId"] = client.create_multipart_upload(**where)["UploadId"]
        parts = [
            {"PartNumber": n, "ETag": client.upload_part(**where, PartNumber=n, Body=bytes(size))["ETag"]}
            for n, size in enumerate(sizes, 1)
        ]
        return client.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})

    return attempt


def put(**options: Any) -> Try:
    """Put an object with more than it needs."""
    return lambda client, key: client.put_object(**CANNED, Key=key, **options)


def allow_any_header(client: Any, key: str) -> object:
    """Allow browsers of all origins all headers."""
    rule = {"AllowedOrigins": ["*"], "AllowedMethods": ["PUT"], "AllowedHeaders": ["*"]}
    return client.put_bucket_cors(Bucket="dialects", CORSConfiguration={"CORSRules": [rule]})


def end_uploads(client: Any, key: str) -> object:
    """Have a rule end uploads."""
    rule = {"Status": "Enabled", "Filter": {"Prefix": ""}, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}}
    return client.put_bucket_lifecycle_configuration(Bucket="dialects", LifecycleConfiguration={"Rules": [rule]})


ELSEWHERE = {"region": "ap-south-1"}
AUTO = {"region": "auto"}
REFUSALS: list[tuple[str, dict[str, str], Try, str]] = [
    ("aws", {"style": "path"}, put(), "InvalidRequest"),
    ("aws", ELSEWHERE, put(), "AuthorizationHeaderMalformed"),
    ("aws", {}, put(ACL="public-read"), "AccessControlListNotSupported"),
    ("aws", {}, lambda client, key: client.create_bucket(Bucket="other"), "IllegalLocationConstraintException"),
    ("aws", {}, join(PART - 1, 1), "EntityTooSmall"),
    ("r2", AUTO, join(PART, PART + 1, 1), "InvalidPart"),
    ("r2", AUTO, join(PART, PART + 1), "InvalidPart"),
    ("r2", AUTO, join(PART - 1, 1), "EntityTooSmall"),
    ("r2", AUTO, put(ACL="public-read"), "NotImplemented"),
    ("r2", AUTO, put(Tagging="a=b"), "NotImplemented"),
    ("r2", ELSEWHERE, put(), "InvalidRegionName"),
    ("r2", AUTO, allow_any_header, "MalformedXML"),
    ("tigris", {**AUTO, "style": "path"}, put(), "InvalidRequest"),
    ("tigris", AUTO, put(IfNoneMatch="*"), "NotImplemented"),
    ("tigris", AUTO, end_uploads, "NotImplemented"),
    ("minio", {"style": "path"}, end_uploads, "NotImplemented"),
    ("minio", {"style": "path"}, allow_any_header, "NotImplemented"),
    ("gcs", {"style": "path"}, put(IfNoneMatch="*"), "NotImplemented"),
]


@pytest.mark.parametrize(("kind", "changes", "attempt", "code"), REFUSALS)
def test_what_a_provider_refuses_is_refused(
    settings_of: Callable[[str], StorageSettings], kind: str, changes: dict[str, str], attempt: Try, code: str
) -> None:
    client = client_of(settings_of(kind), **changes)

    with pytest.raises(ClientError) as caught:
        attempt(client, uuid4().hex)

    assert caught.value.response["Error"]["Code"] == code


def test_equal_parts_with_a_smaller_last_one_are_joined(settings_of: Callable[[str], StorageSettings]) -> None:
    settings, key = settings_of("r2"), uuid4().hex
    client = client_of(settings, **AUTO)

    join(PART, PART, 1)(client, key)

    assert client.head_object(Bucket="dialects", Key=key)["ContentLength"] == 2 * PART + 1


@pytest.mark.parametrize(("kind", "region"), [("aws", AWS_REGION), ("r2", "auto"), ("tigris", "auto")])
def test_the_bucket_is_in_the_hosts_name_and_the_region_is_the_providers(
    settings_of: Callable[[str], StorageSettings], kind: str, region: str
) -> None:
    settings = settings_of(kind)
    asked: list[Any] = []
    client = connect(settings, settings.s3_endpoint_url)
    client.meta.events.register("before-send.s3", lambda request, **_: asked.append(request))

    with pytest.raises(ClientError, match="404"):
        client.head_object(Bucket="dialects", Key=uuid4().hex)

    assert settings.s3_region == AWS_REGION
    assert asked[0].url.startswith(f"http://dialects.{DOMAIN}:")
    assert f"/{region}/s3/aws4_request" in asked[0].headers["Authorization"].decode()

"""What tests of storages share: who holds nothing but a presigned URL, and how to reach the real one."""

from __future__ import annotations

from typing import Protocol

import httpx

from tasks.config import StorageSettings
from tasks.storage import PresignedUpload, Storage
from tasks.storage.memory import MemoryStorage

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


def presign(storage: Storage, key: str, data: bytes, content_type: str = "video/mp4") -> PresignedUpload:
    return storage.presign_put(key, content_type=content_type, size_bytes=len(data), part_size_bytes=PART)

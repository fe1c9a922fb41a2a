"""Object storage over the S3 protocol: AWS, MinIO, R2, GCS, Tigris, SeaweedFS (ring 1)."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple
from urllib.parse import quote

from boto3.exceptions import S3UploadFailedError
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import BotoCoreError, ClientError

from tasks.config import StorageSettings
from tasks.errors import PermanentError
from tasks.storage.base import ObjectInfo, PresignedUpload, StorageError, to_base64
from tasks.storage.connection import WORK, Patience, connect
from tasks.storage.dialect import DIALECTS
from tasks.storage.disposition import content_disposition

_MISSING = frozenset({"404", "NoSuchKey", "NotFound", "NoSuchUpload"})
_TAKEN = frozenset({"412", "PreconditionFailed", "409", "ConditionalRequestConflict"})
_TRANSFER = TransferConfig(multipart_threshold=64 << 20, multipart_chunksize=32 << 20, max_concurrency=4)
_CHUNK = 1 << 20
_ABORT_RULE = {
    "ID": "reelyard-uploads",
    "Status": "Enabled",
    "Filter": {"Prefix": ""},
    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
}
_CORS_EXPOSED = ["ETag", "Content-Length", "Content-Range", "Accept-Ranges", "Content-Disposition"]


class S3Storage:
    """The real storage. Safe to share between threads; make one per process, after forking."""

    def __init__(self, settings: StorageSettings, *, patience: Patience = WORK) -> None:
        self._bucket = settings.s3_bucket
        self._region = settings.s3_region
        self._type = settings.storage_type
        self._dialect = DIALECTS[settings.storage_type]
        self._cdn_url = settings.cdn_url.rstrip("/")
        self._presign_s = settings.presign_s
        self._client = connect(settings, settings.s3_endpoint_url, patience)
        # A signature covers the host, so URLs for clients are signed against the host that clients reach.
        public = settings.s3_public_url
        self._signer = connect(settings, public, patience) if public else self._client

    def close(self) -> None:
        """Close the connections; the storage is not used afterwards."""
        self._client.close()
        self._signer.close()

    def ensure_bucket(self, *, cors_origins: tuple[str, ...] = ()) -> None:
        """Create the private bucket when it is not there, let the origins' browsers reach it, set its rules.

        What a provider does not take by S3 is left to its own means (``docs/operations/storage.rst`` says which).
        """
        with _translated(self._bucket):
            if not self._bucket_exists():
                self._create_bucket()
            if self._dialect.aborts_by_rule:
                self._client.put_bucket_lifecycle_configuration(
                    Bucket=self._bucket, LifecycleConfiguration={"Rules": [_ABORT_RULE]}
                )
            if cors_origins and self._dialect.sets_cors:
                rule = {
                    "AllowedOrigins": list(cors_origins),
                    "AllowedMethods": ["GET", "HEAD", "PUT"],
                    "AllowedHeaders": list(self._dialect.cors_headers),
                    "ExposeHeaders": _CORS_EXPOSED,
                    "MaxAgeSeconds": 3600,
                }
                self._client.put_bucket_cors(Bucket=self._bucket, CORSConfiguration={"CORSRules": [rule]})

    def _bucket_exists(self) -> bool:
        try:
            self._client.head_bucket(Bucket=self._bucket)
        except ClientError as error:
            if _code(error) in _MISSING | {"NoSuchBucket"}:
                return False
            raise
        return True

    def _create_bucket(self) -> None:
        options: dict[str, Any] = {}
        if self._type == "aws" and self._region != "us-east-1":
            options["CreateBucketConfiguration"] = {"LocationConstraint": self._region}
        try:
            self._client.create_bucket(Bucket=self._bucket, **options)
        except ClientError as error:
            if _code(error) not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
                raise

    def presign_put(
        self,
        key: str,
        *,
        content_type: str,
        size_bytes: int,
        part_size_bytes: int,
        upload_ref: str = "",
        sha256: str = "",
    ) -> PresignedUpload:
        """Return URLs good for exactly this size and type; several parts when size exceeds ``part_size_bytes``."""
        if upload_ref:
            known = _read_ref(upload_ref).part_size_bytes
            return self._presign_parts(key, upload_ref, size_bytes, known or part_size_bytes)
        if size_bytes <= part_size_bytes:
            options: dict[str, Any] = {"ContentType": content_type, "ContentLength": size_bytes}
            headers = {"Content-Type": content_type}
            if sha256 and self._dialect.checks_sha256:
                headers["x-amz-checksum-sha256"] = options["ChecksumSHA256"] = to_base64(sha256)
            return PresignedUpload((self._sign("put_object", Key=key, **options),), size_bytes, headers)
        with _translated(key):
            upload_id = self._client.create_multipart_upload(
                Bucket=self._bucket, Key=key, ContentType=content_type, Metadata={"size-bytes": str(size_bytes)}
            )["UploadId"]
        # Number and size of the parts ride in the reference, so that completion can tell when one is missing.
        count = math.ceil(size_bytes / part_size_bytes)
        return self._presign_parts(key, f"{count}/{part_size_bytes}:{upload_id}", size_bytes, part_size_bytes)

    def _presign_parts(self, key: str, upload_ref: str, size_bytes: int, part_size_bytes: int) -> PresignedUpload:
        ref = _read_ref(upload_ref)
        parts = tuple(
            self._sign(
                "upload_part",
                Key=key,
                UploadId=ref.upload_id,
                PartNumber=number,
                ContentLength=min(part_size_bytes, size_bytes - (number - 1) * part_size_bytes),
            )
            for number in range(1, ref.parts + 1)
        )
        return PresignedUpload(parts, part_size_bytes, {}, upload_ref)

    def complete_parts(self, key: str, upload_ref: str) -> None:
        """Join the parts that were put; raise ``PermanentError("upload.incomplete", …)`` when some are missing."""
        count, _, upload_id = _read_ref(upload_ref)
        try:
            parts = list(self._list_parts(key, upload_id))
        except PermanentError:
            if self.head(key) is not None:
                return  # joined before: completing twice is harmless
            raise PermanentError("upload.incomplete", "This upload is not open any more; start it again") from None
        missing = sorted(set(range(1, count + 1)) - {part["PartNumber"] for part in parts})
        if missing:
            shown = ", ".join(str(number) for number in missing[:10])
            raise PermanentError(
                "upload.incomplete", f"Parts {shown} were not uploaded", {"missing_parts": missing[:1000]}
            )
        with _translated(key):
            self._client.complete_multipart_upload(
                Bucket=self._bucket, Key=key, UploadId=upload_id, MultipartUpload={"Parts": parts}
            )

    def _list_parts(self, key: str, upload_id: str) -> Iterator[dict[str, Any]]:
        with _translated(key):
            pages = self._client.get_paginator("list_parts").paginate(Bucket=self._bucket, Key=key, UploadId=upload_id)
            for page in pages:
                for part in page.get("Parts", ()):
                    yield {"PartNumber": part["PartNumber"], "ETag": part["ETag"]}

    def abort_parts(self, key: str, upload_ref: str) -> None:
        """Give up a multipart upload; harmless when it is gone."""
        try:
            with _translated(key):
                self._client.abort_multipart_upload(
                    Bucket=self._bucket, Key=key, UploadId=_read_ref(upload_ref).upload_id
                )
        except PermanentError:
            return

    def presign_get(
        self, key: str, *, filename: str = "", content_type: str = "", inline: bool = False, cache_s: int = 0
    ) -> str:
        """Return a URL that downloads the object, named ``filename`` (RFC 6266) for the person who saves it.

        What is shown where it stands comes from the CDN when there is one, by a URL without signature or end.
        """
        if inline and self._cdn_url:
            return f"{self._cdn_url}/{quote(key)}"
        options = {"Key": key, "ResponseContentDisposition": content_disposition(filename, inline=inline)}
        if content_type:
            options["ResponseContentType"] = content_type
        if cache_s:
            options["ResponseCacheControl"] = f"private, max-age={cache_s}"
        return self._sign("get_object", good_for_s=max(self._presign_s, 2 * cache_s), **options)

    def _sign(self, operation: str, *, good_for_s: int = 0, **parameters: Any) -> str:
        with _translated(str(parameters["Key"])):
            url: str = self._signer.generate_presigned_url(
                operation, Params={"Bucket": self._bucket, **parameters}, ExpiresIn=good_for_s or self._presign_s
            )
            return url

    def head(self, key: str) -> ObjectInfo | None:
        """Return what is stored under ``key``, or None."""
        try:
            with _translated(key):
                found = self._client.head_object(Bucket=self._bucket, Key=key)
        except PermanentError:
            return None
        return ObjectInfo(
            key, found["ContentLength"], found["ETag"].strip('"'), found.get("ContentType", ""), found["LastModified"]
        )

    def put_file(
        self, key: str, path: Path, *, content_type: str, progress: Callable[[int], None] | None = None
    ) -> ObjectInfo:
        """Upload a file; ``progress`` is called with the bytes sent since the last call."""
        relay = _ProgressRelay(progress)
        with _translated(key):
            try:
                self._client.upload_file(
                    str(path),
                    self._bucket,
                    key,
                    ExtraArgs={"ContentType": content_type},
                    Callback=relay,
                    Config=_TRANSFER,
                )
            except S3UploadFailedError as error:
                relay.raise_pending()
                raise StorageError("storage.unavailable", "The storage did not take the upload") from error
        relay.raise_pending()
        stored = self.head(key)
        if stored is None or stored.size_bytes != path.stat().st_size:
            raise StorageError("storage.incomplete", "The storage did not keep the whole upload")
        return stored

    def put_bytes(self, key: str, data: bytes, *, content_type: str, if_absent: bool = False) -> bool:
        """Store bytes; with ``if_absent`` return False instead of overwriting."""
        return self._put(key, data, content_type=content_type, if_absent=if_absent)

    def put_if_absent(self, key: str, path: Path, *, content_type: str) -> bool:
        """Upload a file of up to 5 GiB unless something is there; return False, with that kept, when it is."""
        with path.open("rb") as file:
            return self._put(key, file, content_type=content_type, if_absent=True)

    def _put(self, key: str, body: bytes | BinaryIO, *, content_type: str, if_absent: bool) -> bool:
        if if_absent and not self._dialect.writes_once and self.head(key) is not None:
            return False
        condition = {"IfNoneMatch": "*"} if if_absent and self._dialect.writes_once else {}
        try:
            with _translated(key, passed=_TAKEN):
                self._client.put_object(Bucket=self._bucket, Key=key, Body=body, ContentType=content_type, **condition)
        except ClientError:
            return False
        return True

    def get_bytes(self, key: str, *, limit: int = 1 << 24) -> bytes:
        """Return a small object whole; raise PermanentError("storage.too_large") above ``limit`` bytes."""
        with _translated(key):
            found = self._client.get_object(Bucket=self._bucket, Key=key)
            with closing(found["Body"]) as body:
                if found["ContentLength"] > limit:
                    raise PermanentError("storage.too_large", f"The object has more than {limit} bytes")
                data: bytes = body.read()
                return data

    @contextmanager
    def local_copy(self, key: str, directory: Path, *, progress: Callable[[int], None] | None = None) -> Iterator[Path]:
        """Lend a local, read-only copy for the duration of the block; it is gone afterwards."""
        target = directory / f"copy-{threading.get_ident()}-{abs(hash(key)):x}"
        try:
            self._download(key, target, progress)
            target.chmod(0o400)
            yield target
        finally:
            target.unlink(missing_ok=True)

    def _download(self, key: str, target: Path, progress: Callable[[int], None] | None) -> None:
        with _translated(key):
            found = self._client.get_object(Bucket=self._bucket, Key=key)
            with closing(found["Body"]) as body, target.open("wb") as file:
                for chunk in body.iter_chunks(_CHUNK):
                    file.write(chunk)
                    if progress is not None:
                        progress(len(chunk))
        if target.stat().st_size != found["ContentLength"]:
            raise StorageError("storage.incomplete", "The storage broke off in the middle of a download")

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yield every object under a prefix, in key order."""
        with _translated(prefix):
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix):
                for found in page.get("Contents", ()):
                    yield ObjectInfo(found["Key"], found["Size"], found["ETag"].strip('"'), "", found["LastModified"])

    def delete(self, keys: Sequence[str]) -> None:
        """Delete objects; missing ones do not matter."""
        if not self._dialect.deletes_many:
            for key in keys:
                with suppress(PermanentError), _translated(key):
                    self._client.delete_object(Bucket=self._bucket, Key=key)
            return
        for start in range(0, len(keys), 1000):
            batch = [{"Key": key} for key in keys[start : start + 1000]]
            with _translated(self._bucket):
                answer = self._client.delete_objects(Bucket=self._bucket, Delete={"Objects": batch, "Quiet": True})
            failed = [e for e in answer.get("Errors", ()) if e.get("Code") not in _MISSING]
            if failed:
                raise StorageError("storage.unavailable", f"The storage did not delete {len(failed)} objects")

    def ping(self) -> None:
        """Raise StorageError unless the bucket can be reached."""
        try:
            with _translated(self._bucket):
                self._client.head_bucket(Bucket=self._bucket)
        except PermanentError as error:
            raise StorageError("storage.no_bucket", f"There is no bucket {self._bucket!r}") from error


class _ProgressRelay:
    """Carries an error of the progress callback out of boto's threads, which would swallow or mistranslate it."""

    def __init__(self, progress: Callable[[int], None] | None) -> None:
        self._progress = progress
        self._pending: BaseException | None = None
        self._lock = threading.Lock()

    def __call__(self, count: int) -> None:
        with self._lock:
            if self._progress is None or self._pending is not None:
                return
            try:
                self._progress(count)
            except BaseException as error:
                self._pending = error
                raise  # ends the transfer

    def raise_pending(self) -> None:
        """Raise what the callback raised."""
        if self._pending is not None:
            raise self._pending


class _Ref(NamedTuple):
    """An upload in parts; ``part_size_bytes`` is 0 where it is not known."""

    parts: int
    part_size_bytes: int
    upload_id: str


def _read_ref(upload_ref: str) -> _Ref:
    """Read ``count/size:id``; references of old lack the size."""
    numbers, _, upload_id = upload_ref.partition(":")
    count, _, size = numbers.partition("/")
    return _Ref(int(count), int(size or 0), upload_id)


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


@contextmanager
def _translated(key: str, *, passed: frozenset[str] = frozenset()) -> Iterator[None]:
    """Turn boto's errors into ours, except the codes in ``passed``."""
    try:
        yield
    except ClientError as error:
        code = _code(error)
        if code in passed:
            raise
        if code in _MISSING:
            raise PermanentError("storage.missing", f"There is no object {key!r}") from error
        raise StorageError("storage.unavailable", f"The storage answered {code or 'an error'}") from error
    except (BotoCoreError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None and error.filename is not None:
            raise  # the local disk, not the storage
        raise StorageError("storage.unavailable", f"The storage does not answer: {type(error).__name__}") from error


@lru_cache(maxsize=4)
def open_storage(settings: StorageSettings) -> S3Storage:
    """Return this process's storage for these settings."""
    return S3Storage(settings)

"""In what the providers of S3 differ, as far as it matters here (ring 1). One line each; nothing else asks who it is.

Sources: the providers' own pages on S3 compatibility. AWS: docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting
and /API/API_CreateBucket. R2: developers.cloudflare.com/r2/api/s3/api, /r2/objects/multipart-objects, /r2/buckets/cors.
Google: docs.cloud.google.com/storage/docs/migrating and /xml-api/put-bucket-cors. MinIO: issue 20995 of minio/minio.
Tigris: www.tigrisdata.com/docs/api/s3, /objects/conditionals, /objects/consistency and /buckets/objects-expiration.
What is not sure of a provider is taken as not there: every way round works anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Dialect:
    """What a provider does.

    :param path_style: the bucket stands in the path, not in the host's name.
    :param region: what is signed for, whatever ``AWS_REGION`` says: the provider has none, and refuses names of others.
    :param checks_sha256: a signed ``x-amz-checksum-sha256`` refuses other bytes. Elsewhere they are refused when read.
    :param sets_cors: a bucket takes its CORS rules by S3. Elsewhere they are set by the provider's own means.
    :param cors_headers: which headers browsers may send.
    :param deletes_many: one request deletes up to 1000 objects. Elsewhere each has one of its own.
    :param writes_once: ``If-None-Match: *`` refuses to overwrite. Elsewhere it is looked first, which is not atomic;
        what is written that way has its content in its name, so that a race writes the same bytes twice.
    :param asks_leader: the header that has a condition judged for all regions; else each answers for itself.
    :param aborts_by_rule: a lifecycle rule ends uploads that were never completed. Elsewhere only our own chore does.
    """

    path_style: bool = False
    region: str = ""
    checks_sha256: bool = False
    sets_cors: bool = True
    cors_headers: tuple[str, ...] = ("*",)
    deletes_many: bool = True
    writes_once: bool = True
    asks_leader: str = ""
    aborts_by_rule: bool = False


SENT_BY_BROWSERS = ("content-type", "x-amz-checksum-sha256", "range")
"""For who takes no ``*``: what uploads and players send."""

DIALECTS = {
    "aws": Dialect(checks_sha256=True, aborts_by_rule=True),
    "minio": Dialect(path_style=True, checks_sha256=True, sets_cors=False),
    "r2": Dialect(region="auto", checks_sha256=True, cors_headers=SENT_BY_BROWSERS, aborts_by_rule=True),
    "gcs": Dialect(path_style=True, sets_cors=False, deletes_many=False, writes_once=False),
    "tigris": Dialect(region="auto", asks_leader="X-Tigris-Consistent"),
    "seaweedfs": Dialect(path_style=True, checks_sha256=True),
}

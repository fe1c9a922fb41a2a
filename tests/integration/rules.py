"""What providers of S3 are documented to refuse, one function each: a request in, a refusal out, or nothing.

AWS: VirtualHosting, about-object-ownership, qfacts and API_CreateBucket in docs.aws.amazon.com. R2: its pages "S3 API
compatibility", "Multipart upload" and "CORS"; the words of its refusals are those that users of it report. Tigris: "S3
API Compatibility", "Conditional Operations", "Object Expiration". Google: "Migrate from Amazon S3". MinIO: issue 20995.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from defusedxml.ElementTree import fromstring

DOMAIN = "storage.test"
"""Where providers are; buckets stand before it."""
SMALLEST_PART = 5 << 20


@dataclass(frozen=True)
class Asked:
    """One request; header names are in small letters."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def hosted_bucket(self) -> str:
        """The bucket in the host's name, empty where it stands in the path."""
        host = self.headers.get("host", "").partition(":")[0]
        return host.removesuffix(f".{DOMAIN}") if host.endswith(f".{DOMAIN}") else ""

    @property
    def is_bucket(self) -> bool:
        """Whether it is about a bucket as such."""
        return self.path == "/" if self.hosted_bucket else self.path.count("/") == 1

    @property
    def region(self) -> str:
        """The region for which it was signed, empty for a request without signature."""
        told = self.query.get("X-Amz-Credential", "") or self.headers.get("authorization", "")
        found = re.search(r"[^/]+/\d{8}/([^/]*)/s3/aws4_request", told)
        return found[1] if found else ""


@dataclass
class Known:
    """What a provider remembers: the sizes of the parts of each upload."""

    parts: dict[str, dict[int, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Refusal:
    """What a provider answers."""

    status: int
    code: str
    message: str = ""


Rule = Callable[[Asked, Known], Refusal | None]


def lacks(
    *, method: str = "", query: str = "", header: str = "", status: int = 501, code: str = "NotImplemented"
) -> Rule:
    """Refuse what has this method and this word in its query or this beginning of a header's name."""

    def rule(asked: Asked, known: Known) -> Refusal | None:
        there = not header or any(name.startswith(header) for name in asked.headers)
        if there and (not method or asked.method == method) and (not query or query in asked.query):
            return Refusal(status, code, f"{method} {query or header} is not implemented")
        return None

    return rule


def only_hosted(asked: Asked, known: Known) -> Refusal | None:
    """Refuse a bucket that stands in the path."""
    if asked.hosted_bucket or asked.method == "OPTIONS":
        return None
    return Refusal(400, "InvalidRequest", "Name the bucket in the host")


def regions(*names: str, code: str) -> Rule:
    """Refuse signatures for other regions."""

    def rule(asked: Asked, known: Known) -> Refusal | None:
        signed = bool(asked.query.get("X-Amz-Credential") or asked.headers.get("authorization"))
        return Refusal(400, code, f"not {asked.region!r}") if signed and asked.region not in names else None

    return rule


def location(*names: str, needed: str = "") -> Rule:
    """Refuse a bucket to be made elsewhere; ``needed`` must be named."""

    def rule(asked: Asked, known: Known) -> Refusal | None:
        if asked.method != "PUT" or not asked.is_bucket or any(not name.startswith("X-") for name in asked.query):
            return None
        told = text_of(fromstring(asked.body), "LocationConstraint") if asked.body else ""
        if (needed and told != needed) or (told and told not in names):
            return Refusal(400, "IllegalLocationConstraintException", told)
        return None

    return rule


def no_streamed_sums(asked: Asked, known: Known) -> Refusal | None:
    """Refuse bodies whose checksum comes after them."""
    told = asked.headers.get("x-amz-content-sha256", "")
    return Refusal(501, "NotImplemented", told) if told.startswith("STREAMING-") else None


def summed(asked: Asked, known: Known) -> Refusal | None:
    """Refuse lists of what to delete, and rules of a bucket, that come without a checksum."""
    needed = {("POST", "delete"), ("PUT", "lifecycle"), ("PUT", "cors")}
    if not any((asked.method, word) in needed for word in asked.query):
        return None
    if any(name == "content-md5" or name.startswith("x-amz-checksum-") for name in asked.headers):
        return None
    return Refusal(400, "InvalidRequest", "Missing required header for this request: Content-MD5")


def large_parts(asked: Asked, known: Known) -> Refusal | None:
    """Refuse to join parts of which one but the last is under 5 MiB."""
    sizes = joined(asked, known)
    return Refusal(400, "EntityTooSmall") if any(size < SMALLEST_PART for size in sizes[:-1]) else None


def equal_parts(asked: Asked, known: Known) -> Refusal | None:
    """Refuse to join parts of different sizes; the last may be smaller."""
    sizes = joined(asked, known)
    if len(set(sizes[:-1])) > 1 or (sizes and sizes[-1] > sizes[0]):
        return Refusal(400, "InvalidPart", "All non-trailing parts must have the same length.")
    return None


def joined(asked: Asked, known: Known) -> list[int]:
    """Return the sizes of the parts that a request wants joined, in bytes and in their order."""
    if asked.method != "POST" or "uploadId" not in asked.query:
        return []
    sizes = known.parts.get(asked.query["uploadId"], {})
    numbers = [int(found.text or 0) for found in fromstring(asked.body).iter() if found.tag.endswith("PartNumber")]
    return [sizes[number] for number in numbers]


def named_headers(asked: Asked, known: Known) -> Refusal | None:
    """Refuse a rule for browsers that allows any header."""
    wanted = asked.method == "PUT" and "cors" in asked.query
    if wanted and text_of(fromstring(asked.body), "AllowedHeader") == "*":
        return Refusal(400, "MalformedXML", "AllowedHeader")
    return None


def no_abort_rule(asked: Asked, known: Known) -> Refusal | None:
    """Refuse a rule that ends uploads."""
    wanted = asked.method == "PUT" and "lifecycle" in asked.query
    return Refusal(501, "NotImplemented") if wanted and b"AbortIncompleteMultipartUpload" in asked.body else None


def leader_asked(asked: Asked, known: Known) -> Refusal | None:
    """Refuse a condition that the nearest region would judge by what it alone knows."""
    conditional = asked.method == "PUT" and "if-none-match" in asked.headers
    if conditional and asked.headers.get("x-tigris-consistent") != "true":
        return Refusal(501, "NotImplemented", "a condition for one region")
    return None


def text_of(tree: Element, name: str) -> str:
    """Return the text of the first element of that name, without its namespace; empty when there is none."""
    return next((found.text or "" for found in tree.iter() if found.tag.rpartition("}")[2] == name), "")


AWS_REGION = "eu-central-1"
R2_LACKS = ("x-amz-acl", "x-amz-grant-", "x-amz-tagging", "x-amz-object-lock-", "x-amz-expected-bucket-owner")
R2_LACKS_OF_BUCKETS = ("acl", "tagging", "policy", "versioning", "website", "notification", "replication", "logging")
RULES: dict[str, list[Rule]] = {
    "aws": [
        only_hosted,
        regions(AWS_REGION, code="AuthorizationHeaderMalformed"),
        location(AWS_REGION, needed=AWS_REGION),
        lacks(header="x-amz-acl", status=400, code="AccessControlListNotSupported"),
        summed,
        large_parts,
    ],
    "r2": [
        regions("auto", "us-east-1", "", code="InvalidRegionName"),
        location("auto", "us-east-1", "wnam", "enam", "weur", "eeur", "apac", "oc"),
        *(lacks(header=name) for name in R2_LACKS),
        *(lacks(query=word) for word in R2_LACKS_OF_BUCKETS),
        no_streamed_sums,
        named_headers,
        large_parts,
        equal_parts,
    ],
    "tigris": [only_hosted, leader_asked, no_abort_rule, lacks(query="notification"), large_parts],
    "minio": [lacks(method="PUT", query="cors"), no_abort_rule, lacks(method="PUT", query="acl"), large_parts],
    "gcs": [
        lacks(method="PUT", query="cors"),
        lacks(method="POST", query="delete"),
        lacks(method="PUT", header="if-none-match"),
        lacks(method="PUT", query="lifecycle"),
        no_streamed_sums,
        large_parts,
    ],
}
"""By kind, what is refused."""

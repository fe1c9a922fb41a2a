"""The client of boto3 that a storage speaks through, in its provider's dialect (ring 1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config

from tasks.config import StorageSettings
from tasks.failpoints import are_armed, failpoint
from tasks.storage.dialect import DIALECTS


@dataclass(frozen=True)
class Patience:
    """How long a call waits for a storage that says nothing, and how often it is made."""

    read_s: float = 30.0
    tries: int = 4


WORK = Patience()
REQUEST = Patience(8.0, 3)
"""Within requests: a client, and the transaction that may be open, are not kept waiting for half a minute."""


def connect(settings: StorageSettings, endpoint_url: str, patience: Patience = WORK) -> Any:
    """Return a client for an endpoint, empty for AWS's own; it makes no connection before it is used."""
    dialect = DIALECTS[settings.storage_type]
    config = Config(
        signature_version="s3v4",
        connect_timeout=3,
        read_timeout=patience.read_s,
        retries={"mode": "standard", "total_max_attempts": patience.tries},
        max_pool_connections=16,
        # Other stores than AWS do not know the newer trailing checksums; TLS and ETag guard the transfer there.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={"addressing_style": "path" if dialect.path_style else "virtual"},
    )
    session = boto3.session.Session(
        settings.s3_access_key, settings.s3_secret_key, region_name=dialect.region or settings.s3_region
    )
    client = session.client("s3", endpoint_url=endpoint_url or None, config=config)
    if dialect.asks_leader:
        client.meta.events.register("before-sign.s3.PutObject", _LeaderAsked(dialect.asks_leader))
    if are_armed():
        arm_calls(client.meta.events)
    return client


def arm_calls(events: Any) -> None:
    """Put a failpoint before and after each call: ``before_storage:PutObject``, ``after_storage:PutObject``."""
    events.register("before-call.s3", lambda model, **_: failpoint(f"before_storage:{model.name}"))
    events.register("after-call.s3", lambda model, **_: failpoint(f"after_storage:{model.name}"))


class _LeaderAsked:
    """Has conditions judged where all regions' writes meet (``Dialect.asks_leader``)."""

    def __init__(self, header: str) -> None:
        self._header = header

    def __call__(self, request: Any, **_: Any) -> None:
        if "If-None-Match" in request.headers:
            request.headers[self._header] = "true"

"""A bucket of the user's own: one PUT with a signed address, sent to public hosts alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from tasks.contracts.delivery import SendResult
from tasks.delivery.calls import refused, unauthorized, unavailable
from tasks.delivery.parcel import Memory, Parcel, Tick
from tasks.fetching import Fetcher

SIGNED_FOR_S = 3600


@dataclass
class Bucket:
    """Any storage that speaks S3.

    :param settings: ``endpoint_url`` (empty: AWS), ``region``, ``bucket``, ``prefix``.
    :param secrets: ``access_key_id`` and ``secret_access_key``.
    """

    fetcher: Fetcher
    settings: dict[str, Any]
    secrets: dict[str, Any]

    def publish(self, parcel: Parcel, memory: Memory, tick: Tick) -> SendResult:
        """Store the file; sent again it lies under the same key."""
        prefix = str(self.settings.get("prefix") or "")
        key = f"{prefix}{parcel.ref}/{parcel.filename}"
        url = self._sign(key, parcel.content_type)
        status = self.fetcher.put(url, parcel.path, {"Content-Type": parcel.content_type}, tick=tick)
        if status in (200, 201):
            return SendResult(key, url.partition("?")[0])
        if status in (401, 403):
            raise unauthorized(f"the storage answers {status}")
        if status in (408, 429) or status >= 500:
            raise unavailable(f"the storage answers {status}")
        raise refused(f"the storage answers {status}", status=status)

    def _sign(self, key: str, content_type: str) -> str:
        if self.settings.get("endpoint_url"):
            self.fetcher.check(self.settings["endpoint_url"])
        try:
            return self._presign(key, content_type)
        except (BotoCoreError, ValueError) as error:
            raise refused(f"nothing can be signed for this storage: {type(error).__name__}") from error

    def _presign(self, key: str, content_type: str) -> str:
        client = boto3.client(
            "s3",
            endpoint_url=self.settings.get("endpoint_url") or None,
            region_name=self.settings.get("region") or "us-east-1",
            aws_access_key_id=self.secrets["access_key_id"],
            aws_secret_access_key=self.secrets["secret_access_key"],
            config=Config(
                signature_version="s3v4",
                s3={"addressing_style": "path" if self.settings.get("endpoint_url") else "auto"},
            ),
        )
        asked = {"Bucket": self.settings["bucket"], "Key": key, "ContentType": content_type}
        return str(client.generate_presigned_url("put_object", Params=asked, ExpiresIn=SIGNED_FOR_S))

"""A webhook: where the clip can be had, signed as Standard Webhooks 1.0 are."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tasks.contracts.delivery import SendResult
from tasks.delivery.calls import refused, unavailable
from tasks.delivery.parcel import Memory, Parcel, Tick
from tasks.fetching import Fetcher

EVENT = "delivery.ready"


@dataclass
class Hook:
    """An address of the user's.

    :param settings: ``url``, :param secrets: ``signing_secret`` as ``whsec_…``.
    """

    fetcher: Fetcher
    settings: dict[str, Any]
    secrets: dict[str, Any]
    clock: Callable[[], float] = time.time

    def publish(self, parcel: Parcel, memory: Memory, tick: Tick) -> SendResult:
        """Tell the receiver; each attempt has the same id, so that a message that came twice is known."""
        data = {
            "delivery_id": parcel.ref,
            "url": parcel.url,
            "filename": parcel.filename,
            "content_type": parcel.content_type,
            "size_bytes": parcel.size_bytes,
            "title": parcel.title,
            "description": parcel.description,
            "tags": list(parcel.tags),
        }
        body = json.dumps({"type": EVENT, "data": data}, separators=(",", ":")).encode()
        status = self.fetcher.post(self.settings["url"], body, self._headers(parcel.ref, body))
        if status in (408, 429) or status >= 500:
            raise unavailable(f"the receiver answers {status}")
        if not 200 <= status < 300:
            raise refused(f"the receiver answers {status}", status=status)
        tick(parcel.size_bytes)
        return SendResult(parcel.ref)

    def _headers(self, ref: str, body: bytes) -> dict[str, str]:
        now = str(int(self.clock()))
        key = base64.b64decode(str(self.secrets["signing_secret"]).removeprefix("whsec_"))
        signed = hmac.digest(key, b".".join((ref.encode(), now.encode(), body)), hashlib.sha256)
        return {
            "Content-Type": "application/json",
            "webhook-id": ref,
            "webhook-timestamp": now,
            "webhook-signature": f"v1,{base64.b64encode(signed).decode()}",
        }

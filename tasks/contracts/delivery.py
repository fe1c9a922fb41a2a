"""Sending a finished clip to where it is shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tasks.contracts.base import Message

TARGET_KINDS = ("webhook", "s3", "youtube", "tiktok", "instagram")
VISIBILITIES = ("public", "unlisted", "private")


@dataclass(frozen=True)
class SendOrder(Message):
    """Input of step ``delivery.send``.

    :param delivery_id: names the delivery at the target, too: the same one is not shown twice.
    :param kind: one of :data:`TARGET_KINDS`, :param settings: what the target is told that is no secret.
    :param secrets: only in the claim, never in a row. :param memory: what earlier attempts got from the target.
    """

    delivery_id: str
    object_key: str
    filename: str
    content_type: str
    size_bytes: int
    kind: str
    title: str
    description: str = ""
    tags: tuple[str, ...] = ()
    visibility: str = "private"
    settings: dict[str, Any] = field(default_factory=dict)
    secrets: dict[str, Any] = field(default_factory=dict)
    memory: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class SendResult(Message):
    """What step ``delivery.send`` reached: the clip's name and address at the target, empty where it tells none."""

    remote_id: str = ""
    remote_url: str = ""

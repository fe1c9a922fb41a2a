"""Client of a Reelyard API: ``Client`` calls it, ``Webhook`` checks what it sends."""

from reelyard_client.client import Client
from reelyard_client.transport import JobFailedError, ReelyardError
from reelyard_client.webhooks import Webhook, WebhookError

__all__ = ["Client", "JobFailedError", "ReelyardError", "Webhook", "WebhookError"]

"""Which class sends to which kind of target; another kind is another entry."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tasks.config import WorkerSettings
from tasks.contracts.delivery import SendOrder
from tasks.delivery.bucket import Bucket
from tasks.delivery.calls import Caller
from tasks.delivery.hook import Hook
from tasks.delivery.instagram import Instagram
from tasks.delivery.parcel import Publisher
from tasks.delivery.tiktok import TikTok
from tasks.delivery.youtube import YouTube
from tasks.errors import ConfigurationError, PermanentError
from tasks.fetching import Fetcher, FetchLimits

HOOK_S, BUCKET_S = 30.0, 3600.0
Maker = Callable[[SendOrder, WorkerSettings, list[Caller]], Publisher]


def to_hook(order: SendOrder, settings: WorkerSettings, callers: list[Caller]) -> Publisher:
    """Return what tells a webhook."""
    fetcher = Fetcher(FetchLimits(total_s=HOOK_S), inside=settings.webhook_inside, proxy=settings.fetch_proxy)
    return Hook(fetcher, order.settings, order.secrets)


def to_bucket(order: SendOrder, settings: WorkerSettings, callers: list[Caller]) -> Publisher:
    """Return what stores in a bucket."""
    fetcher = Fetcher(FetchLimits(total_s=BUCKET_S), inside=settings.webhook_inside, proxy=settings.fetch_proxy)
    return Bucket(fetcher, order.settings, order.secrets)


def to_youtube(order: SendOrder, settings: WorkerSettings, callers: list[Caller]) -> Publisher:
    """Return what uploads to YouTube."""
    client = app_of("YouTube", settings.youtube_client)
    callers += [Caller(settings.youtube_url), Caller(settings.google_token_url)]
    return YouTube(callers[0], callers[1], client, str(order.secrets["refresh_token"]), order.settings)


def to_tiktok(order: SendOrder, settings: WorkerSettings, callers: list[Caller]) -> Publisher:
    """Return what posts to TikTok."""
    client = app_of("TikTok", settings.tiktok_client)
    callers.append(Caller(settings.tiktok_url))
    return TikTok(callers[0], client, str(order.secrets["refresh_token"]), order.settings)


def to_instagram(order: SendOrder, settings: WorkerSettings, callers: list[Caller]) -> Publisher:
    """Return what shows reels on Instagram."""
    callers.append(Caller(settings.instagram_url))
    return Instagram(callers[0], str(order.secrets["access_token"]), order.settings)


MAKERS: dict[str, Maker] = {
    "webhook": to_hook,
    "s3": to_bucket,
    "youtube": to_youtube,
    "tiktok": to_tiktok,
    "instagram": to_instagram,
}


@contextmanager
def open_target(order: SendOrder, settings: WorkerSettings) -> Iterator[Publisher]:
    """Lend what sends to an order's target; raise ``publish.unknown_target``."""
    if order.kind not in MAKERS:
        raise PermanentError("publish.unknown_target", f"Nothing here sends to a target of kind {order.kind}")
    callers: list[Caller] = []
    try:
        yield MAKERS[order.kind](order, settings, callers)
    finally:
        for caller in callers:
            caller.close()


def app_of(platform: str, client: str) -> tuple[str, str]:
    """Return id and secret of the installation's app (``id:secret``); raise ConfigurationError without one."""
    name, colon, secret = client.partition(":")
    if not (name and colon and secret):
        raise ConfigurationError("config.invalid", f"No app of {platform} is configured on this worker")
    return name, secret

"""Settings of every process that speaks HTTP or SQL, read once at start."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from limits import parse_many

from api.credits.prices import parse_prices
from api.hardening import find_weaknesses
from api.identities.settings import IDENTITY_VARIABLES, IdentitySettings, check_identity
from api.mail.settings import MAIL_VARIABLES, MailSettings, check_mail
from api.payments.catalogue import parse_catalogue
from api.turns.sizes import parse_limits
from api.videos.settings import CLIP_VARIABLES, ClipSettings, check_clips
from api.webhooks.settings import WEBHOOK_VARIABLES, WebhookSettings, check_webhooks
from tasks.config import STORAGE_VARIABLES, StorageSettings, pick
from tasks.environment import read_environment
from tasks.errors import ConfigurationError
from tasks.inner_tls import find_plain_ways

_VARIABLES = {
    "database_url": "DATABASE_URL",
    "redis_url": "REDIS_URL",
    "env": "REELYARD_ENV",
    "public_url": "REELYARD_PUBLIC_URL",
    "jwt_secret": "REELYARD_JWT_SECRET",
    "callback_secret": "REELYARD_CALLBACK_SECRET",
    "access_token_minutes": "REELYARD_ACCESS_TOKEN_MINUTES",
    "refresh_token_days": "REELYARD_REFRESH_TOKEN_DAYS",
    "session_days": "REELYARD_SESSION_DAYS",
    "tls_inside": "REELYARD_TLS_INSIDE",
    "trusted_proxies": "REELYARD_TRUSTED_PROXIES",
    "cors_origins": "REELYARD_CORS_ORIGINS",
    "render_rate": "REELYARD_RENDER_RATE",
    "still_rate": "REELYARD_STILL_RATE",
    "still_wait_s": "REELYARD_STILL_WAIT_S",
    "default_rate": "REELYARD_DEFAULT_RATE",
    "auth_rate": "REELYARD_AUTH_RATE",
    "credits": "REELYARD_CREDITS",
    "prices": "REELYARD_PRICES",
    "stripe_secret_key": "STRIPE_SECRET_KEY",
    "stripe_webhook_secret": "STRIPE_WEBHOOK_SECRET",
    "stripe_api_url": "STRIPE_API_URL",
    "catalogue": "REELYARD_CATALOGUE",
    "db_pool_size": "REELYARD_DB_POOL_SIZE",
    "db_prepared": "REELYARD_DB_PREPARED",
    "max_body_bytes": "REELYARD_MAX_BODY_BYTES",
    "flower_url": "REELYARD_FLOWER_URL",
    "flower_auth": "REELYARD_FLOWER_AUTH",
    "metrics_token": "REELYARD_METRICS_TOKEN",
    "max_song_s": "REELYARD_MAX_SONG_S",
    "max_sound_s": "REELYARD_MAX_SOUND_S",
    "max_link_s": "REELYARD_MAX_LINK_S",
    "max_link_bytes": "REELYARD_MAX_LINK_BYTES",
    "link_inside": "REELYARD_LINK_INSIDE",
    "creator_days": "REELYARD_CREATOR_DAYS",
    "sound_lufs": "REELYARD_SOUND_LUFS",
    "sound_ceiling_dbtp": "REELYARD_SOUND_CEILING_DBTP",
    "max_upload_bytes": "REELYARD_MAX_UPLOAD_BYTES",
    "multipart_bytes": "REELYARD_MULTIPART_BYTES",
    "upload_expire_s": "REELYARD_UPLOAD_EXPIRE_S",
    "lease_s": "REELYARD_LEASE_S",
    "beat_s": "REELYARD_BEAT_S",
    "reconcile_s": "REELYARD_RECONCILE_S",
    "dispatch_s": "REELYARD_DISPATCH_S",
    "ring_grace_s": "REELYARD_RING_GRACE_S",
    "rering_s": "REELYARD_RERING_S",
    "ring_ahead_s": "REELYARD_RING_AHEAD_S",
    "ageing_s": "REELYARD_AGEING_S",
    "limits": "REELYARD_LIMITS",
    "retry_backoff_s": "REELYARD_RETRY_BACKOFF_S",
    "node_beat_s": "REELYARD_NODE_BEAT_S",
    "node_lost_s": "REELYARD_NODE_LOST_S",
    "quarantine_after": "REELYARD_QUARANTINE_AFTER",
    "self_test_s": "REELYARD_SELF_TEST_S",
    "chunk_s": "REELYARD_CHUNK_S",
    "chunk_from_s": "REELYARD_CHUNK_FROM_S",
    "chunk_days": "REELYARD_CHUNK_DAYS",
    "history_days": "REELYARD_HISTORY_DAYS",
    "render_days": "REELYARD_RENDER_DAYS",
    "log_level": "REELYARD_LOG_LEVEL",
    "log_format": "REELYARD_LOG_FORMAT",
}


RATES = ("render_rate", "still_rate", "default_rate", "auth_rate")


@dataclass(frozen=True)
class ApiSettings:
    """What the API, the engine and the control worker run with; names as in ``tasks.environment``."""

    storage: StorageSettings
    mail: MailSettings
    identity: IdentitySettings
    webhooks: WebhookSettings
    clips: ClipSettings
    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    env: str
    public_url: str
    jwt_secret: str = field(repr=False)
    callback_secret: str = field(repr=False)
    access_token_minutes: int
    refresh_token_days: int
    session_days: int
    tls_inside: bool
    trusted_proxies: int
    cors_origins: tuple[str, ...]
    render_rate: str
    still_rate: str
    still_wait_s: float
    default_rate: str
    auth_rate: str
    credits: bool
    prices: str
    stripe_secret_key: str = field(repr=False)
    stripe_webhook_secret: str = field(repr=False)
    stripe_api_url: str
    catalogue: str
    db_pool_size: int
    db_prepared: bool
    max_body_bytes: int
    flower_url: str
    flower_auth: str = field(repr=False)
    metrics_token: str = field(repr=False)
    max_song_s: float
    max_sound_s: float
    max_link_s: float
    max_link_bytes: int
    link_inside: bool
    creator_days: int
    sound_lufs: float
    sound_ceiling_dbtp: float
    max_upload_bytes: int
    multipart_bytes: int
    upload_expire_s: int
    lease_s: float
    beat_s: float
    reconcile_s: float
    dispatch_s: float
    ring_grace_s: float
    rering_s: float
    ring_ahead_s: float
    ageing_s: float
    limits: str
    retry_backoff_s: float
    node_beat_s: float
    node_lost_s: float
    quarantine_after: int
    self_test_s: float
    chunk_s: float
    chunk_from_s: float
    chunk_days: int
    history_days: int
    render_days: int
    log_level: str
    log_format: str


def read_api_settings(environ: Mapping[str, str] | None = None) -> ApiSettings:
    """Build the settings from the environment; raise ConfigurationError with every problem found."""
    environ = os.environ if environ is None else environ
    tables = (_VARIABLES, STORAGE_VARIABLES, MAIL_VARIABLES, IDENTITY_VARIABLES, WEBHOOK_VARIABLES, CLIP_VARIABLES)
    values = read_environment(environ, tuple(name for table in tables for name in table.values()))
    settings = ApiSettings(
        storage=StorageSettings(**pick(values, STORAGE_VARIABLES)),
        mail=MailSettings(**pick(values, MAIL_VARIABLES)),
        identity=IdentitySettings(**pick(values, IDENTITY_VARIABLES)),
        webhooks=WebhookSettings(**pick(values, WEBHOOK_VARIABLES)),
        clips=ClipSettings(**pick(values, CLIP_VARIABLES)),
        **pick(values, _VARIABLES),
    )
    problems = find_contradictions(settings)
    if settings.env == "production":
        problems += find_weaknesses(settings, environ)
    if problems:
        lines = "\n".join(f"  - {problem}" for problem in problems)
        raise ConfigurationError("config.invalid", f"The environment contradicts itself:\n{lines}")
    return settings


def find_contradictions(settings: ApiSettings) -> list[str]:
    """Name values that are each allowed but cannot hold together."""
    problems = []
    if settings.beat_s * 2 > settings.lease_s:
        problems.append("REELYARD_LEASE_S must be at least twice REELYARD_BEAT_S, or one late beat loses the lease")
    if settings.node_beat_s * 2 > settings.node_lost_s:
        problems.append("REELYARD_NODE_LOST_S must be at least twice REELYARD_NODE_BEAT_S")
    if settings.jwt_secret == settings.callback_secret:
        problems.append("REELYARD_JWT_SECRET and REELYARD_CALLBACK_SECRET must differ")
    problems += [problem for name in RATES for problem in check_rate(_VARIABLES[name], getattr(settings, name))]
    if settings.link_inside and settings.env == "production":
        problems.append("REELYARD_LINK_INSIDE is for tests and development: users could reach the inner network")
    problems += check_ways(settings)
    problems += check_prices(settings.prices)
    problems += check_limits(settings.limits)
    problems += check_payments(settings)
    problems += check_mail(settings.mail, production=settings.env == "production")
    problems += check_identity(settings.identity)
    problems += check_clips(settings.clips)
    problems += check_webhooks(settings.webhooks, production=settings.env == "production")
    return problems


def check_ways(settings: ApiSettings) -> list[str]:
    """Name the services that are reached without TLS where all must be reached by it."""
    ways = {"DATABASE_URL": settings.database_url, "REDIS_URL": settings.redis_url}
    ways |= {"S3_ENDPOINT_URL": settings.storage.s3_endpoint_url, "REELYARD_FLOWER_URL": settings.flower_url}
    return find_plain_ways(ways) if settings.tls_inside else []


def check_prices(text: str) -> list[str]:
    """Name prices that could not be read."""
    try:
        parse_prices(text)
    except ValueError as error:
        return [f"REELYARD_PRICES {error}"]
    return []


def check_limits(value: str) -> list[str]:
    """Name sizes of named limits that could not be read."""
    try:
        parse_limits(value)
    except ValueError as error:
        return [f"REELYARD_LIMITS {error}"]
    return []


def check_payments(settings: ApiSettings) -> list[str]:
    """Name what keeps payments from being safe."""
    problems = []
    if bool(settings.stripe_secret_key) != bool(settings.stripe_webhook_secret):
        problems.append("STRIPE_SECRET_KEY and STRIPE_WEBHOOK_SECRET are set together or not at all")
    if settings.env == "production" and not settings.stripe_api_url.startswith("https://"):
        problems.append("STRIPE_API_URL must be https in production")
    try:
        parse_catalogue(settings.catalogue)
    except ValueError as error:
        problems.append(f"REELYARD_CATALOGUE {error}")
    return problems


def check_rate(name: str, value: str) -> list[str]:
    """Name a rate that the limiter could not read."""
    try:
        parse_many(value)
    except ValueError:
        return [f"{name} must be like '20 per minute' (it is {value!r})"]
    return []

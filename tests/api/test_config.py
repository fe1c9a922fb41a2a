"""Settings: everything that is wrong is told at once, and no secret is shown."""

from __future__ import annotations

import dataclasses

import pytest

from api.config import ApiSettings, read_api_settings
from api.identities.settings import IDENTITY_VARIABLES, IdentitySettings
from api.mail.settings import MAIL_VARIABLES, MailSettings
from api.videos.settings import CLIP_VARIABLES, ClipSettings
from api.webhooks.settings import WEBHOOK_VARIABLES, WebhookSettings
from tasks.errors import ConfigurationError

ENVIRON = {
    "DATABASE_URL": "postgresql://reelyard:database-password@127.0.0.1/reelyard",
    "REDIS_URL": "redis://:redis-password@127.0.0.1:6379/0",
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "storage-password",
    "REELYARD_JWT_SECRET": "jwt-secret-of-more-than-thirty-two-bytes",
    "REELYARD_CALLBACK_SECRET": "callback-secret-of-more-than-thirty-two-bytes",
}


def problems_of(**changed: str) -> str:
    with pytest.raises(ConfigurationError) as refused:
        read_api_settings({**ENVIRON, **changed})
    assert refused.value.code == "config.invalid"
    return refused.value.detail


def test_the_defaults_are_those_of_production() -> None:
    settings = read_api_settings(ENVIRON)

    assert (settings.env, settings.trusted_proxies, settings.cors_origins) == ("production", 0, ())
    assert (settings.render_rate, settings.access_token_minutes, settings.db_pool_size) == ("20 per minute", 1440, 10)
    assert (settings.refresh_token_days, settings.session_days, settings.tls_inside) == (30, 90, False)


@pytest.mark.parametrize("days", ["0", "-1", "3651", "for ever"])
def test_every_session_has_an_end(days: str) -> None:
    assert "REELYARD_SESSION_DAYS must be" in problems_of(REELYARD_SESSION_DAYS=days)


def test_settings_cannot_be_changed() -> None:
    settings = read_api_settings(ENVIRON)

    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.env = "test"  # type: ignore[misc]


def test_everything_that_is_wrong_is_told_at_once() -> None:
    environ = {"REELYARD_DB_POOL_SIZE": "0", "REELYARD_JTW_SECRET": "x", "REELYARD_ENV": "prod"}

    with pytest.raises(ConfigurationError) as refused:
        read_api_settings(environ)

    for name in (
        *("DATABASE_URL", "REDIS_URL", "AWS_ACCESS_KEY_ID", "REELYARD_JWT_SECRET", "REELYARD_CALLBACK_SECRET"),
        *("REELYARD_DB_POOL_SIZE must be", "REELYARD_ENV must be", "did you mean REELYARD_JWT_SECRET?"),
    ):
        assert name in refused.value.detail, name


@pytest.mark.security("S-14")
@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"REELYARD_LEASE_S": "10", "REELYARD_BEAT_S": "6"}, "at least twice REELYARD_BEAT_S"),
        ({"REELYARD_CALLBACK_SECRET": ENVIRON["REELYARD_JWT_SECRET"]}, "must differ"),
        ({"REELYARD_CORS_ORIGINS": "*"}, "REELYARD_CORS_ORIGINS must name origins"),
        ({"REELYARD_RENDER_RATE": "lots"}, "REELYARD_RENDER_RATE must be like '20 per minute' (it is 'lots')"),
        ({"REELYARD_AUTH_RATE": "5 per fortnight"}, "REELYARD_AUTH_RATE must be like"),
        ({"REELYARD_MAIL": "console"}, "REELYARD_MAIL=console is for development"),
        ({"REELYARD_MAIL_FROM": "Reelyard"}, "REELYARD_MAIL_FROM must hold an address"),
        (
            {"REELYARD_MAIL": "smtp", "REELYARD_SMTP_HOST": "mail.example.com", "REELYARD_SMTP_SECURITY": "none"},
            "REELYARD_SMTP_SECURITY=none is only for a server on the same machine",
        ),
        ({"REELYARD_SMTP_USER": "ada"}, "REELYARD_SMTP_USER and REELYARD_SMTP_PASSWORD belong together"),
        ({"REELYARD_GOOGLE_CLIENT_ID": "x"}, "REELYARD_GOOGLE_CLIENT_ID and REELYARD_GOOGLE_CLIENT_SECRET belong"),
        ({"REELYARD_GITHUB_URL": "http://github.example.com"}, "REELYARD_GITHUB_URL must be https"),
        ({"REELYARD_ISSUERS": "nonsense"}, "REELYARD_ISSUERS must be JSON"),
        (
            {"REELYARD_ISSUERS": '[{"issuer": "https://id.example.com", "jwks_url": "https://id.example.com/jwks"}]'},
            "REELYARD_ISSUERS needs audience or authorized_parties",
        ),
        (
            {"REELYARD_ISSUERS": '[{"issuer": "http://id.example.com", "jwks_url": "https://a.b", "audience": "us"}]'},
            "REELYARD_ISSUERS needs issuer as an https URL",
        ),
        ({"REELYARD_JWT_SECRET": "thirty-one-bytes-are-not-enough"}, "REELYARD_JWT_SECRET must be at least 32 bytes"),
    ],
)
def test_values_that_cannot_hold_refuse_to_start(changed: dict[str, str], problem: str) -> None:
    assert problem in problems_of(**changed)


@pytest.mark.security("S-15")
def test_no_secret_is_shown() -> None:
    shown = repr(read_api_settings(ENVIRON)) + problems_of(REELYARD_CALLBACK_SECRET="short-secret")

    for secret in (
        "database-password",
        "redis-password",
        "storage-password",
        "jwt-secret",
        "callback-secret",
        "short-s",
    ):
        assert secret not in shown


def test_every_setting_comes_from_the_one_table() -> None:
    from api.config import _VARIABLES
    from tasks.environment import VARIABLES

    nested = {"storage", "mail", "identity", "webhooks", "clips"}
    fields = {field.name for field in dataclasses.fields(ApiSettings)} - nested

    assert fields == set(_VARIABLES)
    assert set(_VARIABLES.values()) <= set(VARIABLES)
    tables = (
        (MailSettings, MAIL_VARIABLES),
        (IdentitySettings, IDENTITY_VARIABLES),
        (WebhookSettings, WEBHOOK_VARIABLES),
        (ClipSettings, CLIP_VARIABLES),
    )
    for settings, table in tables:
        assert {field.name for field in dataclasses.fields(settings)} == set(table)
        assert set(table.values()) <= set(VARIABLES)


@pytest.mark.parametrize(
    "changes",
    [
        {"REPLICATE_API_TOKEN": "r8_x"},
        {"REELYARD_CLIP_MODEL": "maker/clips"},
        {"REELYARD_CLIP_PROVIDER": "replicate"},
        {"REPLICATE_WEBHOOK_SECRET": "whsec_not base64"},
        {"REPLICATE_WEBHOOK_SECRET": "whsec_c2hvcnQ="},
        {"REELYARD_CLIP_LENGTHS": "10,5"},
        {"REELYARD_CLIP_USD_PER_S": "-1"},
    ],
)
def test_a_provider_of_clips_that_cannot_work_is_refused_at_start(changes: dict[str, str]) -> None:
    assert next(iter(changes)) in problems_of(**changes)

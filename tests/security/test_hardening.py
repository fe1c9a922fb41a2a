"""S-14: a production process does not start on a weak setting, and only the API is reachable from outside."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from api.config import read_api_settings
from tasks.errors import ConfigurationError
from tests.api.test_config import ENVIRON

pytestmark = pytest.mark.security("S-14")
ROOT = Path(__file__).parents[2]

WEAK: dict[str, tuple[dict[str, str], str]] = {
    "a short secret": ({"REELYARD_JWT_SECRET": "thirty-one-bytes-are-not-enough"}, "REELYARD_JWT_SECRET must be"),
    "a secret from a manual": (
        {"REELYARD_JWT_SECRET": "please-change-me-" * 3},
        "REELYARD_JWT_SECRET is a placeholder",
    ),
    "a secret of one letter": ({"REELYARD_CALLBACK_SECRET": "x" * 40}, "REELYARD_CALLBACK_SECRET repeats"),
    "one secret for both": ({"REELYARD_CALLBACK_SECRET": ENVIRON["REELYARD_JWT_SECRET"]}, "must differ"),
    "no database password": ({"DATABASE_URL": "postgresql://reelyard@db/reelyard"}, "DATABASE_URL needs a password"),
    "a usual database password": ({"DATABASE_URL": "postgresql://a:postgres@db/a"}, "DATABASE_URL needs a password"),
    "the user as password": ({"DATABASE_URL": "postgresql://ada:ada@db/a"}, "DATABASE_URL needs a password"),
    "Redis without password": ({"REDIS_URL": "redis://127.0.0.1:6379/0"}, "REDIS_URL needs a password"),
    "a usual storage key": ({"AWS_SECRET_ACCESS_KEY": "minioadmin"}, "AWS_SECRET_ACCESS_KEY is one that everybody"),
    "any origin": ({"REELYARD_CORS_ORIGINS": "*"}, "REELYARD_CORS_ORIGINS must name origins"),
    "files as origin": ({"REELYARD_CORS_ORIGINS": "https://a.example,null"}, "REELYARD_CORS_ORIGINS must name origins"),
    "tokens in the open": ({"REELYARD_PUBLIC_URL": "http://api.acme.org"}, "REELYARD_PUBLIC_URL must be https"),
    "files in the open": ({"REELYARD_S3_PUBLIC_URL": "http://files.acme.org"}, "REELYARD_S3_PUBLIC_URL must be https"),
    "a debugger": ({"FLASK_DEBUG": "1"}, "FLASK_DEBUG is not for production"),
    "Flower without login": ({"FLOWER_UNAUTHENTICATED_API": "true"}, "FLOWER_UNAUTHENTICATED_API is not"),
    "failpoints": ({"REELYARD_FAILPOINTS": "after_upload:kill"}, "REELYARD_FAILPOINTS is for tests"),
    "guessing without limit": ({"REELYARD_AUTH_RATE": "10000 per minute"}, "REELYARD_AUTH_RATE may be"),
    "mail on the console": ({"REELYARD_MAIL": "console"}, "REELYARD_MAIL=console is for development"),
}


@pytest.mark.parametrize("what", WEAK)
def test_a_weak_setting_refuses_to_start_in_production(what: str) -> None:
    changed, problem = WEAK[what]

    with pytest.raises(ConfigurationError) as refused:
        read_api_settings({**ENVIRON, **changed})

    assert problem in refused.value.detail
    secret = next(iter(changed.values()))
    assert len(secret) < 30 or secret not in refused.value.detail


def test_there_are_more_than_twelve_of_them() -> None:
    assert len(WEAK) >= 12


def test_what_is_handy_on_a_desk_is_allowed_there() -> None:
    environ = {
        **ENVIRON,
        "REELYARD_ENV": "local",
        "REDIS_URL": "redis://127.0.0.1:6379/0",
        "REELYARD_CORS_ORIGINS": "*",
    }

    assert read_api_settings(environ).cors_origins == ("*",)


def published(compose: dict[str, Any]) -> dict[str, list[str]]:
    """Return the published ports of each service."""
    return {name: service["ports"] for name, service in compose["services"].items() if "ports" in service}


@pytest.mark.parametrize("name", ["docker-compose.yml", "docker-compose.gpu.yml"])
def test_compose_publishes_on_loopback_only_and_keeps_data_stores_inside(name: str) -> None:
    ports = published(yaml.safe_load((ROOT / name).read_text()))

    assert set(ports) <= {"api", "storage", "flower"}
    assert [port for listed in ports.values() for port in listed if not port.startswith("127.0.0.1:")] == []


def test_compose_has_no_default_for_any_secret() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    secrets = re.findall(r"\$\{(\w*(?:PASSWORD|SECRET|ACCESS_KEY)\w*)(:[?]|:-}|:-)?", text)

    assert len(secrets) >= 8
    assert {how for _, how in secrets} <= {":?", ":-}"}  # given, or empty: what it opens is off then
    assert sum(how == ":?" for _, how in secrets) >= 5

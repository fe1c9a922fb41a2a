"""Which URLs lead over a network without TLS that is checked, and that API and workers refuse them when asked to."""

from __future__ import annotations

import pytest

from api.config import read_api_settings
from tasks.config import read_worker_settings
from tasks.errors import ConfigurationError
from tasks.inner_tls import find_plain_ways
from tests.api.test_config import ENVIRON

pytestmark = pytest.mark.security("S-14")

SECURED = {
    **ENVIRON,
    "DATABASE_URL": "postgresql://reelyard:database-password@db.inner/reelyard?sslmode=verify-full",
    "REDIS_URL": "rediss://:redis-password@redis.inner:6380/0?ssl_cert_reqs=required",
    "S3_ENDPOINT_URL": "https://storage.inner",
    "REELYARD_API_URL": "https://api.inner",
    "REELYARD_TLS_INSIDE": "true",
}
PLAIN = {
    "DATABASE_URL": "postgresql://reelyard:database-password@db.inner/reelyard",
    "REDIS_URL": "redis://:redis-password@redis.inner:6379/0",
    "S3_ENDPOINT_URL": "http://storage.inner",
    "REELYARD_API_URL": "http://api.inner",
}


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://a:b@db/c?sslmode=verify-full",
        "postgresql://a:b@127.0.0.1/c",
        "postgresql:///c?host=/run/postgresql",
        "postgresql://a:b@/c?host=db1:5432&host=db2:5432&target_session_attrs=read-write&sslmode=verify-full",
        "postgresql://a:b@/c?host=127.0.0.1:5432&host=::1",
        "rediss://:p@redis/0",
        "rediss://:p@redis/0?ssl_cert_reqs=required",
        "redis://:p@localhost/0",
        "unix:///run/redis.sock",
        "https://storage",
        "http://[::1]:9000",
        "",
    ],
)
def test_a_way_with_checked_tls_or_within_the_machine_is_good(url: str) -> None:
    assert find_plain_ways({"X": url}) == []


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://a:b@db/c",
        "postgresql://a:b@db/c?sslmode=disable",
        "postgresql://a:b@db/c?sslmode=prefer",
        "postgresql://a:b@db/c?sslmode=require",
        "postgresql://a:b@db/c?sslmode=verify-ca",
        "postgresql://a:b@db/c?sslmode=verify-full&sslmode=disable",
        "postgresql://a:b@db/c?sslmode=verify-full&host=elsewhere",
        "postgresql://a:b@127.0.0.1/c?host=elsewhere",
        "postgresql://a:b@/c?host=db1:5432&host=db2:5432&target_session_attrs=read-write",
        "postgresql://a:b@/c?host=127.0.0.1:5432&host=db2:5432",
        "postgresql://a:b@/c?host=127.0.0.1,db2",
        "postgresql://a:b@/c?hostaddr=10.0.0.1&sslmode=verify-full",
        "redis://:p@redis/0",
        "rediss://:p@redis/0?ssl_cert_reqs=none",
        "rediss://:p@redis/0?ssl_cert_reqs=optional",
        "rediss://:p@redis/0?ssl_check_hostname=false",
        "http://storage",
        "http://127.0.0.1.example.com",
    ],
)
def test_any_other_way_is_named_without_its_value(url: str) -> None:
    [problem] = find_plain_ways({"X": url})

    assert problem.startswith("X must ")
    assert url not in problem


def test_api_and_workers_start_where_all_is_secured() -> None:
    assert read_api_settings(SECURED).tls_inside is True
    assert read_worker_settings(SECURED).tls_inside is True


@pytest.mark.parametrize("name", ["DATABASE_URL", "REDIS_URL", "S3_ENDPOINT_URL"])
def test_the_api_refuses_a_plain_way_when_asked_to(name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{name} must"):
        read_api_settings({**SECURED, name: PLAIN[name]})


@pytest.mark.parametrize("name", ["REDIS_URL", "S3_ENDPOINT_URL", "REELYARD_API_URL"])
def test_a_worker_refuses_a_plain_way_when_asked_to(name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{name} must"):
        read_worker_settings({**SECURED, name: PLAIN[name]})


def test_nothing_is_refused_unasked() -> None:
    unasked = {**SECURED, **PLAIN, "REELYARD_TLS_INSIDE": "false"}

    assert read_api_settings(unasked).tls_inside is False
    assert read_worker_settings(unasked).tls_inside is False

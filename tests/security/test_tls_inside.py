"""S-14: PostgreSQL, Redis, the object storage and the API are reached by TLS where their URLs say so, and a server
whose certificate does not fit is not talked to. docs/operations/install.rst says how it is switched on.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from ssl import SSLContext
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg2
import pytest
import redis

from api import create_app
from api.config import read_api_settings
from api.extensions import db, get_redis
from tasks.app import make_celery
from tasks.client import ControlClient
from tasks.errors import TransientError
from tasks.names import TaskName
from tasks.storage.s3 import S3Storage
from tests.api.certificates import make_server_context
from tests.integration.buckets import s3_settings
from tests.integration.control_server import SECRET, control_server
from tests.tls_gate import tls_gate

pytestmark = pytest.mark.security("S-14")


@dataclass(frozen=True)
class Authority:
    """A server's certificate for localhost, the authority behind it, and one that has nothing to do with it."""

    context: SSLContext
    file: Path
    stranger: Path


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    context, file = make_server_context(tmp_path_factory.mktemp("authority"))
    _, stranger = make_server_context(tmp_path_factory.mktemp("stranger"))
    return Authority(context, file, stranger)


def place_of(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    assert parts.hostname and parts.port
    return parts.hostname, parts.port


def through(url: str, port: int, *, scheme: str, query: str = "", host: str = "localhost") -> str:
    """Return the URL with the gate's place in it."""
    parts = urlsplit(url)
    user = parts.netloc.rpartition("@")[0]
    return urlunsplit((scheme, f"{user}@{host}:{port}" if user else f"{host}:{port}", parts.path, query, ""))


@pytest.fixture
def postgres(authority: Authority, database_environ: dict[str, str]) -> Iterator[int]:
    with tls_gate(authority.context, place_of(database_environ["DATABASE_URL"]), postgres=True) as port:
        yield port


@pytest.fixture
def valkey(authority: Authority, database_environ: dict[str, str]) -> Iterator[int]:
    with tls_gate(authority.context, place_of(database_environ["REDIS_URL"])) as port:
        yield port


def api_with(environ: dict[str, str], **changed: str) -> Any:
    return create_app(read_api_settings({**environ, **changed}))


def test_the_api_reaches_postgresql_by_tls(
    authority: Authority, database_environ: dict[str, str], postgres: int
) -> None:
    query = f"sslmode=verify-full&sslrootcert={authority.file}"
    url = through(database_environ["DATABASE_URL"], postgres, scheme="postgresql", query=query)

    with api_with(database_environ, DATABASE_URL=url).app_context():
        told = db.session.connection().connection.driver_connection.info
        assert (told.ssl_in_use, told.ssl_attribute("protocol")) == (True, "TLSv1.3")
        assert db.session.execute(db.text("SELECT count(*) FROM plan")).scalar_one() > 0
        db.session.remove()
        db.engine.dispose()


@pytest.mark.parametrize("how", ["another authority", "another name"])
def test_postgresql_with_a_wrong_certificate_is_not_talked_to(
    authority: Authority, database_environ: dict[str, str], postgres: int, how: str
) -> None:
    root = authority.stranger if how == "another authority" else authority.file
    host = "127.0.0.1" if how == "another name" else "localhost"
    query = f"sslmode=verify-full&sslrootcert={root}"
    url = through(database_environ["DATABASE_URL"], postgres, scheme="postgresql", query=query, host=host)

    with pytest.raises(psycopg2.OperationalError, match=r"certificate|provider signature failure"):
        psycopg2.connect(url)


def test_api_and_workers_reach_redis_by_tls(
    authority: Authority, database_environ: dict[str, str], valkey: int
) -> None:
    query = f"ssl_cert_reqs=required&ssl_ca_certs={authority.file}"
    url = through(database_environ["REDIS_URL"], valkey, scheme="rediss", query=query)

    with api_with(database_environ, REDIS_URL=url).app_context():
        assert get_redis().ping() is True
        assert isinstance(get_redis().connection_pool.make_connection(), redis.SSLConnection)
    with make_celery("cpu", redis_url=url) as celery, celery.connection_for_write() as connection:
        connection.ensure_connection(max_retries=1, timeout=5)
        queue = connection.SimpleQueue(f"tls-{uuid4().hex}")
        queue.put({"bell": 1})
        assert queue.get(timeout=5).payload == {"bell": 1}
        assert celery.backend.client.ping() is True


@pytest.mark.parametrize("how", ["another authority", "another name"])
def test_redis_with_a_wrong_certificate_is_not_talked_to(
    authority: Authority, database_environ: dict[str, str], valkey: int, how: str
) -> None:
    root = authority.stranger if how == "another authority" else authority.file
    host = "127.0.0.1" if how == "another name" else "localhost"
    query = f"ssl_cert_reqs=required&ssl_ca_certs={root}"
    url = through(database_environ["REDIS_URL"], valkey, scheme="rediss", query=query, host=host)

    with pytest.raises(redis.ConnectionError, match="certificate"):
        redis.Redis.from_url(url, socket_timeout=5).ping()
    with (
        make_celery("cpu", redis_url=url) as celery,
        celery.connection_for_write() as connection,
        pytest.raises(Exception, match="certificate"),
    ):
        connection.ensure_connection(max_retries=1, timeout=5)


def test_the_storage_is_reached_by_tls(
    authority: Authority, service_environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = s3_settings(service_environ, s3_bucket=f"tls-{uuid4().hex[:12]}")
    with tls_gate(authority.context, place_of(settings.s3_endpoint_url)) as port:
        secured = replace(settings, s3_endpoint_url=f"https://localhost:{port}")
        monkeypatch.setenv("AWS_CA_BUNDLE", str(authority.file))
        with closing(S3Storage(secured)) as storage:
            storage.ensure_bucket()
            storage.put_bytes("kept", b"bytes", content_type="text/plain")
            assert storage.get_bytes("kept") == b"bytes"

        monkeypatch.setenv("AWS_CA_BUNDLE", str(authority.stranger))
        with closing(S3Storage(secured)) as storage, pytest.raises(TransientError):
            storage.get_bytes("kept")


def test_workers_reach_the_api_by_tls(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    with control_server() as server, tls_gate(authority.context, place_of(server.url)) as port:
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
        url = f"https://localhost:{port}"
        with closing(ControlClient(url, SECRET, node="tls@x", tries=1)) as client:
            claim = client.claim("job-1", "step-1", TaskName.INGEST_PROBE)
        assert (claim.claimed, [kind for kind, _ in server.heard]) == (False, ["claim"])

        monkeypatch.setenv("SSL_CERT_FILE", str(authority.stranger))
        with closing(ControlClient(url, SECRET, node="tls@x", tries=1)) as client, pytest.raises(TransientError):
            client.claim("job-1", "step-1", TaskName.INGEST_PROBE)
        assert len(server.heard) == 1

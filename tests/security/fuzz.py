"""``make fuzz-api``: try a running API by its own OpenAPI document, every check, also along its links."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from psycopg2 import sql

from api.migrate import upgrade
from cli.services.launcher import start_services
from tests.apps import run_sql
from tests.conftest import TEST_SETTINGS
from tests.security.running import Running, running_api


@contextmanager
def fresh_environ() -> Iterator[dict[str, str]]:
    """Start what the environment does not give, with a new database in it."""
    with tempfile.TemporaryDirectory(prefix="reelyard-fuzz-", ignore_cleanup_errors=True) as home:
        Path(home).chmod(0o755)
        with start_services(Path(home), durable=False) as services, fresh_database(services.environ) as environ:
            yield environ


@contextmanager
def fresh_database(environ: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Return the environment of a process on a database of its own."""
    name = f"fuzz_{uuid.uuid4().hex[:12]}"
    base = environ["DATABASE_URL"]
    run_sql(base, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    url = base.rpartition("/")[0] + f"/{name}"
    upgrade(url)
    yield {**environ, **TEST_SETTINGS, "DATABASE_URL": url, "REELYARD_S3_BUCKET": f"fuzz-{name[5:]}"}
    run_sql(base, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def try_api(running: Running, *options: str, examples: int, seed: int = 1) -> subprocess.CompletedProcess[str]:
    """Run schemathesis against a running API."""
    with tempfile.TemporaryDirectory(prefix="reelyard-fuzz-") as folder:
        config = Path(folder) / "schemathesis.toml"
        config.write_text(configuration(running))
        command = [
            str(Path(sys.executable).with_name("schemathesis")),
            *("--config-file", str(config), "run", f"{running.url}/api/openapi.json", "--url", running.url),
            *("--max-examples", str(examples), "--seed", str(seed), "--generation-database", "none", "--no-color"),
            *options,
        ]
        environ = {**os.environ, "FUZZ_TOKEN": running.token}
        return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environ, check=False)


def configuration(running: Running) -> str:
    """Return schemathesis' settings: who calls, known ids."""
    parameters = "\n".join(f'"path.{name}" = {json.dumps(value)}' for name, value in running.ids.items())
    return f"""
request-timeout = 20.0
[auth.openapi]
bearer = {{ bearer = "${{FUZZ_TOKEN}}" }}
[parameters]
{parameters}
"""


def main() -> int:
    """Try the API; print what schemathesis says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=60, help="for each operation")
    parser.add_argument("--seed", type=int, default=1)
    arguments, rest = parser.parse_known_args()
    with fresh_environ() as environ, running_api(environ) as running:
        done = try_api(running, *rest, examples=arguments.examples, seed=arguments.seed)
    print(done.stdout, done.stderr)
    return done.returncode


if __name__ == "__main__":
    raise SystemExit(main())

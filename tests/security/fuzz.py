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
from typing import Any

import httpx
from psycopg2 import sql

from api.migrate import upgrade
from cli.services.launcher import start_services
from tests.apps import run_sql
from tests.conftest import TEST_SETTINGS
from tests.security.fuzz_faults import FAULTS, LEAST_FOUND, Faulty
from tests.security.fuzz_reach import UNREACHABLE, unreached
from tests.security.running import Running, running_api

ROOT = Path(__file__).parents[2]
OF_TWO_IDS = ("/transcripts/{transcript_id}/versions/{version}", "/renders/{render_id}/outputs/{number}/download")
"""A wrong id in one place is replaced by the known one, so that nothing wrong is left to refuse."""
SIGNED = r"^/api/(internal|upload-video|render)/"
"""Worker calls want a signature over their bodies, which the document cannot say; they have tests of their own."""


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
            *("--exclude-checks", "positive_data_acceptance", "--exclude-path-regex", SIGNED, *options),
        ]
        known = {"SCHEMATHESIS_HOOKS": "tests.security.fuzz_checks", "PYTHONPATH": str(ROOT)}
        environ = {**os.environ, **known, "FUZZ_TOKEN": running.token, "FUZZ_GOOD": json.dumps(running.good)}
        return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environ, check=False)


def try_whole(running: Running, options: list[str], *, examples: int, seed: int) -> int:
    """Try the API, print what schemathesis says and which operations it did not get through to; 0 when all is well."""
    with tempfile.TemporaryDirectory(prefix="reelyard-fuzz-") as folder:
        told = ("--report", "ndjson", "--report-dir", folder)
        done = try_api(running, *told, *options, examples=examples, seed=seed)
        document = httpx.get(f"{running.url}/api/openapi.json", trust_env=False).json()
        missed = unreached(document, Path(folder).glob("*.ndjson"))
    print(done.stdout, done.stderr)
    print("Never answered well:", ", ".join(missed) or "none", f"({len(UNREACHABLE)} have a reason)")
    return done.returncode or int(bool(missed))


def configuration(running: Running) -> str:
    """Return schemathesis' settings: who calls, known ids, which statuses refuse."""
    parameters = "\n".join(f'"path.{name}" = {json.dumps(value)}' for name, value in running.ids.items())
    spared = "".join(
        f"[[operations]]\ninclude-name = {json.dumps(operation)}\n[operations.parameters]\n"
        + "".join(f'"path.{name}" = {json.dumps(value)}\n' for name, value in ids.items())
        for operation, ids in running.spares.items()
    )
    mixed = "".join(
        f'[[operations]]\ninclude-path = "/api/v1{path}"\nchecks.negative_data_rejection.enabled = false\n'
        for path in OF_TWO_IDS
    )
    return f"""
request-timeout = 30.0
[auth.openapi]
bearer = {{ bearer = "${{FUZZ_TOKEN}}" }}
[parameters]
{parameters}
[checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", "501"]
[checks.missing_required_header]
expected-statuses = ["400", "401", "403", "406", "415", "422", "428"]
[checks.negative_data_rejection]
expected-statuses = ["4xx", "501"]
{mixed}{spared}"""


def find_faults(running: Running, faulty: Faulty, examples: int) -> list[str]:
    """Put each fault in, try the operations around it, return the names of those that were found."""
    found: list[str] = []
    clean: dict[str, bool] = {}
    for fault in FAULTS:
        phases = "coverage,fuzzing" if fault.try_paths.endswith("$") else "coverage,fuzzing,stateful"
        options = ("--include-path-regex", fault.try_paths, "--phases", phases, "--max-failures", "1")
        if fault.try_paths not in clean:
            faulty.fault = None
            clean[fault.try_paths] = try_api(running, *options, examples=examples).returncode == 0
        faulty.fault = fault
        good = clean[fault.try_paths] and try_api(running, *options, examples=examples).returncode == 1
        note = "" if clean[fault.try_paths] else "(these operations fail without it, too)"
        print("found " if good else "MISSED", fault.name, note, flush=True)
        found += [fault.name] * good
    faulty.fault = None
    return found


def main() -> int:
    """Try the API, then the seeded faults; print what schemathesis says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=60, help="for each operation")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-faults", action="store_true", help="only try the API as it is")
    parser.add_argument("--only-faults", action="store_true")
    arguments, rest = parser.parse_known_args()
    status, layers = 0, []

    def wrap(application: Any) -> None:
        application.wsgi_app = Faulty(application.wsgi_app)
        layers.append(application.wsgi_app)

    with fresh_environ() as environ, running_api(environ, wrap=wrap) as running:
        if not arguments.only_faults:
            status = try_whole(running, rest, examples=arguments.examples, seed=arguments.seed)
        if not arguments.no_faults:
            found = find_faults(running, layers[0], min(arguments.examples, 25))
            print(f"{len(found)} of {len(FAULTS)} seeded faults were found")
            status = status or int(len(found) < LEAST_FOUND)
    return status


if __name__ == "__main__":
    raise SystemExit(main())

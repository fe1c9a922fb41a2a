"""``make fuzz-api``: try a running API by its own OpenAPI document, every check, also along its links."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from psycopg2 import sql

from api.migrate import upgrade
from cli.services.launcher import start_services
from tests.apps import run_sql
from tests.conftest import TEST_SETTINGS
from tests.security.fuzz_faults import FAULTS, LEAST_FOUND, Faulty
from tests.security.fuzz_reach import UNREACHABLE, calls, operations, unreached
from tests.security.running import Running, running_api

ROOT = Path(__file__).parents[2]
WITH_ANOTHER = (
    "/organisations/{organisation_id}/transfer",
    "/playlists/{playlist_id}/items",
    "/projects/{project_id}/jobs",
    "/transcripts/{transcript_id}/rebase",
)
"""Their bodies name a second thing; that one may not be there although the first was just made."""
FITS = ("2xx", "3xx", "401", "402", "403", "404", "409", "410", "412", "416", "422", "426", "428", "429")
"""Answers to requests that fit the document. Whether a 422 calls one malformed, a check of ours looks at."""
KNOWN_OFTEN = 0.9
"""How often an id that nothing else chose is one that is there; a wrong one, or one along a link, is left as it is."""
WALKS = 10
"""Walks along links for each example of an operation: they are tried over all operations together, not for each."""
RESULTS = ROOT / "bench/results/security.jsonl"


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


def try_api(
    running: Running, *options: str, examples: int, seed: int = 1, workers: int = 1
) -> subprocess.CompletedProcess[str]:
    """Run schemathesis against a running API.

    :param workers: operations tried at once; the API and the fuzzer wait for each other, so two fill two cores.
    """
    with tempfile.TemporaryDirectory(prefix="reelyard-fuzz-") as folder:
        config = Path(folder) / "schemathesis.toml"
        config.write_text(configuration(running, scenarios=examples * WALKS))
        command = [
            str(Path(sys.executable).with_name("schemathesis")),
            *("--config-file", str(config), "run", f"{running.url}/api/openapi.json", "--url", running.url),
            *("--max-examples", str(examples), "--seed", str(seed), "--workers", str(workers)),
            *("--generation-database", "none", "--no-color"),
            *options,
        ]
        known = {"SCHEMATHESIS_HOOKS": "tests.security.fuzz_checks", "PYTHONPATH": str(ROOT)}
        told = {"IDS": running.ids, "SPARES": running.spares, "GOOD": running.good, "SECRETS": running.secrets}
        environ = {**os.environ, **known, "FUZZ_TOKEN": running.token}
        environ |= {f"FUZZ_{name}": json.dumps(value) for name, value in told.items()}
        return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environ, check=False)


def try_whole(running: Running, options: list[str], *, examples: int, seed: int, workers: int) -> dict[str, Any]:
    """Try the API, print what schemathesis says and which operations it did not get through to; return the figures."""
    with tempfile.TemporaryDirectory(prefix="reelyard-fuzz-") as folder:
        told = ("--report", "ndjson", "--report-dir", folder)
        done = try_api(running, *told, *options, examples=examples, seed=seed, workers=workers)
        document = httpx.get(f"{running.url}/api/openapi.json", trust_env=False).json()
        reports = sorted(Path(folder).glob("*.ndjson"))
        missed, called = unreached(document, reports, whole=not options), sum(1 for _ in calls(reports))
    print(done.stdout, done.stderr)
    print("Never answered well:", ", ".join(missed) or "none", f"({len(UNREACHABLE)} have a reason)")
    tried = {"operations": len(operations(document)), "excused": len(UNREACHABLE)}
    figures = {"examples": examples, "seed": seed, **tried}
    return {**figures, "calls": called, "missed": missed, "green": done.returncode == 0 and not missed}


def configuration(running: Running, *, scenarios: int) -> str:
    """Return schemathesis' settings: who calls, known ids, which statuses refuse, how many walks along links."""
    spares = list(enumerate(running.spares.items()))
    lists = [*running.ids.items()]
    lists += [(f"{name}_{number}", value) for number, (_, ids) in spares for name, value in ids.items()]
    dictionaries = "".join(f"[dictionaries.{name}]\nvalues = [{json.dumps(value)}]\n" for name, value in lists)
    spared = "".join(
        f"[[operations]]\ninclude-name = {json.dumps(operation)}\n[operations.parameters]\n"
        + "".join(bind(name, f"{name}_{number}") for name in ids)
        for number, (operation, ids) in spares
    )
    mixed = "".join(
        f'[[operations]]\ninclude-path = "/api/v1{path}"\nchecks.ensure_resource_availability.enabled = false\n'
        for path in WITH_ANOTHER
    )
    return f"""
request-timeout = 30.0
{dictionaries}
[auth.openapi]
bearer = {{ bearer = "${{FUZZ_TOKEN}}" }}
[parameters]
{"".join(bind(name, name) for name in running.ids)}
[checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx"]
[checks.missing_required_header]
expected-statuses = ["400", "401", "403", "406", "415", "422", "428"]
[checks.negative_data_rejection]
expected-statuses = ["4xx"]
[checks.positive_data_acceptance]
expected-statuses = {json.dumps(FITS)}
[phases.stateful.generation]
max-examples = {scenarios}
{mixed}{spared}"""


def bind(parameter: str, dictionary: str) -> str:
    """Have a parameter of paths be one of a list."""
    return f'"path.{parameter}" = {{ dictionary = "{dictionary}", probability = {KNOWN_OFTEN} }}\n'


def find_faults(running: Running, faulty: Faulty, *, examples: int, workers: int) -> list[str]:
    """Put each fault in, try the operations around it, return the names of those that were found.

    What fails without any fault finds none: the healthy operations are tried first, all at once.
    """
    faulty.fault = None
    around = "|".join(dict.fromkeys(fault.try_paths for fault in FAULTS))
    healthy = try_api(running, "--include-path-regex", around, examples=examples, workers=workers)
    if healthy.returncode:
        print(healthy.stdout, healthy.stderr, "These operations fail without a fault, so no fault counts as found")
        return []
    found: list[str] = []
    for fault in FAULTS:
        faulty.fault = fault
        phases = "examples,coverage,fuzzing" if fault.try_paths.endswith("$") else "coverage,fuzzing,stateful"
        options = ("--include-path-regex", fault.try_paths, "--phases", phases, "--max-failures", "1", "--no-shrink")
        good = try_api(running, *options, examples=examples, workers=workers).returncode == 1
        print("found " if good else "MISSED", fault.name, flush=True)
        found += [fault.name] * good
    faulty.fault = None
    return found


def record(figures: Mapping[str, Any]) -> None:
    """Keep a line of what was found, with when, where and on which commit."""
    asked = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(asked, capture_output=True, text=True, cwd=ROOT, check=False).stdout.strip()
    now = datetime.now(UTC).isoformat(timespec="seconds")
    place = {"at": now, "commit": commit, "cpus": os.cpu_count(), "load": round(os.getloadavg()[0], 1)}
    with RESULTS.open("a") as file:
        file.write(json.dumps({**place, "bench": "fuzz-api", **figures}) + "\n")


def main() -> int:
    """Try the API, then the seeded faults; print what schemathesis says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=60, help="for each operation")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="operations tried at once")
    parser.add_argument("--faults", choices=("no", "yes", "only"), default="no", help="try the seeded faults, too")
    parser.add_argument("--record", action="store_true", help=f"add a line to {RESULTS.relative_to(ROOT)}")
    asked, rest = parser.parse_known_args()
    layers: list[Faulty] = []
    figures: dict[str, Any] = {}
    began = time.monotonic()

    def wrap(application: Any) -> None:
        application.wsgi_app = Faulty(application.wsgi_app)
        layers.append(application.wsgi_app)

    with fresh_environ() as environ, running_api(environ, wrap=wrap) as running:
        if asked.faults != "only":
            figures = try_whole(running, rest, examples=asked.examples, seed=asked.seed, workers=asked.workers)
        if asked.faults != "no":
            examples = min(asked.examples, 25)
            found = find_faults(running, layers[0], examples=examples, workers=asked.workers)
            print(f"{len(found)} of {len(FAULTS)} seeded faults were found")
            figures |= {"fault_examples": examples, "faults": len(FAULTS), "found": len(found)}
            figures["not_found"] = [fault.name for fault in FAULTS if fault.name not in found]
    figures["seconds"] = round(time.monotonic() - began)
    print("PASS" if passes(figures) else "FAIL", json.dumps(figures))
    if asked.record:
        record(figures)
    return 0 if passes(figures) else 1


def passes(figures: Mapping[str, Any]) -> bool:
    """Tell whether nothing failed, everything was reached, and enough faults were found, of what was tried."""
    return bool(figures.get("green", True)) and figures.get("found", LEAST_FOUND) >= LEAST_FOUND


if __name__ == "__main__":
    raise SystemExit(main())

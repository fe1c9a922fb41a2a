"""The arrows between the packages point where docs/architecture.rst says."""

from __future__ import annotations

import configparser
import subprocess
import sys
from pathlib import Path

import pytest

import tasks

WEB_AND_SQL = {"flask", "flask_smorest", "sqlalchemy", "psycopg2", "api"}
MEDIA = {"av", "torch", "librosa", "playwright", "faster_whisper", "ctranslate2", "whisperx"}

RING_0 = "import tasks.names, tasks.errors, tasks.environment, tasks.contracts, tasks.scenario"
RING_1 = "import tasks.app, tasks.base, tasks.config, tasks.fonts, tasks.storage.s3, tasks.workflows.captions"
API = "import api, api.blueprints, api.control.engine, api.control.rounds, api.control.worker"
RENDER = "import render_node.worker, render_node.render"

FORBIDDEN = {
    "api": (API, MEDIA | {"render_node", "tasks.media"}),
    "cpu worker": ("import tasks.worker", WEB_AND_SQL | {"render_node", "playwright"}),
    "render node": (RENDER, WEB_AND_SQL | {"tasks.speech", "tasks.ingest", "faster_whisper"}),
    "ring 0": (RING_0, WEB_AND_SQL | MEDIA | {"celery", "redis", "boto3", "numpy"}),
    "ring 1": (RING_1, WEB_AND_SQL | MEDIA | {"numpy", "tasks.media"}),
}


@pytest.mark.parametrize("process", FORBIDDEN)
def test_a_process_loads_only_what_its_part_may_touch(process: str) -> None:
    statement, forbidden = FORBIDDEN[process]
    probe = f"{statement}\nimport sys\nprint('\\n'.join(sys.modules))"

    loaded = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=False)

    assert loaded.returncode == 0, loaded.stderr
    assert set(loaded.stdout.split()) & forbidden == set()


def test_every_module_of_tasks_stands_in_a_ring() -> None:
    config = configparser.ConfigParser(interpolation=None)
    config.read(Path(__file__).parents[2] / "setup.cfg")
    rings = [config[f"importlinter:contract:{ring}"].get("source_modules", "") for ring in ("ring0", "ring1", "ring2")]
    bodies = config["importlinter:contract:bodies"]["modules"]
    home = Path(tasks.__file__).parent
    found = {f"tasks.{path.stem}" for path in home.glob("*.py") if path.stem != "__init__"}
    found |= {f"tasks.{path.parent.name}" for path in home.glob("*/__init__.py")}

    # What puts a worker together of all bodies
    assert found == {"tasks.worker", "tasks.cpu_app", *" ".join([*rings, bodies]).split()}


def test_import_contracts_of_setup_cfg_are_kept() -> None:
    result = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 0, result.stdout + result.stderr
    assert "0 broken" in result.stdout

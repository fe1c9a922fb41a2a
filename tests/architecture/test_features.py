"""A process without routes has all that belongs to the ends of jobs: every effect, and whole tables."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

from api.features import EFFECTS

ROOT = Path(__file__).parents[2]

PROBE = """
from sqlalchemy.orm import configure_mappers
from api.config import read_api_settings
from api import create_app
from api.extensions import db
app = create_app(read_api_settings(), serves=False)
configure_mappers()
with app.app_context():
    list(db.metadata.sorted_tables)  # resolves every foreign key
from api.jobs import effects
REGISTRIES = ("_step_succeeded", "_step_claimed", "_step_told", "_job_ended", "_job_retried")
def names(registry):
    return sorted(f"{key}: {f.__module__}.{f.__name__}" for key, found in registry.items() for f in found)
def told():
    by_key = [getattr(effects, name) for name in REGISTRIES]
    return [*map(names, by_key), sorted(f.__module__ for f in effects._job_events)]
alone = told()
create_app(read_api_settings())
assert alone == told(), "routes bring effects of their own"
assert list(app.url_map.iter_rules()) == []
"""


def registering(path: Path) -> bool:
    """Tell whether a module decorates a function with something that is called on_…"""
    tree = ast.parse(path.read_text())
    decorators = [one for node in tree.body if isinstance(node, ast.FunctionDef) for one in node.decorator_list]
    names = [ast.unparse(one.func if isinstance(one, ast.Call) else one) for one in decorators]
    return any(name.rpartition(".")[2].startswith("on_") for name in names)


def test_every_module_that_registers_effects_is_loaded_without_routes() -> None:
    modules = {path: ".".join(path.relative_to(ROOT).with_suffix("").parts) for path in (ROOT / "api").rglob("*.py")}
    assert {name for path, name in modules.items() if registering(path)} == set(EFFECTS)


def test_an_application_without_routes_has_the_same_effects_and_whole_tables(database_environ: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROBE], cwd=ROOT, env={**os.environ, **database_environ}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]

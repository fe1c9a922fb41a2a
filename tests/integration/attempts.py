"""What tests of attempts share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tasks.attempt import AttemptTools

Run = Callable[..., dict[str, Any]]
CONFLICT = (409, {"code": "step.fenced", "message": "Another attempt owns this step"})


def scratch_left(tools: AttemptTools) -> list[str]:
    return [path.name for path in Path(tools.settings.scratch_dir).iterdir()]

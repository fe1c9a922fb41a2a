"""CPU work beside a GPU steps back, and so does what it starts."""

from __future__ import annotations

import subprocess
import sys

import pytest

RUN = """
import os, subprocess, sys
from tasks.give_way import give_way
shown = give_way({wanted}, uses_gpu={uses_gpu}, gpus=lambda: {gpus})
child = subprocess.run([sys.executable, "-c", "import os; print(os.nice(0))"], capture_output=True, text=True)
print(shown, os.nice(0), int(child.stdout))
"""


@pytest.mark.parametrize(
    ("wanted", "uses_gpu", "gpus", "steps"),
    [
        (-1, False, ["card"], 10),
        (-1, False, [], 0),
        (-1, True, ["card"], 0),
        (0, False, ["card"], 0),
        (15, True, [], 15),
    ],
)
def test_slots_step_back_beside_a_gpu_that_they_do_not_use_or_as_configured(
    wanted: int, uses_gpu: bool, gpus: list[str], steps: int
) -> None:
    code = RUN.format(wanted=wanted, uses_gpu=uses_gpu, gpus=gpus)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    base = subprocess.run(
        [sys.executable, "-c", "import os; print(os.nice(0))"], capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == [str(max(steps, int(base.stdout)))] * 3

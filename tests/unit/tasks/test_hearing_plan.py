"""Which files are heard by several workers."""

from __future__ import annotations

import pytest

from tasks.names import TaskName
from tasks.workflows.plan import StepSpec, levels
from tasks.workflows.speech import HEAR, plan_hearing


@pytest.mark.parametrize(
    ("duration_s", "blocks"),
    [
        (0.0, []),
        (1199.0, []),
        (1200.0, [(0, 1), (1, None)]),
        (3600.0, [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, None)]),
    ],
)
def test_long_files_are_shared_out_by_blocks_and_the_last_takes_the_rest(
    duration_s: float, blocks: list[tuple[int, int | None]]
) -> None:
    plan = plan_hearing({"object_key": "k", "language": None}, duration_s=duration_s, after=("probe",))

    assert [(spec.input["first_block"], spec.input["stop_block"]) for spec in plan] == blocks
    assert [spec.part for spec in plan] == list(range(len(blocks)))
    assert all((spec.name, spec.task, spec.after) == (HEAR, TaskName.SPEECH_HEAR, ("probe",)) for spec in plan)
    assert all(spec.input["object_key"] == "k" for spec in plan)


def test_parts_are_a_wave_between_the_probe_and_the_joining() -> None:
    plan = [
        StepSpec("probe", TaskName.INGEST_PROBE),
        StepSpec("transcribe", TaskName.SPEECH_TRANSCRIBE, after=("probe", HEAR)),
        *plan_hearing({}, duration_s=1800, after=("probe",)),
    ]

    assert [[spec.name for spec in wave] for wave in levels(plan)] == [["probe"], [HEAR] * 3, ["transcribe"]]

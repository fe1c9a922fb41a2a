"""A sound becomes ready for the soundboard."""

from __future__ import annotations

from tasks.contracts.sounds import SoundOrder
from tasks.names import TaskName
from tasks.workflows.plan import StepSpec

LEVEL = "level"


def build_sound_steps(order: SoundOrder) -> list[StepSpec]:
    """Plan how a sound is brought to its loudness."""
    return [StepSpec(LEVEL, TaskName.SOUNDS_LEVEL, order.to_json())]

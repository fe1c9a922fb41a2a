"""A sound becomes ready for the soundboard."""

from __future__ import annotations

from tasks.contracts.sounds import SoundOrder, TakeOrder
from tasks.contracts.voices import SpeechOrder
from tasks.names import TaskName
from tasks.workflows.plan import StepSpec

LEVEL, SPEAK, TAKE = "level", "speak", "take"


def build_sound_steps(order: SoundOrder) -> list[StepSpec]:
    """Plan how a sound is brought to its loudness."""
    return [StepSpec(LEVEL, TaskName.SOUNDS_LEVEL, order.to_json())]


def build_speech_steps(order: SpeechOrder) -> list[StepSpec]:
    """Plan how a text becomes a sound."""
    return [StepSpec(SPEAK, TaskName.SOUNDS_SPEAK, order.to_json())]


def build_take_steps(order: TakeOrder) -> list[StepSpec]:
    """Plan how a file that was found becomes a sound."""
    return [StepSpec(TAKE, TaskName.SOUNDS_TAKE, order.to_json())]

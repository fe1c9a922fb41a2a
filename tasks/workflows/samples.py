"""A link becomes a sample in eight steps, or a sound of the soundboard in three."""

from __future__ import annotations

from tasks.contracts.samples import LinkOrder
from tasks.contracts.sounds import SoundOrder
from tasks.names import TaskName
from tasks.workflows.plan import StepSpec

RESOLVE, CREATOR, DOWNLOAD, EXTRACT, WAVEFORM = "resolve", "creator", "download", "extract", "waveform"
ANALYZE, LOOPS, SAVE, LEVEL = "analyze", "loops", "save", "level"
EXTRACTIONS = "extractions"
"""The named limit of how many extractions are worked on at once."""


def limits_of(site: str, owner_id: str) -> tuple[str, ...]:
    """Return the named limits of a step that asks a site for somebody."""
    return f"host:{site}", f"user:{owner_id}"


def build_sample_steps(order: LinkOrder, limits: tuple[str, ...] = ()) -> list[StepSpec]:
    """Plan a sample: what the link leads to, who made it, the media, its sound, its picture, tempo, key and loops.

    :param limits: of the steps that ask the link's site.
    """
    given = order.to_json()
    return [
        StepSpec(RESOLVE, TaskName.LINKS_RESOLVE, given, limits=limits),
        StepSpec(CREATOR, TaskName.LINKS_CREATOR, given, after=(RESOLVE,), limits=limits),
        StepSpec(DOWNLOAD, TaskName.LINKS_DOWNLOAD, given, after=(RESOLVE,), limits=limits),
        StepSpec(EXTRACT, TaskName.SAMPLES_EXTRACT, after=(DOWNLOAD,)),
        StepSpec(WAVEFORM, TaskName.SAMPLES_WAVEFORM, after=(EXTRACT,)),
        StepSpec(ANALYZE, TaskName.SAMPLES_ANALYZE, after=(EXTRACT,)),
        StepSpec(LOOPS, TaskName.SAMPLES_LOOP, after=(EXTRACT, ANALYZE)),
        StepSpec(SAVE, TaskName.SAMPLES_SAVE, after=(CREATOR, DOWNLOAD, EXTRACT, WAVEFORM, LOOPS)),
    ]


def build_extraction_steps(order: LinkOrder, level: SoundOrder, limits: tuple[str, ...] = ()) -> list[StepSpec]:
    """Plan an extraction; each of its steps takes a slot of the limit, so that only so many are worked on at once.

    :param limits: further ones, of the steps that ask the link's site.
    """
    asking = (EXTRACTIONS, *limits)
    return [
        StepSpec(RESOLVE, TaskName.LINKS_RESOLVE, order.to_json(), limits=asking),
        StepSpec(DOWNLOAD, TaskName.LINKS_DOWNLOAD, order.to_json(), after=(RESOLVE,), limits=asking),
        StepSpec(LEVEL, TaskName.LINKS_LEVEL, level.to_json(), after=(DOWNLOAD,), limits=(EXTRACTIONS,)),
    ]

"""The captioned-video product: upload -> transcript, scenario -> render."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tasks.contracts import RenderOrder
from tasks.contracts.check import CheckOrder
from tasks.contracts.chunk import MP4, ChunkOrder
from tasks.contracts.outputs import complete_output
from tasks.contracts.still import StillOrder
from tasks.contracts.translation import TranslateOrder
from tasks.names import TaskName
from tasks.scenario.slices import slice_scenario
from tasks.workflows.chunks import Span, piece_form
from tasks.workflows.plan import StepSpec
from tasks.workflows.speech import HEAR, plan_hearing

PROBE, TRANSCRIBE, POSTER, RENDER = "probe", "transcribe", "poster", "render"
CHUNK, JOIN = "chunk", "join"
TRANSLATE = "translate"
STILL, CHECK = "still", "check"
FONT = "font"
IMAGE = "image"


def build_ingest_steps(
    object_key: str, *, size_bytes: int, language: str | None, wish: dict[str, Any] | None = None
) -> list[StepSpec]:
    """Plan what follows a completed upload: probe it, then transcribe and draw a poster side by side.

    :param language: ISO 639-1 code to force, or None to detect. :param wish: ``hotwords diarize speakers``.
    """
    media = {"object_key": object_key, "size_bytes": size_bytes}
    heard = {**media, "language": language, **(wish or {})}
    probe, poster = build_probe_steps(object_key, size_bytes=size_bytes)
    return [probe, StepSpec(TRANSCRIBE, TaskName.SPEECH_TRANSCRIBE, heard, after=(PROBE,)), poster]


def build_probe_steps(object_key: str, *, size_bytes: int) -> list[StepSpec]:
    """Plan what follows an upload that nobody wants the words of: probe it, draw a poster."""
    media = {"object_key": object_key, "size_bytes": size_bytes}
    return [
        StepSpec(PROBE, TaskName.INGEST_PROBE, media),
        StepSpec(POSTER, TaskName.INGEST_POSTER, media, after=(PROBE,)),
    ]


def build_hearing_steps(given: dict[str, Any], *, duration_s: float) -> list[StepSpec]:
    """Plan another transcription of a file that was looked at before, by several workers where it is long."""
    parts = plan_hearing(given, duration_s=duration_s, after=())
    return [*parts, StepSpec(TRANSCRIBE, TaskName.SPEECH_TRANSCRIBE, given, after=(HEAR,) if parts else ())]


def build_translation_steps(order: TranslateOrder) -> list[StepSpec]:
    """Plan the translation of a transcript."""
    return [StepSpec(TRANSLATE, TaskName.SPEECH_TRANSLATE, order.to_json())]


def build_font_steps(object_key: str, *, size_bytes: int) -> list[StepSpec]:
    """Plan what makes an uploaded font safe."""
    return [StepSpec(FONT, TaskName.INGEST_FONT, {"object_key": object_key, "size_bytes": size_bytes})]


def build_image_steps(object_key: str, *, size_bytes: int) -> list[StepSpec]:
    """Plan what makes an uploaded picture safe to show."""
    return [StepSpec(IMAGE, TaskName.INGEST_IMAGE, {"object_key": object_key, "size_bytes": size_bytes})]


def build_render_steps(order: RenderOrder) -> list[StepSpec]:
    """Plan one render of a scenario over a source."""
    return [StepSpec(RENDER, TaskName.RENDER_VIDEO, order.to_json())]


def build_chunked_steps(order: RenderOrder, spans: list[Span], *, owner: str, reuse_s: float) -> list[StepSpec]:
    """Plan a render of a long video: a piece for each span, then the joining of all.

    :param owner: within whom equal pieces are shared, :param reuse_s: how old a piece may be that is used again.
    """

    forms = tuple(piece_form(complete_output(output)) for output in order.outputs)

    def chunk_of(part: int, span: Span) -> StepSpec:
        end_s = None if span.end_ms is None else span.end_ms / 1000
        piece = ChunkOrder(
            order.source_key,
            order.source_sha256,
            slice_scenario(order.scenario, span.start_ms / 1000, end_s),
            order.output,
            span.start_ms,
            span.end_ms,
            owner,
            reuse_s,
            order.fonts,
            order.images,
            first_look=order.scenario if part == 0 else None,
            further=order.further,
            forms=() if set(forms) == {MP4} else forms,
        )
        return StepSpec(CHUNK, TaskName.RENDER_CHUNK, piece.to_json(), part=part)

    pieces = [chunk_of(part, span) for part, span in enumerate(spans)]
    return [*pieces, StepSpec(JOIN, TaskName.RENDER_JOIN, order.to_json(), after=(CHUNK,))]


def build_checked_steps(checks: Sequence[CheckOrder], steps: list[StepSpec]) -> list[StepSpec]:
    """Put deep validations before the steps of a render: none of them begins until all have succeeded."""
    looks = [StepSpec(CHECK, TaskName.RENDER_CHECK, check.to_json(), part=part) for part, check in enumerate(checks)]
    return [*looks, *(step if step.after else replace(step, after=(CHECK,)) for step in steps)]


def build_still_steps(order: StillOrder) -> list[StepSpec]:
    """Plan one picture, or several on a sheet."""
    return [StepSpec(STILL, TaskName.RENDER_STILL, order.to_json())]


def build_check_steps(order: CheckOrder) -> list[StepSpec]:
    """Plan one deep validation."""
    return [StepSpec(CHECK, TaskName.RENDER_CHECK, order.to_json())]

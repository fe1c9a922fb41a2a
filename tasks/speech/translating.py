"""Body of the step that translates a transcript."""

from __future__ import annotations

from typing import Any

from tasks.attempt import StepContext
from tasks.contracts.translation import TranslateOrder
from tasks.errors import PermanentError
from tasks.transcripts.translation import LibreTranslate, translate_transcript


def translate(context: StepContext) -> dict[str, Any]:
    """Return the transcript in another language; raise ``translation.off`` where no translator is configured."""
    order, settings = TranslateOrder.from_json(context.input), context.settings
    if not settings.translate_url:
        raise PermanentError("translation.off", "No translation server is configured here")
    translator = LibreTranslate(settings.translate_url, api_key=settings.translate_key or None)
    return translate_transcript(order.transcript, translator, target=order.target).to_json()

"""A transcript in another language: cues keep their times, ids and speakers; word times are spread and marked so.

Who translates is behind :class:`Translator`; :class:`LibreTranslate` speaks to a server of one's own.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Protocol

import httpx

from tasks.contracts import Segment, Transcript
from tasks.errors import PermanentError, TransientError
from tasks.transcripts.retext import tokenise
from tasks.transcripts.words import join_words, spread_text

BATCH = 50
"""Texts in one request: enough to save round trips, few enough to stay under usual limits."""
TIMEOUT_S = 120.0


class Translator(Protocol):
    """Turns texts of one language into another; the answer has as many texts, in the same order."""

    def translate(self, texts: Sequence[str], *, source: str, target: str) -> list[str]:
        """Translate; raise ``translation.refused`` or ``translation.unavailable``."""
        ...


class LibreTranslate:
    """A server that speaks LibreTranslate's protocol (``POST /translate`` with a list of texts)."""

    def __init__(self, url: str, *, api_key: str | None = None, timeout_s: float = TIMEOUT_S) -> None:
        self.url = f"{url.rstrip('/')}/translate"
        self.api_key = api_key
        self.timeout_s = timeout_s

    def translate(self, texts: Sequence[str], *, source: str, target: str) -> list[str]:
        """Translate in batches; raise ``translation.refused`` or ``translation.unavailable``."""
        with httpx.Client(timeout=self.timeout_s) as client:
            batches = (texts[first : first + BATCH] for first in range(0, len(texts), BATCH))
            return list(itertools.chain.from_iterable(self._ask(client, batch, source, target) for batch in batches))

    def _ask(self, client: httpx.Client, texts: Sequence[str], source: str, target: str) -> list[str]:
        body = {"q": list(texts), "source": source, "target": target, "format": "text"}
        if self.api_key:
            body["api_key"] = self.api_key
        try:
            answer = client.post(self.url, json=body)
        except httpx.HTTPError as error:
            raise TransientError("translation.unavailable", f"The translator does not answer: {error}") from error
        if answer.status_code == 429 or answer.status_code >= 500:
            raise TransientError("translation.unavailable", f"The translator answers {answer.status_code}")
        return _read_answer(answer, len(texts))


def _read_answer(answer: httpx.Response, count: int) -> list[str]:
    try:
        document = answer.json()
    except ValueError as error:
        raise PermanentError("translation.refused", "The translator's answer is not JSON") from error
    told = document if isinstance(document, dict) else {}
    if answer.status_code != 200:
        raise PermanentError("translation.refused", f"The translator refuses: {told.get('error', answer.status_code)}")
    texts = told.get("translatedText")
    if not isinstance(texts, list) or len(texts) != count or not all(isinstance(text, str) for text in texts):
        raise PermanentError("translation.refused", f"The translator did not answer with {count} texts")
    return texts


def translate_transcript(transcript: Transcript, translator: Translator, *, target: str) -> Transcript:
    """Return the transcript in another language, one cue for one cue.

    A cue for which the translator has no words keeps its own text.
    """
    texts = [segment.text for segment in transcript.segments]
    answers = translator.translate(texts, source=transcript.language, target=target) if texts else []
    numbers = itertools.count(1)
    segments = tuple(
        _translate(segment, text, target, numbers) for segment, text in zip(transcript.segments, answers, strict=True)
    )
    return dataclasses.replace(
        transcript, language=target, language_probability=1.0, alignment_method="estimated", segments=segments
    )


def _translate(segment: Segment, text: str, target: str, numbers: itertools.count[int]) -> Segment:
    tokens = tokenise(text, target) or tokenise(segment.text, target)
    if not tokens:
        return dataclasses.replace(segment, words=())
    ids = [f"w{next(numbers):06d}" for _ in tokens]
    words = spread_text(tokens, segment.start, segment.end, ids=ids, speaker=segment.speaker)
    return dataclasses.replace(segment, words=tuple(words), text=join_words(words, target))

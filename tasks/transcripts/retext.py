"""Giving words another text: what was said before keeps its ids and times, what is new shares the time around it."""

from __future__ import annotations

import dataclasses
import unicodedata
from collections.abc import Callable, Sequence
from difflib import SequenceMatcher

from tasks.contracts import Word
from tasks.scenario.clusters import clusters
from tasks.scenario.text import SPACE, joins, script_of
from tasks.transcripts.words import spread_text

SHORTEST_S = 0.04
"""A word shorter than this cannot be seen highlighted; one frame at 25 per second."""
SECONDS_PER_CHARACTER = 0.07
"""How long an inserted word lasts where there is room: about 14 characters a second, as people speak."""

NewId = Callable[[], str]


def tokenise(text: str, language: str | None = None) -> list[str]:
    """Cut a text into words: at spaces, and in scripts without spaces between clusters."""
    tokens: list[str] = []
    for chunk in text.split():
        pieces = clusters(chunk)
        tokens.append(pieces[0])
        for piece, kind in zip(pieces[1:], joins(pieces, language)[1:], strict=True):
            if _begins_word(tokens[-1], piece, kind):
                tokens.append(piece)
            else:
                tokens[-1] += piece
    return tokens


def _begins_word(before: str, piece: str, kind: str) -> bool:
    """Letters of spaceless scripts stand alone; marks stay with what they close or open."""
    if kind == SPACE or _opens(before[-1]):
        return False
    return bool(script_of(piece[0])) or _opens(piece)


def _opens(char: str) -> bool:
    return unicodedata.category(char[0]) in ("Ps", "Pi")


def retext_words(words: Sequence[Word], tokens: Sequence[str], *, until_s: float, new_id: NewId) -> list[Word]:
    """Return words that say ``tokens``; those that said it before are kept exactly.

    :param until_s: how far the last word may be stretched for words that are added behind it.
    """
    matcher = SequenceMatcher(None, [word.text for word in words], list(tokens), autojunk=False)
    result: list[Word] = []
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag == "equal":
            result.extend(words[i1:i2])
        elif tag == "replace":
            result.extend(_replace_run(words[i1:i2], tokens[j1:j2], new_id))
        elif tag == "insert":
            following_s = words[i2].start if i2 < len(words) else until_s
            _insert_run(result, tokens[j1:j2], following_s, words[0], new_id)
    return _after_head(result, words)


def _replace_run(old: Sequence[Word], tokens: Sequence[str], new_id: NewId) -> list[Word]:
    if len(old) == len(tokens):
        return [dataclasses.replace(word, text=text, score=1.0) for word, text in zip(old, tokens, strict=True)]
    names = [word.id for word in old[: len(tokens)]]
    names += [new_id() for _ in tokens[len(old) :]]
    return spread_text(tokens, old[0].start, old[-1].end, ids=names, speaker=old[0].speaker)


def _insert_run(before: list[Word], tokens: Sequence[str], following_s: float, first: Word, new_id: NewId) -> None:
    """Put words behind those before them: into the pause where there is one, else into the last one's time."""
    names = [new_id() for _ in tokens]
    if not before:
        before.extend(spread_text(tokens, first.start, first.start, ids=names, speaker=first.speaker))
        return
    last = before[-1]
    room_s = following_s - last.end
    if room_s >= SHORTEST_S * len(tokens):
        wanted_s = SECONDS_PER_CHARACTER * sum(len(token) + 1 for token in tokens)
        end_s = last.end + min(room_s, max(wanted_s, SHORTEST_S * len(tokens)))
        before.extend(spread_text(tokens, last.end, end_s, ids=names, speaker=last.speaker))
        return
    end_s = max(last.end, following_s)
    before[-1:] = spread_text([last.text, *tokens], last.start, end_s, ids=[last.id, *names], speaker=last.speaker)


def _after_head(result: list[Word], old: Sequence[Word]) -> list[Word]:
    """Give words that were put in front of the first one a share of its time."""
    head = next((number for number, word in enumerate(result) if word.end > word.start), len(result))
    if head == 0:
        return result
    first = result[head]
    texts = [word.text for word in result[: head + 1]]
    names = [word.id for word in result[: head + 1]]
    return spread_text(texts, first.start, first.end, ids=names, speaker=old[0].speaker) + result[head + 1 :]

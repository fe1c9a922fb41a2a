"""From two states of a transcript to the operations between them, so that whole documents sent back are patches too."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from tasks.contracts import Segment, Transcript, Word
from tasks.errors import InvalidInputError
from tasks.transcripts.draft import SLACK_S
from tasks.transcripts.operations import MAX_OPERATIONS, Operation, apply_operations


def derive_operations(old: Transcript, new: Transcript) -> list[Operation]:
    """Return operations that make of ``old`` what ``new`` says; where none do, one ``replace_all``."""
    operations = list(itertools.islice(_find_operations(old, new), MAX_OPERATIONS + 1))
    if len(operations) > MAX_OPERATIONS:
        return [_whole(new)]
    try:
        reached = apply_operations(old, operations)[0]
    except InvalidInputError:
        return [_whole(new)]
    return operations if _essence(reached) == _essence(new) else [_whole(new)]


def _whole(new: Transcript) -> Operation:
    return {"op": "replace_all", "segments": new.to_json()["segments"], "language": new.language}


def _essence(transcript: Transcript) -> object:
    """Return what a reader sees: texts, times in milliseconds, speakers, cuts into segments."""

    def moment(time_s: float) -> int:
        return round(time_s * 1000)

    return transcript.language, [
        [(word.text, moment(word.start), moment(word.end), word.speaker or segment.speaker) for word in segment.words]
        or [(segment.text, moment(segment.start), moment(segment.end), segment.speaker)]
        for segment in transcript.segments
    ]


def _find_operations(old: Transcript, new: Transcript) -> Iterator[Operation]:
    before = {word.id: (word, segment) for segment in old.segments for word in segment.words}
    after = {word.id: (word, segment) for segment in new.segments for word in segment.words}
    removed = [name for name in before if name not in after]
    if removed:
        yield {"op": "delete", "words": removed}
    yield from _find_insertions(new, set(before))
    for name, (word, segment) in after.items():
        if name in before:
            yield from _find_changes(before[name], word, segment)
    yield from _find_borders(before, new)


def _find_insertions(new: Transcript, known: set[str]) -> Iterator[Operation]:
    for segment in new.segments:
        head = next((word.id for word in segment.words if word.id in known), None)
        before = None
        for word in segment.words:
            if word.id not in known:
                place = {"after": before} if before else {"before": head}
                times = {"start": word.start, "end": word.end}
                yield {"op": "insert_word", **place, "text": word.text, **times, "speaker": word.speaker, "id": word.id}
            before = word.id if before or word.id in known else before


def _find_changes(before: tuple[Word, Segment], word: Word, segment: Segment) -> Iterator[Operation]:
    old, place = before
    if word.text != old.text:
        yield {"op": "set_text", "word": word.id, "text": word.text}
    if abs(word.start - old.start) > SLACK_S or abs(word.end - old.end) > SLACK_S:
        yield {"op": "retime", "word": word.id, "start": word.start, "end": word.end}
    speaker = word.speaker or segment.speaker
    if speaker != (old.speaker or place.speaker):
        yield {"op": "set_speaker", "word": word.id, "speaker": speaker}


def _find_borders(before: dict[str, tuple[Word, Segment]], new: Transcript) -> Iterator[Operation]:
    for segment in new.segments:
        heard = [word for word in segment.words if word.id in before]
        for left, right in itertools.pairwise(heard):
            if before[left.id][1].id != before[right.id][1].id:
                yield {"op": "merge_segments", "left": left.id, "right": right.id}
    for left_segment, right_segment in itertools.pairwise(new.segments):
        if not left_segment.words or not right_segment.words:
            continue
        end, begin = left_segment.words[-1].id, right_segment.words[0].id
        apart = end in before and begin in before and before[end][1].id != before[begin][1].id
        if not apart:
            yield {"op": "split_segment", "before": begin}

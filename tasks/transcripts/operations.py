"""Edits of a transcript as operations: each is checked, made exact (which words it means) and done, or none is.

An operation as a person sends it may name segments; as it is kept it names words wherever there are any, because words
can be found again in another pass of an engine and segments cannot (:mod:`tasks.transcripts.patches`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tasks.contracts import Segment, Transcript, Word
from tasks.errors import InvalidInputError
from tasks.transcripts.draft import Draft, OperationError, refuse
from tasks.transcripts.retext import retext_words, tokenise
from tasks.transcripts.words import segment_of, spread_text

Operation = dict[str, Any]
MAX_OPERATIONS = 500

SHAPES: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "set_text": (frozenset({"text"}), frozenset({"word", "words", "segment", "ids"})),
    "insert_word": (frozenset({"text"}), frozenset({"after", "before", "start", "end", "speaker", "id"})),
    "delete": (frozenset(), frozenset({"word", "words", "segment"})),
    "split_segment": (frozenset({"before"}), frozenset({"id"})),
    "merge_segments": (frozenset(), frozenset({"segments", "left", "right"})),
    "retime": (frozenset({"start", "end"}), frozenset({"word", "words", "segment"})),
    "set_speaker": (frozenset({"speaker"}), frozenset({"word", "words", "segment"})),
    "rename_speaker": (frozenset({"speaker", "to"}), frozenset()),
    "merge_speakers": (frozenset({"speakers", "to"}), frozenset()),
    "replace_all": (frozenset({"segments"}), frozenset({"language"})),
}
"""What each operation needs and may have."""
TIMED = ("insert_word", "retime", "replace_all")
"""Operations after which times may be out of order; all others keep them by how they are done."""
TARGETED = ("set_text", "delete", "retime", "set_speaker")


def apply_operations(transcript: Transcript, operations: Sequence[Operation]) -> tuple[Transcript, list[Operation]]:
    """Do every operation in order and return the transcript with the operations as they are to be kept.

    Raises ``transcript.operation_invalid`` with one finding (pointer, message, code); then nothing was done.
    """
    draft, kept = Draft.of(transcript), []
    for number, operation in enumerate(operations):
        try:
            kept.append(apply_operation(draft, operation))
        except OperationError as error:
            finding = {"pointer": f"/ops/{number}", "message": error.detail, "code": f"op.{error.extra['reason']}"}
            message = f"Operation {number + 1} of {len(operations)} cannot be done: {error.detail}"
            raise InvalidInputError("transcript.operation_invalid", message, {"findings": [finding]}) from error
    return draft.close(), kept


def apply_operation(draft: Draft, operation: Operation) -> Operation:
    """Do one operation and return it made exact; raise :class:`OperationError` and leave the draft half done."""
    check_shape(operation)
    exact = dict(operation)
    if exact["op"] in TARGETED:
        name_words(draft, exact)
    HANDLERS[exact["op"]](draft, exact)
    if exact["op"] in TIMED:
        draft.check_times()
    return exact


def check_shape(operation: Mapping[str, Any]) -> None:
    """Refuse an operation that is unknown, lacks what it needs or has what it cannot use."""
    name = operation.get("op")
    if name not in SHAPES:
        raise refuse("unknown", f"There is no operation {name!r}; there are {', '.join(sorted(SHAPES))}")
    needed, optional = SHAPES[name]
    missing = sorted(key for key in needed if key not in operation)
    extra = sorted(set(operation) - needed - optional - {"op"})
    if missing or extra:
        told = [f"needs {', '.join(missing)}"] if missing else []
        told += [f"has no {', '.join(extra)}"] if extra else []
        raise refuse("shape", f"{name} {' and '.join(told)}")
    if name in TARGETED and sum(key in operation for key in ("word", "words", "segment")) != 1:
        raise refuse("shape", f"{name} needs one of word, words, segment")


def name_words(draft: Draft, exact: Operation) -> None:
    """Turn ``word`` and ``segment`` into ``words``; a segment without words stays a segment."""
    if "word" in exact:
        exact["words"] = [exact.pop("word")]
    elif "segment" in exact:
        segment = draft.segments[draft.find_segment(exact["segment"])]
        if segment.words:
            del exact["segment"]
            exact["words"] = [word.id for word in segment.words]
    if not exact.get("words", True):
        raise refuse("shape", f"{exact['op']} names no words")


def set_text(draft: Draft, exact: Operation) -> None:
    """Change what a word, a run of words or a segment says; blank text is refused: that is ``delete``."""
    text = " ".join(exact["text"].split())
    if not text:
        raise refuse("text_blank", "The text is blank; delete removes words")
    if "words" not in exact:
        row = draft.find_segment(exact["segment"])
        draft.segments[row] = dataclasses.replace(draft.segments[row], text=text)
        return
    row, column = draft.find_run(exact["words"])
    words = draft.segments[row].words
    until, run = column + len(exact["words"]), words[column : column + len(exact["words"])]
    wanted, made = list(exact.get("ids", [])), []

    def new_id() -> str:
        made.append(draft.new_id("w", wanted.pop(0) if wanted else None))
        return made[-1]

    tokens = [text] if len(run) == 1 and len(text.split()) == 1 else tokenise(text, draft.language)
    until_s = words[until].start if until < len(words) else run[-1].end
    changed = retext_words(run, tokens, until_s=until_s, new_id=new_id)
    exact["ids"] = made
    draft.set_words(row, [*words[:column], *changed, *words[until:]])


def insert_word(draft: Draft, exact: Operation) -> None:
    """Put a word after or before another; without times it takes the pause there, or a share of its neighbour's."""
    if ("after" in exact) == ("before" in exact):
        raise refuse("shape", "insert_word needs one of after, before")
    if ("start" in exact) != ("end" in exact):
        raise refuse("shape", "insert_word needs both start and end, or neither")
    text = exact["text"].strip()
    if not text:
        raise refuse("text_blank", "The text is blank")
    row, column = draft.find_word(exact.get("after") or exact["before"])
    exact["id"] = draft.new_id("w", exact.get("id"))
    words = list(draft.segments[row].words)
    neighbour, place = words[column], column + ("after" in exact)
    speaker = exact.get("speaker", neighbour.speaker)
    if "start" in exact:
        words.insert(place, Word(exact["id"], text, exact["start"], exact["end"], 1.0, speaker))
    else:
        words[column : column + 1] = _fit(words, column, text, exact)
        place_now = place
        words[place_now] = dataclasses.replace(words[place_now], speaker=speaker)
    draft.set_words(row, words)


def _fit(words: list[Word], column: int, text: str, exact: Operation) -> list[Word]:
    """Return a word with the new one before or behind it."""
    neighbour = words[column]
    if "before" in exact:
        return spread_text(
            [text, neighbour.text],
            neighbour.start,
            neighbour.end,
            ids=[exact["id"], neighbour.id],
            speaker=neighbour.speaker,
        )
    until_s = words[column + 1].start if column + 1 < len(words) else neighbour.end
    return retext_words([neighbour], [neighbour.text, text], until_s=until_s, new_id=lambda: str(exact["id"]))


def delete(draft: Draft, exact: Operation) -> None:
    """Remove words; a segment that has none left goes too."""
    if "words" not in exact:
        del draft.segments[draft.find_segment(exact["segment"])]
        return
    for name in exact["words"]:
        row, column = draft.find_word(name)
        words = draft.segments[row].words
        draft.set_words(row, [*words[:column], *words[column + 1 :]])


def split_segment(draft: Draft, exact: Operation) -> None:
    """Begin a new segment with a word; one that begins there already is left alone."""
    row, column = draft.find_word(exact["before"])
    if column == 0:
        return
    segment = draft.segments[row]
    exact["id"] = draft.new_id("s", exact.get("id"))
    kept = {"speaker": segment.speaker, "placement": segment.placement, "language": draft.language}
    draft.segments[row : row + 1] = [
        segment_of(segment.id, segment.words[:column], **kept),
        segment_of(exact["id"], segment.words[column:], **kept),
    ]


def merge_segments(draft: Draft, exact: Operation) -> None:
    """Make one of two or more segments that follow each other; the first one's id, speaker and place remain."""
    first, last = _rows_to_merge(draft, exact)
    group = draft.segments[first : last + 1]
    if len(group) < 2:
        return
    if not all(segment.words for segment in group):
        raise refuse("segment_without_words", "Segments without word times cannot be merged")
    exact.pop("segments", None)
    exact["left"], exact["right"] = group[0].words[-1].id, group[-1].words[0].id
    voices = {segment.speaker for segment in group}
    words = [word if len(voices) == 1 else _voiced(word, segment) for segment in group for word in segment.words]
    head = group[0]
    draft.segments[first : last + 1] = [
        segment_of(head.id, words, speaker=head.speaker, placement=head.placement, language=draft.language)
    ]


def _rows_to_merge(draft: Draft, exact: Operation) -> tuple[int, int]:
    if "left" in exact and "right" in exact:
        return draft.find_word(exact["left"])[0], draft.find_word(exact["right"])[0]
    if len(exact.get("segments", ())) < 2:
        raise refuse("shape", "merge_segments needs two segments or more")
    rows = [draft.find_segment(name) for name in exact["segments"]]
    if rows != list(range(rows[0], rows[0] + len(rows))):
        raise refuse("segments_apart", "The segments do not follow each other")
    return rows[0], rows[-1]


def _voiced(word: Word, segment: Segment) -> Word:
    return word if word.speaker else dataclasses.replace(word, speaker=segment.speaker)


def retime(draft: Draft, exact: Operation) -> None:
    """Give a word, a run of words or a segment another start and end; words inside keep their shares."""
    start_s, end_s = float(exact["start"]), float(exact["end"])
    if end_s <= start_s:
        raise refuse("time_reversed", "end must be after start")
    if "words" not in exact:
        row = draft.find_segment(exact["segment"])
        draft.segments[row] = dataclasses.replace(draft.segments[row], start=start_s, end=end_s)
        return
    row, column = draft.find_run(exact["words"])
    words = list(draft.segments[row].words)
    run = words[column : column + len(exact["words"])]
    first_s, span_s = run[0].start, max(word.end for word in run) - run[0].start
    scale = (end_s - start_s) / span_s
    words[column : column + len(run)] = [
        dataclasses.replace(
            word,
            start=round(start_s + (word.start - first_s) * scale, 6),
            end=round(start_s + (word.end - first_s) * scale, 6),
            estimated=word.estimated and len(run) > 1,
        )
        for word in run
    ]
    draft.set_words(row, words)


def set_speaker(draft: Draft, exact: Operation) -> None:
    """Say who spoke words; None: nobody knows. A segment all of whose words change has that speaker too."""
    speaker = exact["speaker"]
    if "words" not in exact:
        row = draft.find_segment(exact["segment"])
        draft.segments[row] = dataclasses.replace(draft.segments[row], speaker=speaker)
        return
    names = set(exact["words"])
    missing = names - {word.id for word in draft.words()}
    if missing:
        raise refuse("word_unknown", f"There is no word {min(missing)}")
    draft.segments = [_speak(segment, names, speaker) for segment in draft.segments]


def _speak(segment: Segment, names: set[str], speaker: str | None) -> Segment:
    touched = [word.id in names for word in segment.words]
    if not any(touched):
        return segment
    whole = all(touched)
    words = tuple(
        dataclasses.replace(word, speaker=speaker) if word.id in names else _voiced(word, segment)
        for word in segment.words
    )
    return dataclasses.replace(segment, words=words, speaker=speaker if whole else segment.speaker)


def rename_speaker(draft: Draft, exact: Operation) -> None:
    """Call a speaker something else; a name that somebody has already is refused: that is ``merge_speakers``."""
    known = speakers_of(draft.segments)
    if exact["speaker"] not in known:
        raise refuse("speaker_unknown", f"Nobody is called {exact['speaker']}")
    if exact["to"] in known and exact["to"] != exact["speaker"]:
        raise refuse("speaker_taken", f"Somebody is called {exact['to']} already; merge_speakers makes them one")
    _call(draft, {exact["speaker"]}, exact["to"])


def merge_speakers(draft: Draft, exact: Operation) -> None:
    """Make several speakers one."""
    unknown = set(exact["speakers"]) - speakers_of(draft.segments)
    if unknown or not exact["speakers"]:
        raise refuse("speaker_unknown", f"Nobody is called {min(unknown, default='')}")
    _call(draft, set(exact["speakers"]), exact["to"])


def _call(draft: Draft, old: set[str], new: str) -> None:
    draft.change_words(lambda word: dataclasses.replace(word, speaker=new) if word.speaker in old else word)
    draft.segments = [
        dataclasses.replace(segment, speaker=new) if segment.speaker in old else segment for segment in draft.segments
    ]


def speakers_of(segments: Sequence[Segment]) -> set[str]:
    """Return the names of all who speak."""
    names = {segment.speaker for segment in segments}
    names |= {word.speaker for segment in segments for word in segment.words}
    return {name for name in names if name}


def replace_all(draft: Draft, exact: Operation) -> None:
    """Put a whole document in place of what is there."""
    read = Transcript.from_json({**draft.source.to_json(), "segments": exact["segments"]})
    draft.segments = list(read.segments)
    draft.source = dataclasses.replace(draft.source, language=exact.get("language", draft.language))


HANDLERS: dict[str, Callable[[Draft, Operation], None]] = {
    "set_text": set_text,
    "insert_word": insert_word,
    "delete": delete,
    "split_segment": split_segment,
    "merge_segments": merge_segments,
    "retime": retime,
    "set_speaker": set_speaker,
    "rename_speaker": rename_speaker,
    "merge_speakers": merge_speakers,
    "replace_all": replace_all,
}

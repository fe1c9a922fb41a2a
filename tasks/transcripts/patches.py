"""Edits as patches that outlive the pass of an engine they were made on.

A patch is an operation made exact, with an anchor (id, text, time) for every word of the engine's that it names. On
another pass over the same media the anchors are found again, the operation is said in the new pass's ids and done.
What cannot be done is a conflict: it is kept, told, and tried again on the next pass; nothing is dropped.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tasks.contracts import Transcript, Word
from tasks.transcripts.draft import Draft, OperationError
from tasks.transcripts.matching import Anchor, match_words
from tasks.transcripts.operations import Operation, apply_operation, apply_operations

SPEAKER_SAMPLE = 200
"""How many words of a speaker are kept to know that speaker again."""
SPEAKER_KEYS = {"rename_speaker": ("speaker",), "merge_speakers": ("speakers", "to"), "set_speaker": ("speaker",)}


@dataclass(frozen=True)
class Patch:
    """One operation with what finds it again.

    :param anchors: the engine's words that it names, as they were heard.
    :param voices: for each of the engine's speakers that it names, words that speaker said.
    :param conflict: why it could not be done on the present pass; None: it was.
    """

    op: Operation
    anchors: tuple[Anchor, ...] = ()
    voices: Mapping[str, tuple[Anchor, ...]] = dataclasses.field(default_factory=dict)
    conflict: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dictionary."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Patch:
        """Read what :meth:`to_json` wrote."""
        return cls(
            document["op"],
            _anchors(document["anchors"]),
            {name: _anchors(words) for name, words in document["voices"].items()},
            document["conflict"],
        )


@dataclass(frozen=True)
class Rebased:
    """A new pass with the edits done on it again; ``patches`` are all of them, those in conflict included."""

    transcript: Transcript
    patches: tuple[Patch, ...]

    @property
    def conflicts(self) -> tuple[Patch, ...]:
        """Return the edits that could not be done."""
        return tuple(patch for patch in self.patches if patch.conflict)


def _anchors(documents: Iterable[Mapping[str, Any]]) -> tuple[Anchor, ...]:
    return tuple(Anchor(**document) for document in documents)


def record_patches(
    transcript: Transcript, operations: Sequence[Operation], earlier: Sequence[Patch] = ()
) -> tuple[Transcript, list[Patch]]:
    """Do operations on a transcript and return it with their patches.

    :param earlier: the patches that made this transcript of what an engine heard.

    Raises ``transcript.operation_invalid``.
    """
    memory = _Memory.of(transcript, earlier)
    edited, exact = apply_operations(transcript, operations)
    return edited, [memory.patch(operation) for operation in exact]


@dataclass
class _Memory:
    """What the engine said of each word and speaker, whatever edits did since."""

    heard: dict[str, Anchor]
    made: set[str]
    voices: dict[str, tuple[Anchor, ...]]

    @classmethod
    def of(cls, transcript: Transcript, earlier: Sequence[Patch]) -> _Memory:
        heard = {word.id: _anchor(word) for segment in transcript.segments for word in segment.words}
        voices = _voices(transcript)
        made: set[str] = set()
        for patch in reversed(earlier):
            heard.update({anchor.id: anchor for anchor in patch.anchors})
            made |= made_ids(patch.op)
            voices.update(patch.voices)
        named = {patch.op["to"] for patch in earlier if patch.op["op"] in ("rename_speaker", "merge_speakers")}
        return cls(heard, made, {name: words for name, words in voices.items() if name not in named})

    def patch(self, operation: Operation) -> Patch:
        anchors = [self.heard[name] for name in named_words(operation) if name in self.heard and name not in self.made]
        voices = {name: self.voices[name] for name in named_speakers(operation) if name in self.voices}
        self.made |= made_ids(operation)
        return Patch(operation, tuple(anchors), voices)


def _anchor(word: Word) -> Anchor:
    return Anchor(word.id, word.text, word.start, word.end)


def _voices(transcript: Transcript) -> dict[str, tuple[Anchor, ...]]:
    said: dict[str, list[Anchor]] = {}
    for segment in transcript.segments:
        for word in segment.words:
            speaker = word.speaker or segment.speaker
            if speaker and len(said.setdefault(speaker, [])) < SPEAKER_SAMPLE:
                said[speaker].append(_anchor(word))
    return {name: tuple(words) for name, words in said.items()}


def named_words(operation: Operation) -> list[str]:
    """Return the ids of the words that an exact operation names."""
    single = [operation[key] for key in ("after", "before", "left", "right") if key in operation]
    return [*operation.get("words", []), *single]


def named_speakers(operation: Operation) -> list[str]:
    """Return the speakers that an exact operation names."""
    found: list[str] = []
    for key in SPEAKER_KEYS.get(operation["op"], ()):
        value = operation[key]
        found += value if isinstance(value, list) else [value] if value else []
    return found


def made_ids(operation: Operation) -> set[str]:
    """Return the ids of words that an exact operation made."""
    single = {operation["id"]} if operation["op"] == "insert_word" and "id" in operation else set()
    return {*operation.get("ids", ()), *single}


def rebase_patches(fresh: Transcript, patches: Sequence[Patch]) -> Rebased:
    """Do edits again on another pass over the same media; the order of the edits is kept."""
    everything = {anchor.id: anchor for patch in reversed(patches) for anchor in patch.anchors}
    translation = _Translation(
        match_words(list(everything.values()), [word for segment in fresh.segments for word in segment.words]),
        fresh,
    )
    translation.learn_voices(patches)
    draft, done = Draft.of(fresh), []
    for patch in patches:
        done.append(_redo(draft, patch, translation))
    return Rebased(draft.close(), tuple(done))


def _redo(draft: Draft, patch: Patch, translation: _Translation) -> Patch:
    before, source = list(draft.segments), draft.source
    try:
        operation = translation.translate(patch)
        exact = apply_operation(draft, operation)
    except OperationError as error:
        draft.segments, draft.source = before, source
        return dataclasses.replace(patch, conflict=error.detail)
    translation.learn_made(patch.op, exact)
    return Patch(exact, translation.anchors_of(exact), translation.voices_of(exact))


class _Translation:
    """Ids and speakers of an old pass in the words of a new one."""

    def __init__(self, matched: Mapping[str, Word], fresh: Transcript) -> None:
        self.memory = _Memory.of(fresh, ())
        self.words = {name: word.id for name, word in matched.items()}
        self.speakers: dict[str, str | None] = {}
        self.spoken_by = {
            word.id: word.speaker or segment.speaker for segment in fresh.segments for word in segment.words
        }
        self.fresh_words = [word for segment in fresh.segments for word in segment.words]

    def learn_voices(self, patches: Sequence[Patch]) -> None:
        """Find the speakers of the old pass by what they said."""
        samples = {name: words for patch in reversed(patches) for name, words in patch.voices.items()}
        for name, words in samples.items():
            found = match_words(words, self.fresh_words)
            votes = Counter(self.spoken_by[word.id] for word in found.values())
            self.speakers[name] = votes.most_common(1)[0][0] if votes else None

    def learn_made(self, old: Operation, exact: Operation) -> None:
        """Remember what words are called now that an operation made."""
        old_made = [*old.get("ids", ()), *([old["id"]] if "id" in old else [])]
        new_made = [*exact.get("ids", ()), *([exact["id"]] if "id" in exact else [])]
        self.words.update(dict(zip(old_made, new_made, strict=False)))
        self.memory.made |= made_ids(exact)

    def translate(self, patch: Patch) -> Operation:
        """Return the operation in the new pass's ids; refuse with ``word_lost`` or ``speaker_lost``."""
        operation = dict(patch.op)
        if operation["op"] == "replace_all":
            raise _lost("whole", "A whole document was put in place of the earlier pass")
        if "segment" in operation:
            raise _lost("segment", "A segment without word times cannot be found in another pass")
        told = {anchor.id: anchor for anchor in patch.anchors}
        for key in ("after", "before", "left", "right"):
            if key in operation:
                operation[key] = self._word(operation[key], told)
        if "words" in operation:
            operation["words"] = list(dict.fromkeys(self._word(name, told) for name in operation["words"]))
        for key in SPEAKER_KEYS.get(operation["op"], ()):
            operation[key] = self._speaker(operation[key], patch.voices)
        return operation

    def _word(self, name: str, told: Mapping[str, Anchor]) -> str:
        if name not in self.words:
            anchor = told.get(name)
            what = f"{anchor.text!r} at {anchor.start:.2f} s" if anchor else name
            raise _lost("word", f"The word {what} is not in the new pass")
        return self.words[name]

    def _speaker(self, value: Any, voices: Mapping[str, Any]) -> Any:
        if isinstance(value, list):
            return sorted({self._speaker(name, voices) for name in value})
        if value not in voices:
            return value
        if not self.speakers.get(value):
            raise _lost("speaker", f"The speaker {value} is not in the new pass")
        return self.speakers[value]

    def anchors_of(self, exact: Operation) -> tuple[Anchor, ...]:
        """Return the new pass's words that an operation names."""
        return self.memory.patch(exact).anchors

    def voices_of(self, exact: Operation) -> Mapping[str, tuple[Anchor, ...]]:
        """Return what the new pass's speakers said that an operation names."""
        return self.memory.patch(exact).voices


def _lost(kind: str, message: str) -> OperationError:
    return OperationError("transcript.operation_invalid", message, {"reason": f"{kind}_lost"})

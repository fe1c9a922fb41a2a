"""A transcript being edited: segments in order, words found by id. Only :mod:`tasks.transcripts.operations` uses it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from tasks.contracts import Segment, Transcript, Word
from tasks.errors import InvalidInputError
from tasks.transcripts.words import join_words, number_ids

SLACK_S = 0.0015
"""Two times closer than this are the same: clients round to milliseconds."""
END_SLACK_S = 0.05
"""How far a word may reach past the heard audio: the last packet is often counted differently."""


class OperationError(InvalidInputError):
    """Raised when one operation cannot be done; ``extra["findings"]`` names which and why."""


def refuse(reason: str, message: str) -> OperationError:
    """Return the error of an operation; ``apply_operations`` adds where it stood."""
    return OperationError("transcript.operation_invalid", message, {"reason": reason})


@dataclass
class Draft:
    """The segments of a transcript while operations change them."""

    source: Transcript
    segments: list[Segment] = field(default_factory=list)
    used: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, transcript: Transcript) -> Draft:
        """Open a transcript for editing."""
        names = {segment.id for segment in transcript.segments}
        names |= {word.id for segment in transcript.segments for word in segment.words}
        return cls(transcript, list(transcript.segments), names)

    def close(self) -> Transcript:
        """Return the edited transcript."""
        return dataclasses.replace(self.source, segments=tuple(self.segments))

    @property
    def language(self) -> str:
        """Return the language that is spoken."""
        return self.source.language

    def new_id(self, prefix: str, wanted: str | None = None) -> str:
        """Return an id that nobody has or had; ``wanted`` when it is free."""
        name = wanted if wanted and wanted not in self.used else next(number_ids(prefix, self.used))
        self.used.add(name)
        return name

    def words(self) -> Iterator[Word]:
        """Yield all words in order."""
        for segment in self.segments:
            yield from segment.words

    def find_word(self, word_id: str) -> tuple[int, int]:
        """Return the places (segment, word) of a word; refuse with ``word_unknown``."""
        for row, segment in enumerate(self.segments):
            for column, word in enumerate(segment.words):
                if word.id == word_id:
                    return row, column
        raise refuse("word_unknown", f"There is no word {word_id}")

    def find_run(self, names: Sequence[str]) -> tuple[int, int]:
        """Return the place of the first of words that follow each other in one segment; refuse with ``words_apart``."""
        row, column = self.find_word(names[0])
        there = [word.id for word in self.segments[row].words[column : column + len(names)]]
        if there != list(names):
            for name in names:
                self.find_word(name)
            raise refuse("words_apart", "The words do not follow each other in one segment")
        return row, column

    def find_segment(self, segment_id: str) -> int:
        """Return the place of a segment; refuse with ``segment_unknown``."""
        for row, segment in enumerate(self.segments):
            if segment.id == segment_id:
                return row
        raise refuse("segment_unknown", f"There is no segment {segment_id}")

    def set_words(self, row: int, words: Sequence[Word]) -> None:
        """Give a segment these words; a segment without any goes away."""
        segment = self.segments[row]
        if not words:
            del self.segments[row]
            return
        self.segments[row] = dataclasses.replace(
            segment,
            words=tuple(words),
            text=join_words(words, self.language),
            start=words[0].start,
            end=max(word.end for word in words),
        )

    def change_words(self, change: Callable[[Word], Word]) -> None:
        """Change words where they stand, their times and texts untouched."""
        self.segments = [
            dataclasses.replace(segment, words=tuple(change(word) for word in segment.words))
            for segment in self.segments
        ]

    def check_times(self) -> None:
        """Refuse times that are reversed, out of order or after the end of the media."""
        latest_s = 0.0
        for segment in self.segments:
            if segment.start < latest_s - SLACK_S:
                raise refuse("time_order", f"Segment {segment.id} would start before the one in front of it has ended")
            _check_words(segment)
            latest_s = max(latest_s, segment.end)
            if latest_s > self.source.duration_s + END_SLACK_S:
                raise refuse("time_outside", f"The media ends at {self.source.duration_s:g} s")


def _check_words(segment: Segment) -> None:
    previous_s = 0.0
    for item in segment.words or (segment,):
        if item.end <= item.start:
            raise refuse("time_reversed", f"{item.id} would not end after its start")
        if item.start < previous_s - SLACK_S:
            raise refuse("time_order", f"Word {item.id} would start before the word in front of it")
        previous_s = item.start

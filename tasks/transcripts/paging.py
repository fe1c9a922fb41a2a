"""Words into cues that can be read: how long, how many words, how fast, and where a cue may end.

The best place is chosen, not the first one that must be: a short dynamic programme weighs every way to cut a stretch of
speech, so that cues end at sentences and phrases and are of similar length.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from tasks.contracts import Word
from tasks.scenario.text import NONE, joins
from tasks.transcripts.words import join_words

SENTENCE_ENDS = (".", "!", "?", "…", "。", "\uff1f", "\uff01")
PHRASE_ENDS = (",", ";", ":", "、", "\uff0c", "\uff1b")


@dataclass(frozen=True)
class PagingRules:
    """What a cue may be.

    :param max_characters: of a whole cue: 42 a line on two lines is what broadcasters use for Latin scripts.
    :param max_words: of a cue; 0: as many as fit.
    :param max_gap_s: a pause this long always ends a cue.
    :param max_cps: characters a second above which a cue is read with haste; 17 is what broadcasters ask for.
    :param min_duration_s: a cue shorter than this flashes by.
    :param max_duration_s: a cue that stays longer is read twice.
    """

    max_characters: int = 84
    max_words: int = 0
    max_gap_s: float = 0.7
    max_cps: float = 17.0
    min_duration_s: float = 0.8
    max_duration_s: float = 7.0


@dataclass(frozen=True)
class Page:
    """The words of a cue, and how long it is shown."""

    words: tuple[Word, ...]
    start: float
    end: float
    text: str

    @property
    def cps(self) -> float:
        """Return characters a second."""
        return len(self.text) / max(self.end - self.start, 0.001)


def page_words(words: Sequence[Word], rules: PagingRules, *, language: str | None = None) -> list[Page]:
    """Cut words into cues; every word is in one cue, in order, and no cue overlaps the next."""
    pages: list[Page] = []
    for run in _runs(words, rules):
        pages += [_page(group, language) for group in _cut_run(run, rules, language)]
    return [_linger(page, following, rules) for page, following in itertools.zip_longest(pages, pages[1:])]


def _runs(words: Sequence[Word], rules: PagingRules) -> list[list[Word]]:
    """Cut where a cue must end: at long pauses and where somebody else speaks."""
    runs: list[list[Word]] = []
    for word in words:
        last = runs[-1][-1] if runs else None
        if last is None or word.start - last.end > rules.max_gap_s or word.speaker != last.speaker:
            runs.append([])
        runs[-1].append(word)
    return runs


def _cut_run(run: list[Word], rules: PagingRules, language: str | None) -> list[list[Word]]:
    """Return the cheapest way to cut a stretch of speech."""
    kinds = joins([word.text for word in run], language)
    lengths = [len(word.text) + 1 for word in run]
    best: list[tuple[float, int]] = [(0.0, 0)]
    for end in range(1, len(run) + 1):
        options = []
        for start in range(end - 1, -1, -1):
            if start < end - 1 and not _fits(run[start:end], sum(lengths[start:end]) - 1, rules):
                break
            options.append((best[start][0] + _price(run, kinds, start, end, rules), start))
        best.append(min(options))
    groups, end = [], len(run)
    while end:
        start = best[end][1]
        groups.append(run[start:end])
        end = start
    return groups[::-1]


def _fits(group: list[Word], characters: int, rules: PagingRules) -> bool:
    return (
        characters <= rules.max_characters
        and (not rules.max_words or len(group) <= rules.max_words)
        and group[-1].end - group[0].start <= rules.max_duration_s
    )


def _price(run: list[Word], kinds: list[str], start: int, end: int, rules: PagingRules) -> float:
    """Return what a cue costs: its own presence, room left over, and an end in the middle of a phrase."""
    group = run[start:end]
    full = sum(len(word.text) + 1 for word in group) / rules.max_characters
    price = 1.0 + (1.0 - min(full, 1.0)) ** 2
    if group[-1].end - group[0].start < rules.min_duration_s:
        price += 0.5
    if any(word.text.endswith(SENTENCE_ENDS) for word in group[:-1]):
        price += 2.0
    if end == len(run) or group[-1].text.endswith(SENTENCE_ENDS):
        return price
    if kinds[end] == NONE:
        return price + 10.0
    if group[-1].text.endswith(PHRASE_ENDS):
        return price + 0.2
    pause_s = run[end].start - group[-1].end
    return price + max(0.2, 1.0 - pause_s / rules.max_gap_s)


def _page(group: list[Word], language: str | None) -> Page:
    return Page(tuple(group), group[0].start, max(word.end for word in group), join_words(group, language))


def _linger(page: Page, following: Page | None, rules: PagingRules) -> Page:
    """Show a cue that is too short or too fast for longer, as far as the next one lets it."""
    wanted_s = max(rules.min_duration_s, len(page.text) / rules.max_cps)
    limit_s = following.start if following else float("inf")
    end = min(round(page.start + wanted_s, 3), limit_s)
    return Page(page.words, page.start, max(page.end, end), page.text)

"""Transcripts for the tests of shorts: given word by word, or drawn by hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st

from tasks.contracts import Segment, Transcript, Word


def talk(*words: tuple[str, float, float], duration_s: float, language: str = "en") -> Transcript:
    """Return a transcript of (text, start, end)."""
    heard = tuple(Word(f"w{number}", *word, 0.9) for number, word in enumerate(words))
    text = " ".join(word.text for word in heard)
    segments = (Segment("s1", text, heard[0].start, heard[-1].end, heard),) if heard else ()
    return Transcript(language, 1.0, duration_s, "faster", "1", "tiny", "dtw", segments)


def evenly(
    text: str, *, start_s: float = 0.5, word_s: float = 0.3, gap_s: float = 0.05, stop_s: float = 0.6
) -> Transcript:
    """Speak a text at an even pace, with a pause of ``stop_s`` after each sentence."""
    words, at_s = [], start_s
    for word in text.split():
        words.append((word, round(at_s, 3), round(at_s + word_s, 3)))
        at_s += word_s + (stop_s if word[-1] in ".?!" else gap_s)
    return talk(*words, duration_s=round(at_s + 0.5, 3))


_TEXTS = st.sampled_from(["um", "I", "you", "know,", "the", "uh", "well", "end.", "why?", "very", "so"])
_STEP = st.integers(0, 2500)


@st.composite
def talks(draw: st.DrawFn) -> Transcript:
    """Draw talks of words that do not overlap, with gaps from none to 2.5 s."""
    words, at_ms = [], 0
    for text in draw(st.lists(_TEXTS, max_size=40)):
        start = at_ms + draw(_STEP)
        at_ms = start + draw(st.integers(20, 900))
        words.append((text, start / 1000, at_ms / 1000))
    return talk(*words, duration_s=(at_ms + draw(_STEP) + 1) / 1000)

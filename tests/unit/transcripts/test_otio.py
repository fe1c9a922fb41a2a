"""Edit lists as OpenTimelineIO, read by its own library."""

from __future__ import annotations

import opentimelineio as otio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.contracts import Segment, Transcript, Word
from tasks.errors import InvalidInputError
from tasks.transcripts.cuts import Span, TimeMap
from tasks.transcripts.formats.otio import read_otio, write_otio

SAID = Segment("s1", "Hello", 1.0, 2.0, (Word("w1", "Hello", 1.0, 2.0),), "Ann")
HEARD = Transcript("en", 1.0, 10.0, "x", "1", "m", "dtw", (SAID,))
SPANS = st.lists(
    st.tuples(st.integers(0, 9000), st.integers(10, 3000)).map(lambda p: Span(p[0] / 1000, (p[0] + p[1]) / 1000)),
    max_size=5,
)


def test_the_library_reads_clips_markers_and_media() -> None:
    text = write_otio(HEARD, TimeMap.of([Span(3.0, 4.5)], 10.0), media="asset:1")

    timeline = otio.adapters.read_from_string(text, "otio_json")

    clips = list(timeline.video_tracks()[0].find_clips())
    assert [clip.source_range.start_time.to_seconds() for clip in clips] == [0.0, 4.5]
    assert timeline.duration().to_seconds() == 8.5
    assert clips[0].media_reference.target_url == "asset:1"
    assert [marker.name for marker in clips[0].markers] == ["Hello"]
    assert len(timeline.audio_tracks()) == 1


@settings(max_examples=40, deadline=None)
@given(SPANS)
def test_cuts_come_back_through_the_library(cuts: list[Span]) -> None:
    times = TimeMap.of(cuts, 10.0)
    written = otio.adapters.write_to_string(
        otio.adapters.read_from_string(write_otio(HEARD, times, media="asset:1"), "otio_json"), "otio_json"
    )

    if not times.kept:
        with pytest.raises(InvalidInputError):
            read_otio(written, duration_s=10.0)
        return
    again = TimeMap.of(read_otio(written, duration_s=10.0), 10.0)

    assert [(round(s.start, 3), round(s.end, 3)) for s in again.kept] == [(s.start, s.end) for s in times.kept]


def test_a_timeline_at_frames_of_another_rate_is_read() -> None:
    track = otio.schema.Track("Video")
    for first in (0, 50):
        span = otio.opentime.TimeRange(otio.opentime.RationalTime(first, 25), otio.opentime.RationalTime(25, 25))
        track.append(otio.schema.Clip("a", source_range=span))
    timeline = otio.schema.Timeline()
    timeline.tracks.append(track)

    cuts = read_otio(otio.adapters.write_to_string(timeline, "otio_json"), duration_s=5.0)

    assert cuts == [Span(1.0, 2.0), Span(3.0, 5.0)]


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"tracks": {"children": []}}', '{"tracks": 3}'])
def test_what_is_no_timeline_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        read_otio(text, duration_s=5.0)

    assert caught.value.code == "transcript.file_invalid"

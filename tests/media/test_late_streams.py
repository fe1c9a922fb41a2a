"""A stream that shows up in the middle of a file, unknown when it was opened, breaks no reader."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tasks.media.container import frames_of, open_media, packets_of
from tests.media_samples import make_video

pytestmark = pytest.mark.security("S-3")


class Late:
    """Ends as PyAV does after such a file; whether it does, is decided by what lies in memory behind its table."""

    def __init__(self, container: Any) -> None:
        self._container = container

    def demux(self, *streams: Any) -> Iterator[Any]:
        yield from self._container.demux(*streams)
        raise IndexError("list index out of range")


def test_what_was_known_at_the_beginning_is_read_to_the_end(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.ts", width=64, height=64, duration_s=1)

    with open_media(path) as container:
        late: Any = Late(container)
        packets = [(one.stream.type, one.size) for one in packets_of(late, *container.streams)]
        container.seek(0)
        frames = sum(1 for _ in frames_of(late, container.streams.video[0]))

    assert sum(kind == "video" and size > 0 for kind, size in packets) == 30
    assert [size for _, size in packets[-2:]] == [0, 0]
    assert frames == 30

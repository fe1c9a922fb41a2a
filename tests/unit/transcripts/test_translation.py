"""Translation through a server that speaks LibreTranslate's protocol over HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from cli.main import main
from tasks.contracts import Transcript
from tasks.errors import ReelyardError
from tasks.transcripts.translation import LibreTranslate, translate_transcript
from tasks.transcripts.words import segment_of, spread_text

WORDS = {"good": "guten", "morning": "Morgen", "friends": "liebe Freunde"}


@dataclass
class Server:
    """What the server was asked, and what it shall answer in place of a translation."""

    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)
    refusal: tuple[int, bytes] | None = None


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            state.asked.append({"path": self.path, **asked})
            told = [" ".join(WORDS.get(word, word) for word in text.split()) for text in asked["q"]]
            status, body = state.refusal or (200, json.dumps({"translatedText": told}).encode())
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Stay silent."""

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{running.server_port}"
    yield state
    running.shutdown()
    running.server_close()
    thread.join()


def transcript(count: int = 1) -> Transcript:
    segments = []
    for row in range(count):
        words = spread_text(
            ["good", "morning", "friends"], row * 4.0, row * 4.0 + 3.0, ids=[f"w{row}{n}" for n in "abc"]
        )
        segments.append(segment_of(f"s{row}", words, speaker="Ann", placement="line:10%"))
    return Transcript("en", 0.9, count * 4.0, "faster", "1", "m", "dtw", tuple(segments))


def test_cues_keep_times_ids_speakers_and_words_are_marked_as_estimated(server: Server) -> None:
    german = translate_transcript(transcript(), LibreTranslate(server.url, api_key="k"), target="de")

    [segment] = german.segments
    assert (segment.id, segment.text, segment.start, segment.end) == ("s0", "guten Morgen liebe Freunde", 0.0, 3.0)
    assert (segment.speaker, segment.placement, german.language) == ("Ann", "line:10%", "de")
    assert [word.text for word in segment.words] == ["guten", "Morgen", "liebe", "Freunde"]
    assert all(word.estimated and word.speaker == "Ann" for word in segment.words)
    assert (segment.words[0].start, segment.words[-1].end) == (0.0, 3.0)
    assert server.asked == [
        {"path": "/translate", "q": ["good morning friends"], "source": "en", "target": "de", "format": "text",
         "api_key": "k"}
    ]  # fmt: skip


def test_many_cues_go_in_batches_and_stay_in_order(server: Server) -> None:
    german = translate_transcript(transcript(120), LibreTranslate(server.url), target="de")

    assert [len(one["q"]) for one in server.asked] == [50, 50, 20]
    assert len({word.id for segment in german.segments for word in segment.words}) == 480


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (400, b'{"error": "xx is not supported"}', "translation.refused"),
        (200, b'{"translatedText": []}', "translation.refused"),
        (200, b"<html>", "translation.refused"),
        (429, b"{}", "translation.unavailable"),
        (500, b"{}", "translation.unavailable"),
    ],
)
def test_a_refusal_is_told_by_a_stable_code(server: Server, status: int, body: bytes, code: str) -> None:
    server.refusal = (status, body)

    with pytest.raises(ReelyardError) as caught:
        translate_transcript(transcript(), LibreTranslate(server.url), target="xx")

    assert caught.value.code == code


def test_a_server_that_is_away_is_told_as_unavailable() -> None:
    with pytest.raises(ReelyardError) as caught:
        translate_transcript(transcript(), LibreTranslate("http://127.0.0.1:1"), target="de")

    assert caught.value.code == "translation.unavailable"


def test_the_command_writes_the_translated_transcript(server: Server, tmp_path: Path) -> None:
    source, out = tmp_path / "words.json", tmp_path / "german.json"
    source.write_text(json.dumps(transcript().to_json()))

    code = main(["translate", str(source), "--to", "de", "--url", server.url, "--out", str(out)])

    assert code == 0
    assert Transcript.from_json(json.loads(out.read_text())).segments[0].text == "guten Morgen liebe Freunde"

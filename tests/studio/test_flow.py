"""Upload, edit, export, download, by hand; and what was seen before is what was exported."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.stack import Stack
from tests.media_samples import make_video, short_speech_wav
from tests.studio import parity
from tests.studio.visitor import Visitor

FPS = 30
LEAST_LIKENESS = 0.995
TIMES = 20


@dataclass
class Film:
    """One video from upload to download, still open in the editor."""

    visitor: Visitor
    heard: list[str]
    said: list[str]
    file: Path


@pytest.fixture(scope="module")
def film(built: Path, standing: Stack, browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Film]:
    """A film that somebody has edited and exported."""
    folder = tmp_path_factory.mktemp("studio")
    length_s = short_speech_wav(folder / "speech.wav")
    clip = make_video(
        folder / "talk.mp4", width=640, height=360, fps=FPS, duration_s=length_s, audio=folder / "speech.wav",
        options={"preset": "veryfast", "crf": "12"},
    )  # fmt: skip
    visitor = Visitor(browser, standing.system.layout.api_url)
    visitor.sign_up()
    visitor.upload(clip)
    heard = visitor.words()
    edit_a_word(visitor, "Reelyard")
    visitor.page.get_by_role("tab", name="Format").click()
    visitor.page.get_by_label("Quality").select_option("best")
    file = visitor.export(folder / "exported.mp4")
    yield Film(visitor, heard, visitor.words(), file)
    visitor.leave()


def edit_a_word(visitor: Visitor, text: str) -> None:
    """Write another word in place of the second."""
    visitor.page.locator("[data-word]").nth(1).dblclick()
    visitor.page.get_by_label("Edit word").fill(text)
    visitor.page.keyboard.press("Enter")
    visitor.wait_saved()


def test_a_word_is_edited_and_the_file_has_the_video_s_length(film: Film) -> None:
    with av.open(str(film.file)) as container:
        stream = container.streams.video[0]
        frames = sum(1 for _ in container.decode(video=0))

    assert film.said == [film.heard[0], "Reelyard", *film.heard[2:]]
    assert (stream.width, stream.height) == (640, 360)
    assert frames / FPS == pytest.approx(
        float(film.visitor.page.evaluate("document.querySelector('video').duration")), abs=0.2
    )
    assert film.visitor.complaints == []


def test_the_player_shows_what_was_exported_and_a_shifted_margin_does_not(film: Film) -> None:
    page = film.visitor.page
    page.get_by_role("button", name="100 %").click()
    exported = parity.frames_of(film.file)

    same = parity.likeness(film.visitor, exported, fps=FPS, count=TIMES)
    page.get_by_role("tab", name="Style").click()
    shift_captions(film.visitor)
    shifted = parity.likeness(film.visitor, exported, fps=FPS, count=4)

    assert len(same) == TIMES
    assert min(same) >= LEAST_LIKENESS, same
    assert max(shifted) < LEAST_LIKENESS, shifted


def shift_captions(visitor: Visitor) -> None:
    """Move the captions up by one percent of the height."""
    before = parity.captions(visitor)[0]["box"]
    slider = visitor.page.get_by_label("Height on screen")
    slider.focus()
    for _ in range(2):
        visitor.page.keyboard.press("ArrowRight")
    visitor.stage.wait_for_function(
        "(y) => window.reelyard.stage.measure()[0].box[1] < y - 1", arg=before[1], timeout=30_000
    )


def test_undo_brings_the_word_back_and_redo_takes_it_again(film: Film) -> None:
    page, second = film.visitor.page, film.visitor.page.locator("[data-word]").nth(1)

    page.get_by_role("button", name="Undo").click()
    expect(second).to_have_text(film.heard[1])
    page.get_by_role("button", name="Redo").click()
    expect(second).to_have_text("Reelyard")


def test_a_click_on_a_word_goes_there(film: Film) -> None:
    page = film.visitor.page
    page.locator("[data-word]").nth(4).click()
    page.wait_for_function("() => document.querySelector('[data-word].spoken')")

    assert page.locator("[data-word].spoken").inner_text() == film.said[4]


def test_no_token_is_kept_where_scripts_of_another_day_could_read_it(film: Film) -> None:
    kept = film.visitor.page.evaluate("JSON.stringify({...localStorage, ...sessionStorage}) + document.cookie")

    assert "eyJ" not in kept
    assert "token" not in kept

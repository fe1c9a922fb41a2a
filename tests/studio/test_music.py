"""Samples from links, and a song's film, by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from bench.songs import Song, compose, play, write_wav
from cli.client import ApiClient
from tests.e2e.stack import Stack
from tests.media.link_site import LinkSite
from tests.studio.visitor import PASSWORD, PATIENCE_MS, Visitor

pytestmark = pytest.mark.usefixtures("whole")
STEPS = 8
PATIENCE_WITH_WORK_MS = 5 * PATIENCE_MS
EDGE_S = 7.0


@pytest.fixture(scope="module")
def tune(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A song of 15 s whose tempo and key are known."""
    notes = compose(Song("s", ((0, 126.0),), "E minor", form=(("verse", 8),), seed=3))
    return write_wav(tmp_path_factory.mktemp("song") / "tune.wav", play(notes))


@pytest.fixture(scope="module")
def site(tune: Path) -> Iterator[LinkSite]:
    """A site with the song on it."""
    with LinkSite({"/tune.wav": tune.read_bytes()}) as running:
        yield running


def order(visitor: Visitor, link: str, tags: str = "") -> None:
    """Ask for a sample."""
    visitor.go("samples")
    visitor.page.get_by_role("button", name="New sample").first.click()
    dialog = visitor.page.get_by_role("dialog")
    dialog.get_by_label("Link").fill(link)
    dialog.get_by_label("Tags").fill(tags)
    dialog.get_by_role("button", name="New sample").click()


def test_a_link_becomes_a_sample_that_is_found_heard_and_downloaded(visitor: Visitor, site: LinkSite) -> None:
    page = visitor.page
    visitor.sign_up()
    order(visitor, f"{site.url}/tune.wav", "Dusty, drums")
    expect(page.locator(".eight li")).to_have_count(STEPS)
    expect(page.get_by_role("heading", name="Loops")).to_be_visible(timeout=PATIENCE_WITH_WORK_MS)
    expect(page.get_by_text("E minor")).to_be_visible()
    page.get_by_role("button", name="Listen to tune").click()
    page.wait_for_function("() => Number(document.querySelector('.wave input').value) > 0.2")
    with page.expect_download() as coming:
        page.get_by_role("button", name="Download tune as WAV").click()
    assert coming.value.suggested_filename == "tune_126bpm_Em.wav"

    visitor.go("samples")
    rows = page.locator(".samples > li")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("1 download")
    page.get_by_role("spinbutton", name="Slowest").fill("130")
    expect(page.get_by_text("No sample fits")).to_be_visible()
    page.get_by_role("spinbutton", name="Slowest").fill("120")
    page.get_by_label("Key").select_option("E minor")
    page.get_by_label("Tag").fill("dusty")
    expect(rows).to_have_count(1)
    assert visitor.complaints == []


def test_a_dead_link_says_why_and_the_same_link_leads_to_what_is_there(visitor: Visitor, site: LinkSite) -> None:
    page = visitor.page
    visitor.sign_up()
    order(visitor, f"{site.url}/gone.mp3")
    expect(page.get_by_text("There is nothing behind this link any more.")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator(".step-failed")).to_have_count(1)
    expect(page.get_by_role("button", name="Retry")).to_have_count(0)
    order(visitor, f"{site.url}/tune.wav?twice")
    expect(page.locator(".eight li")).to_have_count(STEPS)
    made = page.url
    order(visitor, f"{site.url}/tune.wav?twice")
    page.get_by_role("link", name="Show it").click()

    page.wait_for_url(made)


def bring_song(stack: Stack, client: ApiClient, tune: Path) -> tuple[str, list[float]]:
    """Upload a song, have it analysed and divided in two; return its id and its beats."""
    upload = client.upload(tune, content_type="audio/wav", purpose="sound")
    stack.wait_ended(client, upload["job"]["id"], timeout_s=300)
    song = client.call("POST", "/songs", json={"asset_id": upload["asset"]["id"], "title": "By hand"})["id"]
    stack.wait_ended(
        client, client.call("POST", f"/songs/{song}/analyze", json={"lyrics": False})["job_id"], timeout_s=300
    )
    told = client.call("GET", f"/songs/{song}/analysis")["analysis"]
    edges = (0.0, EDGE_S, told["duration_s"])
    parts = [
        {"start": start, "end": end, "label": name, "note": ""}
        for start, end, name in zip(edges[:-1], edges[1:], "AB", strict=True)
    ]
    client.call("POST", f"/songs/{song}/sections", json={"sections": parts})
    return song, told["beats"]


def drag_the_edge(visitor: Visitor) -> None:
    """Drag the first section's end to the right."""
    visitor.page.locator(".song-wave").scroll_into_view_if_needed()
    edge = visitor.page.locator('.song-wave [part~="region-handle-right"]').first
    edge.wait_for()
    box = edge.bounding_box()
    assert box is not None
    mouse, x, y = visitor.page.mouse, box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    mouse.move(x, y)
    mouse.down()
    mouse.move(x + 40, y, steps=4)
    mouse.move(x + 120, y, steps=4)
    mouse.up()


def test_a_song_s_edge_snaps_to_a_beat_and_its_film_is_made_shared_and_finished(
    visitor: Visitor, stack: Stack, tune: Path
) -> None:
    visitor.sign_up()
    with ApiClient(stack.system.layout.api_url) as client:
        client.login(visitor.email, PASSWORD)
        song, beats = bring_song(stack, client, tune)
        before = client.call("GET", f"/songs/{song}/sections")["items"]
        visitor.go(f"songs/{song}")
        drag_the_edge(visitor)
        expect(visitor.page.get_by_label("End of A, seconds")).not_to_have_value(f"{before[0]['end']:.2f}")
        first, second = client.call("GET", f"/songs/{song}/sections")["items"]
        make_the_film(visitor)
        see_what_is_shared(visitor)

    assert first["end"] > before[0]["end"] + 0.4
    assert min(abs(first["end"] - beat) for beat in beats) < 0.02
    assert (first["end"], first["label"], second["label"]) == (second["start"], "A", "B")
    assert visitor.complaints == []


def make_the_film(visitor: Visitor) -> None:
    """Make clips, look at what they take first; join them, make one again."""
    page = visitor.page
    page.get_by_role("button", name="Make clips").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("clips, about")).to_be_visible()
    dialog.get_by_label("Size").select_option("640x360")
    dialog.get_by_role("button", name="Make clips").click()
    page.get_by_role("button", name="Join into a film").click(timeout=PATIENCE_WITH_WORK_MS)
    expect(page.get_by_text("The film is there")).to_be_visible(timeout=PATIENCE_WITH_WORK_MS)
    page.get_by_role("button", name="Make again: Clip 1").click()
    expect(page.get_by_role("button", name="Finish")).to_have_count(0)
    expect(page.get_by_text("The film is there")).to_be_visible(timeout=PATIENCE_WITH_WORK_MS)
    expect(page.get_by_text("Made again already")).to_have_count(1)


def see_what_is_shared(visitor: Visitor) -> None:
    """Share the film, see it as somebody without an account, revoke the link, finish the film."""
    page = visitor.page
    page.get_by_role("button", name="Share").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Make a link").click()
    link = dialog.locator(".secret code").inner_text()
    other = page.context.browser
    assert isinstance(other, Browser)
    stranger = Visitor(other, visitor.origin)
    stranger.page.goto(link)
    stranger.page.wait_for_function("() => document.querySelector('video')?.duration > 10")
    dialog.get_by_role("button", name="Revoke").click()
    expect(dialog.get_by_role("button", name="Revoke")).to_have_count(0)
    stranger.page.reload()
    expect(stranger.page.get_by_text("This link leads nowhere")).to_be_visible()
    stranger.leave()
    dialog.get_by_role("button", name="Close").click()
    page.get_by_role("button", name="Finish").click()
    page.get_by_role("dialog").get_by_role("button", name="Finish").click()
    expect(page.get_by_text("Nothing changes any more")).to_be_visible()

"""Every page: no serious barrier, by keyboard, on a phone, in the dark, and with nothing or nobody there."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from cli.client import ApiClient
from cli.studio import STUDIO
from tests.e2e.stack import Stack, caption, order
from tests.studio.accounts import promote
from tests.studio.visitor import PASSWORD, Visitor

pytestmark = pytest.mark.usefixtures("whole")
AXE = STUDIO / "node_modules" / "axe-core" / "axe.min.js"
PAGES = ("", "songs", "samples", "shorts", "sounds", "jobs", "account", "farm")
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True, "device_scale_factor": 2}
SERIOUS = ("serious", "critical")


@pytest.fixture(scope="module")
def owner(standing: Stack, clips: Path) -> dict[str, str]:
    """An administrator with one video, its words known."""
    email = f"studio-{secrets.token_hex(5)}@example.com"
    with ApiClient(standing.system.layout.api_url) as client:
        client.register(email, PASSWORD)
        upload = client.upload(clips / "spoken.mp4")
        assert standing.wait_ended(client, upload["job"]["id"])["state"] == "succeeded"
    promote(standing, email)
    return {"email": email, "asset": upload["asset"]["id"]}


@pytest.fixture(params=["light", "dark"])
def guest(request: Any, built: Path, stack: Stack, browser: Browser, owner: dict[str, str]) -> Iterator[Visitor]:
    """The owner at a desk, in light and in dark."""
    visitor = Visitor(browser, stack.system.layout.api_url, color_scheme=request.param)
    visitor.sign_in(owner["email"])
    yield visitor
    visitor.leave()


def barriers(visitor: Visitor) -> list[str]:
    """Return what axe calls serious or worse."""
    visitor.page.wait_for_timeout(600)
    visitor.page.evaluate(AXE.read_text())
    found = visitor.page.evaluate("axe.run(document, {iframes: false})")
    return [
        f"{each['id']}: {node['html'][:160]}"
        for each in found["violations"]
        if each["impact"] in SERIOUS
        for node in each["nodes"]
    ]


@pytest.mark.parametrize("page", PAGES)
def test_no_page_has_a_serious_barrier(guest: Visitor, page: str) -> None:
    guest.go(page)
    guest.page.get_by_role("main").get_by_role("heading").first.wait_for()
    guest.page.wait_for_timeout(600)

    assert guest.complaints == []  # before axe, which itself tries inline styles
    assert barriers(guest) == []


def test_a_page_that_gets_no_answer_says_so_and_goes_on_when_it_is_told_to(guest: Visitor) -> None:
    alert = guest.page.get_by_role("alert")
    for page in ("songs", "samples", "jobs"):
        guest.page.route(f"**/api/v1/{page}?*", lambda route: route.abort())
        guest.go(page)
        expect(alert).to_contain_text("The server cannot be reached")
        assert barriers(guest) == []
        guest.page.unroute(f"**/api/v1/{page}?*")
        alert.get_by_role("button", name="Try again").click()
        expect(alert).to_have_count(0)


def test_the_editor_has_no_serious_barrier(guest: Visitor, owner: dict[str, str]) -> None:
    guest.go(f"edit/{owner['asset']}")
    guest.wait_for_preview()
    found: dict[str, list[str]] = {}
    for tab in ("Style", "Format", "Export", "Checks"):
        guest.page.get_by_role("tab", name=tab).click()
        found[tab] = barriers(guest)

    assert found == {"Style": [], "Format": [], "Export": [], "Checks": []}


def test_signing_in_has_no_serious_barrier(visitor: Visitor) -> None:
    visitor.go()
    visitor.page.get_by_role("heading", name="Sign in").wait_for()

    assert barriers(visitor) == []


def test_a_phone_shows_everything_without_scrolling_aside(
    built: Path, stack: Stack, browser: Browser, owner: dict[str, str]
) -> None:
    phone = Visitor(browser, stack.system.layout.api_url, **PHONE)
    phone.sign_in(owner["email"])
    wide: dict[str, int] = {}
    for page in (*PAGES, f"edit/{owner['asset']}"):
        phone.go(page)
        phone.page.get_by_role("main").get_by_role("heading").first.wait_for()
        phone.page.wait_for_timeout(500)
        wide[page] = phone.page.evaluate("document.documentElement.scrollWidth - innerWidth")
    words = phone.page.locator("[data-word]")
    words.first.tap()
    expect(words.first).to_have_attribute("aria-selected", "true")
    phone.leave()

    assert {page: over for page, over in wide.items() if over > 0} == {}


def test_words_are_edited_by_keyboard_alone(guest: Visitor, owner: dict[str, str]) -> None:
    guest.go(f"edit/{owner['asset']}")
    guest.wait_for_preview()
    keyboard, text = guest.page.keyboard, f"Key{secrets.token_hex(2)}"
    guest.page.get_by_role("listbox", name="Transcript").focus()
    for key, at in (("Home", 0), ("ArrowRight", 1)):
        keyboard.press(key)
        expect(guest.page.locator("[data-word]").nth(at)).to_have_attribute("aria-selected", "true")
    keyboard.press("Enter")
    expect(guest.page.get_by_label("Edit word")).to_be_focused()
    keyboard.type(text)
    keyboard.press("Enter")
    guest.wait_saved()

    assert guest.words().index(text) == 1


def test_an_edit_by_somebody_else_is_not_overwritten(guest: Visitor, stack: Stack, owner: dict[str, str]) -> None:
    theirs, mine = (f"{whose}{secrets.token_hex(2)}" for whose in ("Theirs", "Mine"))
    guest.go(f"edit/{owner['asset']}")
    guest.wait_for_preview()
    with ApiClient(stack.system.layout.api_url) as client:
        client.login(owner["email"], PASSWORD)
        [listed] = client.call("GET", "/transcripts", params={"asset_id": owner["asset"]})["items"]
        transcript = client.call("GET", f"/transcripts/{listed['id']}")
        words = [word["id"] for segment in transcript["document"]["segments"] for word in segment["words"]]
        ops = {"ops": [{"op": "set_text", "word": words[0], "text": theirs}]}
        client.call(
            "POST", f"/transcripts/{listed['id']}/edits", json=ops, headers={"If-Match": f'"{listed["version"]}"'}
        )
    guest.page.locator("[data-word]").nth(2).dblclick()
    guest.page.get_by_label("Edit word").fill(mine)
    guest.page.keyboard.press("Enter")
    guest.page.get_by_role("button", name="Put my changes on top").click()
    guest.wait_saved()

    assert (guest.words()[0], guest.words()[2]) == (theirs, mine)


def test_what_is_changed_offline_is_sent_later(guest: Visitor, owner: dict[str, str]) -> None:
    text = f"Offline{secrets.token_hex(2)}"
    guest.go(f"edit/{owner['asset']}")
    guest.wait_for_preview()
    guest.page.context.set_offline(True)
    guest.page.locator("[data-word]").nth(3).dblclick()
    guest.page.get_by_label("Edit word").fill(text)
    guest.page.keyboard.press("Enter")
    expect(guest.page.get_by_text("1 change waits")).to_be_visible()
    expect(guest.page.get_by_text("You are offline")).to_be_visible()
    guest.page.context.set_offline(False)
    guest.wait_saved()
    guest.page.reload()
    guest.wait_for_preview()

    assert guest.words()[3] == text


def test_an_operator_drains_a_node_while_it_renders_and_takes_it_back(
    guest: Visitor, stack: Stack, owner: dict[str, str]
) -> None:
    page = guest.page
    name = stack.system.layout.node_name("render").split("@")[0]
    with ApiClient(stack.system.layout.api_url) as client:
        client.login(owner["email"], PASSWORD)
        scenario = caption(f"While it renders {secrets.token_hex(2)}", width=320, height=568)
        job = order(client, owner["asset"], scenario)["job_id"]
        guest.go("farm")
        card = page.locator("li.node").filter(has_text=name)
        card.get_by_role("button", name="Drain").click()
        told = page.get_by_role("dialog", name=f"Drain {name}")
        expect(told.get_by_text("Nobody else consumes render")).to_be_visible()
        expect(told.get_by_text("It takes nothing new until it is resumed")).to_be_visible()
        expect(card.get_by_text("Online")).to_be_attached()
        told.get_by_role("button", name="Drain").click()
        expect(card.get_by_text("Draining")).to_be_visible()
        card.get_by_role("button", name="Resume").click()
        expect(card.get_by_text("Online")).to_be_visible()

        assert stack.wait_ended(client, job)["state"] == "succeeded"


def test_a_queue_is_held_and_a_node_confined_only_once_it_was_said_what_happens(guest: Visitor) -> None:
    page = guest.page
    guest.go("farm")
    row = page.locator("tr").filter(has=page.get_by_role("button", name="Pause generation"))
    row.get_by_role("button", name="Pause generation").click()
    dialog = page.get_by_role("dialog", name="Pause generation")
    expect(dialog.get_by_text("all that is ordered from now on")).to_be_visible()
    dialog.get_by_role("button", name="Cancel").click()
    expect(row.get_by_role("button", name="Pause generation")).to_be_visible()
    page.get_by_role("button", name="Quarantine").first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("comes back once it passes")).to_be_visible()
    dialog.get_by_label("Reason").fill("")

    expect(dialog.get_by_role("button", name="Quarantine")).to_be_disabled()


def test_another_account_finds_no_farm(visitor: Visitor) -> None:
    visitor.sign_up()
    visitor.go("farm")

    expect(visitor.page.get_by_text("There is nothing at this address")).to_be_visible()


def test_a_session_lives_on_after_a_reload_and_ends_with_signing_out(visitor: Visitor) -> None:
    visitor.sign_up()
    visitor.page.reload()
    expect(visitor.page.get_by_role("heading", name="Library")).to_be_visible()
    visitor.page.get_by_role("button", name="Sign out").click()
    expect(visitor.page.get_by_role("heading", name="Sign in")).to_be_visible()
    visitor.page.reload()

    expect(visitor.page.get_by_role("heading", name="Sign in")).to_be_visible()

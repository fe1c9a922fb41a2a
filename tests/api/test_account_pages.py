"""The pages that mailed links open, in a real browser: what a person does, from the first form to being signed in."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from werkzeug.serving import make_server

from api.extensions import db
from tests.api.idp import CLIENT_ID, CLIENT_SECRET, Idp, Person, run_idp
from tests.api.instances import bearer, free_port
from tests.api.mailbox import Mailbox, deliver, link_of, mail_environ, smtp_server
from tests.api.others import another_app
from tests.api.test_docs_pages import browser
from tests.apps import PASSWORD
from tests.factories.users import UserFactory

__all__ = ["browser"]

ADA, NEW = "ada@example.com", "another good password"


@dataclass
class Site:
    """An installation with mail and Google on a port of its own."""

    origin: str
    app: Any
    box: Mailbox
    idp: Idp

    def last_link(self) -> str:
        with self.app.app_context():
            deliver()
            db.session.remove()
        page, token = link_of(self.box.messages[-1])
        return f"{page}#token={token}"


@pytest.fixture
def site(app: Any, database_environ: dict[str, str]) -> Iterator[Site]:
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    with smtp_server() as box, run_idp() as idp:
        environ = {
            **database_environ,
            **mail_environ(box.port),
            "REELYARD_PUBLIC_URL": origin,
            "REELYARD_GOOGLE_CLIENT_ID": CLIENT_ID,
            "REELYARD_GOOGLE_CLIENT_SECRET": CLIENT_SECRET,
            "REELYARD_GOOGLE_ISSUER": idp.url,
        }
        with another_app(environ) as one:
            server = make_server("127.0.0.1", port, one, threaded=True)
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            yield Site(origin, one, box, idp)
            server.shutdown()
            thread.join()
            server.server_close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page whose complaints fail the test, those about refused forms apart."""
    context = browser.new_context()
    page, complaints = context.new_page(), list[str]()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda line: complaints.append(line.text) if "Security Policy" in line.text else None)
    yield page
    context.close()
    assert complaints == []


def said(page: Page, text: str) -> None:
    page.get_by_role("status").filter(has_text=text).wait_for(timeout=20_000)


def send(page: Page, **fields: str) -> None:
    for name, value in fields.items():
        page.locator(f"input[name={name}]").fill(value)
    page.locator("#form button").click()


def whoami(site: Site, page: Page) -> str:
    tokens = json.loads(page.evaluate("sessionStorage.getItem('reelyard.tokens')"))
    answer = site.app.test_client().get("/api/v1/auth/me", headers=bearer(tokens["access_token"]))
    return str(answer.get_json()["email"])


def test_links_of_mails_lead_to_forms_that_do_what_they_say(site: Site, page: Page) -> None:
    client = site.app.test_client()
    client.post("/api/v1/auth/register", json={"email": ADA, "password": PASSWORD})
    page.goto(site.last_link())
    assert page.evaluate("location.hash") == ""
    send(page, password="not what was chosen")
    said(page, "not the one that was chosen")
    send(page, password=PASSWORD)
    said(page, "you are signed in")
    assert whoami(site, page) == ADA

    page.goto(f"{site.origin}/sign-in")
    page.get_by_role("link", name="Forgotten the password?").click()
    send(page, email=ADA)
    said(page, "A mail is on its way")
    page.goto(site.last_link())
    send(page, password=NEW)
    said(page, "Your password is set")
    page.goto(f"{site.origin}/sign-in")
    send(page, email=ADA, password=NEW)
    said(page, "You are signed in")

    tokens = client.post("/api/v1/auth/login", json={"email": ADA, "password": NEW}).get_json()
    body = {"email": "ada@elsewhere.example", "password": NEW}
    client.post("/api/v1/auth/email", json=body, headers=bearer(tokens["access_token"]))
    page.goto(site.last_link())
    send(page)
    said(page, "new address")
    assert whoami(site, page) == "ada@elsewhere.example"


def test_an_invitation_comes_by_mail_and_is_accepted_on_its_page(site: Site, page: Page) -> None:
    client = site.app.test_client()
    UserFactory(email="owner@example.com")
    UserFactory(email=ADA)
    body = {"email": "owner@example.com", "password": PASSWORD}
    owner = bearer(client.post("/api/v1/auth/login", json=body).get_json()["access_token"])
    studio = client.post("/api/v1/organisations", json={"name": "Studio <1>"}, headers=owner).get_json()["id"]
    made = client.post(
        f"/api/v1/organisations/{studio}/invitations", json={"email": ADA, "role": "editor"}, headers=owner
    ).get_json()
    assert (made["sent"], made["link"]) == (True, None)
    link = site.last_link()
    assert "Studio &lt;1&gt;" in site.box.messages[-1].as_string()

    page.goto(link)
    send(page)
    said(page, "Sign in on this site first")
    page.goto(f"{site.origin}/sign-in")
    send(page, email=ADA, password=PASSWORD)
    said(page, "You are signed in")
    page.goto(link)
    send(page)
    said(page, "You are a member now")
    members = client.get(f"/api/v1/organisations/{studio}/members", headers=owner).get_json()["items"]
    assert {(one["email"], one["role"]) for one in members} == {("owner@example.com", "owner"), (ADA, "editor")}


def test_a_person_signs_in_with_a_provider(site: Site, page: Page) -> None:
    page.goto(f"{site.origin}/sign-in")
    page.get_by_role("button", name="Sign in with Google").click()
    said(page, "You are signed in")

    assert whoami(site, page) == ADA
    assert page.evaluate("location.hash") == ""
    site.idp.person = Person("7", "eve@example.com", verified=False)
    page.goto(f"{site.origin}/sign-in")
    page.get_by_role("button", name="Sign in with Google").click()
    said(page, "The provider has not proven your address.")


@pytest.mark.parametrize(
    "path", ["/sign-in", "/verify-email", "/forgot-password", "/reset-password", "/confirm-email", "/invitations"]
)
def test_a_page_of_accounts_is_closed_and_not_kept(client: Any, path: str) -> None:
    answer = client.get(path)

    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert (answer.headers["Cache-Control"], answer.headers["Referrer-Policy"]) == ("no-store", "no-referrer")
    with client.get("/account.js") as script:
        assert script.mimetype == "text/javascript"

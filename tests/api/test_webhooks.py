"""Webhook endpoints over HTTP: who may make them, where they may lead, what becomes of their secrets."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from api.audit.models import AuditEntry
from api.config import read_api_settings
from api.extensions import db
from api.webhooks.courier import Courier
from api.webhooks.models import Webhook, WebhookDelivery
from api.webhooks.names import DEFAULT, EVENTS, spell_out
from api.webhooks.secret import fingerprint, new_salt, secret_of, signed_headers
from api.webhooks.service import check_url, is_address
from tasks.errors import ConfigurationError, InvalidInputError
from tests.api.farm import Caller, at_once
from tests.api.test_config import ENVIRON
from tests.security.addresses import forms

URL = "https://example.com/hooks"
KEY = "a server's secret of more than 32 bytes"


def make(user: Caller, **body: Any) -> dict[str, Any]:
    made: dict[str, Any] = user.post("/webhooks", {"url": URL, **body}, expect=201)
    return made


def test_a_secret_is_shown_once_and_stored_nowhere(user: Caller) -> None:
    made = make(user, description="Ours")

    secret = base64.b64decode(made["secret"].removeprefix("whsec_"))
    assert made["secret"].startswith("whsec_") and len(secret) == 32
    assert "secret" not in user.get(f"/webhooks/{made['id']}")
    assert "secret" not in user.get("/webhooks")["items"][0]
    db.session.rollback()
    stored = repr([db.session.execute(db.text(f'SELECT * FROM "{name}"')).all() for name in ("webhook", "audit_log")])
    for form in (made["secret"][6:], secret.hex(), repr(secret)):
        assert form not in stored


def test_an_endpoint_that_asks_for_nothing_gets_the_ends_of_jobs(user: Caller) -> None:
    assert make(user)["events"] == sorted(DEFAULT) == ["job.cancelled", "job.failed", "job.succeeded"]


def test_groups_are_spelled_out_and_progress_is_in_none() -> None:
    assert spell_out(["render.*", "render.failed"]) == ["render.cancelled", "render.failed", "render.succeeded"]
    assert "job.progress" not in spell_out(f"{name.partition('.')[0]}.*" for name in EVENTS)
    assert spell_out(["job.progress"]) == ["job.progress"]


@pytest.mark.parametrize(
    "body",
    [
        {"url": URL, "events": ["job.exploded"]},
        {"url": URL, "events": []},
        {"url": URL, "events": ["webhook.test"]},
        {"url": URL, "secret": "whsec_AAAA"},
        {"url": 7},
        {},
    ],
)
def test_a_wrong_order_is_refused_with_findings(user: Caller, body: dict[str, Any]) -> None:
    refused = user.post("/webhooks", body, expect=422)

    assert refused["code"] == "request.invalid"
    assert user.get("/webhooks")["items"] == []


@pytest.mark.security("S-1")
def test_four_hundred_ways_to_name_an_inner_address_are_refused(app: Any) -> None:
    taken = []
    for url in forms():
        try:
            check_url(url)
        except InvalidInputError as error:
            assert error.code == "webhook.url_refused", url
        else:
            taken.append(url)

    assert len(forms()) > 400
    # What is left are names; where one leads is seen whenever something is sent (tests/security/test_fetching.py)
    assert {urlsplit(url).scheme for url in taken} <= {"https"}
    assert not [url for url in taken if is_address((urlsplit(url).hostname or "").strip("[]"))], taken


@pytest.mark.security("S-1")
@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "https://example.com:8443/",
        "https://a:b@example.com/",
        "https://localhost/",
        "ftp://a.com",
    ],
)
def test_only_https_on_its_port_is_sent_to(user: Caller, url: str) -> None:
    assert user.post("/webhooks", {"url": url}, expect=422)["code"] == "webhook.url_refused"
    made = make(user)
    assert user.expect(422, "PATCH", f"/webhooks/{made['id']}", {"url": url})["code"] == "webhook.url_refused"


@pytest.mark.security("S-1")
def test_a_name_that_has_come_to_lead_inside_gets_nothing(user: Caller, app: Any) -> None:
    made = make(user)
    db.session.query(Webhook).update({"url": "https://127.0.0.1/"})  # as a changed DNS entry would
    db.session.commit()
    user.post(f"/webhooks/{made['id']}/test", expect=202)

    Courier(app.extensions["settings"]).serve_one(db.session())

    [row] = user.get(f"/webhooks/{made['id']}/deliveries")["items"]
    [attempt] = row["attempts"]
    assert (attempt["status"], attempt["error"]) == (None, "url.refused: The host is not on the public internet")


@pytest.mark.security("S-1")
def test_production_refuses_to_send_inside() -> None:
    with pytest.raises(ConfigurationError) as refused:
        read_api_settings({**ENVIRON, "REELYARD_WEBHOOK_INSIDE": "true"})

    assert "REELYARD_WEBHOOK_INSIDE" in refused.value.detail


def test_an_endpoint_is_changed_disabled_enabled_and_deleted_and_all_is_audited(user: Caller) -> None:
    made = make(user)
    path = f"/webhooks/{made['id']}"
    changed = user.expect(200, "PATCH", path, {"events": ["render.*"], "description": "Renders"})
    assert (len(changed["events"]), changed["description"], changed["url"]) == (3, "Renders", URL)
    user.post(f"{path}/test", expect=202)

    off = user.expect(200, "PATCH", path, {"enabled": False})
    assert (off["enabled"], off["disabled_reason"]) == (False, "owner")
    assert user.get(f"{path}/deliveries?state=failed")["items"][0]["type"] == "webhook.test"
    assert user.post(f"{path}/test", expect=409)["code"] == "webhook.disabled"
    assert user.post(f"{path}/replay", {"since": "2026-01-01T00:00:00Z"}, expect=409)["code"] == "webhook.disabled"
    on = user.expect(200, "PATCH", path, {"enabled": True})
    assert (on["enabled"], on["disabled_reason"]) == (True, "")
    user.expect(200, "PATCH", path, {})  # nothing changes, nothing is written

    user.post(f"{path}/secret", expect=200)
    user.delete(path, expect=204)
    assert user.get(path, expect=404)["code"] == "webhook.not_found"
    assert db.session.query(WebhookDelivery).count() == 0
    entries = db.session.query(AuditEntry).filter_by(target_id=made["id"]).order_by(AuditEntry.created_at)
    assert [entry.action for entry in entries] == [
        "webhook.created", "webhook.changed", "webhook.changed", "webhook.changed",
        "webhook.secret_rotated", "webhook.deleted",
    ]  # fmt: skip


def test_an_account_has_twenty_endpoints_also_when_it_asks_at_the_same_moment(app: Any, user: Caller) -> None:
    for _ in range(17):
        make(user)

    answers = at_once(app, user, 6, "POST", "/webhooks", {"url": URL})

    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 3
    assert {answer.get_json()["code"] for answer in answers if answer.status_code == 409} == {"webhook.too_many"}


def test_a_log_of_another_endpoint_shows_nothing_of_this_one(user: Caller, other: Caller) -> None:
    mine, second = make(user), make(user)
    row = user.post(f"/webhooks/{mine['id']}/test", expect=202)

    wrong = f"/webhooks/{second['id']}/deliveries/{row['id']}"
    assert user.get(wrong, expect=404)["code"] == "delivery.not_found"
    assert user.post(f"{wrong}/replay", expect=404)["code"] == "delivery.not_found"
    assert other.get(f"/webhooks/{mine['id']}/deliveries", expect=404)["code"] == "webhook.not_found"


@pytest.mark.parametrize(("scope", "status"), [("read", 403), ("render", 403), ("webhooks", 201)])
def test_a_token_needs_the_scope_webhooks_to_make_one(user: Caller, scope: str, status: int) -> None:
    text = user.post("/tokens", {"name": "ci", "scopes": [scope]}, expect=201)["token"]
    program = Caller(user.client, text, user.id)

    assert program.call("POST", "/webhooks", {"url": URL}).status_code == status


def test_salt_and_key_make_the_secret_and_each_alone_does_not() -> None:
    salt = new_salt()

    assert secret_of(salt, KEY) == secret_of(salt, KEY)
    others = {secret_of(new_salt(), KEY), secret_of(salt, KEY + "x")}
    assert secret_of(salt, KEY) not in others and len(others) == 2
    assert fingerprint(secret_of(salt, KEY)) not in {fingerprint(one) for one in others}


@pytest.mark.security("S-7")
def test_signatures_are_those_of_the_standard() -> None:
    secret, at = secret_of(new_salt(), KEY), datetime.now(UTC)
    body = '{"type":"job.succeeded","data":{"title":"Zoë, 東京"}}'

    headers = signed_headers([secret], "msg_1", at, body)

    signed = f"msg_1.{int(at.timestamp())}.{body}".encode()
    mac = hmac.new(base64.b64decode(secret[6:]), signed, hashlib.sha256).digest()
    assert headers["webhook-signature"] == f"v1,{base64.b64encode(mac).decode()}"
    assert Verifier(secret).verify(body, headers) == json.loads(body)


@pytest.mark.security("S-7")
def test_two_thousand_messages_with_one_bit_changed_are_refused() -> None:
    draw, at = random.Random(7), datetime.now(UTC)
    secret = secret_of(new_salt(), KEY)
    verifier, refused = Verifier(secret), 0
    for number in range(2000):
        body = json.dumps({"type": "job.succeeded", "n": number})
        headers = signed_headers([secret], f"msg_{number}", at, body)
        parts = {
            "body": body.encode(),
            "id": headers["webhook-id"].encode(),
            "signature": base64.b64decode(headers["webhook-signature"][3:]),
        }
        part = ("body", "id", "signature")[number % 3]
        changed = bytearray(parts[part])
        changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(7)
        parts[part] = bytes(changed)
        headers["webhook-id"] = parts["id"].decode("latin-1")
        headers["webhook-signature"] = f"v1,{base64.b64encode(parts['signature']).decode()}"
        with pytest.raises(WebhookVerificationError):
            verifier.verify(parts["body"], headers)
        refused += 1

    assert refused == 2000


@pytest.mark.security("S-7")
@pytest.mark.parametrize(("age_s", "is_good"), [(0, True), (290, True), (301, False), (-310, False)])
def test_a_message_that_is_played_again_later_is_refused(age_s: int, is_good: bool) -> None:
    secret = secret_of(new_salt(), KEY)
    headers = signed_headers([secret], "msg_1", datetime.now(UTC) - timedelta(seconds=age_s), "{}")

    if is_good:
        assert Verifier(secret).verify("{}", headers) == {}
    else:
        with pytest.raises(WebhookVerificationError, match="timestamp"):
            Verifier(secret).verify("{}", headers)

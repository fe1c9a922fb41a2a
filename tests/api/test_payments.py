"""Payments against a local server that speaks as Stripe does: credited once, whatever happens on the way."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from random import Random
from threading import Thread
from typing import Any

import pytest

from api.credits.ledger import find_imbalances
from api.extensions import db
from api.payments.models import PaymentEvent
from tests.api.farm import Caller
from tests.api.stripe_server import KEY, SECRET, StripeServer, Thing, sign

PACK, MONTHLY = 500, 20_000
FREE = 1000
CATALOGUE = "pack.small=price_small:500,plan.pro=price_pro:20000,plan.studio=price_studio:90000"


@pytest.fixture
def stripe(app: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[StripeServer]:
    """Stripe, switched on; whatever a test did, the book adds up after it."""
    server = StripeServer()
    settings = replace(
        app.extensions["settings"],
        stripe_secret_key=KEY,
        stripe_webhook_secret=f"whsec_of_old,{SECRET}",
        stripe_api_url=server.url,
        catalogue=CATALOGUE,
    )
    monkeypatch.setitem(app.extensions, "settings", settings)
    yield server
    server.close()
    db.session.rollback()
    assert find_imbalances(db.session()) == []


def tell(client: Any, event: Thing, *, signature: str | None = None, body: bytes | None = None) -> tuple[int, str]:
    """Send an event as Stripe does; return status and what came of it."""
    payload = json.dumps(event).encode()
    headers = {"Stripe-Signature": sign(payload) if signature is None else signature}
    answer = client.post(
        "/api/v1/payments/webhook",
        data=body or payload,
        headers=headers,
        content_type="application/json; charset=utf-8",
    )
    told = answer.get_json()
    return answer.status_code, told.get("outcome") or told["code"]


def checkout(user: Caller, item: str = "pack.small") -> str:
    return str(user.post("/payments/checkout", {"item": item}, expect=201)["id"])


def state(user: Caller) -> tuple[str, int, int]:
    """Plan, balance, debt."""
    db.session.rollback()
    account = user.get("/credits")
    return account["plan"], account["balance"], account["debt"]


def bought(user: Caller, stripe: StripeServer, item: str = "pack.small") -> list[Thing]:
    """Buy something to the end; return the events that told of it."""
    events = stripe.pay(checkout(user, item))
    assert [tell(user.client, event)[0] for event in events] == [200] * len(events)
    return events


def spend(user: Caller, admin: Caller, credits: int) -> None:
    admin.post(f"/admin/users/{user.id}/credits", {"amount": -credits, "reason": "Spent"}, expect=201)


def test_a_pack_is_credited_when_its_money_is_there_and_not_before(user: Caller, stripe: StripeServer) -> None:
    started = user.post("/payments/checkout", {"item": "pack.small"}, expect=201)
    assert started["url"] == f"{stripe.url}/pay/{started['id']}"
    assert state(user) == ("free", FREE, 0)

    [event] = stripe.pay(started["id"])
    assert tell(user.client, event) == (200, "applied")

    assert state(user) == ("free", FREE + PACK, 0)
    [payment] = user.get("/payments")["payments"]
    assert (payment["item"], payment["credits"], payment["amount"], payment["currency"]) == (
        "pack.small",
        500,
        900,
        "eur",
    )
    [entry] = user.get("/credits/history?kind=purchase")["items"]
    assert (entry["amount"], entry["details"]["item"]) == (PACK, "pack.small")


def test_what_stripe_is_asked_for_names_customer_price_and_user(user: Caller, stripe: StripeServer) -> None:
    for _ in range(2):
        checkout(user)

    paths = [path for _, path, _ in stripe.calls]
    assert paths == ["/v1/customers", "/v1/checkout/sessions", "/v1/checkout/sessions"]
    asked = stripe.calls[1][2]
    assert asked["line_items"] == {"0": {"price": "price_small", "quantity": "1"}}
    assert (asked["mode"], asked["metadata"]["user_id"], asked["customer"]) == (
        "payment",
        user.id,
        stripe.last("customer")["id"],
    )


def test_an_event_delivered_again_or_by_another_name_credits_once(user: Caller, stripe: StripeServer) -> None:
    [event] = bought(user, stripe)
    checkout_now = stripe.last("checkout.session")

    again = tell(user.client, event)
    renamed = tell(user.client, stripe.event("checkout.session.async_payment_succeeded", checkout_now))

    assert (again, renamed) == ((200, "repeated"), (200, "applied"))
    assert state(user) == ("free", FREE + PACK, 0)


def test_the_same_event_twenty_times_at_once_credits_once(app: Any, user: Caller, stripe: StripeServer) -> None:
    [event] = stripe.pay(checkout(user))
    outcomes: list[tuple[int, str]] = []
    threads = [Thread(target=lambda: outcomes.append(tell(app.test_client(), event))) for _ in range(20)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == [(200, "applied"), *[(200, "repeated")] * 19]
    assert state(user) == ("free", FREE + PACK, 0)


def test_a_checkout_that_is_not_paid_yet_gives_nothing(user: Caller, stripe: StripeServer) -> None:
    checkout(user)

    unpaid = stripe.event("checkout.session.completed", stripe.last("checkout.session"))

    assert tell(user.client, unpaid) == (200, "ignored")
    assert state(user) == ("free", FREE, 0)


@pytest.mark.security("S-7")
def test_what_stripe_did_not_sign_just_now_is_refused(user: Caller, stripe: StripeServer) -> None:
    [event] = stripe.pay(checkout(user))
    payload = json.dumps(event).encode()
    moment, _, digest = sign(payload).partition(",v1=")
    wrong = {
        "nothing": "",
        "no signature": moment,
        "no time": f"v1={digest}",
        "time is no number": f"t=x,v1={digest}",
        "other scheme": f"{moment},v0={digest}",
        "cut off": f"{moment},v1={digest[:-1]}",
        "other body": sign(payload.replace(b"900", b"901")),
        "other secret": sign(payload, secret="whsec_of_nobody"),
        "other time": f"t={int(time.time()) - 5},v1={digest}",
        "yesterday": sign(payload, at=time.time() - 86400),
        "just too old": sign(payload, at=time.time() - 302),
    }

    for why, signature in wrong.items():
        assert tell(user.client, event, signature=signature) == (400, "payments.bad_signature"), why
    assert state(user) == ("free", FREE, 0)
    assert db.session.query(PaymentEvent).count() == 0
    assert tell(user.client, event, signature=sign(payload, at=time.time() - 290)) == (200, "applied")


def test_a_body_that_is_no_event_is_refused_though_signed(user: Caller, stripe: StripeServer) -> None:
    for body in (
        b"[]",
        b'"x"',
        b"{}",
        b'{"id": "e", "type": "t", "created": 1}',
        b'{"id": 1, "type": "t", "created": 1}',
        b'{"id": "e", "type": "t", "created": 1, "data": [1]}',
        b'{"id": "e", "type": "t", "created": true, "data": {"object": {}}}',
        b'{"id": "e", "type": "t", "created": 1e18, "data": {"object": {}}}',
    ):
        assert tell(user.client, {}, body=body, signature=sign(body)) == (400, "payments.bad_event"), body
    nothing = user.client.post("/api/v1/payments/webhook", headers={"Stripe-Signature": sign(b"")})
    assert (nothing.status_code, nothing.get_json()["code"]) == (400, "payments.bad_event")
    assert tell(user.client, {}, body=b"\xff", signature="t=1,v1=00")[0] == 400


def test_events_of_unknown_kinds_and_of_strangers_are_recorded_and_ignored(user: Caller, stripe: StripeServer) -> None:
    strange = stripe.event("tax.settings.updated", {"id": "tax_1", "object": "tax.settings"})
    stranger = {
        "id": "cs_x",
        "mode": "payment",
        "payment_status": "paid",
        "metadata": {"credits": "5", "user_id": "me"},
    }

    assert tell(user.client, strange) == (200, "ignored")
    assert tell(user.client, stripe.event("checkout.session.completed", stranger)) == (200, "ignored")

    kept = [(row.kind, row.outcome) for row in db.session.query(PaymentEvent).order_by(PaymentEvent.id)]
    assert kept == [("tax.settings.updated", "ignored"), ("checkout.session.completed", "ignored")]


def test_a_plan_begins_renews_changes_and_ends(user: Caller, stripe: StripeServer) -> None:
    assert state(user) == ("free", FREE, 0)
    bought(user, stripe, "plan.pro")
    assert state(user) == ("pro", FREE + MONTHLY, 0)
    subscription = stripe.last("subscription")["id"]
    told = user.get("/payments")["subscription"]
    assert (told["plan"], told["status"], told["cancels"]) == ("pro", "active", False)

    tell(user.client, stripe.bill(subscription))
    assert state(user) == ("pro", FREE + 2 * MONTHLY, 0)

    tell(user.client, stripe.change(subscription, price="price_studio"))
    tell(user.client, stripe.bill(subscription, "subscription_update"))
    assert state(user) == ("studio", FREE + 2 * MONTHLY, 0)

    tell(user.client, stripe.change(subscription, status="canceled"))
    assert state(user) == ("free", FREE + 2 * MONTHLY, 0)
    assert user.get("/payments")["subscription"] is None


def test_the_order_in_which_a_plans_events_come_does_not_matter(
    user: Caller, other: Caller, stripe: StripeServer
) -> None:
    for number, caller in enumerate((user, other)):
        events = stripe.pay(checkout(caller, "plan.pro"))
        subscription = stripe.last("subscription")["id"]
        events += [stripe.change(subscription, price="price_studio"), stripe.change(subscription, status="canceled")]
        for event in events if number else reversed(events):
            assert tell(user.client, event)[0] == 200

    assert state(user) == state(other) == ("free", FREE + MONTHLY, 0)


def test_a_card_that_fails_keeps_the_plan_until_stripe_gives_up(user: Caller, stripe: StripeServer) -> None:
    bought(user, stripe, "plan.pro")
    subscription = stripe.last("subscription")["id"]

    plans = []
    for status in ("past_due", "unpaid", "active", "canceled"):
        tell(user.client, stripe.change(subscription, status=status))
        plans.append(state(user)[0])

    assert plans == ["pro", "free", "pro", "free"]


def test_money_that_goes_back_in_parts_takes_its_share_of_the_credits(user: Caller, stripe: StripeServer) -> None:
    bought(user, stripe)
    charge = stripe.last("charge")["id"]

    balances = []
    for amount in (300, 0, 450, 150):
        tell(user.client, stripe.refund(charge, amount))
        balances.append(state(user)[1] - FREE)

    assert balances == [334, 334, 84, 0]
    [payment] = user.get("/payments")["payments"]
    assert (payment["refunded"], payment["taken"]) == (900, PACK)


def test_credits_that_are_spent_already_become_a_debt_that_is_told_and_paid_first(
    user: Caller, admin: Caller, stripe: StripeServer
) -> None:
    bought(user, stripe)
    spend(user, admin, FREE + PACK - 100)

    tell(user.client, stripe.refund(stripe.last("charge")["id"], 900))
    assert state(user) == ("free", 0, PACK - 100)
    [entry] = user.get("/credits/history?kind=reversal")["items"]
    assert (entry["amount"], entry["debt_change"], entry["debt_after"]) == (-100, 400, 400)

    bought(user, stripe)
    assert state(user) == ("free", 100, 0)


def test_every_order_of_payment_refund_and_dispute_ends_the_same(user: Caller, stripe: StripeServer) -> None:
    """The end: 300 of 900 went back, and a dispute was won; told in 8 of the 24 orders, the two extremes among them."""
    orders = list(itertools.permutations(range(4)))
    for order in (orders[0], orders[-1], *Random(7).sample(orders[1:-1], 6)):
        before = state(user)[1]
        [paid] = stripe.pay(checkout(user))
        charge = stripe.last("charge")["id"]
        events = [paid, stripe.refund(charge, 300), stripe.dispute(charge)]
        events.append(stripe.close_dispute(events[2]["data"]["object"]["id"], "won"))
        for index in order:
            assert tell(user.client, events[index])[0] == 200
        assert state(user) == ("free", before + 334, 0), order


def test_a_dispute_takes_all_back_until_it_is_won(user: Caller, stripe: StripeServer) -> None:
    bought(user, stripe)
    opened = stripe.dispute(stripe.last("charge")["id"])
    dispute = opened["data"]["object"]["id"]

    balances = []
    for event in (opened, stripe.close_dispute(dispute, "under_review")):
        tell(user.client, event)
        balances.append(state(user)[1])
    for status in ("won", "lost", "warning_closed"):
        tell(user.client, stripe.close_dispute(dispute, status))
        balances.append(state(user)[1])

    assert balances == [FREE, FREE, FREE + PACK, FREE, FREE + PACK]
    assert len(user.get("/payments")["payments"]) == 1


def test_a_refunded_month_takes_the_months_credits(user: Caller, stripe: StripeServer) -> None:
    assert state(user) == ("free", FREE, 0)
    bought(user, stripe, "plan.pro")

    tell(user.client, stripe.refund(stripe.last("charge")["id"], 2900))

    assert state(user) == ("pro", FREE, 0)
    [payment] = user.get("/payments")["payments"]
    assert (payment["item"], payment["taken"]) == ("plan.pro", MONTHLY)


def test_an_event_that_could_not_be_applied_is_applied_when_it_comes_again(user: Caller, stripe: StripeServer) -> None:
    bought(user, stripe)
    refund = stripe.refund(stripe.last("charge")["id"], 900)

    stripe.broken = 500
    assert tell(user.client, refund) == (503, "payments.unavailable")
    db.session.rollback()
    stripe.broken = 0

    assert tell(user.client, refund) == (200, "applied")
    assert state(user) == ("free", FREE, 0)


def test_the_portal_opens_for_those_who_bought_something(user: Caller, stripe: StripeServer) -> None:
    assert user.post("/payments/portal", expect=409)["code"] == "payments.no_customer"

    checkout(user)

    assert user.post("/payments/portal", expect=201)["url"].startswith(f"{stripe.url}/portal/bps_")


def test_a_repeated_checkout_with_one_key_is_one_checkout(user: Caller, stripe: StripeServer) -> None:
    keyed = {"Idempotency-Key": "buy-1"}
    answers = [user.call("POST", "/payments/checkout", {"item": "pack.small"}, keyed) for _ in range(2)]

    assert answers[0].get_json() == answers[1].get_json()
    assert [path for _, path, _ in stripe.calls].count("/v1/checkout/sessions") == 1


def test_one_plan_at_a_time_and_only_what_is_in_the_catalogue(user: Caller, stripe: StripeServer) -> None:
    bought(user, stripe, "plan.pro")

    assert user.post("/payments/checkout", {"item": "plan.studio"}, expect=409)["code"] == "payments.subscribed"
    assert user.post("/payments/checkout", {"item": "pack.huge"}, expect=404)["code"] == "payments.unknown_item"
    user.post("/payments/checkout", {"item": "pack.small", "credits": 9}, expect=422)
    codes = [(item["code"], item["credits"]) for item in user.get("/payments")["items"]]
    assert codes == [("pack.small", 500), ("plan.pro", 20_000), ("plan.studio", 90_000)]


@pytest.mark.parametrize(
    ("broken", "status", "code"), [(500, 503, "payments.unavailable"), (400, 502, "payments.gateway_refused")]
)
def test_a_stripe_that_fails_is_told_apart_from_one_that_refuses(
    user: Caller, stripe: StripeServer, broken: int, status: int, code: str
) -> None:
    stripe.broken = broken

    assert user.post("/payments/checkout", {"item": "pack.small"}, expect=status)["code"] == code


def test_a_stripe_that_is_away_is_503(user: Caller, stripe: StripeServer) -> None:
    stripe.close()
    try:
        assert user.post("/payments/checkout", {"item": "pack.small"}, expect=503)["code"] == "payments.unavailable"
    finally:
        stripe.close = lambda: None  # type: ignore[method-assign]


def test_without_configuration_payments_are_off_and_say_so(user: Caller) -> None:
    assert user.get("/payments") == {"enabled": False, "items": [], "subscription": None, "payments": []}
    assert user.post("/payments/checkout", {"item": "pack.small"}, expect=501)["code"] == "payments.off"
    assert user.post("/payments/portal", expect=501)["code"] == "payments.off"
    assert tell(user.client, {}) == (501, "payments.off")

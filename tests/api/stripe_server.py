"""A server that speaks Stripe's HTTP API and signs webhooks as Stripe does, as far as Reelyard uses either.

Form-encoded requests with brackets, bearer keys, idempotency keys, Stripe's own error form; objects in the shape of
version 2026-10-28. What people do on Stripe's pages (pay, cancel, dispute) are methods.
"""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

KEY, SECRET = "sk_test_of_the_local_server", "whsec_of_the_local_server"
PRICES = {"price_small": 900, "price_pro": 2900, "price_studio": 9900}
RECURRING = ("price_pro", "price_studio")
MONTH_S = 30 * 86400
Thing = dict[str, Any]


def sign(payload: bytes, *, secret: str = SECRET, at: float | None = None) -> str:
    """Return the Stripe-Signature of a body."""
    moment = int(time.time() if at is None else at)
    digest = hmac.new(secret.encode(), f"{moment}.".encode() + payload, hashlib.sha256).hexdigest()
    return f"t={moment},v1={digest}"


def unflatten(pairs: list[tuple[str, str]]) -> Thing:
    """Turn ``a[0][b]=c`` into nested dictionaries, lists as dictionaries of their positions."""
    found: Thing = {}
    for name, value in pairs:
        path = re.findall(r"[^\[\]]+", name)
        place = found
        for step in path[:-1]:
            place = place.setdefault(step, {})
        place[path[-1]] = value
    return found


class StripeError(Exception):
    """An answer in Stripe's error form."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(status, kind, message)
        self.status, self.body = status, {"error": {"type": kind, "message": message}}


class StripeServer:
    """Customers, checkouts, subscriptions, charges and disputes in memory, over HTTP on the loopback."""

    def __init__(self) -> None:
        self.things: dict[str, Thing] = {}
        self.calls: list[tuple[str, str, Thing]] = []
        self.broken = 0
        self.replies: dict[str, Thing] = {}
        self._numbers, self._lock = itertools.count(1), threading.Lock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self.reply("GET", dict(parse_qsl(urlsplit(self.path).query)))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                self.reply("POST", dict(parse_qsl(body)))

            def reply(self, method: str, form: dict[str, str]) -> None:
                status, body = server.answer(method, urlsplit(self.path).path, form, dict(self.headers))
                data = json.dumps({name: value for name, value in body.items() if name[0] != "_"}).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.send_header("Request-Id", "req_local")
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    def close(self) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def answer(self, method: str, path: str, form: dict[str, str], headers: dict[str, str]) -> tuple[int, Thing]:
        """Answer one call, once for each idempotency key."""
        with self._lock:
            try:
                if headers.get("Authorization") != f"Bearer {KEY}":
                    raise StripeError(401, "invalid_request_error", "Invalid API Key provided")
                if self.broken:
                    raise StripeError(self.broken, "api_error", "Something went wrong")
                params = unflatten(list(form.items()))
                self.calls.append((method, path, params))
                key = headers.get("Idempotency-Key", "") if method == "POST" else ""
                if key not in self.replies:
                    made = self.route(method, path.removeprefix("/v1/"), params)
                    self.replies[key or self.new_id("reply")] = made
                    return 200, made
                return 200, self.replies[key]
            except StripeError as error:
                return error.status, error.body

    def route(self, method: str, path: str, params: Thing) -> Thing:
        if method == "POST" and path == "customers":
            return self.keep("cus", "customer", email=params["email"], metadata=params.get("metadata", {}))
        if method == "POST" and path == "checkout/sessions":
            return self.make_checkout(params)
        if method == "POST" and path == "billing_portal/sessions":
            self.find(params["customer"])
            made = self.new_id("bps")
            return {"id": made, "object": "billing_portal.session", "url": f"{self.url}/portal/{made}"}
        if method == "GET" and path == "invoice_payments":
            return self.list_invoice_payments(params["payment"]["payment_intent"])
        if method == "GET" and re.fullmatch(r"(charges|disputes|subscriptions)/\w+", path):
            return self.find(path.partition("/")[2])
        raise StripeError(404, "invalid_request_error", f"Unrecognized request URL ({method}: /v1/{path})")

    def new_id(self, prefix: str) -> str:
        return f"{prefix}_{next(self._numbers):06d}"

    def keep(self, prefix: str, kind: str, **values: Any) -> Thing:
        thing = {"id": self.new_id(prefix), "object": kind, "created": int(time.time()), **values}
        self.things[thing["id"]] = thing
        return thing

    def find(self, thing_id: str) -> Thing:
        if thing_id not in self.things:
            raise StripeError(404, "invalid_request_error", f"No such thing: '{thing_id}'")
        return self.things[thing_id]

    def make_checkout(self, params: Thing) -> Thing:
        self.find(params["customer"])
        [line] = params["line_items"].values()
        if line["price"] not in PRICES:
            raise StripeError(400, "invalid_request_error", f"No such price: '{line['price']}'")
        if (params["mode"] == "subscription") != (line["price"] in RECURRING):
            raise StripeError(400, "invalid_request_error", "You must provide at least one recurring price")
        made = self.keep(
            "cs", "checkout.session", customer=params["customer"], mode=params["mode"], metadata=params["metadata"],
            client_reference_id=params["client_reference_id"], currency="eur", payment_status="unpaid",
            amount_total=PRICES[line["price"]], payment_intent=None, subscription=None, status="open",
        )  # fmt: skip
        self.things[made["id"]]["_price"] = line["price"]
        self.things[made["id"]]["_inner"] = params.get("payment_intent_data") or params.get("subscription_data") or {}
        return {**made, "url": f"{self.url}/pay/{made['id']}"}

    def list_invoice_payments(self, intent: str) -> Thing:
        found = [thing for thing in self.things.values() if thing["object"] == "invoice" and thing["_intent"] == intent]
        data = [{"id": "inpay_1", "object": "invoice_payment", "invoice": invoice["id"]} for invoice in found]
        return {"object": "list", "data": data, "has_more": False, "url": "/v1/invoice_payments"}

    # What people do on Stripe's pages

    def pay(self, checkout_id: str) -> list[Thing]:
        """Pay a checkout; return the events that Stripe then sends."""
        checkout = self.things[checkout_id]
        checkout |= {"payment_status": "paid", "status": "complete"}
        if checkout["mode"] == "payment":
            charge = self.charge(checkout["customer"], checkout["amount_total"], checkout["_inner"].get("metadata", {}))
            checkout["payment_intent"] = charge["payment_intent"]
            return [self.event("checkout.session.completed", checkout)]
        subscription = self.subscribe(checkout["customer"], checkout["_price"], checkout["_inner"].get("metadata", {}))
        checkout["subscription"] = subscription["id"]
        return [
            self.event("customer.subscription.created", subscription),
            self.event("checkout.session.completed", checkout),
            self.bill(subscription["id"], "subscription_create"),
        ]

    def charge(self, customer: str, amount: int, metadata: Thing) -> Thing:
        intent = self.new_id("pi")
        return self.keep(
            "ch", "charge", customer=customer, amount=amount, amount_refunded=0, currency="eur", metadata=metadata,
            payment_intent=intent, disputed=False, refunded=False,
        )  # fmt: skip

    def subscribe(self, customer: str, price: str, metadata: Thing) -> Thing:
        item = {"id": self.new_id("si"), "price": {"id": price}, "current_period_end": int(time.time()) + MONTH_S}
        return self.keep(
            "sub", "subscription", customer=customer, status="active", metadata=metadata, cancel_at_period_end=False,
            items={"object": "list", "data": [item]},
        )  # fmt: skip

    def bill(self, subscription_id: str, reason: str = "subscription_cycle") -> Thing:
        """Let a period be paid; return its event."""
        subscription = self.things[subscription_id]
        price = subscription["items"]["data"][0]["price"]["id"]
        charge = self.charge(subscription["customer"], PRICES[price], {})
        parent = {"subscription_details": {"subscription": subscription_id, "metadata": subscription["metadata"]}}
        line = {"pricing": {"type": "price_details", "price_details": {"price": price}}, "amount": PRICES[price]}
        invoice = self.keep(
            "in", "invoice", customer=subscription["customer"], billing_reason=reason, parent=parent, currency="eur",
            amount_paid=PRICES[price], lines={"object": "list", "data": [line]}, _intent=charge["payment_intent"],
        )  # fmt: skip
        return self.event("invoice.paid", invoice)

    def change(self, subscription_id: str, **values: Any) -> Thing:
        """Change a subscription; return its event, with the state as it is now."""
        subscription = self.things[subscription_id]
        price = values.pop("price", None)
        if price:
            subscription["items"]["data"][0]["price"]["id"] = price
        subscription |= values
        kind = "deleted" if subscription["status"] == "canceled" else "updated"
        return self.event(f"customer.subscription.{kind}", subscription)

    def refund(self, charge_id: str, amount: int) -> Thing:
        charge = self.things[charge_id]
        charge["amount_refunded"] += amount
        return self.event("charge.refunded", charge)

    def dispute(self, charge_id: str, status: str = "needs_response") -> Thing:
        charge = self.things[charge_id]
        dispute = self.keep("dp", "dispute", charge=charge_id, payment_intent=charge["payment_intent"], status=status)
        return self.event("charge.dispute.created", dispute)

    def close_dispute(self, dispute_id: str, status: str) -> Thing:
        self.things[dispute_id]["status"] = status
        return self.event("charge.dispute.closed", self.things[dispute_id])

    def last(self, kind: str) -> Thing:
        return [thing for thing in self.things.values() if thing["object"] == kind][-1]

    def event(self, kind: str, thing: Thing) -> Thing:
        """Return an event with its object as it is at this moment."""
        shown = {name: value for name, value in thing.items() if not name.startswith("_")}
        return {
            "id": self.new_id("evt"),
            "object": "event",
            "api_version": "2026-10-28.endive",
            "created": int(time.time()),
            "type": kind,
            "livemode": False,
            "data": {"object": json.loads(json.dumps(shown))},
        }

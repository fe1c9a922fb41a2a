"""The whole API on a loopback port within this process, with one of everything in it, for tools that speak HTTP."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from werkzeug.serving import WSGIRequestHandler, make_server

from api.extensions import db, get_storage
from tests.api.idp import CLIENT_ID, CLIENT_SECRET, Idp, run_idp
from tests.api.others import another_app
from tests.api.stripe_server import KEY, SECRET, StripeServer
from tests.security.seeds import bring_in

FREE = {
    "REELYARD_DEFAULT_RATE": "1000000 per minute",
    "REELYARD_AUTH_RATE": "1000000 per minute",
    "REELYARD_RENDER_RATE": "1000000 per minute",
    "REELYARD_STILL_RATE": "1000000 per minute",
    "REELYARD_STILL_WAIT_S": "0",
    "REELYARD_CREDITS": "false",
    "REELYARD_ACCESS_TOKEN_MINUTES": "1440",
    "REELYARD_LOG_LEVEL": "ERROR",
    "REELYARD_MAIL": "file",
}
"""Limits have tests of their own; here they would only hide what lies behind them."""
REPLICATE_SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
SWITCHED_ON = {
    "STRIPE_SECRET_KEY": KEY,
    "STRIPE_WEBHOOK_SECRET": SECRET,
    "REELYARD_CATALOGUE": "pack.small=price_small:500,plan.pro=price_pro:20000",
    "REPLICATE_WEBHOOK_SECRET": REPLICATE_SECRET,
    "REELYARD_GOOGLE_CLIENT_ID": CLIENT_ID,
    "REELYARD_GOOGLE_CLIENT_SECRET": CLIENT_SECRET,
    "REELYARD_GITHUB_CLIENT_ID": CLIENT_ID,
    "REELYARD_GITHUB_CLIENT_SECRET": CLIENT_SECRET,
}
"""What is off by itself, and would answer nothing but that it is."""
HEAL = (
    "UPDATE auth_session SET revoked_at = NULL WHERE user_id = :id AND revoked_at IS NOT NULL",
    "UPDATE \"user\" SET role = 'admin', enabled = true WHERE id = :id AND (role <> 'admin' OR NOT enabled)",
)
Wrap = Callable[[Any], None]


class Quiet(WSGIRequestHandler):
    """Keep connections open and say nothing."""

    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: Any) -> None:
        """Drop the line."""


@dataclass(frozen=True)
class Running:
    """Where the API is, who may call it, and ids of things that are there.

    :param spares: ids for single operations, which would take the others' things away.
    :param good: a good request for each operation that needs more than ids.
    :param secrets: what workers, Stripe and Replicate sign with.
    """

    url: str
    token: str
    user_id: str
    ids: dict[str, str]
    spares: dict[str, dict[str, str]]
    good: dict[str, dict[str, Any]]
    secrets: dict[str, str]


@contextmanager
def outside() -> Iterator[tuple[StripeServer, Idp, dict[str, str]]]:
    """Run a Stripe and a provider of sign-in, which is also a GitHub; yield them and how the API finds them."""
    stripe = StripeServer()
    try:
        with run_idp() as idp:
            github = dict.fromkeys(("REELYARD_GITHUB_URL", "REELYARD_GITHUB_API_URL"), idp.url)
            found = {"STRIPE_API_URL": stripe.url, "REELYARD_GOOGLE_ISSUER": idp.url, **github}
            # Opening Flower asks nothing of it, so that any address does
            yield stripe, idp, {**SWITCHED_ON, **found, "REELYARD_FLOWER_URL": f"{idp.url}/flower"}
    finally:
        stripe.close()


@contextmanager
def running_api(environ: Mapping[str, str], *, wrap: Wrap = lambda app: None) -> Iterator[Running]:
    """Serve the API over HTTP; ``wrap`` may put something around the finished application."""
    with outside() as (stripe, idp, found), another_app({**environ, **FREE, **found}) as application:
        with application.app_context():
            get_storage().ensure_bucket()
            db.session.execute(
                text("UPDATE plan SET concurrent_renders = 100000, daily_renders = 1000000, monthly_renders = 1000000")
            )
            db.session.commit()
            caller, seeds = bring_in(application, stripe, idp)
        wrap(application)
        application.wsgi_app = healing(application, caller.id)
        server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=Quiet)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            secrets = {"worker": environ["REELYARD_CALLBACK_SECRET"], "stripe": SECRET, "replicate": REPLICATE_SECRET}
            yield Running(f"http://127.0.0.1:{server.server_port}", caller.token, caller.id, *seeds, secrets)
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


def healing(application: Any, user_id: str) -> Any:
    """Undo what operations on one's own account did to the caller, such as signing out, before the next request."""
    inner, sick = application.wsgi_app, threading.Event()
    sick.set()

    def serve(environ: Any, start_response: Any) -> Any:
        if sick.is_set():
            sick.clear()
            with application.app_context():
                for statement in HEAL:  # each by itself: together they could wait for a request that waits for them
                    db.session.execute(text(statement), {"id": user_id})
                    db.session.commit()
        try:
            return inner(environ, start_response)
        finally:
            if environ["REQUEST_METHOD"] not in ("GET", "HEAD", "OPTIONS"):
                sick.set()

    return serve

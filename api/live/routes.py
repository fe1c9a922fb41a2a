"""The live stream's endpoints."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from flask import Response, request
from flask.blueprints import BlueprintSetupState
from flask.views import MethodView
from flask_smorest import Blueprint

from api.assets.docs import problems
from api.auth import current_user, login_required
from api.crowd import leave
from api.errors import ApiError, ForbiddenError
from api.events.routes import EVENT, HEADERS
from api.extensions import db, get_settings
from api.live.hub import Hub, get_hub
from api.live.reading import begin_to_listen
from api.live.schemas import LiveQuery, TicketResponse
from api.live.socket import Listening, speak
from api.live.stream import Wish, as_event, follow
from api.live.tickets import issue_ticket, ticket_or_login
from api.live.wire import TooSlowError, Wire

logger = logging.getLogger(__name__)

blueprint = Blueprint("live", __name__, url_prefix="/api/v1", description="Everything that happens, in one stream")

DROPPED = 'event: dropped\ndata: {"code":"live.too_slow"}\n\n'


@blueprint.route("/live/tickets")
class LiveTickets(MethodView):
    """What opens a stream."""

    decorators = [login_required]

    @blueprint.response(201, TicketResponse)
    @problems(blueprint, {})
    def post(self) -> Any:
        """Get a ticket for the live stream

        Browsers cannot send headers with WebSockets and event sources. A ticket stands in the address instead of a
        token; it is good once, for thirty seconds.
        """
        ticket, ends = issue_ticket(db.session(), current_user().id)
        db.session.commit()
        return {"ticket": ticket, "expires_at": ends}


@blueprint.route("/live/events")
class LiveEvents(MethodView):
    """The stream as Server-Sent Events."""

    decorators = [ticket_or_login]

    @blueprint.arguments(LiveQuery, location="query")
    @blueprint.response(200, EVENT, content_type="text/event-stream", description="Server-Sent Events")
    @problems(blueprint, {429: "live.too_many"})
    def get(self, query: dict[str, Any]) -> Response:
        """Follow everything, by Server-Sent Events

        Without gap or repeat from after ``Last-Event-ID``, within a day. First ``ready``. Topics and events: credits
        (user_credits_changed), player (player_state, sounds_stopped), sounds (sound_played), jobs (all events of jobs
        that you may see, with job_id). ``missed``: what came after your position is not kept any more, read everything
        anew. ``dropped``: you took nothing for ten seconds.
        """
        listening = begin(query)
        stream = iterate(listening, Wire(request.environ))
        opening = next(stream)  # opens the feed: what refuses it is an answer, not a broken stream
        return Response(chain(opening, stream), mimetype="text/event-stream", headers=HEADERS)


@blueprint.route("/live/socket")
class LiveSocket(MethodView):
    """The stream as a WebSocket."""

    decorators = [ticket_or_login]

    @blueprint.arguments(LiveQuery, location="query")
    @blueprint.response(101, description="A WebSocket")
    @problems(blueprint, {403: "live.foreign_origin", 426: "live.upgrade_required", 429: "live.too_many"})
    def get(self, query: dict[str, Any]) -> Response:
        """Follow everything, by WebSocket

        The same events as ``GET /live/events``, each a text message: ``{"id", "event", "data"}``. The server expects
        no messages. It closes with 4001 when the account is disabled, 4008 when you took nothing for ten seconds,
        1001 after an hour: connect again with the last id.
        """
        raise ApiError("live.upgrade_required", "This path is for WebSockets")


@ticket_or_login
@blueprint.arguments(LiveQuery, location="query")
def open_socket(query: dict[str, Any]) -> Response:
    """Answer a request for a WebSocket; such requests have routes of their own."""
    require_known_origin()
    listening = begin(query)
    leave()
    return speak(listening, request.environ)


def require_known_origin() -> None:
    """Refuse the pages of strangers: browsers open sockets across origins, and say whose page it is.

    The scheme of our own is not compared, which ends at a proxy that speaks TLS. Programs send no ``Origin``.
    """
    origin = request.headers.get("Origin")
    allowed = get_settings().cors_origins
    if origin is None or urlsplit(origin).netloc == request.host or {"*", origin} & set(allowed):
        return
    raise ForbiddenError("live.foreign_origin", "Pages of this origin may not listen; see REELYARD_CORS_ORIGINS")


@blueprint.record
def route_sockets(state: BlueprintSetupState) -> None:
    """Add the route of WebSockets beside that of plain requests, which has the documentation."""
    state.app.add_url_rule("/api/v1/live/socket", "live.open_socket", open_socket, websocket=True)


def begin(query: dict[str, Any]) -> Listening:
    """Have the caller's events written down, and give the connection to the database back."""
    user_id = current_user().id
    given = request.headers.get("Last-Event-ID", "")
    after = int(given) if given.isascii() and given.isdigit() and len(given) <= 18 else query["last_event_id"]
    last = begin_to_listen(db.session(), user_id)
    db.session.remove()
    return Listening(get_hub(), user_id, Wish(frozenset(query["topics"]), after), last)


def iterate(listening: Listening, wire: Wire) -> Iterator[str]:
    """Yield the text of the stream until it ends."""
    hub: Hub = listening.hub
    with hub.listen(listening.user_id, listening.last) as feed, suppress(OSError):
        yield "retry: 1000\n\n"
        for told in follow(hub, feed, listening.wish, listening.last):
            try:
                wire.wait()
            except TooSlowError:
                logger.info("client dropped", extra={"code": "live.too_slow"})
                yield DROPPED
                return
            yield ": still here\n\n" if told is None else as_event(told)


def chain(first: str, rest: Iterator[str]) -> Iterator[str]:
    """Yield a stream whose first part was taken already."""
    try:
        yield first
        yield from rest
    finally:
        rest.close()  # type: ignore[attr-defined]

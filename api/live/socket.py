"""The stream over a WebSocket, by the server that Flask-Sock stands on."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import Response
from simple_websocket import ConnectionClosed, Server
from simple_websocket import ConnectionError as NoHandshakeError

from api.live.hub import Feed, Hub
from api.live.stream import ENDED, Wish, as_message, follow
from api.live.wire import TooSlowError, Wire

logger = logging.getLogger(__name__)

PING_S = 25
"""A client that answers no ping for this long is gone."""
LARGEST_MESSAGE = 1024
GOING_AWAY, NOTHING_EXPECTED, OVER, TOO_SLOW = 1001, 1008, 4001, 4008
"""Why it is closed: RFC 6455, section 7.4; from 4000 on they are ours."""


@dataclass(frozen=True)
class Listening:
    """Who listens to what. ``last`` is the number of the newest event when they began."""

    hub: Hub
    user_id: UUID
    wish: Wish
    last: int


class Spoken(Response):
    """The answer to a request whose connection was a WebSocket: nothing is left to be said over HTTP."""

    def __call__(self, environ: Any, start_response: Any) -> Any:
        """End the request as the server at hand wants it."""
        if "gunicorn.socket" in environ:
            raise StopIteration
        return super().__call__(environ, start_response)


class Socket(Server):
    """A WebSocket that is sent to through :class:`~api.live.wire.Wire`, without compression.

    Compression would cost each client a third of a megabyte for messages of a few hundred bytes.
    """

    def __init__(self, environ: dict[str, Any], wire: Wire) -> None:
        plain = {name: value for name, value in environ.items() if name != "HTTP_SEC_WEBSOCKET_EXTENSIONS"}
        for name in ("gunicorn.socket", "werkzeug.socket"):
            if name in plain:
                plain[name] = wire
        super().__init__(plain, ping_interval=PING_S, max_message_size=LARGEST_MESSAGE)


def speak(listening: Listening, environ: dict[str, Any]) -> Response:
    """Tell a client over its WebSocket until either side ends it; raise ``live.too_many``."""
    hub = listening.hub
    with hub.listen(listening.user_id, listening.last) as feed:
        wire = Wire(environ)
        try:
            socket = Socket(environ, wire)
        except (NoHandshakeError, OSError):
            return Spoken()
        with suppress(ConnectionClosed, OSError):
            reason = tell(socket, wire, follow(hub, feed, listening.wish, listening.last), feed)
            socket.close(reason)
        socket.connected = False
        with suppress(OSError):
            wire.shutdown(1)
    return Spoken()


def tell(socket: Socket, wire: Wire, stream: Iterator[Any], feed: Feed) -> int:
    """Send what there is; return the code to close with."""
    for told in stream:
        if socket.input_buffer:
            return NOTHING_EXPECTED
        if not socket.connected:
            raise ConnectionClosed(socket.close_reason, socket.close_message)
        if told is None:
            continue  # pings are the signs of life
        try:
            wire.wait()
        except TooSlowError:
            logger.info("client dropped", extra={"code": "live.too_slow"})
            return TOO_SLOW
        socket.send(as_message(told))
        if told.kind == ENDED:
            return OVER
    return GOING_AWAY

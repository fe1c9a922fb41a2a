"""HTTP to one server over connections that are kept open: for calls so frequent that a client's comforts cost (ring 1).

No proxies, no redirects, no cookies. A connection that the server has closed meanwhile is noticed before it is used.
"""

from __future__ import annotations

import json
import select
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from functools import cached_property
from http.client import HTTPConnection, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

MOST_IDLE = 4


@dataclass(frozen=True)
class Answer:
    """What the server said."""

    status: int
    content: bytes
    headers: Message = field(default_factory=Message)
    """Found in any spelling of their names."""

    def json(self) -> Any:
        """Return the content as JSON; raise ValueError when it is none."""
        return json.loads(self.content)


class KeptConnections:
    """Connections to one server; any thread may call.

    :param base_url: http or https; a path in it begins every path that is called.
    """

    def __init__(self, base_url: str) -> None:
        parts = urlsplit(base_url)
        self._host, self._port, self._prefix = parts.hostname or "", parts.port, parts.path.rstrip("/")
        self._secure = parts.scheme == "https"
        self._idle: list[HTTPConnection] = []
        self._lock = threading.Lock()

    def post(
        self, path: str, content: bytes, headers: Mapping[str, str], *, timeout_s: float, connect_s: float
    ) -> Answer:
        """Send a body and return the answer; raise OSError or HTTPException when there is none.

        :param timeout_s: for each wait of the answer, :param connect_s: for the connection.
        """
        connection = self._take() or self._open(connect_s)
        try:
            connection.sock.settimeout(timeout_s)
            connection.request("POST", self._prefix + path, content, dict(headers))
            response = connection.getresponse()
            answer = Answer(response.status, response.read(), response.headers)
        except BaseException:
            connection.close()
            raise
        if response.will_close:
            connection.close()
        else:
            self._give_back(connection)
        return answer

    def close(self) -> None:
        """Close the connections that nobody uses."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _open(self, connect_s: float) -> HTTPConnection:
        if self._secure:
            connection: HTTPConnection = HTTPSConnection(
                self._host, self._port, timeout=connect_s, context=self._trusted
            )
        else:
            connection = HTTPConnection(self._host, self._port, timeout=connect_s)
        try:
            connection.connect()
        except BaseException:
            connection.close()
            raise
        return connection

    def _take(self) -> HTTPConnection | None:
        while True:
            with self._lock:
                if not self._idle:
                    return None
                connection = self._idle.pop()
            if connection.sock is not None and not is_readable(connection.sock.fileno()):
                return connection
            connection.close()

    def _give_back(self, connection: HTTPConnection) -> None:
        with self._lock:
            if len(self._idle) < MOST_IDLE:
                self._idle.append(connection)
                return
        connection.close()

    @cached_property
    def _trusted(self) -> ssl.SSLContext:
        return ssl.create_default_context()


def is_readable(descriptor: int) -> bool:
    """Tell whether a read would not wait: on a connection where nothing is due, it has been closed."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))

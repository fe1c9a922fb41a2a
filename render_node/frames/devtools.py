"""Chrome's DevTools protocol over a pair of pipes: no port that others could reach, no helper process in between.

Messages are JSON, each ended by a zero byte (Chromium's ``--remote-debugging-pipe``).
"""

from __future__ import annotations

import itertools
import json
import os
import select
import time
from collections.abc import Callable
from typing import Any

from tasks.errors import TransientError

READ_SIZE = 1 << 20
DEADLINE_S = 30.0

Handler = Callable[[dict[str, Any]], None]


def crashed(detail: str) -> TransientError:
    """Return the one error for a browser that does not do what it should."""
    return TransientError("browser.crashed", detail)


class Connection:
    """Asks the browser and gives its events to handlers. For one thread.

    :param reader: where the browser writes to, :param writer: where it reads from; both are closed with it.
    """

    def __init__(self, reader: int, writer: int) -> None:
        self._reader, self._writer = reader, writer
        os.set_blocking(writer, False)
        self._ids = itertools.count(1)
        self._buffer = bytearray()
        self._handlers: dict[tuple[str, str], Handler] = {}
        self._asked: dict[int, str] = {}
        self._answers: dict[int, dict[str, Any]] = {}

    def on(self, session: str, event: str, handler: Handler) -> None:
        """Call ``handler`` with the parameters of each such event, while a call or a wait goes on."""
        self._handlers[session, event] = handler

    def call(
        self,
        method: str,
        parameters: dict[str, Any] | None = None,
        *,
        session: str = "",
        deadline_s: float = DEADLINE_S,
    ) -> dict[str, Any]:
        """Ask and return the answer.

        Raises ``browser.crashed`` when the browser refuses, is gone, or says nothing for ``deadline_s`` seconds.
        """
        return self.answer(self.ask(method, parameters, session=session), deadline_s=deadline_s)

    def ask(self, method: str, parameters: dict[str, Any] | None = None, *, session: str = "") -> int:
        """Ask; return the question's number, by which :meth:`answer` is to be called later."""
        number = self.post(method, parameters, session=session)
        self._asked[number] = method
        return number

    def answer(self, number: int, *, deadline_s: float = DEADLINE_S) -> dict[str, Any]:
        """Wait for the answer to a question; raise as :meth:`call` does."""
        until = time.monotonic() + deadline_s
        while number not in self._answers:
            message = self._next(until)
            if message.get("id") in self._asked:
                self._answers[message["id"]] = message
            else:
                self._handle(message)
        message, method = self._answers.pop(number), self._asked.pop(number)
        if "error" in message:
            raise crashed(f"The browser refused {method}: {str(message['error'].get('message'))[:200]}")
        answer: dict[str, Any] = message["result"]
        return answer

    def post(self, method: str, parameters: dict[str, Any] | None = None, *, session: str = "") -> int:
        """Ask what needs no answer; return the question's number."""
        number = next(self._ids)
        message: dict[str, Any] = {"id": number, "method": method, "params": parameters or {}}
        if session:
            message["sessionId"] = session
        self._write(json.dumps(message).encode() + b"\0", time.monotonic() + DEADLINE_S)
        return number

    def wait_for(self, is_done: Callable[[], bool], what: str) -> None:
        """Handle events until something is so; raise ``browser.crashed`` when it does not come about in time."""
        until = time.monotonic() + DEADLINE_S
        while not is_done():
            try:
                self._handle(self._next(until))
            except TransientError as error:
                raise crashed(f"{error.detail} (waiting for {what})") from error

    def close(self) -> None:
        """Close both pipes, at which the browser ends."""
        os.close(self._writer)
        os.close(self._reader)

    def _handle(self, message: dict[str, Any]) -> None:
        handler = self._handlers.get((message.get("sessionId", ""), message.get("method", "")))
        if handler:
            handler(message["params"])

    def _next(self, until: float) -> dict[str, Any]:
        scanned = 0
        while (end := self._buffer.find(b"\0", scanned)) < 0:
            scanned = len(self._buffer)
            self._wait(self._reader, select.POLLIN, until)
            part = os.read(self._reader, READ_SIZE)
            if not part:
                raise crashed("The browser is gone")
            self._buffer += part
        message: dict[str, Any] = json.loads(self._buffer[:end])
        del self._buffer[: end + 1]
        return message

    def _write(self, message: bytes, until: float) -> None:
        rest = memoryview(message)
        while rest:
            self._wait(self._writer, select.POLLOUT, until)
            try:
                rest = rest[os.write(self._writer, rest) :]
            except BrokenPipeError as error:
                raise crashed("The browser is gone") from error

    @staticmethod
    def _wait(descriptor: int, event: int, until: float) -> None:
        poll = select.poll()
        poll.register(descriptor, event)
        if not poll.poll(max(0.0, until - time.monotonic()) * 1000):
            raise crashed("The browser does not answer")

"""One page of a browser: files of ours and nothing else, scripts asked, pictures taken."""

from __future__ import annotations

import base64
import json
from types import TracebackType
from typing import Any

from render_node.frames.browser import Browser
from render_node.frames.devtools import DEADLINE_S, crashed

CLEAR = {"color": {"r": 0, "g": 0, "b": 0, "a": 0}}
START = 64
CALL = "(async (asked, argument) => typeof asked === 'function' ? asked(argument) : asked)"


class Page:
    """A page in a context of its own, without cache or cookies; use as a context manager.

    :param files: URL -> (content, media type); every other request is refused.
    """

    def __init__(self, browser: Browser, files: dict[str, tuple[bytes, str]]) -> None:
        self._connection, self._files = browser.connection, files
        self._context: str = self._connection.call("Target.createBrowserContext")["browserContextId"]
        target = self._connection.call(
            "Target.createTarget",
            {"url": "about:blank", "browserContextId": self._context, "width": START, "height": START},
        )
        attach = {"targetId": target["targetId"], "flatten": True}
        self._session: str = self._connection.call("Target.attachToTarget", attach)["sessionId"]
        self._size = (START, START)
        self._is_loaded = False
        self.asked: list[str] = []

    def __enter__(self) -> Page:
        self._connection.on(self._session, "Fetch.requestPaused", self._answer)
        self._connection.on(self._session, "Page.loadEventFired", self._note_load)
        self._connection.on(self._session, "Inspector.targetCrashed", self._note_crash)
        self._ask("Page.enable")
        self._ask("Fetch.enable", {"patterns": [{"urlPattern": "*"}]})
        self._ask("Emulation.setDefaultBackgroundColorOverride", CLEAR)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._connection.call("Target.disposeBrowserContext", {"browserContextId": self._context})

    def go(self, url: str) -> None:
        """Load one of the files and all that it asks for."""
        self._is_loaded = False
        answer = self._ask("Page.navigate", {"url": url})
        if "errorText" in answer:
            raise crashed(f"The page does not load: {answer['errorText']}")
        self._connection.wait_for(lambda: self._is_loaded, "the page")

    def evaluate(self, expression: str, argument: Any = None, *, deadline_s: float = DEADLINE_S) -> Any:
        """Return the value of an expression, or of a function called with an argument; promises are awaited.

        Raises ``browser.crashed`` with the script's own words when it fails.
        """
        return self.value(self.order(expression, argument), deadline_s=deadline_s)

    def order(self, expression: str, argument: Any = None) -> int:
        """Have an expression evaluated; return the number by which :meth:`value` gives what it comes to."""
        called = f"{CALL}({expression}, {json.dumps(argument)})"
        asked = {"expression": called, "awaitPromise": True, "returnByValue": True}
        return self._connection.ask("Runtime.evaluate", asked, session=self._session)

    def value(self, number: int, *, deadline_s: float = DEADLINE_S) -> Any:
        """Wait for what was ordered, and return it; raise as :meth:`evaluate` does."""
        answer = self._connection.answer(number, deadline_s=deadline_s)
        if "exceptionDetails" in answer:
            thrown = answer["exceptionDetails"]
            said = thrown.get("exception", {}).get("description") or thrown.get("text", "")
            raise crashed(f"The page failed: {said.splitlines()[0][:200] if said else 'it does not say why'}")
        return answer["result"].get("value")

    def resize(self, width: int, height: int) -> None:
        """Set the size of the surface in pixels."""
        if (width, height) != self._size:
            metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
            self._ask("Emulation.setDeviceMetricsOverride", metrics)
            self._size = (width, height)

    def screenshot(self) -> bytes:
        """Return the surface as a PNG, transparent where nothing is drawn."""
        return base64.b64decode(self.take_screenshot(self.order_screenshot()))

    def order_screenshot(self) -> int:
        """Have a screenshot made; return the number to take it by. Nothing else may be asked of the page before."""
        options = {"format": "png", "optimizeForSpeed": True, "captureBeyondViewport": False}
        return self._connection.ask("Page.captureScreenshot", options, session=self._session)

    def take_screenshot(self, number: int) -> str:
        """Wait for a screenshot that was ordered; return the PNG in base64."""
        taken: str = self._connection.answer(number)["data"]
        return taken

    def collect_garbage(self) -> None:
        """Free what scripts no longer use; left alone, a page that is only drawn on grows for long."""
        self._ask("HeapProfiler.collectGarbage")

    def _ask(self, method: str, parameters: dict[str, Any] | None = None) -> dict[str, Any]:
        return self._connection.call(method, parameters, session=self._session)

    def _answer(self, event: dict[str, Any]) -> None:
        url = event["request"]["url"]
        self.asked.append(url)
        request = {"requestId": event["requestId"]}
        if url not in self._files:
            refusal = {**request, "errorReason": "BlockedByClient"}
            self._connection.post("Fetch.failRequest", refusal, session=self._session)
            return
        content, kind = self._files[url]
        answer = {
            **request,
            "responseCode": 200,
            "responseHeaders": [{"name": "Content-Type", "value": kind}],
            "body": base64.b64encode(content).decode(),
        }
        self._connection.post("Fetch.fulfillRequest", answer, session=self._session)

    def _note_load(self, _event: dict[str, Any]) -> None:
        self._is_loaded = True

    def _note_crash(self, _event: dict[str, Any]) -> None:
        raise crashed("The page crashed")

"""Instagram: reels through the Graph API, which fetches the file itself: a container first, then its publication.

https://developers.facebook.com/docs/instagram-platform/content-publishing
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tasks.contracts.delivery import SendResult
from tasks.delivery.calls import Caller, json_of, quota, refused, unauthorized, unavailable
from tasks.delivery.parcel import Memory, Parcel, Tick
from tasks.errors import PermanentError, ReelyardError

LONGEST_CAPTION = 2200
BUSY = frozenset({1, 2, 4, 17, 32, 341, 613})
"""Codes of the Graph API for calls that are to be made again later."""
TOO_MANY_POSTS = 2207042
BAD_TOKEN = 190
ASKS = 60


@dataclass
class Instagram:
    """A professional account by its long-lived token, which is renewed with each use."""

    api: Caller
    token: str
    settings: dict[str, Any]
    pause_s: float = 5.0
    wait: Callable[[float], None] = time.sleep

    def publish(self, parcel: Parcel, memory: Memory, tick: Tick) -> SendResult:
        """Have the file fetched and shown; what an earlier attempt made is found by its container."""
        self._renew(memory)
        if media_id := memory.known.get("media_id"):
            return self._describe(str(media_id))
        container = memory.known.get("container")
        state = self._state(str(container)) if container else "EXPIRED"
        if state == "PUBLISHED":
            return SendResult(str(container))
        if state in ("EXPIRED", "ERROR"):
            container = self._begin(parcel)
            memory.put(container=container)
        self._await(str(container))
        tick(parcel.size_bytes)
        media_id = self._call("POST", f"/{self._user}/media_publish", creation_id=str(container))["id"]
        memory.put(media_id=str(media_id))
        return self._describe(str(media_id))

    @property
    def _user(self) -> str:
        return str(self.settings["user_id"])

    def _begin(self, parcel: Parcel) -> str:
        if parcel.visibility != "public":
            raise refused("Instagram shows reels to everyone; visibility must be public")
        caption = "\n".join(filter(None, (parcel.title, parcel.description, " ".join(f"#{t}" for t in parcel.tags))))
        asked = {"media_type": "REELS", "video_url": parcel.url, "caption": caption[:LONGEST_CAPTION]}
        return str(self._call("POST", f"/{self._user}/media", **asked)["id"])

    def _state(self, container: str) -> str:
        return str(self._call("GET", f"/{container}", fields="status_code,status")["status_code"])

    def _await(self, container: str) -> None:
        for _ in range(ASKS):
            state = self._state(container)
            if state in ("FINISHED", "PUBLISHED"):
                return
            if state != "IN_PROGRESS":
                raise refused(f"the container is {state}", state=state)
            self.wait(self.pause_s)
        raise unavailable("it is still fetching the file")

    def _describe(self, media_id: str) -> SendResult:
        told = self._call("GET", f"/{media_id}", fields="id,permalink")
        return SendResult(media_id, str(told.get("permalink") or ""))

    def _renew(self, memory: Memory) -> None:
        """Prolong the token; one that is younger than a day is good as it is."""
        try:
            told = self._call("GET", "/refresh_access_token", grant_type="ig_refresh_token")
        except PermanentError as error:
            if error.code == "publish.unauthorized":
                raise
            return
        if told.get("access_token") not in (None, self.token):
            self.token = str(told["access_token"])
            memory.renew({"access_token": self.token})

    def _call(self, method: str, path: str, **asked: str) -> dict[str, Any]:
        # In the header, never in the address: addresses stand in logs.
        sent = {"params": asked} if method == "GET" else {"data": asked}
        told = json_of(self.api.call(method, path, headers={"Authorization": f"Bearer {self.token}"}, **sent))
        if "error" in told:
            raise explain(dict(told["error"]))
        return told


def explain(error: dict[str, Any]) -> ReelyardError:
    """Return our error for one of the Graph API's."""
    code, why = error.get("code"), str(error.get("message") or error.get("code"))
    if error.get("error_subcode") == TOO_MANY_POSTS:
        return quota(why)
    if code == BAD_TOKEN:
        return unauthorized(why)
    return unavailable(why[:300]) if code in BUSY else refused(why, code=code)

"""YouTube: resumable uploads of the Data API v3.

https://developers.google.com/youtube/v3/guides/using_resumable_upload_protocol
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import httpx

from tasks.contracts.delivery import SendResult
from tasks.delivery.calls import Caller, json_of, quota, read_piece, refused, unauthorized, unavailable
from tasks.delivery.parcel import Memory, Parcel, Tick
from tasks.errors import PermanentError

CHUNK = 8 << 20
"""Bytes in one request; the protocol wants a multiple of 256 KiB."""
QUOTAS = frozenset({"quotaExceeded", "uploadLimitExceeded", "dailyLimitExceeded", "rateLimitExceeded"})
LONGEST_TITLE, LONGEST_TEXT = 100, 5000


@dataclass
class YouTube:
    """An account by its refresh token.

    :param client: id and secret of the installation's OAuth client.
    """

    api: Caller
    accounts: Caller
    client: tuple[str, str]
    refresh_token: str
    settings: dict[str, Any]
    _token: str = ""

    def publish(self, parcel: Parcel, memory: Memory, tick: Tick) -> SendResult:
        """Send the file in pieces, going on where an earlier attempt stopped."""
        session = memory.known.get("session") or ""
        sent, done = self._ask(session, parcel) if session else (0, None)
        if session and sent is None:
            if memory.known.get("all_sent"):
                raise PermanentError(
                    "publish.unknown_outcome", "All bytes were sent, and YouTube does not tell what became of them"
                )
            session = ""
        if done is None:
            if not session:
                session, sent = self._begin(parcel), 0
                memory.put(session=session, all_sent=None)
            done = self._send(session, parcel, memory, sent or 0, tick)
        return SendResult(done["id"], f"https://www.youtube.com/watch?v={done['id']}")

    def _begin(self, parcel: Parcel) -> str:
        told = {
            "snippet": {
                "title": parcel.title[:LONGEST_TITLE] or parcel.filename[:LONGEST_TITLE],
                "description": parcel.description[:LONGEST_TEXT],
                "tags": list(parcel.tags),
                "categoryId": str(self.settings.get("category_id") or 22),
            },
            "status": {
                "privacyStatus": parcel.visibility,
                "selfDeclaredMadeForKids": bool(self.settings.get("made_for_kids")),
            },
        }
        headers = {"X-Upload-Content-Length": str(parcel.size_bytes), "X-Upload-Content-Type": parcel.content_type}
        answer = self._call(
            "POST",
            "/upload/youtube/v3/videos?uploadType=resumable&part=snippet,status",
            json=told,
            headers=headers,
        )
        if answer.status_code != 200 or "location" not in answer.headers:
            raise explain(answer)
        return answer.headers["location"]

    def _ask(self, session: str, parcel: Parcel) -> tuple[int | None, dict[str, Any] | None]:
        """Return how many bytes a session has (None: it is gone) and the video, when it is whole."""
        answer = self._call("PUT", session, headers={"Content-Range": f"bytes */{parcel.size_bytes}"}, content=b"")
        if answer.status_code in (200, 201):
            return parcel.size_bytes, json_of(answer)
        if answer.status_code in (404, 410):
            return None, None
        if answer.status_code != 308:
            raise explain(answer)
        return received(answer), None

    def _send(self, session: str, parcel: Parcel, memory: Memory, sent: int, tick: Tick) -> dict[str, Any]:
        while True:
            size = min(CHUNK, parcel.size_bytes - sent)
            if sent + size == parcel.size_bytes and not memory.known.get("all_sent"):
                memory.put(all_sent=True)  # before the last byte leaves: its answer may be lost
            span = f"bytes {sent}-{sent + size - 1}/{parcel.size_bytes}"
            headers = {"Content-Range": span, "Content-Length": str(size), "Content-Type": parcel.content_type}
            answer = self._call("PUT", session, headers=headers, content=b"".join(read_piece(parcel.path, sent, size)))
            if answer.status_code in (200, 201):
                tick(parcel.size_bytes)
                return json_of(answer)
            if answer.status_code != 308:
                raise explain(answer)
            before, sent = sent, received(answer)
            if sent <= before or sent >= parcel.size_bytes:
                raise unavailable("it loses what was sent")
            tick(sent)

    def _call(self, method: str, url: str, *, headers: dict[str, str], **sent: Any) -> httpx.Response:
        """Call with a token, and once more with a new one when it is not taken."""
        for fresh in (False, True):
            if fresh or not self._token:
                self._token = self._refresh()
            answer = self.api.call(method, url, headers={**headers, "Authorization": f"Bearer {self._token}"}, **sent)
            if answer.status_code != 401:
                return answer
        raise unauthorized("YouTube takes no token of this account")

    def _refresh(self) -> str:
        name, secret = self.client
        form = {"grant_type": "refresh_token", "refresh_token": self.refresh_token}
        answer = self.accounts.call("POST", "/token", data={**form, "client_id": name, "client_secret": secret})
        told = json_of(answer)
        if answer.status_code != 200 or not told.get("access_token"):
            raise unauthorized(str(told.get("error_description") or told.get("error") or answer.status_code))
        return str(told["access_token"])


def received(answer: httpx.Response) -> int:
    """Return how many bytes a 308 says have arrived."""
    found = re.fullmatch(r"bytes=0-(\d+)", answer.headers.get("range", ""))
    return int(found[1]) + 1 if found else 0


def explain(answer: httpx.Response) -> PermanentError:
    """Return the error of an answer that is no success."""
    error = json_of(answer).get("error") or {}
    reasons = {str(each.get("reason")) for each in error.get("errors") or []}
    why = str(error.get("message") or answer.status_code)
    return quota(why) if reasons & QUOTAS else refused(why, reasons=sorted(reasons), status=answer.status_code)

"""TikTok: direct posts of the Content Posting API v2.

https://developers.tiktok.com/doc/content-posting-api-reference-direct-post
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tasks.contracts.delivery import SendResult
from tasks.delivery.calls import Caller, json_of, quota, read_piece, refused, unauthorized, unavailable
from tasks.delivery.parcel import Memory, Parcel, Tick
from tasks.errors import TransientError

CHUNK, LARGEST_WHOLE = 10 << 20, 64 << 20
"""Bytes in one piece, 5 to 64 MiB; smaller files go whole, and the last piece takes what is left over."""
PRIVACY = {"public": "PUBLIC_TO_EVERYONE", "unlisted": "MUTUAL_FOLLOW_FRIENDS", "private": "SELF_ONLY"}
BAD_TOKENS = frozenset({"access_token_invalid", "access_token_expired"})
QUOTAS = frozenset({"spam_risk_too_many_posts", "spam_risk_too_many_pending_share", "reached_active_user_cap"})
LONGEST_TITLE = 2200
ASKS = 60
"""How often a post is asked for; one that takes longer is asked for by the next attempt."""


@dataclass
class TikTok:
    """An account by its refresh token, which TikTok replaces whenever it is used.

    :param client: key and secret of the installation's app.
    """

    api: Caller
    client: tuple[str, str]
    refresh_token: str
    settings: dict[str, Any]
    pause_s: float = 5.0
    wait: Callable[[float], None] = time.sleep
    _token: str = ""

    def publish(self, parcel: Parcel, memory: Memory, tick: Tick) -> SendResult:
        """Send the file in pieces and wait until the post is there; an earlier attempt's post is asked for first."""
        name = memory.known.get("publish_id")
        if name:
            state = self._state(name, memory)
            if state["status"] == "FAILED" and not memory.known.get("all_sent"):
                name = None  # nothing was shown: an upload that was broken off is given up by TikTok
            elif state["status"] == "PROCESSING_UPLOAD":
                self._send(memory.known["upload_url"], parcel, memory, int(state.get("uploaded_bytes") or 0), tick)
        if not name:
            name, address = self._begin(parcel, memory)
            memory.put(publish_id=name, upload_url=address, all_sent=None)
            self._send(address, parcel, memory, 0, tick)
        return self._await(str(name), memory)

    def _begin(self, parcel: Parcel, memory: Memory) -> tuple[str, str]:
        count = 1 if parcel.size_bytes <= LARGEST_WHOLE else parcel.size_bytes // CHUNK
        post = {
            "title": "\n".join(filter(None, (parcel.title, parcel.description)))[:LONGEST_TITLE],
            "privacy_level": PRIVACY[parcel.visibility],
            "disable_comment": bool(self.settings.get("disable_comment")),
            "disable_duet": bool(self.settings.get("disable_duet")),
            "disable_stitch": bool(self.settings.get("disable_stitch")),
        }
        source = {
            "source": "FILE_UPLOAD",
            "video_size": parcel.size_bytes,
            "chunk_size": parcel.size_bytes if count == 1 else CHUNK,
            "total_chunk_count": count,
        }
        told = self._call("/v2/post/publish/video/init/", {"post_info": post, "source_info": source}, memory)
        return str(told["publish_id"]), str(told["upload_url"])

    def _send(self, address: str, parcel: Parcel, memory: Memory, sent: int, tick: Tick) -> None:
        whole = parcel.size_bytes <= LARGEST_WHOLE
        while sent < parcel.size_bytes:
            size = parcel.size_bytes - sent if whole or parcel.size_bytes - sent < 2 * CHUNK else CHUNK
            last = sent + size == parcel.size_bytes
            if last:
                memory.put(all_sent=True)
            headers = {
                "Content-Range": f"bytes {sent}-{sent + size - 1}/{parcel.size_bytes}",
                "Content-Length": str(size),
                "Content-Type": parcel.content_type,
            }
            answer = self.api.call("PUT", address, headers=headers, content=read_piece(parcel.path, sent, size))
            if answer.status_code not in (200, 201, 206):
                raise refused(f"its upload answers {answer.status_code}", status=answer.status_code)
            sent += size
            tick(sent)

    def _await(self, name: str, memory: Memory) -> SendResult:
        for _ in range(ASKS):
            state = self._state(name, memory)
            if state["status"] == "PUBLISH_COMPLETE":
                # The API spells it so.
                posts = state.get("publicaly_available_post_id") or []
                return SendResult(str(posts[0]) if posts else name)
            if state["status"] == "FAILED":
                why = str(state.get("fail_reason") or "it does not say why")
                raise quota(why) if why in QUOTAS else refused(why)
            self.wait(self.pause_s)
        raise unavailable("it is still at work on the post")

    def _state(self, name: str, memory: Memory) -> dict[str, Any]:
        return self._call("/v2/post/publish/status/fetch/", {"publish_id": name}, memory)

    def _call(self, path: str, body: dict[str, Any], memory: Memory) -> dict[str, Any]:
        """Call with a token, and once more with a new one when it is not taken; return ``data``."""
        for fresh in (False, True):
            if fresh or not self._token:
                self._token = self._refresh(memory)
            told = json_of(self.api.call("POST", path, json=body, headers={"Authorization": f"Bearer {self._token}"}))
            error = told.get("error") or {}
            if error.get("code") == "ok":
                return dict(told["data"])
            if error.get("code") not in BAD_TOKENS:
                raise explain(error)
        raise unauthorized("TikTok takes no token of this account")

    def _refresh(self, memory: Memory) -> str:
        key, secret = self.client
        form = {"grant_type": "refresh_token", "refresh_token": self.refresh_token}
        answer = self.api.call("POST", "/v2/oauth/token/", data={**form, "client_key": key, "client_secret": secret})
        told = json_of(answer)
        if not told.get("access_token"):
            raise unauthorized(str(told.get("error_description") or told.get("error") or answer.status_code))
        if told.get("refresh_token") not in (None, self.refresh_token):
            self.refresh_token = str(told["refresh_token"])
            memory.renew({"refresh_token": self.refresh_token})
        return str(told["access_token"])


def explain(error: dict[str, Any]) -> Exception:
    """Return our error for one of TikTok's."""
    code, why = str(error.get("code")), str(error.get("message") or error.get("code"))
    if code in QUOTAS:
        return quota(why)
    if code == "rate_limit_exceeded":
        return TransientError("publish.unavailable", f"The target wants a pause: {why[:300]}")
    return refused(why, reason=code)

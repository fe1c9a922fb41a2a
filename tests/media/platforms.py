"""Servers that speak the HTTP of YouTube, TikTok and Instagram, of buckets and webhooks, and misbehave when told to."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Answer = tuple[int, dict[str, Any] | bytes, dict[str, str]]


@dataclass
class Request:
    """One request as it came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.body or b"{}")
        return told

    @property
    def form(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.body.decode()).items()}

    @property
    def token(self) -> str:
        return self.headers.get("authorization", "").removeprefix("Bearer ")


@dataclass
class Platform:
    """What all have: tokens, requests seen, faults to come.

    :param refusals: answers given to the next requests instead of the real ones.
    :param lost: paths (by how they begin) whose next answer is lost on the way, though the work is done.
    """

    good_tokens: set[str] = field(default_factory=set)
    refusals: list[Answer] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    seen: list[Request] = field(default_factory=list)
    shown: list[dict[str, Any]] = field(default_factory=list)
    base_url: str = ""
    tokens_given: int = 0

    def answer(self, request: Request) -> Answer:
        raise NotImplementedError

    def give_token(self) -> str:
        self.tokens_given += 1
        token = f"access-{self.tokens_given}"
        self.good_tokens.add(token)
        return token


@dataclass
class YouTubeServer(Platform):
    """Resumable uploads; :param keeps: bytes that it takes of each piece at most."""

    refresh_token: str = "r1"
    keeps: int = 1 << 40
    uploads: dict[str, dict[str, Any]] = field(default_factory=dict)

    def answer(self, request: Request) -> Answer:
        if request.path == "/token":
            if request.form.get("refresh_token") != self.refresh_token:
                return 400, {"error": "invalid_grant", "error_description": "Token has been revoked."}, {}
            return 200, {"access_token": self.give_token(), "expires_in": 3599, "token_type": "Bearer"}, {}
        if request.token not in self.good_tokens:
            return 401, {"error": {"code": 401, "message": "Invalid Credentials"}}, {}
        if request.path == "/upload/youtube/v3/videos":
            name = f"s{len(self.uploads) + 1}"
            size = int(request.headers["x-upload-content-length"])
            self.uploads[name] = {"size": size, "bytes": b"", "about": request.json}
            return 200, b"", {"Location": f"{self.base_url}/session/{name}"}
        return self.receive(request)

    def receive(self, request: Request) -> Answer:
        upload = self.uploads.get(request.path.rpartition("/")[2])
        if upload is None:
            return 404, {"error": {"code": 404, "message": "no such session"}}, {}
        found = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", request.headers["content-range"])
        if found:
            assert int(found[1]) == len(upload["bytes"]), "a piece follows what is there"
            assert int(found[2]) - int(found[1]) + 1 == len(request.body)
            upload["bytes"] += request.body[: self.keeps]
        if len(upload["bytes"]) < upload["size"]:
            there = {"Range": f"bytes=0-{len(upload['bytes']) - 1}"} if upload["bytes"] else {}
            return 308, b"", there
        if "id" not in upload:
            upload["id"] = f"video{len(self.shown) + 1}"
            self.shown.append({"bytes": upload["bytes"], **upload["about"]})
        return 200, {"id": upload["id"], "kind": "youtube#video"}, {}


@dataclass
class TikTokServer(Platform):
    """Direct posts; refresh tokens are good once. :param end: how posts end, after ``asks`` questions."""

    refresh_token: str = "r1"
    end: str = "PUBLISH_COMPLETE"
    fail_reason: str = ""
    asks: int = 2
    posts: dict[str, dict[str, Any]] = field(default_factory=dict)
    rotations: int = 0

    def answer(self, request: Request) -> Answer:
        if request.path == "/v2/oauth/token/":
            if request.form.get("refresh_token") != self.refresh_token:
                return 400, {"error": "invalid_grant", "error_description": "Refresh token is invalid."}, {}
            self.rotations += 1
            self.refresh_token = f"rotated-{self.rotations}"
            return 200, {"access_token": self.give_token(), "refresh_token": self.refresh_token}, {}
        if request.method == "PUT":
            return self.receive(request)
        if request.token not in self.good_tokens:
            return 401, {"error": {"code": "access_token_invalid", "message": "The access token is invalid"}}, {}
        if request.path.endswith("/video/init/"):
            return self.begin(request.json)
        return 200, {"data": self.state(self.posts[request.json["publish_id"]]), "error": {"code": "ok"}}, {}

    def begin(self, asked: dict[str, Any]) -> Answer:
        name = f"v_pub~{len(self.posts) + 1}"
        source = asked["source_info"]
        assert source["total_chunk_count"] == max(1, source["video_size"] // source["chunk_size"])
        self.posts[name] = {"bytes": b"", "asked": 0, **asked}
        address = f"{self.base_url}/upload/{name}"
        return 200, {"data": {"publish_id": name, "upload_url": address}, "error": {"code": "ok"}}, {}

    def receive(self, request: Request) -> Answer:
        post = self.posts[request.path.rpartition("/")[2]]
        found = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", request.headers["content-range"])
        assert found is not None and int(found[1]) == len(post["bytes"])
        post["bytes"] += request.body
        return (201 if len(post["bytes"]) == int(found[3]) else 206), b"", {}

    def state(self, post: dict[str, Any]) -> dict[str, Any]:
        if len(post["bytes"]) < post["source_info"]["video_size"]:
            return {"status": "PROCESSING_UPLOAD", "uploaded_bytes": len(post["bytes"])}
        post["asked"] += 1
        if post["asked"] < self.asks:
            return {"status": "PROCESSING_UPLOAD", "uploaded_bytes": len(post["bytes"])}
        if self.end == "PUBLISH_COMPLETE" and post not in self.shown:
            self.shown.append(post)
        return {"status": self.end, "fail_reason": self.fail_reason, "publicaly_available_post_id": [7001]}


@dataclass
class InstagramServer(Platform):
    """Containers, which fetch; :param end: how fetching ends, after ``asks`` questions."""

    end: str = "FINISHED"
    asks: int = 2
    renewed: str = ""
    containers: dict[str, dict[str, Any]] = field(default_factory=dict)

    def answer(self, request: Request) -> Answer:
        if request.token not in self.good_tokens:
            return 400, {"error": {"code": 190, "message": "Error validating access token"}}, {}
        if request.path == "/refresh_access_token":
            if not self.renewed:
                return 400, {"error": {"code": 10, "message": "The token is younger than 24 hours"}}, {}
            self.good_tokens = {self.renewed}
            return 200, {"access_token": self.renewed, "token_type": "bearer", "expires_in": 5183944}, {}
        if request.path == "/178/media":
            name = f"c{len(self.containers) + 1}"
            self.containers[name] = {"asked": 0, "state": "IN_PROGRESS", **request.form}
            return 200, {"id": name}, {}
        if request.path == "/178/media_publish":
            return self.show(self.containers[request.form["creation_id"]])
        return self.tell(request.path.removeprefix("/"))

    def show(self, container: dict[str, Any]) -> Answer:
        assert container["state"] == "FINISHED"
        container["state"] = "PUBLISHED"
        self.shown.append(container)
        return 200, {"id": f"m{len(self.shown)}"}, {}

    def tell(self, name: str) -> Answer:
        if name.startswith("m"):
            return 200, {"id": name, "permalink": f"https://www.instagram.com/reel/{name}/"}, {}
        container = self.containers[name]
        container["asked"] += 1
        if container["state"] == "IN_PROGRESS" and container["asked"] >= self.asks:
            container["state"] = self.end
        return 200, {"status_code": container["state"], "status": container["state"], "id": name}, {}


@dataclass
class PlainServer(Platform):
    """A bucket or a webhook: takes what comes."""

    def answer(self, request: Request) -> Answer:
        self.shown.append({"path": request.path, "bytes": request.body, "headers": request.headers})
        return 200, b"", {}


class Running:
    """A platform on a port of this machine, for the length of a ``with`` block."""

    def __init__(self, platform: Platform) -> None:
        handler = type("Handler", (_Handler,), {"platform": platform})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        platform.base_url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Running:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    platform: Platform

    def log_message(self, *words: object) -> None:
        """Say nothing."""

    def _serve(self) -> None:
        address = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, address.path, query, headers, self._read())
        self.platform.seen.append(request)
        if self.platform.refusals:
            self._send(*self.platform.refusals.pop(0))
            return
        answer = self.platform.answer(request)
        lost = next((start for start in self.platform.lost if address.path.startswith(start)), None)
        if lost is not None:
            self.platform.lost.remove(lost)
            self.close_connection = True
            return
        self._send(*answer)

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def _read(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _send(self, status: int, content: dict[str, Any] | bytes, headers: dict[str, str]) -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

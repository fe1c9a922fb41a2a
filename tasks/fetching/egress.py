"""The second wall: connections made by a proxy, for hosts that reach nothing else on the internet."""

from __future__ import annotations

import re
from contextlib import closing
from urllib.parse import urlsplit

import httpcore

_LONGEST_ANSWER = 8192
_MOST_ADDRESSES = 64
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})")


def connect_through(proxy: str, address: str, port: int, timeout: float) -> httpcore.NetworkStream:
    """Return a connection to an address that was checked, made by an HTTP proxy with CONNECT.

    :param proxy: ``http://host:port``. It is told the address, never a name that users chose: it looks nothing up.
    """
    stream = _reach(proxy, timeout)
    try:
        authority = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        stream.write(f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n".encode(), timeout=timeout)
        answer = b""
        while b"\r\n\r\n" not in answer and len(answer) < _LONGEST_ANSWER:
            piece = stream.read(1, timeout=timeout)  # nothing of what follows the head may be read here
            if not piece:
                break
            answer += piece
        found = _STATUS.match(answer)
        if found is None or found[1] != b"200" or not answer.endswith(b"\r\n\r\n"):
            raise httpcore.ConnectError(f"the proxy answers {found[1].decode() if found else 'nothing'}")
    except BaseException:
        stream.close()
        raise
    return stream


def look_up_through(proxy: str, name: str, timeout: float) -> list[str]:
    """Return the addresses of a name as :mod:`tasks.fetching.wall` knows them; other proxies know of no such question.

    They are the caller's to check, as those of any name server.
    """
    with closing(_reach(proxy, timeout)) as stream:
        stream.write(f"GET /addresses/{name} HTTP/1.0\r\nHost: wall\r\n\r\n".encode(), timeout=timeout)
        answer = b""
        while len(answer) < _LONGEST_ANSWER and (piece := stream.read(_LONGEST_ANSWER, timeout=timeout)):
            answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    found = _STATUS.match(head)
    if found is None or found[1] != b"200":
        raise httpcore.ConnectError(f"the name cannot be looked up: {found[1].decode() if found else 'no answer'}")
    return body.decode("ascii", "replace").split()[:_MOST_ADDRESSES]


def _reach(proxy: str, timeout: float) -> httpcore.NetworkStream:
    where = urlsplit(proxy)
    return httpcore.SyncBackend().connect_tcp(where.hostname or "", where.port or 3128, timeout=timeout)

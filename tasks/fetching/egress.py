"""The second wall: connections made by a proxy, for hosts that reach nothing else on the internet."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import httpcore

_LONGEST_ANSWER = 8192
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})")


def connect_through(proxy: str, address: str, port: int, timeout: float) -> httpcore.NetworkStream:
    """Return a connection to an address that was checked, made by an HTTP proxy with CONNECT.

    :param proxy: ``http://host:port``. The proxy is told the address, never the name: it looks nothing up.
    """
    where = urlsplit(proxy)
    stream = httpcore.SyncBackend().connect_tcp(where.hostname or "", where.port or 3128, timeout=timeout)
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

"""S-1: who connects to what is written down, so that nothing that a user names is fetched beside the one fetcher."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

pytestmark = pytest.mark.security("S-1")
ROOT = Path(__file__).parents[2]
PACKAGES = ("api", "tasks", "render_node")
CLIENTS = {
    *("httpx", "httpcore", "requests", "aiohttp", "urllib3", "urllib.request", "http.client", "socket", "ssl"),
    *("ftplib", "telnetlib", "smtplib", "imaplib", "xmlrpc.client", "asyncio.streams", "websockets", "yt_dlp"),
}
MAY_CONNECT = {
    "tasks/fetching": "the one fetcher, and the walls around it: what a user names by URL",
    "tasks/fetchers": "links, through the gate and the fetcher of tasks/fetching",
    "tasks/client.py": "the API, as the operator says",
    "tasks/kept.py": "the API, over connections that are kept",
    "api/live/wire.py": "nobody: speaks over sockets that clients opened",
    "tasks/config.py": "nobody: asks for this host's name",
    "tasks/delivery/calls.py": "platforms that the operator names",
    "tasks/delivery/youtube.py": "YouTube, as the operator says; an upload goes on where YouTube said",
    "tasks/clips/generated.py": "the provider that the operator names; its clips come through the one fetcher",
    "tasks/transcripts/translation.py": "the translator that the operator names",
    "tasks/shorts/judge.py": "the judge that the operator names",
    "api/identities/fetching.py": "providers and issuers that the operator names; nobody's picture is fetched",
    "api/identities/providers.py": "the same, through it",
    "api/flower/proxy.py": "Flower, as the operator says",
    "api/mail/transport.py": "the mail server that the operator names",
    "api/config.py": "nobody: reads addresses",
}


def imports_of(path: Path) -> set[str]:
    """Return the modules that a file imports, by their dotted names."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def test_nobody_else_opens_connections() -> None:
    found = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if any(name in CLIENTS or name.split(".")[0] in CLIENTS for name in imports_of(path))
    }

    assert {path for path in found if not path.startswith(tuple(MAY_CONNECT))} == set()

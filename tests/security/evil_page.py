"""Markup that wants to reach the network or a file, and a canary that hears it."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

TAGS = (
    "<img src='{u}'>",
    "<img srcset='{u} 2x'>",
    "<picture><source srcset='{u}'><img></picture>",
    "<iframe src='{u}'></iframe>",
    "<frame src='{u}'>",
    "<object data='{u}'></object>",
    "<embed src='{u}'>",
    "<video src='{u}' autoplay></video>",
    "<video poster='{u}'></video>",
    "<audio src='{u}' autoplay></audio>",
    "<track src='{u}' default>",
    "<input type=image src='{u}'>",
    "<link rel=stylesheet href='{u}'>",
    "<link rel=icon href='{u}'>",
    "<link rel=preload as=image href='{u}'>",
    "<link rel=prefetch href='{u}'>",
    "<link rel=modulepreload href='{u}'>",
    "<link rel=preconnect href='{u}'>",
    "<link rel=dns-prefetch href='{u}'>",
    "<link rel=manifest href='{u}'>",
    "<style>@import '{u}';</style>",
    "<style>body{{background:url('{u}')}}</style>",
    "<style>@font-face{{font-family:evil{n};src:url('{u}')}}</style><p style='font-family:evil{n}'>x</p>",
    "<style>p::before{{content:url('{u}')}}</style><p>x</p>",
    "<p style=\"list-style:url('{u}');cursor:url('{u}'),auto\">x</p>",
    "<p style=\"filter:url('{u}#f');mask:url('{u}')\">x</p>",
    "<svg><image href='{u}'/></svg>",
    "<svg><use href='{u}#a'/></svg>",
    "<svg><filter id=f><feImage href='{u}'/></filter></svg>",
    "<svg><script href='{u}'></script></svg>",
    "<math href='{u}'><mtext>x</mtext></math>",
    "<form action='{u}' id=f{n}></form><img src=x onerror=f{n}.submit()>",
    "<meta http-equiv=refresh content='0;url={u}'>",
    "<iframe srcdoc=\"<img src='{u}'><script>fetch('{u}')</script>\"></iframe>",
    "<img src=x onerror=\"fetch('{u}')\">",
    "<img src=x onerror=\"navigator.sendBeacon('{u}')\">",
    "<img src=x onerror=\"new WebSocket('{u}'.replace('http','ws'))\">",
    "<img src=x onerror=\"new EventSource('{u}')\">",
    "<img src=x onerror=\"new Worker('{u}')\">",
    "<img src=x onerror=\"import('{u}')\">",
    "<img src=x onerror=\"window.open('{u}')\">",
    "<img src=x onerror=\"var r=new XMLHttpRequest();r.open('GET','{u}');r.send()\">",
    "<img src=x onerror=\"var s=document.createElement('script');s.src='{u}';document.head.append(s)\">",
    "<img src=x onerror=\"var c=new RTCPeerConnection({{iceServers:[{{urls:'stun:127.0.0.1:{p}'}},"
    "{{urls:'turn:127.0.0.1:{p}?transport=tcp',username:'a',credential:'b'}}]}});c.createDataChannel('x');"
    'c.createOffer().then(o=>c.setLocalDescription(o))">',
    "<a href='{u}' ping='{u}' id=a{n}>x</a><img src=x onerror=a{n}.click()>",
)


def places(port: int, file: str) -> tuple[str, ...]:
    """Return ways to write the canary's address, and its file."""
    return (
        f"http://127.0.0.1:{port}/x",
        f"http://localhost:{port}/x",
        f"http://canary.localhost:{port}/x",
        f"//2130706433:{port}/x",
        f"https://127.0.0.1:{port}/x",
        f"file://{file}",
    )


def vectors(port: int, file: str) -> list[str]:
    """Return every tag with every place."""
    pairs = [(tag, place) for tag in TAGS for place in places(port, file)]
    return [tag.format(u=place, n=number, p=port) for number, (tag, place) in enumerate(pairs)]


class Canary:
    """Listens on loopback, TCP and UDP, and remembers who came."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self._tcp = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._tcp.getsockname()[1])
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind(("127.0.0.1", self.port))
        for serve in (self._serve_tcp, self._serve_udp):
            threading.Thread(target=serve, daemon=True).start()

    def _serve_tcp(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._tcp.accept()
                with connection, suppress(OSError):
                    connection.settimeout(0.2)
                    self.heard.append("tcp")
                    self.heard[-1] = "tcp " + connection.recv(60).split(b"\r")[0].decode("latin-1")

    def _serve_udp(self) -> None:
        with suppress(OSError):
            while True:
                self.heard.append(f"udp {len(self._udp.recvfrom(2048)[0])}")

    def close(self) -> None:
        """Stop listening."""
        for listening in (self._tcp, self._udp):
            with suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)
            listening.close()

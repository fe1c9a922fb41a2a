"""More than 250 ways to write an address that a server of ours must never be sent to."""

from __future__ import annotations

INNER = ("127.0.0.1", "169.254.169.254", "10.0.0.1")


def octets(address: str) -> tuple[int, int, int, int]:
    a, b, c, d = (int(part) for part in address.split("."))
    return a, b, c, d


def spellings(address: str) -> list[str]:
    """Return hosts that some parser or resolver takes for the IPv4 address."""
    a, b, c, d = octets(address)
    whole, high, low = (a << 24) + (b << 16) + (c << 8) + d, f"{a:02x}{b:02x}", f"{c:02x}{d:02x}"
    return [
        *(address, f"{address}.", f"{whole}", f"{whole:#x}", f"0{whole:o}", f"{whole:#X}", f"{a}.{b}.{(c << 8) + d}"),
        *(f"{a}.{(b << 16) + (c << 8) + d}", f"{a:#x}.{b:#x}.{c:#x}.{d:#x}", f"0{a:o}.0{b:o}.0{c:o}.0{d:o}"),
        *(f"0{a:o}.{b}.{c}.{d}", f"{a:#x}.{b}.{c}.{d}", f"{a:04d}.{b}.{c}.{d}", f"{a}.{b}.{c}.{d:#x}"),
        *(f"{a + 256}.{b}.{c}.{d}", f"{whole + (1 << 32)}", f"0x00000000{whole:08x}", f"{a}.{b}.{c}.{d}.0x7f"),
        *(f"[::ffff:{address}]", f"[::ffff:{high}:{low}]", f"[0:0:0:0:0:ffff:{high}:{low}]", f"[::{address}]"),
        *(f"[64:ff9b::{address}]", f"[64:ff9b::{high}:{low}]", f"[64:ff9b:1::{high}:{low}]"),
        *(f"[2002:{high}:{low}::]", f"[2002:{high}:{low}::1]", f"[2001:0:{high}:{low}::]", f"[::ffff:0:{address}]"),
        *(f"[fe80::5efe:{address}]", f"[::ffff:{address}%25eth0]", f"[::ffff:{address}%eth0]", f"[v1.{address}]"),
        "".join(chr(0xFF10 + int(letter)) if letter.isdigit() else letter for letter in address),
        "".join(chr(0x2460 + int(letter) - 1) if letter in "123456789" else letter for letter in address),
        *(address.replace(".", "\u3002"), address.replace(".", "\uff0e"), address.replace(".", "%2e")),
        "".join(f"%{ord(letter):02x}" for letter in address),
    ]


def disguises(address: str) -> list[str]:
    """Return URLs whose host two parsers see in two places."""
    return [
        *(f"http://example.com@{address}/", f"http://example.com:80@{address}/", f"http://{address}@example.com/"),
        *(f"http://example.com\\@{address}/", f"http://{address}\\@example.com/", f"http://{address}#@example.com/"),
        *(
            f"http://{address}?@example.com/",
            f"http://example.com#@{address}/\\",
            f"http:/{address}/",
            f"http:{address}",
        ),
        *(
            f"//{address}/",
            f"http:///{address}/",
            f"http:\\\\{address}\\",
            f"http://{address}:8080/",
            f"http://{address}:0/",
        ),
        *(
            f"http://{address}:22/",
            f"http://{address}:80:80/",
            f"http://{address}:+80/",
            f"http://{address}:\uff18\uff10/",
        ),
        *(f" http://{address}/", f"http://{address}/\r\nHost: a", f"http://\t{address}/", f"ht\ntp://{address}/"),
        *(f"http://{address}%00.example.com/", f"http://{address}\x00.example.com/", f"http://{address}%20/"),
        *(f"http://{address},example.com/", f"http://[{address}]/", f"http://[::1]{address}/", f"http://{address}/"),
        *(
            f"https://{address}/latest/meta-data/",
            f"HTTP://{address}/",
            f"http://{address}:80/",
            f"jar:http://{address}!/",
        ),
        *(
            f"ftp://{address}/",
            f"gopher://{address}:6379/_PING",
            f"file://{address}/etc/passwd",
            f"dict://{address}:11211/",
        ),
    ]


OTHERS = [
    *("http://localhost/", "http://LOCALHOST/", "http://localhost./", "http://localhost.localdomain.localhost/"),
    *("http://[::1]/", "http://[::]/", "http://[0:0:0:0:0:0:0:1]/", "http://[fd00:ec2::254]/", "http://[fe80::1]/"),
    *("http://0/", "http://0.0.0.0/", "http://00000000/", "http://127.1/", "http://127.0.1/", "http://0x7f.1/"),
    *(
        "http://metadata/",
        "http://metadata.google.internal/",
        "http://router.local/",
        "http://nas.lan/",
        "http://a.corp/",
    ),
    *("http://[ff02::1]/", "http://[fec0::1]/", "http://[2001:db8::1]/", "http://[3fff::1]/", "http://[5f00::1]/"),
    *(
        "http://[100::1]/",
        "http://[2620:4f:8000::1]/",
        "http://100.64.0.1/",
        "http://192.168.1.1/",
        "http://172.16.0.1/",
    ),
    *(
        "http://172.31.255.255/",
        "http://198.18.0.1/",
        "http://192.0.0.192/",
        "http://224.0.0.1/",
        "http://255.255.255.255/",
    ),
    *("http://240.0.0.1/", "http://192.88.99.1/", "http://203.0.113.5/", "http://198.51.100.5/", "http://192.0.2.5/"),
    *("", "http://", "https://", "http:///", "http://.", "http://../", "http://./", "http://-a.com/", "http://a..com/"),
    *(
        "file:///etc/passwd",
        "data:text/plain,x",
        "javascript:1",
        "unix:///run/x.sock",
        "http+unix://%2Frun%2Fx/",
        "about:",
    ),
    *(
        "\\\\127.0.0.1\\share",
        "http://[::1",
        "http://::1/",
        "http://[::1]:6379/",
        "http://①②⑦.⓪.⓪.①/",
        "http://ⓛocalhost/",
    ),
    "http://" + "a" * 64 + ".com/",
    "http://" + "a." * 130 + "com/",
    "http://example.com/" + "a" * 3000,
]


def forms() -> list[str]:
    """Return every form."""
    urls = [f"{scheme}://{host}/" for address in INNER for host in spellings(address) for scheme in ("http", "https")]
    return list(dict.fromkeys([*urls, *(url for address in INNER for url in disguises(address)), *OTHERS]))

"""How mail leaves, as the environment says."""

from __future__ import annotations

from dataclasses import dataclass, field
from email.utils import parseaddr

MAIL_VARIABLES = {
    "kind": "REELYARD_MAIL",
    "sender": "REELYARD_MAIL_FROM",
    "folder": "REELYARD_MAIL_DIR",
    "round_s": "REELYARD_MAIL_S",
    "host": "REELYARD_SMTP_HOST",
    "port": "REELYARD_SMTP_PORT",
    "security": "REELYARD_SMTP_SECURITY",
    "user": "REELYARD_SMTP_USER",
    "password": "REELYARD_SMTP_PASSWORD",
    "proxy": "REELYARD_SMTP_PROXY",
}
LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True)
class MailSettings:
    """Which transport, and what it needs; names as in ``tasks.environment``."""

    kind: str
    sender: str
    folder: str
    round_s: float
    host: str
    port: int
    security: str
    user: str
    password: str = field(repr=False)
    proxy: str

    @property
    def on(self) -> bool:
        """Whether any mail leaves at all."""
        return self.kind != "off"


def check_mail(settings: MailSettings, *, production: bool) -> list[str]:
    """Name what would lose mail or show it to others."""
    problems = []
    if "@" not in parseaddr(settings.sender)[1]:
        problems.append(f"REELYARD_MAIL_FROM must hold an address (it is {settings.sender!r})")
    if production and settings.kind in ("console", "file"):
        problems.append(f"REELYARD_MAIL={settings.kind} is for development: it shows secret links")
    if settings.kind == "smtp" and settings.security == "none" and settings.host not in LOOPBACK:
        problems.append("REELYARD_SMTP_SECURITY=none is only for a server on the same machine")
    if bool(settings.user) != bool(settings.password):
        problems.append("REELYARD_SMTP_USER and REELYARD_SMTP_PASSWORD belong together")
    return problems

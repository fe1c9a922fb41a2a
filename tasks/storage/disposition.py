"""Content-Disposition headers for names that people chose (RFC 6266, RFC 8187)."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote

_FORBIDDEN = re.compile(
    r'[\x00-\x1f\x7f-\x9f"\\/:*?<>|\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029\ud800-\udfff]'
)
_LONGEST = 150


def content_disposition(filename: str, *, inline: bool = False) -> str:
    """Return the header's value; the name is cleaned of anything that a shell, a path or a header would act on."""
    kind = "inline" if inline else "attachment"
    name = _clean(filename)
    if not name:
        return kind
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = _FORBIDDEN.sub("_", plain)  # once more: signs like ℅ fall apart into c/o
    plain = plain.replace("%", "_").strip(" ").rstrip(" .") or "download"
    value = f'{kind}; filename="{plain}"'
    return value if plain == name else f"{value}; filename*=UTF-8''{quote(name, safe='')}"


def _clean(filename: str) -> str:
    name = _FORBIDDEN.sub("_", unicodedata.normalize("NFC", filename)).strip(" .")
    stem, dot, extension = name.rpartition(".")
    if len(name) > _LONGEST and dot and len(extension) <= 10:
        return f"{stem[: _LONGEST - len(extension) - 1]}.{extension}"
    return name[:_LONGEST]

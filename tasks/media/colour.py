"""Names of colour tags, as FFmpeg writes them; empty when a file does not say."""

from __future__ import annotations

SPACES = {1: "bt709", 4: "fcc", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 9: "bt2020nc", 10: "bt2020c", 0: "gbr"}
RANGES = {1: "tv", 2: "pc"}
TRANSFERS = {
    1: "bt709",
    4: "gamma22",
    5: "gamma28",
    6: "smpte170m",
    7: "smpte240m",
    8: "linear",
    11: "iec61966-2-4",
    13: "iec61966-2-1",
    14: "bt2020-10",
    15: "bt2020-12",
    16: "smpte2084",
    18: "arib-std-b67",
}


def matrix_of(space: str, *, height: int) -> str:
    """Return the swscale name of the matrix to convert with; an untagged picture is guessed by its height."""
    if space in ("bt470bg", "smpte170m", "fcc"):
        return "ITU601"
    if space == "smpte240m":
        return "SMPTE240M"
    if space in ("bt709", "bt2020nc", "bt2020c"):
        return "ITU709"
    return "ITU709" if height >= 720 else "ITU601"

"""Print a benchmark's results: every case beside the plain transcode, and the bounds that are to hold.

python bench/table.py [RUNS]       the last RUNS runs of bench/results/render.jsonl taken together (default 1)
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

Record = dict[str, Any]
RESULTS = Path(__file__).parent / "results" / "render.jsonl"
PLAIN = "plain transcode"
OURS, NO_ENCODE = "reelyard", "reelyard, no encode"
BASE_S = 20.0
TALL, WIDE = "1080x1920", "1280x720"


class Figures:
    """Answers questions about records; None where nothing was measured."""

    def __init__(self, records: list[Record]) -> None:
        self._records = records

    def all(self, name: str, key: str, *, size: str = TALL, style: str = "pop", length: float = BASE_S) -> list[float]:
        """Return every measured value."""
        wanted = (name, size, style, length)
        return [
            record[key] for record in self._records if (record["case"], *scene_of(record)) == wanted and key in record
        ]

    def cpu(self, name: str, **where: Any) -> float | None:
        """Return the median of the CPU seconds."""
        values = self.all(name, "cpu_s", **where)
        return statistics.median(values) if values else None

    def ratio(self, size: str) -> float | None:
        """Return our whole render by the plain transcode."""
        return divide(self.cpu(OURS, size=size), self.cpu(PLAIN, size=size))

    def speed(self, style: str) -> float | None:
        """Return how many times faster than real time, at best, without encoding."""
        walls = self.all(NO_ENCODE, "wall_s", style=style)
        return BASE_S / min(walls) if walls else None

    def kept(self) -> float | None:
        """Return by how much our SSIM outside the captions is above the plain transcode's."""
        ours, plain = self.all(OURS, "ssim"), self.all(PLAIN, "ssim")
        return statistics.median(ours) - statistics.median(plain) if ours and plain else None

    def peak(self) -> float | None:
        """Return the largest peak of a whole render in MB."""
        return max(self.all(OURS, "peak_mb") + self.all(OURS, "peak_mb", size=WIDE), default=None)

    def growth(self, key: str, case: str = OURS) -> float | None:
        """Return a longer video's cost per second, or its peak, by the 20 s one's."""
        sizes = [size for size in (WIDE, TALL) for length in self._lengths(size, case) if length > BASE_S]
        if not sizes:
            return None
        size, longest = sizes[0], max(self._lengths(sizes[0], case))
        short, long = (self.all(case, key, size=size, length=length) for length in (BASE_S, longest))
        by_length = longest / BASE_S if key == "cpu_s" else 1.0
        return divide(statistics.median(long) / by_length, statistics.median(short)) if short and long else None

    def states(self) -> float | None:
        """Return the share of frames that a karaoke clip's captions are drawn for."""
        drawn = self.all("captions alone", "states", style="karaoke")
        frames = self.all("captions alone", "frames", style="karaoke")
        return drawn[0] / frames[0] if drawn and frames else None

    def _lengths(self, size: str, case: str) -> Iterable[float]:
        return {scene_of(r)[2] for r in self._records if r["size"] == size and r["case"] == case}


def divide(one: float | None, two: float | None) -> float | None:
    """Return a ratio when there are both."""
    return one / two if one is not None and two else None


def bounds(figures: Figures) -> list[tuple[str, float | None, str, Callable[[float], bool]]]:
    """Return what is measured, what came out, what is asked and whether it holds."""
    return [
        ("whole render / plain transcode, 1080x1920", figures.ratio(TALL), "<= 1.06", lambda x: x <= 1.06),
        ("whole render / plain transcode, 1280x720", figures.ratio(WIDE), "<= 1.10", lambda x: x <= 1.10),
        ("captions alone, 600 frames, CPU s", figures.cpu("captions alone"), "<= 3.5", lambda x: x <= 3.5),
        ("no encode, x real time", figures.speed("pop"), ">= 5", lambda x: x >= 5),
        ("always moving, no encode, x real time", figures.speed("wave"), ">= 1.5", lambda x: x >= 1.5),
        ("SSIM outside captions - plain transcode's", figures.kept(), ">= -0.0005", lambda x: x >= -0.0005),
        ("peak memory, all processes, MB", figures.peak(), "<= 800", lambda x: x <= 800),
        ("peak memory, long / 20 s", figures.growth("peak_mb"), "0.95..1.05", lambda x: abs(x - 1) <= 0.05),
        ("CPU per output second, long / 20 s", figures.growth("cpu_s"), "0.95..1.05", lambda x: abs(x - 1) <= 0.05),
        ("the same without encoder, memory", figures.growth("peak_mb", NO_ENCODE), "<= 1.05", lambda x: x <= 1.05),
        ("the same without encoder, CPU", figures.growth("cpu_s", NO_ENCODE), "<= 1.05", lambda x: x <= 1.05),
        ("captured states / frames, karaoke", figures.states(), "<= 0.35", lambda x: x <= 0.35),
    ]


def print_bounds(records: list[Record]) -> None:
    """Print the bounds beside what was measured."""
    print(f"\n{'measure':44}{'now':>10}{'asked':>13}")
    for title, value, asked, holds in bounds(Figures(records)):
        shown = "-" if value is None else f"{value:.4g}" if abs(value) >= 0.01 else f"{value:.5f}"
        print(f"{title:44}{shown:>10}{asked:>13}  {'' if value is None else 'ok' if holds(value) else 'MISSED'}")


def scene_of(record: Record) -> tuple[str, str, float]:
    """Return what a record was measured on."""
    return record["size"], record.get("style", record.get("preset", "")), record.get("duration_s", BASE_S)


def print_cases(records: list[Record]) -> None:
    """Print medians and ratios to the plain transcode."""
    figures = Figures(records)
    for size, style, length in dict.fromkeys(map(scene_of, records)):
        where = {"size": size, "style": style, "length": length}
        floor = figures.cpu(PLAIN, **where)
        head = f"{'case':30}{'CPU s':>9}{'/ plain':>9}{'x real time':>13}{'peak MB':>9}{'drawn':>7}"
        print(f"\n{size}, {style}, {length:g} s\n{head}")
        for case in dict.fromkeys(r["case"] for r in records if scene_of(r) == (size, style, length)):
            cpu = figures.cpu(case, **where) or 0.0
            ratio = f"{cpu / floor:.3f}" if floor else ""
            speed = length / min(figures.all(case, "wall_s", **where))
            drawn = figures.all(case, "states", **where)
            peak = max(figures.all(case, "peak_mb", **where))
            print(f"{case:30}{cpu:9.2f}{ratio:>9}{speed:13.2f}{peak:9.0f}{drawn[0] if drawn else '':>7}")


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    runs = [json.loads(line) for line in RESULTS.read_text().splitlines()][-count:]
    together = [record for run in runs for record in run["records"]]
    print_cases(together)
    print_bounds(together)

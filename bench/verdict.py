"""Says of each bound of a benchmark what was measured, what was asked, and whether it holds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Bound:
    """What is measured: ``least`` or ``most`` is what it may be; neither means that nothing is asked of it."""

    name: str
    value: float | None
    least: float | None = None
    most: float | None = None

    @property
    def holds(self) -> bool:
        """Tell whether it is within; what was not measured is not."""
        if self.value is None:
            return False
        return (self.least is None or self.value >= self.least) and (self.most is None or self.value <= self.most)

    def __str__(self) -> str:
        asked = f">= {self.least:g}" if self.least is not None else f"<= {self.most:g}" if self.most is not None else ""
        value = "not measured" if self.value is None else f"{self.value:g}"
        return f"{'pass' if self.holds else 'FAIL'}  {self.name}: {value} (asked {asked})"


def say(bounds: list[Bound]) -> bool:
    """Print a line for each bound; return whether all hold."""
    for bound in bounds:
        print(bound)
    return all(bound.holds for bound in bounds)

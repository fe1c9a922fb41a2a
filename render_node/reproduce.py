"""What a receipt says against what a new render of the same order says: the same pictures, or why not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tasks.contracts import RenderReceipt


@dataclass(frozen=True)
class Difference:
    """One thing that was different then."""

    part: str
    then: Any
    now: Any


@dataclass(frozen=True)
class Verdict:
    """What became of it.

    :param is_same: the pictures are the same to the byte, :param differences: everything that may be why not.
    """

    is_same: bool
    differences: tuple[Difference, ...]

    @property
    def is_explained(self) -> bool:
        """Tell whether there is a reason for whatever is different."""
        return self.is_same or bool(self.differences)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON."""
        told = [{"part": each.part, "then": each.then, "now": each.now} for each in self.differences]
        return {"same": self.is_same, "explained": self.is_explained, "differences": told}


def compare_receipts(then: RenderReceipt, now: RenderReceipt) -> Verdict:
    """Say whether two renders are the same, and name every difference of what they were made with."""
    differences = [*_differing_parts(then, now), *_differing_fonts(then, now)]
    if then.recipe != now.recipe and not differences:
        differences.append(Difference("scenario", then.recipe, now.recipe))
    then_pieces, now_pieces = then.checks.get("chunks", 1), now.checks.get("chunks", 1)
    if then_pieces != now_pieces:
        differences.append(Difference("pieces", then_pieces, now_pieces))
    is_same = bool(then.pictures_sha256) and then.pictures_sha256 == now.pictures_sha256
    return Verdict(is_same, tuple(differences))


def _differing_parts(then: RenderReceipt, now: RenderReceipt) -> list[Difference]:
    parts = ("source_sha256", "renderer", "browser", "encoder", "pixel_format", "frame_count", "width", "height")
    found = [Difference(part, getattr(then, part), getattr(now, part)) for part in parts]
    names = sorted({*then.versions, *now.versions})
    found += [Difference(f"version of {name}", then.versions.get(name), now.versions.get(name)) for name in names]
    options = sorted({*then.encoder_options, *now.encoder_options})
    found += [
        Difference(f"encoder option {name}", then.encoder_options.get(name), now.encoder_options.get(name))
        for name in options
    ]
    return [each for each in found if each.then != each.now]


def _differing_fonts(then: RenderReceipt, now: RenderReceipt) -> list[Difference]:
    files = [{font["sha256"]: font.get("family", "") for font in receipt.fonts} for receipt in (then, now)]
    gone = [Difference("font", f"{files[0][name]} {name[:12]}", None) for name in sorted(set(files[0]) - set(files[1]))]
    new = [Difference("font", None, f"{files[1][name]} {name[:12]}") for name in sorted(set(files[1]) - set(files[0]))]
    return gone + new

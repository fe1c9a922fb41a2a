"""What a deep validation is ordered with and what it finds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tasks.contracts.base import Message
from tasks.contracts.fonts import OrderedFont
from tasks.contracts.images import OrderedImage
from tasks.contracts.media import MediaInfo
from tasks.contracts.render import RenderOutput

MOST_SAMPLES = 64


@dataclass(frozen=True)
class CheckOrder(Message):
    """Input of step ``render.check``; the scenario has passed schema, fonts and glyphs.

    :param source_key: object key of the footage; empty leaves contrast out.
    :param safe_area: name of the profile that boxes are held against.
    :param fonts: uploaded faces that the scenario names, :param images: uploaded pictures that it shows.
    :param samples: of how many captions at most the footage behind them is looked at, evenly spread.
    """

    scenario: dict[str, Any]
    safe_area: str
    source_key: str = ""
    source_sha256: str = ""
    media: MediaInfo | None = None
    output: RenderOutput = field(default_factory=RenderOutput)
    samples: int = 16
    fonts: tuple[OrderedFont, ...] = ()
    images: tuple[OrderedImage, ...] = ()


@dataclass(frozen=True)
class CheckResult(Message):
    """What was found (each as in ``tasks.scenario.quality``) and what it was found on.

    :param cues: captions measured, :param samples: captions whose footage was looked at.
    """

    findings: tuple[dict[str, Any], ...]
    width: int
    height: int
    cues: int
    samples: int
    safe_area: str
    browser: str
    recipe: str = "check/2"

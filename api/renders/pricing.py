"""What a render costs: by the duration of its source and the size of its pictures."""

from __future__ import annotations

from collections.abc import Sequence

from api.credits.prices import Action, render_action
from api.credits.work import price
from tasks.contracts import MediaInfo, RenderOutput

FURTHER_SHARE = 2
"""What an output beside the dearest one costs: one part in so many of its price, since what is decoded and drawn is
shared."""


def price_of(media: MediaInfo, outputs: Sequence[RenderOutput]) -> int:
    """Return the credits for drawing over this source into these outputs; 0 with credits off."""
    return price_together([price(action_of(media, output), media.duration_s) for output in outputs])


def price_together(prices: Sequence[int]) -> int:
    """Return what outputs of one order cost: the dearest in full, each other half of its price, rounded up."""
    dearest, *further = sorted(prices, reverse=True)
    return dearest + sum(-(-one // FURTHER_SHARE) for one in further)


def action_of(media: MediaInfo, output: RenderOutput) -> Action:
    """Name the price that an output falls under."""
    return render_action(*output_size(media, output))


def largest_action(media: MediaInfo, outputs: Sequence[RenderOutput]) -> Action:
    """Name the price of the largest output: the one that the whole render is booked under."""
    return render_action(*max((output_size(media, output) for output in outputs), key=lambda size: size[0] * size[1]))


def output_size(media: MediaInfo, output: RenderOutput) -> tuple[int, int]:
    """Return width and height in pixels as the render node chooses them: one side alone keeps the source's shape."""
    width, height = (media.video.display_width, media.video.display_height) if media.video else (0, 0)
    if output.width and output.height:
        return output.width, output.height
    if output.width and width:
        return output.width, round(height * output.width / width)
    if output.height and height:
        return round(width * output.height / height), output.height
    return width, height

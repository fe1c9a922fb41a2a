"""What a render costs: by the duration of its source and the size of its picture."""

from __future__ import annotations

from api.credits.prices import render_action
from api.credits.work import price
from tasks.contracts import MediaInfo, RenderOutput


def price_of(media: MediaInfo, output: RenderOutput) -> int:
    """Return the credits for drawing over this source into this output; 0 with credits off."""
    return price(render_action(*output_size(media, output)), media.duration_s)


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

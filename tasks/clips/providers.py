"""Who makes clips: the offline provider draws them here, Replicate is asked for them. Both make stills, too."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import redis

from tasks.attempt import StepContext
from tasks.clips.draw import Painter
from tasks.clips.generated import ClipWish, ReplicateClips, ReplicateOptions
from tasks.clips.offline import Drawing, draw_clip
from tasks.clips.sheet import write_png
from tasks.clips.sheetmusic import read_sheetmusic
from tasks.contracts import StepNews
from tasks.contracts.making import ListenResult, MakeOrder
from tasks.errors import PermanentError
from tasks.names import prediction_list

NEWS = "prediction"
_LARGEST_SCORE = 1 << 28
_POLL_S, _POLL_WITH_WEBHOOK_S = 2.0, 20.0


@dataclass(frozen=True)
class Delivered:
    """What a provider gave.

    :param forget: called when it turns out to be of no use, so that another try orders anew.
    """

    path: Path
    prediction_ref: str = ""
    worked_s: float = 0.0
    cost_usd: float = 0.0
    forget: Callable[[], None] = lambda: None


def draw(context: StepContext, order: MakeOrder) -> Delivered:
    """Draw a clip, or the picture in its middle, from the song."""
    key = order.score_key or ListenResult.from_json(context.results["listen"]).score_key
    song, plan, score = read_sheetmusic(context.storage.get_bytes(key, limit=_LARGEST_SCORE))
    clip, size = order.clip, (order.width, order.height)
    if order.still:
        middle = clip.frame_count // 2
        painter = Painter(song, plan, clip, video_type=order.video_type, size=size)
        frame = painter.paint(score.at(clip.start_frame + middle, middle / clip.frame_count))
        picture = np.asarray(frame.reformat(format="rgb24").to_ndarray(), np.uint8)
        return Delivered(write_png(picture, context.scratch / "drawn.png"))
    drawing = Drawing(song, plan, score, order.video_type, size)
    out = draw_clip(
        drawing,
        clip,
        context.scratch / "drawn.mp4",
        tick=lambda done: context.progress(done, clip.frame_count, stage="make", unit="frames"),
    )
    return Delivered(out)


def order_from_provider(context: StepContext, order: MakeOrder) -> Delivered:
    """Have Replicate make a clip; the prediction's id is with the API before anything waits for it."""
    if order.terms is None or not context.settings.replicate_token:
        raise PermanentError("provider.not_configured", "This worker has no token for the provider that was ordered")
    terms = order.terms
    options = ReplicateOptions(
        token=context.settings.replicate_token,
        model=terms.model,
        base_url=context.settings.replicate_url,
        proxy=context.settings.fetch_proxy,
        webhook_url=terms.webhook_url,
        usd_per_s=terms.usd_per_work_s,
        poll_s=_POLL_WITH_WEBHOOK_S if terms.webhook_url else _POLL_S,
    )
    wish = ClipWish(order.clip.prompt, terms.length_s, order.clip.seed, terms.aspect_ratio, is_still=order.still)
    maker = ReplicateClips(options, pause=partial(_wait_for_bell, context.settings.redis_url))
    remember = partial(_remember, context)
    try:
        made = maker.make(
            wish,
            context.scratch / "delivered",
            remember=remember,
            known_ref=order.known_ref,
            check=context.check,
            is_repeated=context.claim.attempt > 1,
        )
    except PermanentError as error:
        if error.code.startswith("provider."):
            remember("")  # it gives no clip any more: a retry that somebody asks for orders another
        raise
    cost_usd = round(made.cost_usd + terms.usd_per_piece, 6)
    return Delivered(made.path, made.prediction_ref, made.worked_s, cost_usd, forget=partial(remember, ""))


def _remember(context: StepContext, prediction_ref: str) -> None:
    """Have the API keep the id of what was ordered; unlike other news it must be heard."""
    if context.client is None:
        return
    claim = context.claim
    news = StepNews(claim.job_id, claim.step_id, claim.token, NEWS, {"ref": prediction_ref})
    context.client.tell(news)


def _wait_for_bell(redis_url: str, prediction_ref: str, seconds: float) -> None:
    """Wait until the provider's webhook has come, or so many seconds; without Redis only the time passes."""
    until = time.monotonic() + seconds
    try:
        client = redis.Redis.from_url(redis_url, socket_timeout=seconds + 5.0, socket_connect_timeout=1.0)
        try:
            client.blpop([prediction_list(prediction_ref)], timeout=seconds)
        finally:
            client.close()
    except redis.RedisError:
        time.sleep(max(0.0, until - time.monotonic()))

"""Bodies of the steps of shorts."""

from __future__ import annotations

from typing import Any

from tasks.attempt import StepContext
from tasks.contracts.shorts import AnalyzeOrder, AnalyzeResult, CutOrder, CutResult
from tasks.errors import PermanentError
from tasks.media.limits import limits_of

THUMBNAIL_AFTER_S, THUMBNAIL_SIDE = 1.0, 640
"""A picture of a highlight is taken so long after its beginning; scenes often begin there with a fade."""


def analyze(context: StepContext) -> dict[str, Any]:
    """Fetch the video, look and listen, and choose highlights."""
    # Here and not above: decoders and numpy load in the process that looks, not in every worker.
    from tasks.media.poster import extract_poster
    from tasks.shorts.highlights import Wish, find_highlights
    from tasks.shorts.judge import find_judge
    from tasks.shorts.watching import listen_and_look

    order = AnalyzeOrder.from_json(context.input)
    wish = Wish(order.count, order.shortest_s, order.longest_s, order.keywords, order.start_s, order.end_s)
    limits, thumbnails = limits_of(context.settings), []
    context.plan_stages(download=5, look=90, upload=5)
    with context.source_copy() as path:
        features = listen_and_look(
            path,
            duration_s=order.duration_s,
            limits=limits,
            tick=lambda t: context.progress(min(t, order.duration_s), order.duration_s, stage="look", unit="s"),
        )
        found = find_highlights(order.transcript, features, wish, scorer=find_judge(context.settings))
        for number, one in enumerate(found):
            picture = context.scratch / f"thumbnail-{number}.png"
            moment = min(one.start + THUMBNAIL_AFTER_S, one.end)
            extract_poster(path, picture, moment, limits=limits, longest_side=THUMBNAIL_SIDE)
            thumbnails.append(context.put_output(picture.name, picture, content_type="image/png"))
    return AnalyzeResult(tuple(found), features, tuple(thumbnails)).to_json()


def cut(context: StepContext) -> dict[str, Any]:
    """Fetch the video, frame and cut one stretch of it, and store the clip."""
    from tasks.media.poster import extract_poster
    from tasks.media.probe import probe_file
    from tasks.shorts.making import ClipWish, make_clip
    from tasks.transcripts.cuts import Span

    order = CutOrder.from_json(context.input)
    limits = limits_of(context.settings)
    cuts = tuple(Span(cut.start, cut.end) for cut in order.cuts)
    wish = ClipWish(
        order.start_s,
        order.end_s,
        cuts,
        order.aspect,
        order.layout,
        order.width,
        order.overrides,
        order.scene_cuts,
        order.turns,
        order.later,
    )
    out, whole_s = context.scratch / "clip.mp4", 2 * (order.end_s - order.start_s)
    context.plan_stages(download=5, cut=90, upload=5)
    with context.source_copy() as path:
        video = probe_file(path, limits).video
        if video is None:
            raise PermanentError("shorts.no_video", "The file has no pictures")
        made = make_clip(
            path,
            out,
            wish,
            video,
            limits=limits,
            tick=lambda t: context.progress(min(t, whole_s), whole_s, stage="cut", unit="s"),
        )
    media, still = probe_file(out, limits), context.scratch / "poster.png"
    extract_poster(out, still, limits=limits)
    key = context.put_output("clip.mp4", out, content_type="video/mp4")
    poster_key = context.put_output("poster.png", still, content_type="image/png")
    return CutResult(
        key,
        media,
        made.clip.frame_count,
        made.clip.kept,
        made.framing,
        poster_key,
        made.clip.copied_frames,
        made.clip.encoded_because,
    ).to_json()

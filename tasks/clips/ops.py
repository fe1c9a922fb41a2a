"""Bodies of the steps of music videos."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tasks.attempt import StepContext
from tasks.contracts.making import (
    OFFLINE,
    ComposeOrder,
    ComposeResult,
    ListenOrder,
    ListenResult,
    MadeClip,
    MakeOrder,
    SheetResult,
)
from tasks.errors import PermanentError
from tasks.media.limits import limits_of


def listen(context: StepContext) -> dict[str, Any]:
    """Fetch the song, hear it frame by frame, and store that beside analysis and plan."""
    # Here and not above: decoders and numpy load in the process that listens, not in every worker.
    from tasks.clips.sheetmusic import write_sheetmusic
    from tasks.clips.sound import hear_frames

    order = ListenOrder.from_json(context.input)
    context.plan_stages(download=2, listen=6, upload=1)
    with context.source_copy() as path:
        sound = hear_frames(
            path, fps=order.plan.fps, frame_count=order.plan.frame_count, limits=limits_of(context.settings)
        )
    context.progress(1, 1, stage="listen", unit="songs")
    written = write_sheetmusic(context.scratch / "score.npz", order.song, order.plan, sound)
    return ListenResult(context.put_output("score.npz", written, content_type="application/octet-stream")).to_json()


def make(context: StepContext) -> dict[str, Any]:
    """Have one clip or still made by its provider, make sure that it shows something, and store it."""
    from tasks.clips.made import describe_made
    from tasks.clips.providers import draw, order_from_provider

    order = MakeOrder.from_json(context.input)
    context.plan_stages(download=1, make=18, upload=1)
    maker = draw if order.provider == OFFLINE else order_from_provider
    paid = maker(context, order)
    limits = limits_of(context.settings)
    made = describe_made(paid.path, order, limits=limits, on_spoiled=paid.forget)
    suffix, kind = (".png", "image/png") if order.still else (".mp4", "video/mp4")
    key = context.put_output(f"clip-{order.clip.number}{suffix}", made.path, content_type=kind)
    return MadeClip(
        number=order.clip.number,
        object_key=key,
        size_bytes=made.path.stat().st_size,
        sha256=made.sha256,
        width=made.size[0],
        height=made.size[1],
        seconds=made.seconds,
        prediction_ref=paid.prediction_ref,
        worked_s=paid.worked_s,
        cost_usd=paid.cost_usd,
    ).to_json()


def sheet(context: StepContext) -> dict[str, Any]:
    """Put one picture of each clip that was made on a sheet."""
    from tasks.clips.sheet import write_sheet

    made = [MadeClip.from_json(one) for one in as_list(context.results["make"])]
    out = context.scratch / "sheet.png"
    context.plan_stages(download=8, upload=1)
    pictures: list[Path] = []
    for place, clip in enumerate(made):
        with context.storage.local_copy(clip.object_key, context.scratch) as path:
            kept = path.rename(context.scratch / f"{clip.number}{Path(clip.object_key).suffix}")
        pictures.append(kept)
        context.progress(place + 1, len(made), stage="download", unit="clips")
    write_sheet(pictures, out, limits=limits_of(context.settings))
    return SheetResult(context.put_output("sheet.png", out, content_type="image/png"), len(made)).to_json()


def compose(context: StepContext) -> dict[str, Any]:
    """Fetch clips and song, join them to a film, and store it."""
    from tasks.clips.apart import compose_apart
    from tasks.media.checksum import sha256_of

    order = ComposeOrder.from_json(context.input)
    keys = {clip.number: clip.object_key for clip in order.clips}
    keys |= {clip.number: clip.object_key for clip in map(MadeClip.from_json, as_list(context.results.get("make", [])))}
    options = {"size": [order.width, order.height], "transition": order.transition, "container": order.container}
    context.plan_stages(download=2, join=17, upload=1)
    out = context.scratch / f"film.{order.container}"
    with ExitStack() as lent:
        song = lent.enter_context(context.source_copy())
        files = {
            number: lent.enter_context(context.storage.local_copy(key, context.scratch)) for number, key in keys.items()
        }
        before = lent.enter_context(film_before(context, order, keys))
        if order.film is not None and before.is_the_film(order):
            shutil.copyfile(str(before.path), out)
            told = replace(order.film, copied_frames=order.film.frame_count)
        else:
            told = compose_apart(
                order.plan,
                files,
                song,
                out,
                options={**options, "audio": order.audio, **before.to_json()},
                limits=limits_of(context.settings),
                progress=lambda done, total: context.progress(done, total, stage="join", unit="frames"),
            )
    used = tuple(keys[clip.number] for clip in order.plan.clips)
    film = replace(told, size_bytes=out.stat().st_size, keys=used)
    kind = "video/mp4" if order.container == "mp4" else "video/quicktime"
    key = context.put_output(out.name, out, content_type=kind)
    return ComposeResult(key, sha256_of(out), film).to_json()


@dataclass(frozen=True)
class Before:
    """The film before, where there is one of the same form, and the clips that are others now."""

    path: Path | None = None
    changed: tuple[int, ...] = ()

    def is_the_film(self, order: ComposeOrder) -> bool:
        """Tell whether the film before is the very film that is asked for."""
        sounds_so = order.audio != "copy" or (order.film is not None and order.film.audio == "copy")
        is_held_so = order.film_key.endswith(f".{order.container}")
        return self.path is not None and not self.changed and sounds_so and is_held_so

    def to_json(self) -> dict[str, Any]:
        """Return what the joiner is told."""
        return {"before": str(self.path.absolute()) if self.path else "", "changed": list(self.changed)}


@contextmanager
def film_before(context: StepContext, order: ComposeOrder, keys: dict[int, str]) -> Iterator[Before]:
    """Fetch the film before, if clips of it can be taken as they are."""
    film, plan = order.film, order.plan
    form = (order.width, order.height, plan.fps_num, plan.fps_den, plan.frame_count, order.transition)
    theirs = film and (film.width, film.height, film.fps_num, film.fps_den, film.frame_count, film.transition)
    if film is None or not order.film_key or form != theirs or len(film.keys) != len(plan.clips):
        yield Before()
        return
    changed = tuple(n for n, clip in enumerate(plan.clips) if keys[clip.number] != film.keys[n])
    if len(changed) == len(plan.clips):
        yield Before()
        return
    with ExitStack() as lent:
        try:
            path = lent.enter_context(context.storage.local_copy(order.film_key, context.scratch))
        except PermanentError:  # it was deleted meanwhile: nothing can be taken from it
            yield Before()
            return
        yield Before(path, changed)


def as_list(results: Any) -> list[Any]:
    """Return the results of all parts of a step, also where it has only one."""
    return results if isinstance(results, list) else [results]

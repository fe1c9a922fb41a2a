"""What the end of a composition changes: the film is an asset, and its words are drawn over it as any render's."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from api.assets.models import Asset, AssetKind, AssetState
from api.credits.prices import Action
from api.credits.work import charge, price
from api.extensions import get_settings
from api.ids import new_id
from api.jobs.effects import on_step_succeeded
from api.jobs.models import Job, Step
from api.renders.effects import count_storage
from api.renders.ordering import order_within
from api.renders.service import reuse_seconds
from api.uploads.effects import own_key
from api.videos.effects import find_video
from api.videos.models import MusicVideo
from api.videos.orders import plan_of
from api.videos.source import build_captions
from tasks.contracts import AudioInfo, MediaInfo, VideoInfo
from tasks.contracts.making import ComposeResult
from tasks.contracts.outputs import MIME_TYPES
from tasks.contracts.render import RenderOrder, RenderOutput
from tasks.errors import PermanentError
from tasks.names import TaskName
from tasks.workflows.captions import CHUNK, build_chunked_steps
from tasks.workflows.videos import CAPTION, spans_of


@on_step_succeeded(TaskName.CLIPS_COMPOSE)
def store_film(session: Session, job: Job, step: Step, result: dict[str, Any]) -> None:
    """Make the film an asset in place of the one before, and write the order of its captions."""
    video, told = find_video(session, job), ComposeResult.from_json(result)
    if video is None or video.job_id != job.id:
        return
    asset = build_film(job, video, told)
    session.add(asset)
    session.flush()
    count_storage(session, asset)
    charge(session, job, Action.COMPOSITION, price(Action.COMPOSITION, told.film.video_end_s))
    old = {video.film_asset_id, video.result_asset_id} - {None}
    job.subject = {**job.subject, "replaced": sorted(map(str, old))}
    video.film_asset_id, video.film = asset.id, told.film.to_json()
    session.flush()
    captions = next((other for other in job.steps if other.name == CAPTION), None)
    if captions is not None:
        order_captions(session, job, captions, video=video, film=asset)


def build_film(job: Job, video: MusicVideo, told: ComposeResult) -> Asset:
    """Describe a film as an asset."""
    film, container = told.film, video.wish["container"]
    picture = VideoInfo("h264", film.width, film.height, film.fps_num, film.fps_den, frame_count=film.frame_count)
    song = video.of_song.asset.media_info if video.of_song is not None else None
    sound = song.audio if song is not None and song.audio is not None else AudioInfo("aac", 48000, 2)
    media = MediaInfo(container, film.video_end_s, film.size_bytes, told.sha256, picture, sound)
    return Asset(
        id=new_id(),
        owner_id=video.owner_id,
        organisation_id=video.organisation_id,
        kind=AssetKind.RENDER.value,
        state=AssetState.READY.value,
        filename=f"{video.title[:200]}.{container}",
        content_type=MIME_TYPES[container],
        object_key=own_key(job, told.object_key),
        size_bytes=film.size_bytes,
        sha256=told.sha256,
        media=media.to_json(),
        source_asset_id=video.of_song.asset_id if video.of_song is not None else None,
    )


def order_captions(session: Session, job: Job, step: Step, *, video: MusicVideo, film: Asset) -> None:
    """Order the lyrics over a film as a render of its own, done by the job's next step; raise ``scenario.*``."""
    scenario = build_captions(session, video)
    if scenario is None:
        raise PermanentError("video.no_lyrics", "The words of the song are gone")
    output = RenderOutput(container=video.wish["container"], codec="h264")
    video.render_id = order_within(session, job, step, film, scenario=scenario, output=output).id
    pieces = {other.part: other for other in job.steps if other.name == CHUNK}
    if pieces:
        order, owner = RenderOrder.from_json(step.input), str(video.organisation_id or video.owner_id)
        reuse_s = reuse_seconds(get_settings())
        for spec in build_chunked_steps(order, spans_of(plan_of(video)), owner=owner, reuse_s=reuse_s):
            if spec.name == CHUNK:
                pieces[spec.part].input = spec.input
    session.flush()

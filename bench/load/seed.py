"""What has to be there before the load: a user without narrow quotas, a video to render over, many jobs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.orm import Session

from tasks.contracts import AudioInfo, MediaInfo, VideoInfo

EMAIL, PASSWORD, PLAN = "load-{number}@example.com", "a long enough password", "studio"
ORDERERS = 25
"""Orders of one user follow each other by the lock on that user's quota; fifty a second come from many."""
READ_JOBS = 500
WIDE_PLAN = """UPDATE plan SET daily_renders = 1000000, monthly_renders = 1000000, concurrent_renders = 1000000
    WHERE code = :plan"""
COPY_JOBS = """INSERT INTO job SELECT made.* FROM job AS one, generate_series(1, :count) AS n,
    LATERAL (SELECT gen_random_uuid() AS id, now() - n * interval '1 s' AS created_at,
        CASE WHEN n % 50 = 0 THEN 'failed' ELSE 'succeeded' END AS state, now() AS finished_at,
        CASE WHEN n % 50 = 0 THEN 50 ELSE 100 END AS percent) AS changed,
    LATERAL jsonb_populate_record(one, to_jsonb(changed)) AS made WHERE one.id = :job"""
COPY_ROWS = {
    "step": """INSERT INTO step SELECT made.* FROM step AS one, job,
        LATERAL (SELECT gen_random_uuid() AS id, job.id AS job_id, job.state AS state, now() AS finished_at) AS changed,
        LATERAL jsonb_populate_record(one, to_jsonb(changed)) AS made
        WHERE one.job_id = :job AND job.id <> :job AND job.finished_at IS NOT NULL""",
    "event": """INSERT INTO event SELECT made.* FROM event AS one, job, LATERAL (SELECT job.id AS job_id) AS changed,
        LATERAL jsonb_populate_record(one, to_jsonb(changed)) AS made
        WHERE one.job_id = :job AND job.id <> :job AND job.finished_at IS NOT NULL""",
}


@dataclass(frozen=True)
class Seeded:
    """Who orders renders over what, whose jobs are read and which are followed; the first user owns all of these."""

    orderers: list[tuple[str, str]]
    jobs: list[str]
    watched: list[str]


def seed(environ: dict[str, str], *, jobs: int, streams: int) -> Seeded:
    """Fill a fresh system."""
    from api import create_app
    from api.config import read_api_settings
    from api.extensions import db
    from api.users.service import create_user

    app = create_app(read_api_settings(environ))
    with app.app_context():
        session = db.session()
        session.execute(text(WIDE_PLAN), {"plan": PLAN})
        addresses = [EMAIL.format(number=number) for number in range(ORDERERS)]
        owners = [create_user(session, address, PASSWORD, plan=PLAN, verified=True).id for address in addresses]
        assets, owner = [add_video(session, one) for one in owners], owners[0]
        copied = add_jobs(session, owner, 1)[0]
        session.execute(text(COPY_JOBS), {"job": copied, "count": jobs})
        for statement in COPY_ROWS.values():
            session.execute(text(statement), {"job": copied})
        watched = add_jobs(session, owner, streams)
        read = session.scalars(text("SELECT id FROM job LIMIT :most"), {"most": READ_JOBS})
        found = Seeded(
            [*zip(addresses, map(str, assets), strict=True)], [str(job) for job in read], [str(job) for job in watched]
        )
        session.commit()
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
        db.engine.dispose()
    return found


def add_video(session: Session, owner_id: UUID) -> UUID:
    """Add a video of ten seconds that is ready to be rendered over."""
    from api.assets.models import Asset, AssetKind, AssetState

    video = VideoInfo("h264", 1080, 1920, 30, 1, frame_count=300)
    media = MediaInfo("mp4", 10.0, 1000, "0" * 64, video, AudioInfo("aac", 48000, 2))
    asset = Asset(
        id=uuid4(),
        owner_id=owner_id,
        kind=AssetKind.VIDEO.value,
        state=AssetState.READY.value,
        filename="load.mp4",
        content_type="video/mp4",
        object_key=f"load/{owner_id}",
        size_bytes=1000,
        sha256="0" * 64,
        media=media.to_json(),
    )
    session.add(asset)
    session.flush()
    return asset.id


def add_jobs(session: Session, owner_id: UUID, count: int) -> list[Any]:
    """Order jobs that nobody works on: no worker here consumes their queue."""
    from api.jobs.service import create_job
    from tasks.names import Priority, TaskName
    from tasks.workflows.plan import StepSpec

    step = StepSpec("nothing", TaskName.RENDER_CHECK)
    return [
        create_job(
            session, owner_id=owner_id, kind="validation", steps=[step], priority=Priority.NORMAL,
            subject={"validation_id": str(uuid4())},
        ).id
        for _ in range(count)
    ]  # fmt: skip

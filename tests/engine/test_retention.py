"""Renders are kept for as long as the installation says, and while a job needs them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from api.assets.models import Asset
from api.assets.retention import sweep_renders
from api.extensions import db, get_storage
from api.ids import new_id
from tasks.workflows.plan import StepSpec
from tests.engine.play import PROBE, Play


def stored(play: Play, *, kind: str, days: float) -> Asset:
    """Return an asset with its object, made so many days ago."""
    key = f"jobs/{uuid4()}/out.mp4"
    get_storage().put_bytes(key, b"film", content_type="video/mp4")
    asset = Asset(
        id=new_id(), owner_id=play.owner_id, kind=kind, state="ready", filename="a.mp4", content_type="video/mp4",
        object_key=key, size_bytes=4, created_at=datetime.now(UTC) - timedelta(days=days),
    )  # fmt: skip
    db.session.add(asset)
    db.session.commit()
    return asset


def test_only_renders_that_are_old_and_that_no_job_needs_go(play: Play) -> None:
    old, young = stored(play, kind="render", days=31), stored(play, kind="render", days=29)
    upload, needed = stored(play, kind="video", days=400), stored(play, kind="render", days=31)
    job_id = play.create([StepSpec("only", PROBE, {"object_key": needed.object_key})])

    assert sweep_renders(db.session(), days=0) == 0
    assert sweep_renders(db.session(), days=30) == 1

    states = {asset.id: asset.state for asset in db.session.query(Asset)}
    assert states == {old.id: "deleted", young.id: "ready", upload.id: "ready", needed.id: "ready"}
    assert get_storage().head(old.object_key) is None
    assert get_storage().head(needed.object_key) is not None

    play.succeed(play.claim(job_id, "only"))
    assert sweep_renders(db.session(), days=30) == 1

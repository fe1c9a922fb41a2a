"""Whether a sample is there already: by the bytes that came, or by ear."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.ownership import in_place
from api.samples.models import Sample, SampleState
from tasks.contracts.alike import SAME, likeness

NEAR_S = 3.0
MOST = 100
"""Samples of about the same length that are listened to, the newest first."""


def find_duplicate(session: Session, sample: Sample) -> dict[str, Any] | None:
    """Return the ready sample in the same place that is the same sound, and how that is known."""
    place = in_place(Sample, sample.owner_id, sample.organisation_id)
    others = select(Sample.id, Sample.sha256, Sample.fingerprint).where(
        place, Sample.id != sample.id, Sample.state == SampleState.READY.value
    )
    same = session.execute(others.where(Sample.sha256 == sample.sha256).order_by(Sample.created_at)).first()
    if same is not None and sample.sha256:
        return {"sample_id": str(same.id), "kind": "exact", "likeness": 1.0}
    if not sample.fingerprint or sample.duration_s is None:
        return None
    near = Sample.duration_s.between(sample.duration_s - NEAR_S, sample.duration_s + NEAR_S)
    rows = session.execute(others.where(near).order_by(Sample.created_at.desc()).limit(MOST)).all()
    scored = [(likeness(row.fingerprint, sample.fingerprint), row.id) for row in rows if row.fingerprint]
    best, found = max(scored, key=lambda pair: pair[0], default=(0.0, None))
    return {"sample_id": str(found), "kind": "acoustic", "likeness": round(best, 4)} if best >= SAME else None

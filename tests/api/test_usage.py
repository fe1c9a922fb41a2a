"""Usage: what is left now, what was used per day and month."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from sqlalchemy import insert

from api.extensions import db
from api.uploads.models import Upload
from api.usage.models import UsageDay
from api.usage.service import roll_up
from tests.api.farm import CLIP, Caller, Farm, announce, ingest


def today() -> date:
    return datetime.now(UTC).date()


def test_usage_tells_every_quota_with_its_cap_and_reset(user: Caller) -> None:
    announce(user, CLIP)

    quotas = user.get("/usage")["quotas"]

    assert set(quotas) == {"daily_renders", "monthly_renders", "concurrent_renders", "storage_bytes"}
    storage, daily = quotas["storage_bytes"], quotas["daily_renders"]
    assert (storage["used"], storage["remaining"]) == (len(CLIP), storage["cap"] - len(CLIP))
    assert (daily["used"], storage["resets_at"]) == (0, None)
    assert datetime.fromisoformat(daily["resets_at"]).date() == today() + timedelta(days=1)


def test_history_counts_the_day_as_it_goes(user: Caller, other: Caller, farm: Farm) -> None:
    ingest(user, farm, words=("It", "was"))
    ingest(other, farm)

    history = user.get("/usage/history")

    assert history["by"] == "day"
    [day] = history["items"]
    assert day["start"] == today().isoformat()
    assert (day["uploads"], day["uploaded_bytes"], day["transcripts"], day["transcribed_s"]) == (1, len(CLIP), 1, 10.0)
    assert (day["renders_ordered"], day["renders_succeeded"], day["rendered_s"]) == (0, 0, 0.0)


def test_older_days_come_from_the_roll_up_and_add_up_to_months(user: Caller, farm: Farm) -> None:
    ingest(user, farm)
    for days, uploads in ((40, 2), (41, 3)):
        day = today() - timedelta(days=days)
        db.session.execute(insert(UsageDay).values(owner_id=user.id, day=day, uploads=uploads))
    db.session.commit()

    months = user.get("/usage/history?by=month&days=400")["items"]

    assert sum(month["uploads"] for month in months) == 6
    assert [month["start"] for month in months] == sorted({month["start"] for month in months})
    assert all(month["start"].endswith("-01") for month in months)
    assert len(user.get("/usage/history?days=10")["items"]) == 1


def test_rolling_up_twice_gives_the_same_rows(user: Caller, farm: Farm) -> None:
    ingest(user, farm)
    yesterday = datetime.now(UTC) - timedelta(days=1)
    db.session.query(Upload).filter_by(owner_id=user.id).update({"completed_at": yesterday})
    db.session.commit()

    roll_up(db.session())
    first = [(row.day, row.uploads, row.transcripts) for row in rows_of(user)]
    roll_up(db.session())

    assert first == [(yesterday.date(), 1, 0), (today(), 0, 1)]
    assert [(row.day, row.uploads, row.transcripts) for row in rows_of(user)] == first


def rows_of(user: Caller) -> list[UsageDay]:
    db.session.expire_all()
    return db.session.query(UsageDay).filter_by(owner_id=user.id).order_by(UsageDay.day).all()


def test_history_wants_a_known_period(user: Caller) -> None:
    assert user.call("GET", "/usage/history?by=hour").status_code == 422
    assert user.call("GET", "/usage/history?days=0").status_code == 422

"""The first look of a render: shown while it runs, from the attempt that owns the step alone."""

from __future__ import annotations

from typing import Any

from api.extensions import db, get_storage
from api.jobs.models import Event
from tasks.contracts import StepNews
from tasks.names import CallbackPath
from tests.api.farm import HTTP, Caller, Farm
from tests.api.test_renders import finish, order, scenario, source

__all__ = ["order", "scenario", "source"]


def tell(farm: Farm, claim: dict[str, Any], kind: str = "first_look", **keys: str) -> Any:
    news = StepNews(claim["job_id"], claim["step_id"], claim["token"], kind, keys)
    return farm.post(CallbackPath.NEWS.format(step_id=claim["step_id"]), news.to_json())


def test_a_running_render_shows_poster_and_animatic_until_it_has_ended(
    user: Caller, farm: Farm, order: dict[str, Any]
) -> None:
    render = user.post("/renders", order, expect=202)
    claim = farm.claim(render["job_id"], "render")
    keys = {name: f"{claim['output_prefix']}{name}" for name in ("poster_key", "animatic_key")}
    for key in keys.values():
        get_storage().put_bytes(key, key.encode(), content_type="image/png")

    before = user.get(f"/renders/{render['id']}")["first_look"]
    answer = tell(farm, claim, **keys)
    shown = user.get(f"/renders/{render['id']}")["first_look"]

    assert (before, answer.status_code) == (None, 200)
    assert HTTP.get(shown["poster_url"]).content == keys["poster_key"].encode()
    assert HTTP.get(shown["animatic_url"]).content == keys["animatic_key"].encode()
    db.session.rollback()
    kinds = [event.kind for event in db.session.query(Event).filter_by(job_id=render["job_id"]).order_by(Event.seq)]
    assert "step.first_look" in kinds
    user.post(f"/renders/{render['id']}/cancel", expect=202)
    assert user.get(f"/renders/{render['id']}")["first_look"] is None


def test_only_the_owner_of_the_step_can_show_something(user: Caller, farm: Farm, order: dict[str, Any]) -> None:
    render = user.post("/renders", order, expect=202)
    claim = farm.claim(render["job_id"], "render")
    keys = {name: f"{claim['output_prefix']}{name}" for name in ("poster_key", "animatic_key")}

    late = tell(farm, {**claim, "token": claim["token"] - 1}, **keys)
    foreign = tell(farm, claim, poster_key="uploads/x/y/source", animatic_key=keys["animatic_key"])
    unknown = tell(farm, claim, "gossip", **keys)
    incomplete = tell(farm, claim, poster_key=keys["poster_key"])

    assert (late.status_code, late.get_json()["code"]) == (409, "step.fenced")
    assert (foreign.status_code, foreign.get_json()["code"]) == (422, "step.foreign_key")
    assert unknown.status_code == 200
    assert (incomplete.status_code, incomplete.get_json()["code"]) == (422, "contract.invalid")
    assert user.get(f"/renders/{render['id']}")["first_look"] is None


def test_a_finished_render_has_its_result_instead(user: Caller, farm: Farm, order: dict[str, Any]) -> None:
    render = user.post("/renders", order, expect=202)
    finish(farm, render["job_id"])

    assert user.get(f"/renders/{render['id']}")["first_look"] is None

"""The one rule of ownership over every operation: generated from the OpenAPI document.

A stranger finds nothing; a viewer reads and changes nothing; an editor works; what is personal is nobody else's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import IntegrityError

from api.admin.service import ban
from api.extensions import db
from api.jobs.models import Job
from api.organisations.models import Organisation
from api.users.models import User
from tests.api.documented import ADMIN, Operation, absent, call, operations, operations_on_things, read_document
from tests.api.farm import CLIP, Caller, Farm, announce
from tests.api.teams import found
from tests.api.worlds import PERSONAL, World, all_ids, by_token, make_world, nothing_changes

pytestmark = pytest.mark.security("S-10")

OPEN_TO_VIEWERS = {
    "POST /organisations/{organisation_id}/leave",
    "POST /transcripts/{transcript_id}/cut",
    "POST /transcripts/{transcript_id}/timeline",
    "POST /sounds/play/{sound_id}",
    "POST /samples/{sample_id}/download",
    "PUT /sounds/{sound_id}/favourite",
    "DELETE /sounds/{sound_id}/favourite",
}
FOR_OWNERS = {"GET /organisations/{organisation_id}/audit", "GET /organisations/{organisation_id}/invitations"}
NOT_MADE = ("asset.no_poster", "short.no_thumbnail", "short.not_cut")
"""What is said of files that no worker made in the world."""
PAGES = {"pages", "account_pages", "docs_pages", "api-docs", "flower_pages", "studio"}
"""Blueprints that serve pages, scripts and the document itself; they are no operations."""
NAME_ANOTHER = {
    "POST /organisations/{organisation_id}/transfer",
    "POST /transcripts/{transcript_id}/rebase",
    "POST /playlists/{playlist_id}/items",
}
"""Operations whose bodies have an id of nothing; ``tests/security/test_body_ids.py`` puts real ones there."""
WITHOUT_IDS = {"/usage/history"}
"""Lists whose lines are days."""
STREAMS = {"/live/events", "/live/socket", "/player/events"}
UUID_TEXT = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@pytest.fixture
def world(client: Any, farm: Farm) -> World:
    return make_world(client, farm)


@pytest.fixture(scope="module")
def document(application: Any) -> dict[str, Any]:
    return read_document(application)


def test_the_document_has_every_operation_that_is_served(application: Any, document: dict[str, Any]) -> None:
    served = {
        (method, re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule))
        for rule in application.url_map.iter_rules()
        if rule.endpoint.partition(".")[0] not in PAGES
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    told = {
        (method.upper(), path)
        for path, item in document["paths"].items()
        for method in set(item) - {"parameters", "summary", "description", "servers"}
    }

    assert told == served
    assert {one.name for one in operations(document)} == {
        f"{method} {path.removeprefix('/api/v1')}" for method, path in served if path.startswith("/api/v1/")
    }


def test_the_owner_gets_at_every_thing_that_strangers_do_not_find(document: dict[str, Any], world: World) -> None:
    """Reading comes first, what takes away last and the inner before the outer, so that all is there in its turn."""
    taken = operations_on_things(document)
    wanted = {name for operation in taken for name in operation.ids.values()}
    assert wanted - set(world.ids) == set()
    assert {world.ids[name] for name in wanted} <= all_ids()
    assert len({world.ids[name] for name in wanted}) == len(wanted)

    told = [
        (operation.name, call(world.owner, operation, world.ids))
        for operation in sorted(taken, key=inner_first)
        if operation.name not in NAME_ANOTHER
    ]
    assert [one for one in told if one[1].status in (401, 403, 404, 405, 422) and one[1].code not in NOT_MADE] == []


def inner_first(operation: Operation) -> tuple[int, bool, int, str]:
    """Sort by what calls take away."""
    rank = 3 if operation.path.endswith("/leave") else {"GET": 0, "DELETE": 2}.get(operation.method, 1)
    return rank, operation.path.startswith(("/assets", "/organisations")), -operation.path.count("/"), operation.path


def test_a_stranger_finds_nothing_by_session_or_by_token_and_nobody_gets_in_without(
    document: dict[str, Any], world: World, other: Caller
) -> None:
    program, anonymous = by_token(other), Caller(other.client, "", "")
    program.get("/assets")  # notes that the token is in use
    wrong = []
    with nothing_changes():
        for operation in operations_on_things(document):
            for stranger in (other, program):
                told = call(stranger, operation, world.ids)
                if stranger is program and (told.status, told.code) == (403, "token.not_allowed"):
                    continue
                if told.status != 404 or not told.code.endswith(".not_found"):
                    wrong.append((operation.name, told))
        statuses = {call(anonymous, operation, world.ids).status for operation in operations_on_things(document)}

    assert wrong == []
    assert statuses == {401}


def test_a_viewer_reads_everything_and_changes_nothing(document: dict[str, Any], world: World) -> None:
    wrong = []
    for operation in operations_on_things(document):
        if operation.name in OPEN_TO_VIEWERS:
            continue
        told = call(world.viewer, operation, world.ids)
        if PERSONAL & set(operation.ids.values()):
            good = told.status == 404
        elif operation.method == "GET" and operation.name not in FOR_OWNERS:
            good = told.status < 300 or told.code in NOT_MADE
        else:
            good = (told.status, told.code) == (403, "organisation.forbidden")
        if not good:
            wrong.append((operation.name, told))

    assert wrong == []


def test_a_banned_owner_gets_in_nowhere_by_session_or_by_token(document: dict[str, Any], world: World) -> None:
    program = by_token(world.owner)
    program.get("/assets")
    ban(db.session(), db.session.get_one(User, world.owner.id), "a test")
    db.session.commit()
    guarded = [one for one in operations(document) if one.is_guarded]

    with nothing_changes():
        answers = {
            call(banned, operation, {**absent(operation), **world.ids}).status
            for banned in (world.owner, program)
            for operation in guarded
        }

    assert answers == {401}
    assert len(guarded) > 180


def test_no_list_shows_anything_of_others(document: dict[str, Any], world: World, client: Any, farm: Farm) -> None:
    """Two worlds, so that each list has something of the one who looks; both look at every list."""
    here = all_ids()
    elsewhere = make_world(client, farm, "otto@example.com")
    there = all_ids() - here
    wrong, silent = [], []
    for operation in operations(document):
        if operation.method != "GET" or operation.ids or not operation.is_guarded or operation.path in STREAMS:
            continue
        if operation.path.startswith(ADMIN):
            continue
        shown = [set(UUID_TEXT.findall(call(one.owner, operation, {}).body)) for one in (world, elsewhere)]
        if shown[0] & there or shown[1] & here:
            wrong.append(operation.name)
        if operation.lists and not (shown[0] & here and shown[1] & there):
            silent.append(operation.path)

    assert wrong == []
    assert set(silent) == WITHOUT_IDS


def test_an_id_of_an_unknown_thing_answers_like_somebody_elses_after_the_same_work(
    document: dict[str, Any], world: World, other: Caller
) -> None:
    other.get("/assets")
    for operation in operations_on_things(document):
        with statements() as of_foreign:
            foreign = call(other, operation, world.ids)
        with statements() as of_absent:
            nothing = call(other, operation, absent(operation))
        assert foreign == nothing, operation.name
        assert of_foreign == of_absent, operation.name  # so it takes as long, too


@contextmanager
def statements() -> Iterator[list[str]]:
    """Note the SQL that is run."""
    seen: list[str] = []

    def note(_: Any, __: Any, statement: str, *rest: Any) -> None:
        seen.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


def test_an_editor_works_with_what_the_organisation_owns(world: World) -> None:
    editor, ids = world.editor, world.ids
    scenario = editor.get(f"/transcripts/{ids['transcript_id']}/scenario?preset=pop")

    order = {"source_asset_id": ids["asset_id"], "scenario": scenario, "output": {"crf": 30}}
    again = editor.post("/renders", order, expect=202)
    editor.post(f"/renders/{again['id']}/cancel", expect=202)

    assert again["organisation_id"] == world.studio
    assert world.viewer.get(f"/jobs/{again['job_id']}")["state"] == "cancelled"


def test_everything_that_comes_of_an_upload_belongs_where_it_was_put(world: World) -> None:
    ids = world.ids
    render = world.owner.get(f"/renders/{ids['render_id']}")

    owners = {
        world.owner.get(path)["organisation_id"]
        for path in (
            f"/uploads/{ids['upload_id']}",
            f"/assets/{ids['asset_id']}",
            f"/assets/{render['asset_id']}",
            f"/jobs/{ids['job_id']}",
            f"/jobs/{render['job_id']}",
            f"/transcripts/{ids['transcript_id']}",
            f"/renders/{ids['render_id']}",
        )
    }

    assert owners == {world.studio}


def test_lists_show_what_the_caller_may_see_and_no_more(world: World, other: Caller) -> None:
    own = found(other, "Other")
    for kind in ("assets", "jobs", "transcripts", "renders"):
        shared = [one["id"] for one in world.viewer.get(f"/{kind}")["items"]]
        chosen = [one["id"] for one in world.viewer.get(f"/{kind}?organisation_id={world.studio}")["items"]]

        assert shared and shared == chosen
        assert other.get(f"/{kind}")["items"] == []
        assert other.get(f"/{kind}?organisation_id={world.studio}", expect=404)["code"] == "organisation.not_found"
        assert other.get(f"/{kind}?organisation_id={own}")["items"] == []


def test_ids_in_bodies_and_queries_follow_the_rule_too(world: World, other: Caller) -> None:
    body = {"filename": "a.mp4", "content_type": "video/mp4", "size_bytes": 5, "organisation_id": world.studio}
    scenario = world.viewer.get(f"/transcripts/{world.ids['transcript_id']}/scenario?preset=pop")
    order = {"source_asset_id": world.ids["asset_id"], "scenario": scenario}

    assert other.post("/uploads", body, expect=404)["code"] == "organisation.not_found"
    assert world.viewer.post("/uploads", body, expect=403)["code"] == "organisation.forbidden"
    assert other.post("/renders", order, expect=404)["code"] == "asset.not_found"
    assert world.viewer.post("/renders", order, expect=403)["code"] == "organisation.forbidden"
    assert other.get(f"/transcripts?asset_id={world.ids['asset_id']}")["items"] == []


def test_what_is_personal_is_not_the_organisations(world: World) -> None:
    own = announce(world.editor, CLIP)

    assert world.editor.get(f"/uploads/{own['id']}")["organisation_id"] is None
    world.owner.get(f"/uploads/{own['id']}", expect=404)
    world.owner.get(f"/assets/{own['asset_id']}", expect=404)


def test_who_leaves_loses_even_what_they_made_and_the_organisation_keeps_it(world: World) -> None:
    world.editor.post(f"/organisations/{world.studio}/leave", expect=204)

    world.editor.get(f"/assets/{world.ids['asset_id']}", expect=404)
    assert world.editor.get("/assets")["items"] == []
    world.owner.get(f"/assets/{world.ids['asset_id']}")
    jobs = db.session.query(Job).filter_by(organisation_id=world.studio)
    before = jobs.count()
    with pytest.raises(IntegrityError):
        db.session.query(Organisation).filter_by(id=world.studio).delete()
    db.session.rollback()
    assert jobs.count() == before > 0

"""Named limits over HTTP, for administrators."""

from __future__ import annotations

from tests.api.farm import Caller


def test_administrators_size_limits_and_see_them_and_it_is_audited(admin: Caller) -> None:
    changed = admin.expect(200, "PUT", "/admin/limits/host:example.org", {"size": 7})
    listed = admin.get("/admin/limits")["items"]
    forgotten = admin.expect(200, "PUT", "/admin/limits/host:example.org", {"size": None})

    assert changed == {"name": "host:example.org", "size": 7, "own": True, "running": 0, "waiting": 0}
    assert listed == [changed]
    assert (forgotten["size"], forgotten["own"]) == (2, False)
    assert admin.get("/admin/limits")["items"] == []
    entries = [entry for entry in admin.get("/admin/audit?limit=50")["items"] if entry["action"] == "limit.changed"]
    assert [(entry["before"], entry["after"]) for entry in entries] == [
        ({"size": 7}, {"size": None}),
        ({"size": None}, {"size": 7}),
    ]


def test_sizes_that_are_none_are_refused(admin: Caller) -> None:
    for size in (-1, "many", 1.5):
        admin.expect(422, "PUT", "/admin/limits/host:example.org", {"size": size})
    admin.expect(422, "PUT", "/admin/limits/host:example.org", {})
    told = admin.expect(404, "PUT", f"/admin/limits/{'x' * 121}", {"size": 1})
    assert told["code"] == "limit.not_found"

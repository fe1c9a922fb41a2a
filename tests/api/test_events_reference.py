"""The reference of events says of each group exactly what its webhooks carry."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

from api.extensions import db
from api.webhooks.models import WebhookDelivery
from tests.api.farm import Caller, Farm
from tests.api.linking import info_of, report

REFERENCE = Path(__file__).parents[2] / "docs/_ext/reference.py"


def documented() -> dict[str, Any]:
    """Return what the reference says of each group of events."""
    spec = importlib.util.spec_from_file_location("reference", REFERENCE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    fields: dict[str, str] = module.FIELDS
    return {group: set(re.sub(r" \(.*?\)", "", text).split(", ")) for group, text in fields.items()}


def test_webhooks_carry_the_fields_of_the_reference(user: Caller, farm: Farm) -> None:
    events = ["job.*", "step.*", "credits.*", "job.progress"]
    user.post("/webhooks", {"url": "https://example.com/hooks", "events": events}, expect=201)
    told = user.post("/samples", {"url": "https://media.example.com/a"}, expect=202)
    report(farm, farm.claim(told["job_id"], "resolve"), info_of())
    user.post(f"/jobs/{told['job_id']}/cancel", expect=202)

    db.session.rollback()
    sent = [json.loads(row.body) for row in db.session.query(WebhookDelivery)]

    assert {one["type"] for one in sent} > {"job.queued", "step.succeeded", "job.cancelled", "credits.changed"}
    for one in sent:
        assert set(one["data"]) == documented()[one["type"].partition(".")[0]], one["type"]

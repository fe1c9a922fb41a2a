"""Chores of the control worker, as thin Celery tasks over the features' own functions."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from flask import Flask

from api.control.worker import app
from tasks.app import task_options
from tasks.names import TaskName


@lru_cache(maxsize=1)
def flask_app() -> Flask:
    """Return this process's application, made on first use, which is after the pool has forked."""
    from api import create_app

    return create_app(serves=False)


def chore_options(name: TaskName) -> dict[str, Any]:
    """Return a chore's options without its queue: ``task_routes`` has it, and the attribute is deprecated."""
    options = task_options(name)
    options.pop("queue", None)
    return options


@app.task(name=TaskName.CONTROL_EXPIRE_UPLOADS.value, **chore_options(TaskName.CONTROL_EXPIRE_UPLOADS))
def expire_uploads() -> dict[str, int]:
    """Give up uploads that were never completed."""
    from api.extensions import db, get_storage
    from api.uploads.service import expire_uploads as expire

    with flask_app().app_context():
        return {"expired": expire(db.session(), storage=get_storage())}


@app.task(name=TaskName.CONTROL_SWEEP_OBJECTS.value, **chore_options(TaskName.CONTROL_SWEEP_OBJECTS))
def sweep_objects() -> dict[str, int]:
    """Remove objects that no row needs."""
    from api.assets.cleanup import sweep_objects as sweep
    from api.extensions import db, get_storage

    with flask_app().app_context():
        return {"removed": sweep(db.session(), storage=get_storage())}


@app.task(name=TaskName.CONTROL_SWEEP_CHUNKS.value, **chore_options(TaskName.CONTROL_SWEEP_CHUNKS))
def sweep_chunks() -> dict[str, int]:
    """Remove pieces of long videos whose time is over."""
    from api.extensions import get_settings, get_storage
    from api.renders.chunks import sweep_chunks as sweep

    with flask_app().app_context():
        return {"removed": sweep(get_storage(), days=get_settings().chunk_days)}


@app.task(name=TaskName.CONTROL_ROLL_UP_USAGE.value, **chore_options(TaskName.CONTROL_ROLL_UP_USAGE))
def roll_up_usage() -> dict[str, int]:
    """Write the usage of the last days."""
    from api.extensions import db
    from api.usage.service import roll_up

    with flask_app().app_context():
        return {"rows": roll_up(db.session())}


@app.task(name=TaskName.CONTROL_RECHARGE_CREDITS.value, **chore_options(TaskName.CONTROL_RECHARGE_CREDITS))
def recharge_credits() -> dict[str, int]:
    """Give every account its credits of the day, and check that every ledger adds up."""
    from api.credits.chores import check_ledger, recharge_all
    from api.extensions import db

    with flask_app().app_context():
        return {"recharged": recharge_all(db.session()), "out_of_balance": check_ledger(db.session())}


@app.task(name=TaskName.CONTROL_SWEEP_ROWS.value, **chore_options(TaskName.CONTROL_SWEEP_ROWS))
def sweep_rows() -> dict[str, int]:
    """Remove rows whose time is over (sessions, mail, keys, nodes, logs, history) and what closed accounts owned."""
    from api.assets.retention import sweep_renders
    from api.auth.sessions import sweep as sweep_sessions
    from api.closing.erase import erase_closed
    from api.extensions import db, get_settings
    from api.farm.beats import sweep as sweep_nodes
    from api.idempotency import sweep_keys
    from api.identities.flows import sweep as sweep_flows
    from api.jobs.history import sweep as sweep_history
    from api.live.reading import sweep as sweep_live
    from api.mail.delivery import sweep as sweep_mail
    from api.player.service import sweep as sweep_player_events
    from api.webhooks.line import sweep as sweep_webhooks

    with flask_app().app_context():
        session = db.session()
        return {
            "sessions": sweep_sessions(session),
            "flows": sweep_flows(session),
            "mail": sweep_mail(session),
            "player_events": sweep_player_events(session),
            "live": sweep_live(session),
            "keys": sweep_keys(session),
            "nodes": sweep_nodes(session),
            "webhooks": sweep_webhooks(session),
            "jobs": sweep_history(session, days=get_settings().history_days),
            "renders": sweep_renders(session, days=get_settings().render_days),
            "closed_accounts": erase_closed(session),
        }

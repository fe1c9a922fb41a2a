"""What an engine does again and again: dispatcher, reconciler, farm, players, mailer and couriers, each in a loop."""

from __future__ import annotations

import time
from collections.abc import Callable

from flask import Flask

from api.config import ApiSettings
from api.control.dispatcher import dispatch
from api.control.loops import Loop, LoopRunner
from api.control.reconciler import alone, reconcile, ring_lost
from api.extensions import db, get_settings
from api.farm.orders import hand_back_overdue
from api.farm.quarantine import watch_nodes
from api.jobs.publish import get_publisher
from api.mail.delivery import BATCH, Mailer
from api.mail.transport import make_transport
from api.player.service import DUE_AT_ONCE, advance_due, due_in
from api.webhooks import line
from api.webhooks.courier import get_courier

BROKER_PAUSE_S = 1.0
PLAYERS_S, NO_PLAYERS_S = 0.25, 2.0
"""How soon what is due to a player happens; and how often one looks while nobody plays anything."""
COURIERS, SLOW_COURIERS = 6, 3
"""Endpoints that are sent to at the same time by one engine; slow ones are those that failed lately."""


def dispatch_round() -> bool:
    """Ring one batch of bells; True when another one is waiting. A broker that is away earns a pause."""
    result = dispatch(db.session(), get_publisher(), rering_s=get_settings().rering_s)
    if result.broker_away:
        time.sleep(BROKER_PAUSE_S)
    return result.full


def reconcile_round() -> bool:
    """Apply the reconciler's rules once, unless another engine is at it."""
    rering_s = get_settings().rering_s
    with alone(db.engine) as held:
        if held:
            reconcile(db.session(), rering_s=rering_s)
            ring_lost(db.session(), get_publisher(), rering_s=rering_s)
    return False


def farm_round() -> bool:
    """Keep the farm's orders: deadlines of drains, quarantine. Rounds of several engines at once do no harm."""
    hand_back_overdue(db.session())
    watch_nodes(db.session())
    return False


def mail_round() -> bool:
    """Send what is due; True when more may be."""
    settings = get_settings()
    mailer = Mailer(make_transport(settings.mail), sender=settings.mail.sender, public_url=settings.public_url)
    return mailer.deliver_due(db.session()) >= BATCH


def courier_round() -> bool:
    """Send one endpoint's messages; True when there was one."""
    return line.is_any_due(db.engine, sick=False) and get_courier().serve_one(db.session())


def slow_courier_round() -> bool:
    """Send the messages of one endpoint that failed lately: they wait for each other, nobody else for them."""
    return line.is_any_due(db.engine, sick=True) and get_courier().serve_one(db.session(), sick=True)


def courier_loops(round_s: float) -> list[Loop]:
    """Return the loops that send webhooks; each waits for one receiver at a time."""
    quick, slow = one_look(courier_round, round_s), one_look(slow_courier_round, round_s)
    loops = [Loop(f"courier-{number}", round_s, quick) for number in range(1, COURIERS + 1)]
    return loops + [Loop(f"slow-courier-{number}", round_s, slow) for number in range(1, SLOW_COURIERS + 1)]


def one_look(body: Callable[[], bool], interval_s: float) -> Callable[[], bool]:
    """Have loops of one kind look once between them for as long as nothing is found."""
    quiet_until = 0.0

    def look() -> bool:
        nonlocal quiet_until
        if time.monotonic() < quiet_until:
            return False
        found = body()
        quiet_until = 0.0 if found else time.monotonic() + 0.9 * interval_s
        return found

    return look


def player_round() -> bool | float:
    """Let happen what is due to players; True when more may be, else the seconds until something is."""
    if advance_due(db.session()) >= DUE_AT_ONCE:
        return True
    left_s = due_in(db.session())
    return NO_PLAYERS_S if left_s is None else min(max(left_s, PLAYERS_S), NO_PLAYERS_S)


def build_runner(app: Flask) -> LoopRunner:
    """Return the engine's loops over an application, not yet started."""
    settings: ApiSettings = app.extensions["settings"]
    loops = [
        Loop("dispatcher", settings.dispatch_s, dispatch_round),
        Loop("reconciler", settings.reconcile_s, reconcile_round),
        Loop("farm", settings.node_beat_s, farm_round),
        Loop("players", PLAYERS_S, player_round),
    ]
    if settings.mail.on:
        loops.append(Loop("mailer", settings.mail.round_s, mail_round))
    loops += courier_loops(settings.webhooks.round_s)
    return LoopRunner(app, loops)

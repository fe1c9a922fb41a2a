"""``reelyard farm``: nodes, queues and failed work of a running system, for its administrators."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cli.console import print_json, say
from cli.exits import Exit
from cli.farm_jobs import add_jobs, say_what_next, show_bulk
from cli.tables import print_table
from tasks.errors import ConfigurationError

BASE = "/admin/farm"
EPILOG = """\
REELYARD_TOKEN is an API token with the scope admin of an administrator. The system is the one that runs in the home
folder, or the one at --url.

examples:
  reelyard farm nodes
  reelyard farm drain render@gpu-1 --deadline 600      finish within ten minutes, hand the rest back
  reelyard farm move transcription --from cpu@a --to cpu@b
  reelyard farm rebalance                              only say what would change and why
  reelyard farm rebalance --apply
  reelyard farm queue render --weight 3 --min-slots 2 --gpu require
  reelyard farm dead-letters --retry 3fa2c41d09be      try that kind of failure again (--apply does it)
  reelyard farm jobs cancel --kind render --owner ID   say what that would stop, save and give back
  reelyard farm jobs retry --code storage.unavailable --after 2026-10-01T12:00:00Z --yes
"""
PATIENCE_S = 600.0
"""Longest that one call may take: a thousand jobs are changed one after the other."""
Call = tuple[str, str, dict[str, Any] | None]


def add_parser(subparsers: Any) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "farm",
        help="look after nodes and queues",
        description="Look after the nodes and queues of a running system.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_system(parser)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    add_looks(actions)
    add_node_orders(actions)
    add_queue_orders(actions)
    add_jobs(actions)
    parser.set_defaults(run=run)


def add_system(parser: argparse.ArgumentParser) -> None:
    """Declare which system is asked, and how its answer is shown."""
    parser.add_argument("--url", help="where the API is (default: the system in the home folder)")
    parser.add_argument("--home", type=Path, metavar="DIR", help="data folder of the system")
    parser.add_argument("--json", action="store_true", help="print JSON")


def add_alone(subparsers: Any, add: Callable[[Any], argparse.ArgumentParser], action: str) -> None:
    """Declare an action as a command of its own, too."""
    parser = add(subparsers)
    parser.description = f"Short for reelyard farm {action}, which says what it needs."
    add_system(parser)
    parser.set_defaults(action=action, run=run)


def add_nodes(actions: Any) -> argparse.ArgumentParser:
    """Declare the list of nodes."""
    nodes: argparse.ArgumentParser = actions.add_parser("nodes", help="list nodes")
    nodes.add_argument("--state", choices=("online", "draining", "offline", "quarantined"))
    nodes.set_defaults(call=lambda given: ("GET", f"/nodes?state={given.state}" if given.state else "/nodes", None))
    return nodes


def add_queues(actions: Any) -> argparse.ArgumentParser:
    """Declare the list of queues."""
    queues: argparse.ArgumentParser = actions.add_parser("queues", help="list queues")
    queues.set_defaults(call=lambda given: ("GET", "/queues", None))
    return queues


def add_looks(actions: Any) -> None:
    """Declare what only looks."""
    add_nodes(actions)
    add_queues(actions)
    letters = actions.add_parser("dead-letters", help="list failed jobs by how they failed; retry one kind")
    letters.add_argument("--days", type=int, default=7)
    letters.add_argument("--retry", metavar="SIGNATURE", help="retry the jobs that failed so")
    letters.add_argument("--apply", action="store_true", help="do it; otherwise only say what would happen")
    letters.set_defaults(call=call_letters)


def add_node_orders(actions: Any) -> None:
    """Declare what is ordered of a node."""
    drain = _node(actions, "drain", "give a node nothing new")
    drain.add_argument("--deadline", type=float, metavar="SECONDS", help="then hand back what it still works on")
    drain.set_defaults(call=lambda given: ("POST", f"{_path(given)}/drain", {"deadline_s": given.deadline}))
    resume = _node(actions, "resume", "let a drained node work again")
    resume.set_defaults(call=lambda given: ("POST", f"{_path(given)}/resume", None))
    confine = _node(actions, "quarantine", "keep work from a node until it passes its self-test")
    confine.add_argument("--reason", default="by hand")
    confine.add_argument("--test", action="store_true", help="have it test itself now, and come back if it passes")
    confine.add_argument("--release", action="store_true", help="bring it back at once, untested")
    confine.set_defaults(call=call_quarantine)
    consume = _node(actions, "consume", "say what a node shall consume")
    consume.add_argument("--queues", help="with commas; without it those of its command line")
    consume.add_argument("--slots", type=int)
    consume.set_defaults(
        call=lambda given: (
            "PATCH",
            _path(given),
            {"queues": given.queues.split(",") if given.queues else None, "slots": given.slots},
        )
    )


def add_queue_orders(actions: Any) -> None:
    """Declare what is ordered of queues."""
    pause = actions.add_parser("pause-queue", help="start nothing of a queue")
    pause.add_argument("queue")
    pause.add_argument("--reason", default="by hand")
    pause.set_defaults(call=lambda given: ("POST", f"/queues/{given.queue}/pause", {"reason": given.reason}))
    resume = actions.add_parser("resume-queue", help="let a queue go on")
    resume.add_argument("queue")
    resume.set_defaults(call=lambda given: ("POST", f"/queues/{given.queue}/resume", None))
    policy = actions.add_parser("queue", help="say what a rebalancing shall give a queue; without options show it")
    policy.add_argument("queue")
    policy.add_argument("--weight", type=float, help="share of the slots that minimums leave; 0: its minimum alone")
    policy.add_argument("--min-slots", type=int, metavar="N", help="slots before shares count")
    policy.add_argument("--gpu", choices=("any", "require", "avoid"), help="nodes with a GPU")
    policy.set_defaults(call=call_policy)
    move = actions.add_parser("move", help="move a queue from one node to another")
    move.add_argument("queue")
    move.add_argument("--from", dest="source", metavar="NODE")
    move.add_argument("--to", dest="target", metavar="NODE")
    move.set_defaults(
        call=lambda given: (
            "POST",
            "/moves",
            {"queue": given.queue, "source": given.source, "target": given.target},
        )
    )
    rebalance = actions.add_parser("rebalance", help="share the nodes between the queues by policy")
    rebalance.add_argument("--apply", action="store_true", help="do it; otherwise only say what would change")
    rebalance.add_argument("--by-demand", action="store_true", help="weigh queues by the work that waits too")
    rebalance.set_defaults(
        call=lambda given: ("POST", "/rebalance", {"dry_run": not given.apply, "by_demand": given.by_demand})
    )


def call_letters(given: argparse.Namespace) -> Call:
    """Return the call for failed work."""
    if not given.retry:
        return "GET", f"/dead-letters?days={given.days}", None
    return "POST", "/jobs/retry", {"filter": {"signature": given.retry}, "dry_run": not given.apply}


def call_policy(given: argparse.Namespace) -> Call:
    """Return the call that changes what was given of a queue's policy."""
    wanted = {name: getattr(given, name) for name in ("weight", "min_slots", "gpu")}
    return "PATCH", f"/queues/{given.queue}", {name: value for name, value in wanted.items() if value is not None}


def call_quarantine(given: argparse.Namespace) -> Call:
    """Return the call for quarantine."""
    path = f"{_path(given)}/quarantine"
    if given.test or given.release:
        return "DELETE", f"{path}?untested={'true' if given.release else 'false'}", None
    return "POST", path, {"reason": given.reason}


def run(arguments: argparse.Namespace) -> int:
    """Make the call and show the answer."""
    token = os.environ.get("REELYARD_TOKEN", "")
    if not token:
        raise ConfigurationError("config.invalid", "REELYARD_TOKEN is not set: an API token with the scope admin")
    method, path, body = arguments.call(arguments)
    from cli.client import ApiClient

    show = print_json if arguments.json else SHOW.get(arguments.action, show_fields)
    with ApiClient(find_url(arguments), timeout_s=PATIENCE_S) as client:
        client.use_token(token)
        answer = client.call(method, BASE + path, json=body)
        further = arguments.further(arguments, answer) if "further" in arguments else None
        if further is not None:
            if not arguments.json:
                show(answer)
            method, path, body = further
            answer = client.call(method, BASE + path, json=body)
    show(answer)
    if "further" in arguments:
        say_what_next(arguments, answer)
    return Exit.OK


def find_url(arguments: argparse.Namespace) -> str:
    """Return where the API is."""
    from cli.system import default_home, find_running

    if arguments.url:
        return str(arguments.url)
    home = (arguments.home or default_home()).resolve()
    record = find_running(home)
    if record is None:
        raise ConfigurationError("system.not_running", f"No system runs in {home}; --url names one elsewhere")
    return str(record["api_url"])


def show_nodes(answer: dict[str, Any]) -> None:
    """Print nodes as a table."""
    rows = [
        (
            node["id"],
            node["state"],
            node["reason"],
            f"{node['running']}/{node['slots']}",
            ",".join(node["queues"]) or "-",
            "" if node["settled"] else "changing",
            " ".join(f"{gpu['name']} {gpu['use_percent']}%" for gpu in node["gpus"]),
        )
        for node in answer["items"]
    ]
    print_table(("node", "state", "why", "runs", "queues", "", "GPUs"), rows)


def show_queues(answer: dict[str, Any]) -> None:
    """Print queues as a table."""
    rows = [
        (
            queue["name"],
            "paused" if queue["paused"] else "",
            *(f"{queue[name]:g}" for name in ("depth", "oldest_s", "running", "per_minute", "predicted_s")),
            str(len(queue["nodes"])),
        )
        for queue in answer["items"]
    ]
    print_table(("queue", "", "waiting", "oldest s", "running", "per min", "work s", "nodes"), rows)


def show_plan(answer: dict[str, Any]) -> None:
    """Print a plan with its reasons."""
    for change in answer["changes"]:
        before, after = (",".join(change[name]) or "-" for name in ("before", "after"))
        print(f"{change['node']}: {before} -> {after}   ({change['reason']})")
    for one in answer["unmet"]:
        print(f"{one['queue']}: {one['reason']}")
    if not answer["changes"]:
        print("Nothing to change.")
    elif not answer["applied"]:
        say("This was a dry run; --apply carries it out.")


def show_letters(answer: dict[str, Any]) -> None:
    """Print failed work as a table, or what a retry would do."""
    if "items" not in answer:
        show_fields(answer)
        return
    rows = [
        (one["signature"], str(one["count"]), str(one["owner_count"]), one["code"], one["task"], one["message"])
        for one in answer["items"]
    ]
    print_table(("signature", "jobs", "users", "code", "task", "message"), rows)


def show_fields(answer: dict[str, Any]) -> None:
    """Print what an order answered."""
    for item in answer.get("items", [answer]):
        for name, value in item.items():
            if not isinstance(value, dict) and name not in ("gpus", "able"):
                print(f"{name:<16}{', '.join(map(str, value)) if isinstance(value, list) else value}")


SHOW: dict[str, Callable[[dict[str, Any]], None]] = {
    "nodes": show_nodes,
    "queues": show_queues,
    "rebalance": show_plan,
    "dead-letters": show_letters,
    "jobs": show_bulk,
}


def _node(actions: Any, name: str, text: str) -> Any:
    parser = actions.add_parser(name, help=text)
    parser.add_argument("node", metavar="NODE")
    return parser


def _path(given: argparse.Namespace) -> str:
    return f"/nodes/{quote(given.node, safe='@')}"

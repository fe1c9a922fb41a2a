"""``reelyard farm jobs``: retrying or cancelling every job that matches, after a look at the effect."""

from __future__ import annotations

import argparse
from typing import Any

from cli.console import say
from tasks.errors import ConfigurationError

FILTERS = {
    "state": "state",
    "kind": "kind",
    "owner": "owner_id",
    "node": "node",
    "code": "error_code",
    "signature": "signature",
    "after": "created_after",
    "before": "created_before",
}
"""Options by the names that the API has for them."""
Call = tuple[str, str, dict[str, Any] | None]


def add_jobs(actions: Any) -> None:
    """Declare the actions on many jobs."""
    jobs = actions.add_parser("jobs", help="retry or cancel the jobs that match")
    verbs = jobs.add_subparsers(dest="verb", metavar="VERB", required=True)
    for verb, text in (
        ("retry", "go on with failed and cancelled jobs from the step that failed; their owners pay as for a retry"),
        ("cancel", "cancel queued and running jobs; their owners get back what was not done"),
    ):
        parser = verbs.add_parser(verb, help=text, description=f"{text[0].upper()}{text[1:]}.")
        _add_filters(parser)
        parser.add_argument("--yes", action="store_true", help="do it; otherwise only say what would happen")
        parser.add_argument("--expected", type=int, metavar="N", help="refuse if more than N jobs match by now")
        parser.set_defaults(call=call_preview, further=call_action)


def _add_filters(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--state", choices=("queued", "running", "failed", "cancelled"))
    parser.add_argument("--kind", help="render, transcription, …")
    parser.add_argument("--owner", metavar="ID", help="id of the account")
    parser.add_argument("--node", metavar="NODE", help="a step of the job was last with that node")
    parser.add_argument("--code", metavar="CODE", help="error code of the job")
    parser.add_argument("--signature", metavar="SIGNATURE", help="a kind of failure, as dead-letters names it")
    parser.add_argument("--after", metavar="TIME", help="made at that time or later: 2026-10-01T12:00:00Z")
    parser.add_argument("--before", metavar="TIME", help="made before that time")


def call_preview(given: argparse.Namespace) -> Call:
    """Return the call that only looks; raise ``usage.invalid`` for every job there is, unseen."""
    if given.yes and given.expected is None and not filter_of(given):
        raise ConfigurationError("usage.invalid", "--yes without any filter wants --expected: all jobs would match")
    return "POST", f"/jobs/{given.verb}", {"filter": filter_of(given), "dry_run": True}


def call_action(given: argparse.Namespace, preview: dict[str, Any]) -> Call | None:
    """Return the call that does what the preview promised; None where nobody said yes, or there is nothing to do."""
    if not given.yes or not preview["matched"]:
        return None
    expected = preview["matched"] if given.expected is None else given.expected
    return "POST", f"/jobs/{given.verb}", {"filter": filter_of(given), "dry_run": False, "expected": expected}


def filter_of(given: argparse.Namespace) -> dict[str, Any]:
    """Return the filter as the API has it; what was not given does not matter."""
    return {name: getattr(given, option) for option, name in FILTERS.items() if getattr(given, option) is not None}


def show_bulk(answer: dict[str, Any]) -> None:
    """Print what an action would do, or has done."""
    if answer["applied"]:
        print(f"{answer['done']} of {answer['matched']} jobs changed, {answer['refused_count']} refused")
        for one in answer["refused"]:
            print(f"{one['job_id']}: {one['code']}: {one['message']}")
        return
    kinds, states, steps = (_counts(answer[name]) for name in ("by_kind", "by_state", "steps"))
    print(f"{answer['matched']} jobs of {answer['owner_count']} owners match: {kinds or 'none'}; {states or 'none'}")
    print(f"steps: {steps or 'none'}; about {answer['predicted_s']:g} s of work")
    credits = answer["credits"]
    print(
        f"credits: {credits['reserved']} reserved, {credits['charged']} charged, {credits['refunded']} given back; "
        f"{credits['short_owner_count']} owners have too few"
    )
    if answer["matched"] > answer["most_at_once"]:
        print(f"One call changes the oldest {answer['most_at_once']}.")


def say_what_next(given: argparse.Namespace, answer: dict[str, Any]) -> None:
    """Say that nothing was done, and how it would be."""
    if not given.yes and answer["matched"]:
        say(f"This was a preview; --yes --expected {answer['matched']} does it unless more match by then.")


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))

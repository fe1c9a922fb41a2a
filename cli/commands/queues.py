"""``reelyard queues``: short for ``reelyard farm queues``."""

from __future__ import annotations

from typing import Any

from cli.commands.farm import add_alone, add_queues


def add_parser(subparsers: Any) -> None:
    """Declare the command."""
    add_alone(subparsers, add_queues, "queues")

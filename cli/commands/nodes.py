"""``reelyard nodes``: short for ``reelyard farm nodes``."""

from __future__ import annotations

from typing import Any

from cli.commands.farm import add_alone, add_nodes


def add_parser(subparsers: Any) -> None:
    """Declare the command."""
    add_alone(subparsers, add_nodes, "nodes")

"""``reelyard user``: accounts of a system on this machine or of the one that DATABASE_URL names."""

from __future__ import annotations

import argparse
import getpass
import secrets
import sys
from pathlib import Path
from typing import Any

from cli.console import print_json
from cli.exits import Exit

EPILOG = """\
The password is asked for on a terminal, read from standard input with --password-stdin, and otherwise made up and
printed once. DATABASE_URL wins over the home folder; a system that is not up has its database started meanwhile.

examples:
  reelyard user create you@example.com --admin
  echo "$PASSWORD" | reelyard user create them@example.com --password-stdin --plan pro
"""


def add_parser(subparsers: Any) -> None:
    """Declare the command."""
    parser = subparsers.add_parser("user", help="make accounts", description="Make accounts.")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    create = actions.add_parser(
        "create",
        help="make an account",
        description="Make an account.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    create.add_argument("email", metavar="EMAIL")
    create.add_argument("--admin", action="store_true", help="give it the role admin")
    create.add_argument("--plan", metavar="CODE", help="plan of the account (default: the usual one)")
    create.add_argument("--password-stdin", action="store_true", help="read the password from standard input")
    create.add_argument("--home", type=Path, metavar="DIR", help="data folder of the system")
    create.add_argument("--json", action="store_true", help="print JSON")
    create.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Make the account."""
    from cli.accounts import create_account
    from cli.system import default_home

    password, made_up = read_password(from_stdin=arguments.password_stdin)
    home = (arguments.home or default_home()).resolve()
    account = create_account(home, arguments.email, password, admin=arguments.admin, plan=arguments.plan)
    if made_up:
        account["password"] = password
    if arguments.json:
        print_json(account)
    else:
        for name, value in account.items():
            print(f"{name:<10}{value}")
    return Exit.OK


def read_password(*, from_stdin: bool) -> tuple[str, bool]:
    """Return the password and whether it was made up."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\n"), False
    if sys.stdin.isatty():
        return getpass.getpass("Password: "), False
    return secrets.token_urlsafe(15), True

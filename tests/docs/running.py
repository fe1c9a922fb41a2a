"""Which commands of which pages are run as they stand by tests/e2e/test_tutorial.py, and why the others are not."""

from __future__ import annotations

from tests.docs import shell
from tests.docs.blocks import ROOT, Block, blocks_of, pages

SHELLS = ("sh", "bash", "shell", "console")
PROGRAMS = (*SHELLS, "python", "javascript", "typescript", "ts")

TUTORIAL = "docs/guides/tutorial.rst"
RUN: dict[str, tuple[str, ...]] = {
    TUTORIAL: (),
    "docs/guides/client.rst": (),
    "docs/guides/motiontext.rst": (),
    "docs/guides/musicvideo.rst": ("docs/guides/songs.rst",),
    "docs/guides/outputs.rst": (),
    "docs/guides/quickstart.rst": (),
    "docs/guides/samples.rst": (),
    "docs/guides/songs.rst": (),
    "docs/guides/sounds.rst": (),
    "docs/guides/stills.rst": (),
    "docs/guides/teams.rst": (),
    "docs/guides/transcripts.rst": (),
    "docs/guides/webhooks.rst": (),
    "docs/howto/font.rst": (),
    "docs/howto/from-captions.rst": (),
    "docs/howto/from-musicvideo.rst": (),
    "docs/howto/from-products.rst": (),
    "docs/howto/from-remotion.rst": (),
    "docs/howto/from-samples.rst": (),
    "docs/howto/from-shorts.rst": (),
    "docs/howto/from-soundboard.rst": (),
    "docs/howto/style.rst": (),
    "docs/operations/farm.rst": (),
    "docs/operations/runbook.rst": (),
}
"""Pages whose commands are run after the tutorial's, each with those pages that its own go on from."""

INSTALLS = "installs what it names, which tests do not; make demo and make try-images are this"
PIECE = "a piece of a reader's own program"
NOT_RUN: dict[tuple[str, str], str] = {
    ("CONTRIBUTING.rst", "$ make demo"): INSTALLS,
    ("README.rst", "$ make demo"): INSTALLS,
    ("README.rst", "$ source"): "wants an hour's talk and a site; its commands stand on the pages of what they do",
    ("clients/python/README.rst", "$ pip install"): INSTALLS,
    ("clients/python/README.rst", "import secrets"): "examples/caption.py, which tests/e2e/test_clients.py runs",
    ("clients/python/README.rst", "from reelyard_client import Webhook"): f"{PIECE}; tests/clients/test_webhooks.py",
    ("clients/typescript/README.md", "$ npm install"): INSTALLS,
    ("clients/typescript/README.md", "import { good"): "examples/caption.ts, which tests/e2e/test_clients.py runs",
    ("clients/typescript/README.md", "import { Webhook"): f"{PIECE}; tests/clients/test_webhooks.py",
    ("docs/guides/clients.rst", "import { good"): "the beginning of examples/caption.ts",
    ("docs/guides/live.rst", "const { ticket }"): f"{PIECE}, in a browser; tests/api/test_live_socket.py",
    ("docs/guides/musicvideo.rst", "reelyard musicvideo"): "three films of full size; tests/cli/test_musicvideo.py",
    ("docs/guides/quickstart.rst", "$ make demo"): INSTALLS,
    ("docs/guides/quickstart.rst", "$ make test"): "this test is one of those",
    ("docs/guides/quickstart.rst", "$ .venv/bin/reelyard up"): "does not end; tests/e2e/test_up.py",
    ("docs/guides/shorts.rst", ""): "wants a talk of minutes; tests/cli/test_shorts.py",
    ("docs/guides/studio.rst", ""): "builds the studio, or does not end; make test-studio",
    ("docs/guides/tutorial.rst", "$ make up"): "does not end; tests/e2e/test_up.py",
    ("docs/guides/webhooks.rst", "from flask"): f"{PIECE}; tests/api/test_webhooks.py checks by the same package",
    ("docs/guides/webhooks.rst", "import express"): f"{PIECE}, with Express, which is not installed",
    ("docs/howto/api-host.rst", ""): "installs packages and units; make try-api-host types it into a fresh Debian tree",
    ("docs/howto/gpu-host.rst", ""): "installs units of systemd on a host with a card",
    ("docs/howto/provider.rst", "def order_from_mine"): f"the beginning of {PIECE}",
    ("docs/operations/backup.rst", ""): "hours, or a folder of the host; tests/engine/test_restore.py",
    ("docs/operations/chaos.rst", ""): "a bench of an hour",
    ("docs/operations/deploy.rst", ""): "docker, kubectl and systemctl; make check-deploy reads their files",
    ("docs/operations/farm.rst", "reelyard farm jobs retry"): "changes other tests' jobs; tests/farm/test_command.py",
    ("docs/operations/releasing.rst", ""): "git push, and images that go to a registry",
    ("docs/operations/scaling.rst", ""): "a bench of an hour",
    ("docs/operations/storage.rst", ""): "a bucket at a provider; tests/cli/test_migrate_storage.py",
    ("docs/operations/tracing.rst", ""): "a collector of the reader's; tests/e2e/test_traces.py",
    (
        "docs/operations/upgrades.rst",
        "",
    ): "a folder of the host, and a system in use; tests/api/test_migrations_online.py",
}
"""Blocks that nobody runs here, by page and beginning, with the reason. An empty beginning means all of a page."""


def commands_of(page: str) -> list[Block]:
    """Return the blocks of a page that are to be run, in its order; those that only show settings are not."""
    blocks = [block for block in blocks_of(page, (ROOT / page).read_text()) if block.language in PROGRAMS]
    return [block for block in sorted(blocks, key=lambda block: block.line) if not is_settings(block)]


def is_settings(block: Block) -> bool:
    """Tell whether a block is an environment that is shown."""
    return block.language in SHELLS and not any(command.words for command in shell.commands(text_of(block)))


def text_of(block: Block) -> str:
    """Return what is typed."""
    return shell.typed(block.text) if block.language == "console" else block.text


def reason(block: Block) -> tuple[str, str] | None:
    """Return the entry of ``NOT_RUN`` that a block has."""
    return next((key for key in NOT_RUN if key[0] == block.page and block.text.startswith(key[1])), None)


def all_commands() -> list[Block]:
    """Return every page's."""
    return [block for path in pages() for block in commands_of(str(path.relative_to(ROOT)))]


def script_of(page: str, *languages: str) -> str:
    """Return what a page has its reader run, after what the pages say that it goes on from."""
    blocks = [block for one in (*RUN[page], page) for block in commands_of(one) if not reason(block)]
    return "\n".join(text_of(block) for block in blocks if block.language in languages)

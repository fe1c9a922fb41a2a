"""Every command of the tutorial and of the pages that go on from it works, in its order, on a running system.

``tests/docs/running.py`` says which pages these are, and why the commands of the others are not run.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from cli.accounts import create_account
from cli.client import ApiClient
from cli.verify import check_render
from tests.conftest import require
from tests.docs.blocks import ROOT
from tests.docs.running import RUN, SHELLS, TUTORIAL, script_of
from tests.e2e.stack import Stack
from tests.e2e.tutorial_files import make_files, make_song
from tests.media.link_site import LinkSite

PASSWORD = "a long enough password"
ADMINS = ("docs/howto/from-products.rst", "docs/operations/farm.rst", "docs/operations/runbook.rst")
"""Pages whose reader is an administrator."""
KEEP = "\ndeclare -f > shell.sh; declare -p API TOKEN ASSET TRANSCRIPT >> shell.sh"
SAID = {
    "docs/guides/samples.rst": "E minor",
    "docs/guides/transcripts.rst": "Reelyard",
    "docs/guides/teams.rst": "owner",
    "docs/guides/webhooks.rst": "webhook.test",
    "docs/howto/from-samples.rst": "E minor",
    "docs/howto/from-shorts.rst": "Opening.mp4",
    "docs/howto/from-soundboard.rst": '["Friday",',
    "docs/operations/runbook.rst": '"status"',
}
"""What is read on the screen."""
MADE = {
    "docs/guides/motiontext.rst": "captioned.mp4",
    "docs/guides/musicvideo.rst": "film.mp4",
    "docs/guides/outputs.rst": "alone.mov",
    "docs/guides/quickstart.rst": "captioned.mp4",
    "docs/guides/samples.rst": "samples/sample.json",
    "docs/howto/from-captions.rst": "old/talk.captioned.mp4",
    "docs/howto/from-musicvideo.rst": "film.mp4",
    "docs/howto/from-samples.rst": "*_Em.wav",
    "docs/howto/from-shorts.rst": "Opening.mp4",
}
"""Files that there are afterwards."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LinkSite]:
    """A site with a song under two addresses."""
    song = make_song(tmp_path_factory.mktemp("site") / "song.wav").read_bytes()
    with LinkSite({"/song.wav": song, "/moved.wav": song}) as running:
        yield running


@pytest.fixture(scope="module")
def environ(stack: Stack, site: LinkSite) -> dict[str, str]:
    """What the reader's terminal knows."""
    settings = {name: stack.system.environ[name] for name in ("DATABASE_URL", "REELYARD_WHISPER_MODEL")}
    return {
        **{name: value for name, value in os.environ.items() if name in ("HOME", "LANG", "CI")},
        **settings,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": f"{ROOT}:{ROOT / 'clients/python'}",
        "API": f"{stack.system.layout.api_url}/api/v1",
        "HOOK": "http://127.0.0.1:9/hooks",
        "LINK": f"{site.url}/song.wav",
        "NO_PROXY": "*",
        "REELYARD_HOME": str(stack.system.layout.home),
        "REELYARD_LINK_EXTRACTORS": "generic",
        "REELYARD_LINK_INSIDE": "true",
    }


@pytest.fixture(scope="module")
def told(
    environ: dict[str, str], clips: Path, site: LinkSite, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, str]:
    """The folder of somebody who has done the tutorial, and what was said there."""
    require(bool(shutil.which("jq") and shutil.which("curl")), "curl and jq")
    folder = tmp_path_factory.mktemp("tutorial")
    make_files(folder, clips / "spoken.mp4", f"{site.url}/moved.wav")
    script = script_of(TUTORIAL, *SHELLS).replace("you@example.com", f"tutorial-{secrets.token_hex(4)}@example.com")
    return folder, run(["bash", "-euo", "pipefail", "-c", script + KEEP], folder, environ)


def run(command: list[str], folder: Path, environ: dict[str, str]) -> str:
    """Run a program, and return what it said."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    return done.stdout


def test_the_tutorial_ends_in_a_captioned_video(told: tuple[Path, str], clips: Path) -> None:
    folder, said = told

    assert "best of times" in said.lower()
    assert check_render(clips / "spoken.mp4", folder / "captioned.mp4").width == 320


@pytest.mark.parametrize("page", sorted({*RUN} - {TUTORIAL, *chain.from_iterable(RUN.values())}))
def test_every_command_of_a_page_works(
    page: str, told: tuple[Path, str], stack: Stack, environ: dict[str, str], client: ApiClient, tmp_path: Path
) -> None:
    folder = shutil.copytree(told[0], tmp_path / "reader")
    (folder / ".venv").symlink_to(Path(sys.executable).parent.parent)
    if page in ADMINS:
        sign_in_as_administrator(stack, client)
    scopes = ["read", "upload", "render", *(["admin"] if page in ADMINS else [])]
    token = client.call("POST", "/tokens", json={"name": "reader", "scopes": scopes})["token"]
    own = {**environ, "REELYARD_TOKEN": token}

    said = ""
    if script := script_of(page, *SHELLS):
        before = "source shell.sh\n" + (f"TOKEN={bearer(client)}\n" if page in ADMINS else "")
        script = before + adapted(script, stack, token)
        said += run(["bash", "-euo", "pipefail", "-c", script], folder, own)
    if program := script_of(page, "python"):
        said += run([sys.executable, "-c", adapted(program, stack, token)], folder, own)

    assert SAID.get(page, "") in said
    assert page not in MADE or list(folder.glob(MADE[page]))


def sign_in_as_administrator(stack: Stack, client: ApiClient) -> None:
    email = f"admin-{secrets.token_hex(4)}@example.com"
    create_account(stack.system.layout.home, email, PASSWORD, admin=True, plan=None)
    client.login(email, PASSWORD)


def bearer(client: ApiClient) -> str:
    """Return the token that a client carries."""
    return str(client._http.headers["Authorization"]).removeprefix("Bearer ")


def adapted(text: str, stack: Stack, token: str) -> str:
    """Put this system, its node and an account of the test in place of those that pages name."""
    url = stack.system.layout.api_url
    own = {
        "http://127.0.0.1:8000": url,
        "localhost:8000": urlsplit(url).netloc,
        "rly_live_…": token,
        "render@gpu-1": stack.system.layout.node_name("render"),
        "you@example.com": f"reader-{secrets.token_hex(4)}@example.com",
    }
    return re.sub("|".join(map(re.escape, own)), lambda found: own[found[0]], text)

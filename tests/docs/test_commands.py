"""Whatever a page has its reader type or copy is held against what it speaks of, or stands here with a reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.blocks import ROOT, Block, blocks_of, pages
from tests.docs.judges import faults_of_block

PAGES = {str(path.relative_to(ROOT)): path for path in pages()}
EXCUSED = {
    ("docs/howto/api-host.rst", ""): "a host's own programs; make try-api-host types the page into a fresh Debian tree",
    ("docs/howto/provider.rst", "def order_from_mine"): "the beginning of a function that its reader writes",
}
"""Blocks that nobody judges, by page and beginning, with the reason. Pictures made of letters are ``text``."""


def excuse(block: Block) -> tuple[str, str] | None:
    """Return the excuse that a block has."""
    return next((key for key in EXCUSED if key[0] == block.page and block.text.startswith(key[1])), None)


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_a_page_is_one_that_works(page: str) -> None:
    told = [block for block in blocks_of(page, PAGES[page].read_text()) if block.language != "text"]

    assert [f"{block.name} {fault}" for block in told if not excuse(block) for fault in faults_of_block(block)] == []


@pytest.mark.parametrize("page", PAGES)
def test_a_page_that_uses_what_the_tutorial_makes_says_so(page: str) -> None:
    text = PAGES[page].read_text()

    assert "$API/" not in text or "API=" in text or "tutorial" in text


def test_every_excuse_is_needed() -> None:
    blocks = [block for page, path in PAGES.items() for block in blocks_of(page, path.read_text())]

    assert {excuse(block) for block in blocks} - {None} == set(EXCUSED)


def only(text: str, page: str = "page.rst") -> list[str]:
    (block,) = blocks_of(page, text)
    return faults_of_block(block)


def block(language: str, *lines: str) -> str:
    return f".. code-block:: {language}\n\n" + "".join(f"   {line}\n" for line in lines)


@pytest.mark.parametrize(
    ("language", "line", "fault"),
    [
        ("console", "$ reelyard rander talk.mp4", "invalid choice: 'rander'"),
        ("console", "$ reelyard render talk.mp4 --scenario s.json --quick", "--out"),
        ("console", "$ reelyard render talk.mp4 --scenario s.json --out x.mp4 --quick", "arguments: --quick"),
        ("console", "nothing after a prompt", "nothing is typed here"),
        ("sh", "make demos", "make has no demos"),
        ("sh", "make bench-chaos JOB=5", "make bench-chaos uses no JOB"),
        ("sh", "make bench-farm ARGS='--sites 5'", "bench.sim_farm has no --sites"),
        ("sh", "make test ARGS='tests/cli/test_commands.py -k help'", "there is no tests/cli/test_commands.py"),
        ("sh", "make test ARGS='tests/cli -k nothing_of_this_name'", "-k nothing_of_this_name selects nothing"),
        ("sh", "python -m pytest tests/cli/test_nothing.py", "there is no tests/cli/test_nothing.py"),
        ("sh", "python -m pytest tests/cli/test_studio.py -k 'node and not node'", "node and not node selects nothing"),
        ("sh", "KEEPS=1 make demo", "nothing reads KEEPS"),
        ("sh", "curl $API/song", "there is no GET /api/v1/song"),
        ("sh", "curl $API/api/v1/songs", "named twice"),
        ("sh", "curl https://example.com/songs", "neither below $API"),
        ("sh", "curl -X DELETE $API/songs", "there is no DELETE /api/v1/songs"),
        ("sh", "curl \"$API/samples?bpm=3\"", "takes no bpm"),
        ("sh", "curl \"$API/samples?bpm_min=fast\"", "bpm_min is not fast"),
        ("sh", "curl $API/songs -H 'If-Match: 1'", "takes no header If-Match"),
        ("sh", "curl $API/songs -d '{\"asset\": \"…\"}'", "has no field asset"),
        ("sh", "curl $API/songs -d '{\"title\": 5, \"asset_id\": \"…\"}'", "$.title 5 is not of type 'string'"),
        ("sh", "curl $API/songs -d '{\"title\": }'", "no JSON"),
        ("sh", "X=$(call $API/song)", "there is no GET /api/v1/song"),
        ("sh", "for f in; do", "syntax error"),
        ("sh", "reelyard play --url $API", "the address of the system"),
        ("sh", "frobnicate --all", "nobody knows the program frobnicate"),
        ("sh", "REELYARD_SMTP_HOTS=x", "REELYARD_SMTP_HOTS is no setting"),
        ("sh", "REELYARD_CLIP_USD_PER_S=cheap", "REELYARD_CLIP_USD_PER_S does not take cheap"),
        ("sh", "docker compose -f docker-compose.tpu.yml up", "there is no docker-compose.tpu.yml"),
        ("sh", "kubectl apply -k deploy/kubernetes/tpu", "there is no deploy/kubernetes/tpu"),
        ("sh", "kubectl delete job -n reelyard migrator", "nothing is named migrator"),
        ("sh", "sudo systemctl start reelyard-rander@0", "there is no unit reelyard-rander@"),
        ("sh", "python -m api.relod 5", "there is no api.relod"),
        ("sh", "cp deploy/env.sample .env", "there is no deploy/env.sample"),
        ("sh", "sudo deploy/systemd/install-gpu-host.sh --dry", "has no --dry"),
        ("ini", "STRIPE_KEY=x", "STRIPE_KEY is no setting"),
        ("json", '{"version": "1", "canvas": {"width": 10, "height": 10}, "tracks": [5]}', "scenario.invalid"),
        ("json", '{"container": "avi"}', "$.container"),
        ("json", '{"type": "job.won", "timestamp": "…"}', "there is no event job.won"),
        ("json", '{"what": "is this"}', "unknown what this JSON is"),
        ("python", "import nothing_of_this_name", "there is no module nothing_of_this_name"),
        ("python", "from reelyard_client import Clients", "has no Clients"),
        ("python", "client.render()", "the client has no render"),
        ("python", "api.post('/render', json={})", "there is no POST /api/v1/render"),
        ("python", "api.post('/renders', json={'scenari': {}})", "has no field scenari"),
        ("python", "x = = 5", "no Python"),
        ("javascript", 'await api.post("/live/ticket");', "there is no POST /api/v1/live/ticket"),
        ("javascript", "const = 5;", "SyntaxError"),
        ("typescript", 'import { Reelyards } from "reelyard-client";', "the client has no Reelyards"),
        ("sql", "DELETE FROM audits;", "no migration makes audits"),
        ("cobol", "DISPLAY 'x'.", "nobody judges cobol"),
    ],
)  # fmt: skip
def test_a_mistake_on_a_page_is_found(language: str, line: str, fault: str) -> None:
    found = only(block(language, line))

    assert any(fault in one for one in found), found


def test_what_follows_may_be_left_out_within_sentences_alone() -> None:
    assert only("Then ``reelyard render`` draws.\n") == []
    assert only(block("sh", "reelyard render")) != []
    assert only("Then ``reelyard rander`` draws.\n") != []


def test_a_page_is_read_to_its_last_block(tmp_path: Path) -> None:
    text = (
        "A title\n\nSo::\n\n   make demo\n\n" + block("sh", "make up", "", "make test") + "\nThe end, ``make help``.\n"
    )

    assert [(one.language, one.text) for one in blocks_of("p.rst", text)] == [
        ("sh", "make up\n\nmake test"),
        ("sh", "make demo"),
        ("inline", "make help"),
    ]

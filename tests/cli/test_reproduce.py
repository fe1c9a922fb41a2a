"""A receipt is enough to make the same pictures again, or to say why they are others."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cli.browser_setup import try_browser
from cli.exits import Exit
from cli.main import main
from render_node.reproduce import compare_receipts
from tasks.contracts import RenderReceipt
from tasks.errors import ReelyardError
from tests.conftest import require
from tests.media_samples import make_video
from tests.render.looks import look

SIZE: dict[str, Any] = {"width": 180, "height": 320}


@pytest.fixture(scope="module")
def order(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with source, scenario, and the receipt of a render."""
    try:
        try_browser()
    except ReelyardError as error:
        require(False, f"Chromium that starts ({error})")
    folder = tmp_path_factory.mktemp("order")
    make_video(folder / "in.mp4", **SIZE, duration_s=1.0)
    (folder / "scenario.json").write_text(json.dumps(look("pop", **SIZE, texts=("Again", "and", "again"))))
    return folder


@pytest.fixture(scope="module")
def receipt(order: Path) -> RenderReceipt:
    from cli.settings import direct_settings
    from render_node.render import render_file
    from tasks.contracts import RenderOutput

    scenario, output = json.loads((order / "scenario.json").read_text()), RenderOutput(preset="ultrafast", crf=24)
    return render_file(order / "in.mp4", scenario, order / "out.mp4", output=output, settings=direct_settings())


def reproduce(order: Path, receipt: RenderReceipt, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    path = order / "receipt.json"
    path.write_text(json.dumps(receipt.to_json()))
    capsys.readouterr()
    scenario = str(order / "scenario.json")
    code = main(["reproduce", str(path), "--source", str(order / "in.mp4"), "--scenario", scenario, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_the_same_order_gives_the_same_pictures(
    order: Path, receipt: RenderReceipt, capsys: pytest.CaptureFixture[str]
) -> None:
    code, verdict = reproduce(order, receipt, capsys)
    assert (code, verdict["same"], verdict["differences"]) == (Exit.OK, True, [])
    assert len(receipt.pictures_sha256) == 64


def test_another_scenario_is_named_as_the_reason(
    order: Path, receipt: RenderReceipt, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = (order / "scenario.json").read_text()
    try:
        (order / "scenario.json").write_text(kept.replace("Again", "Never"))
        code, verdict = reproduce(order, receipt, capsys)
    finally:
        (order / "scenario.json").write_text(kept)
    assert (code, verdict["same"]) == (Exit.FAILED, False)
    assert [each["part"] for each in verdict["differences"]] == ["scenario"]


def test_a_receipt_without_its_order_is_refused(
    order: Path, receipt: RenderReceipt, capsys: pytest.CaptureFixture[str]
) -> None:
    (order / "old.json").write_text(json.dumps(replace(receipt, output={}).to_json()))
    arguments = ["--source", str(order / "in.mp4"), "--scenario", str(order / "scenario.json")]
    assert main(["reproduce", str(order / "old.json"), *arguments]) == Exit.BAD_INPUT
    assert "too old" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"browser": "Chromium 1"}, "browser"),
        ({"encoder": "h264_nvenc"}, "encoder"),
        ({"versions": {"av": "0.1"}}, "version of av"),
        ({"encoder_options": {"threads": "64"}}, "encoder option threads"),
        ({"fonts": ()}, "font"),
        ({"source_sha256": "0"}, "source_sha256"),
        ({"checks": {"chunks": 7}}, "pieces"),
    ],
)
def test_every_difference_is_named(receipt: RenderReceipt, change: dict[str, Any], part: str) -> None:
    then = replace(receipt, pictures_sha256="0" * 64, **change)
    verdict = compare_receipts(then, receipt)
    assert not verdict.is_same and verdict.is_explained
    assert part in [each.part for each in verdict.differences]


def test_other_pictures_without_any_reason_are_not_explained_away(receipt: RenderReceipt) -> None:
    verdict = compare_receipts(replace(receipt, pictures_sha256="0" * 64), receipt)
    assert (verdict.is_same, verdict.is_explained) == (False, False)

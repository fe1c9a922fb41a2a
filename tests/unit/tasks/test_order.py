"""Orders of renders: one output as ever, several in a version of their own, both read."""

from __future__ import annotations

from typing import Any

import pytest

from tasks.contracts import RenderOrder, RenderOutput
from tasks.contracts.shorts import CutOrder, Framing, Reframing, Stretch
from tasks.errors import InvalidInputError, PermanentError

ONE = {"version": 1, "source_key": "k", "scenario": {}, "output": {"container": "gif"}, "music_key": "m"}
FULL = {name: value for name, value in RenderOutput(container="webm").to_json().items() if name != "version"}


def test_an_order_written_before_there_were_several_outputs_is_read_and_written_as_it_was() -> None:
    order = RenderOrder.from_json(ONE)

    assert order == RenderOrder("k", {}, RenderOutput(container="gif"), music_key="m")
    assert order.outputs == (RenderOutput(container="gif"),)
    told = order.to_json()
    assert told["version"] == 1
    assert told.keys() == {
        "version",
        "source_key",
        "scenario",
        "output",
        "source_sha256",
        "music_key",
        "fonts",
        "images",
    }


def test_an_order_of_several_outputs_is_a_version_that_older_workers_leave_to_others() -> None:
    order = RenderOrder("k", {}, further=(RenderOutput(container="webm"), RenderOutput(aspect="1:1")))

    told = order.to_json()

    assert (told["version"], len(told["outputs"]), told["outputs"][1]) == (2, 3, FULL)
    assert not {"output", "further"} & set(told)
    assert RenderOrder.from_json(told) == order


@pytest.mark.parametrize("further", [(), (RenderOutput(container="webm"),)], ids=["one", "several"])
def test_an_order_that_frames_is_a_version_that_older_workers_leave_to_others(
    further: tuple[RenderOutput, ...],
) -> None:
    order = RenderOrder("k", {}, further=further, reframing=Reframing(Framing("1:1", ()), (Stretch(0.0, 1.0),), 300))

    told = order.to_json()

    assert (told["version"], told["reframing"]["width"], "outputs" in told) == (3, 300, bool(further))
    assert RenderOrder.from_json(told) == order


@pytest.mark.parametrize(("later", "version"), [(False, 1), (True, 2)])
def test_a_cut_that_leaves_the_framing_to_others_is_a_version_of_its_own(later: bool, version: int) -> None:
    order = CutOrder("k", 0.0, 1.0, later=later)

    told = order.to_json()

    assert (told["version"], told.get("later", False)) == (version, later)
    assert CutOrder.from_json(told) == order
    with pytest.raises(InvalidInputError):
        CutOrder.from_json({**told, "version": 1, "later": True})


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"outputs": []}, "contract.invalid"),
        ({"outputs": {}}, "contract.invalid"),
        ({"outputs": [{"container": "gif", "frames": 1}]}, "contract.invalid"),
        ({"version": 4}, "contract.unknown_version"),
        ({"reframing": {"framing": {"aspect": "1:1", "scenes": []}, "kept": []}}, "contract.invalid"),
    ],
    ids=str,
)
def test_a_list_that_is_none_and_a_version_to_come_are_refused(change: dict[str, Any], code: str) -> None:
    told = {"version": 2, "source_key": "k", "scenario": {}, "outputs": [{"container": "gif"}], **change}

    with pytest.raises((InvalidInputError, PermanentError)) as refused:
        RenderOrder.from_json(told)

    assert refused.value.code == code

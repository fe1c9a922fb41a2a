"""Clips ordered from Replicate by its own library, against a server that speaks its HTTP API."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tasks.clips.generated import ClipWish, ReplicateClips, ReplicateOptions
from tasks.errors import FencedError, PermanentError, TransientError
from tests.media.replicate_server import Running, Service

WISH = ClipWish("two dancers in red", 5.0, seed=7)


@pytest.fixture
def service() -> Iterator[Service]:
    """A service that answers."""
    told = Service(clip=b"a clip " * 1000)
    with Running(told):
        yield told


def options_of(service: Service) -> ReplicateOptions:
    return ReplicateOptions(
        token="r8_test", model="maker/clips", base_url=service.base_url, usd_per_s=0.02, poll_s=0.01, patience_s=60.0
    )


def test_a_clip_is_ordered_once_waited_for_fetched_and_its_cost_told(service: Service, tmp_path: Path) -> None:
    seen: list[tuple[str, int]] = []
    maker = ReplicateClips(replace(options_of(service), webhook_url="https://example.org/done"))

    made = maker.make(
        WISH, tmp_path / "clip.mp4", remember=lambda ref: seen.append((ref, service.predictions[ref]["asked"]))
    )

    assert seen == [("p1", 0)]
    assert made.path.read_bytes() == service.clip
    assert (made.prediction_ref, made.worked_s, made.cost_usd) == ("p1", 12.5, 0.25)
    assert service.orders == [
        {
            "path": "/v1/models/maker/clips/predictions",
            "input": {"prompt": "two dancers in red", "duration": 5.0, "aspect_ratio": "16:9", "seed": 7},
            "webhook": "https://example.org/done",
            "webhook_events_filter": ["completed"],
        }
    ]
    assert service.tokens == {"Bearer r8_test"}


def test_a_model_version_is_ordered_by_its_id(service: Service, tmp_path: Path) -> None:
    maker = ReplicateClips(replace(options_of(service), model="maker/clips:abc"))

    maker.make(WISH, tmp_path / "clip.mp4", remember=lambda ref: None)

    assert service.orders[0]["path"] == "/v1/predictions"
    assert service.orders[0]["version"] == "abc"


def test_a_second_attempt_waits_for_the_same_prediction_and_pays_nothing(service: Service, tmp_path: Path) -> None:
    service.file_refusals = [500]
    maker = ReplicateClips(options_of(service))
    known: list[str] = []
    with pytest.raises(TransientError) as failed:
        maker.make(WISH, tmp_path / "clip.mp4", remember=known.append)
    assert failed.value.code == "provider.unavailable"

    made = maker.make(WISH, tmp_path / "clip.mp4", remember=known.append, known_ref=known[0])

    assert made.path.read_bytes() == service.clip
    assert known == ["p1"]
    assert len(service.orders) == 1


def test_an_order_whose_answer_was_lost_is_found_again_and_not_paid_twice(service: Service, tmp_path: Path) -> None:
    maker = ReplicateClips(options_of(service))
    maker.make(replace(WISH, seed=6), tmp_path / "other.mp4", remember=lambda ref: None)
    service.loses_answers = 1
    seen: list[str] = []

    made = maker.make(WISH, tmp_path / "clip.mp4", remember=seen.append)

    assert (seen, made.prediction_ref) == (["p2"], "p2")
    assert len(service.orders) == 2


def test_too_many_orders_wait_and_come_again(service: Service, tmp_path: Path) -> None:
    service.refusals = [429, 429]

    made = ReplicateClips(options_of(service)).make(WISH, tmp_path / "clip.mp4", remember=lambda ref: None)

    assert made.prediction_ref == "p1"
    assert len(service.orders) == 1


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (402, PermanentError, "provider.refused"),
        (422, PermanentError, "provider.refused"),
        (503, TransientError, "provider.unavailable"),
    ],
)
def test_refusals_are_told_apart(
    service: Service, tmp_path: Path, status: int, kind: type[PermanentError], code: str
) -> None:
    service.refusals = [status]

    with pytest.raises(kind) as failed:
        ReplicateClips(options_of(service)).make(WISH, tmp_path / "clip.mp4", remember=lambda ref: None)

    assert failed.value.code == code
    assert f"{status}" in failed.value.detail
    assert service.orders == []


@pytest.mark.parametrize(
    ("end", "output", "code"),
    [
        ("failed", "file", "provider.failed"),
        ("canceled", "file", "provider.canceled"),
        ("succeeded", None, "provider.empty"),
        ("succeeded", [], "provider.empty"),
    ],
)
def test_predictions_that_end_without_a_clip_are_told(
    service: Service, tmp_path: Path, end: str, output: object, code: str
) -> None:
    service.end, service.output = end, output

    with pytest.raises(PermanentError) as failed:
        ReplicateClips(options_of(service)).make(WISH, tmp_path / "clip.mp4", remember=lambda ref: None)

    assert failed.value.code == code


@pytest.mark.security("S-1")
def test_a_clip_that_is_said_to_lie_inside_is_not_fetched(service: Service, tmp_path: Path) -> None:
    outside = replace(options_of(service), base_url=ReplicateOptions.base_url)

    for address in (f"{service.base_url}/files/clip.mp4", "http://169.254.169.254/latest/", "http://[::1]/"):
        with pytest.raises(PermanentError) as failed:
            ReplicateClips(outside)._fetch(address, tmp_path / "clip.mp4")
        assert failed.value.code == "provider.refused"
    assert list(tmp_path.iterdir()) == []


def test_an_empty_file_is_no_clip(service: Service, tmp_path: Path) -> None:
    service.clip = b""

    with pytest.raises(PermanentError) as failed:
        ReplicateClips(options_of(service)).make(WISH, tmp_path / "clip.mp4", remember=lambda ref: None)

    assert failed.value.code == "provider.empty"


def test_a_cancelled_step_cancels_its_prediction(service: Service, tmp_path: Path) -> None:
    service.asks_until_done = 1000
    calls: list[int] = []

    def check() -> None:
        calls.append(1)
        if len(calls) == 3:
            raise FencedError("job.cancelled", "Cancelled")

    with pytest.raises(FencedError):
        ReplicateClips(options_of(service)).make(WISH, tmp_path / "clip.mp4", remember=lambda ref: None, check=check)

    assert service.predictions["p1"]["status"] == "canceled"


def test_an_attempt_that_was_taken_over_leaves_the_prediction_to_its_successor(
    service: Service, tmp_path: Path
) -> None:
    service.asks_until_done = 3
    known: list[str] = []

    def check() -> None:
        if service.predictions["p1"]["asked"]:
            raise FencedError("step.fenced", "Another attempt owns this step")

    maker = ReplicateClips(options_of(service))
    with pytest.raises(FencedError):
        maker.make(WISH, tmp_path / "clip.mp4", remember=known.append, check=check)
    made = maker.make(WISH, tmp_path / "clip.mp4", remember=known.append, known_ref=known[0])

    assert made.path.read_bytes() == service.clip
    assert len(service.orders) == 1


def test_an_attempt_that_died_between_order_and_storing_is_not_paid_twice(service: Service, tmp_path: Path) -> None:
    ReplicateClips(options_of(service)).make(WISH, tmp_path / "lost.mp4", remember=lambda ref: None)
    seen: list[str] = []

    ReplicateClips(options_of(service)).make(WISH, tmp_path / "clip.mp4", remember=seen.append, is_repeated=True)

    assert seen == ["p1"]
    assert len(service.orders) == 1


@pytest.mark.parametrize("kind", [PermanentError, TransientError])
def test_an_id_that_cannot_be_stored_costs_nothing_further(
    service: Service, tmp_path: Path, kind: type[PermanentError | TransientError]
) -> None:
    def remember(ref: str) -> None:
        raise kind("storage.unavailable", "Nothing can be stored")

    with pytest.raises(kind):
        ReplicateClips(options_of(service)).make(WISH, tmp_path / "clip.mp4", remember=remember)

    assert service.predictions["p1"]["status"] == "canceled"


def test_patience_ends_and_cancels(service: Service, tmp_path: Path) -> None:
    service.asks_until_done = 10_000

    with pytest.raises(PermanentError) as failed:
        ReplicateClips(replace(options_of(service), patience_s=0.05)).make(
            WISH, tmp_path / "clip.mp4", remember=lambda ref: None
        )

    assert failed.value.code == "provider.timeout"
    assert service.predictions["p1"]["status"] == "canceled"

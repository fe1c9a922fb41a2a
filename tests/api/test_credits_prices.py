"""Prices: one table, exact, rounded up once."""

from __future__ import annotations

from decimal import Decimal

import pytest

from api.config import read_api_settings
from api.credits.prices import DEFAULT_PRICES, Action, parse_prices, price_of, render_action
from api.renders.pricing import output_size
from api.renders.pricing import price_of as render_price
from tasks.contracts import MediaInfo, RenderOutput, VideoInfo
from tasks.errors import ConfigurationError, InvalidInputError


@pytest.mark.parametrize(
    ("action", "quantity", "credits"),
    [
        ("render.1080p", 0, 0),
        ("render.1080p", 0.001, 1),
        ("render.1080p", 60, 10),
        ("render.1080p", 60.001, 11),
        ("render.2160p", 90, 60),
        ("transcription", 44.1, 2),
        ("transcription", 14400, 480),
        ("still", 5, 0),
    ],
)
def test_seconds_are_priced_by_the_minute_and_rounded_up_once(action: str, quantity: float, credits: int) -> None:
    assert price_of(DEFAULT_PRICES, action, quantity) == credits


@pytest.mark.parametrize(
    ("size", "action"),
    [
        ((1280, 720), "render.720p"),
        ((720, 1280), "render.720p"),
        ((1281, 720), "render.1080p"),
        ((1080, 1920), "render.1080p"),
        ((2560, 1440), "render.1440p"),
        ((3840, 2160), "render.2160p"),
        ((3842, 2160), "render.4320p"),
        ((16384, 16384), "render.4320p"),
    ],
)
def test_a_picture_falls_under_the_price_of_its_pixels_whatever_its_shape(size: tuple[int, int], action: str) -> None:
    assert render_action(*size) == action


@pytest.mark.parametrize(
    ("asked", "size"),
    [((0, 0), (1080, 1920)), ((720, 1280), (720, 1280)), ((540, 0), (540, 960)), ((0, 960), (540, 960))],
)
def test_a_render_is_priced_by_what_will_be_drawn(app: None, asked: tuple[int, int], size: tuple[int, int]) -> None:
    media = MediaInfo("mp4", 61.0, 1, "0" * 64, VideoInfo("h264", 1920, 1080, 30, 1, rotation=90), None)
    output = RenderOutput(width=asked[0], height=asked[1])

    assert output_size(media, output) == size
    assert render_price(media, [output]) == (11 if size == (1080, 1920) else 6)


def test_configuration_changes_single_prices() -> None:
    prices = parse_prices(" render.1080p = 12.5 , still=1")

    assert (prices[Action.RENDER_1080], prices[Action.STILL]) == (Decimal("12.5"), Decimal(1))
    assert price_of(prices, "render.1080p", 12) == 3
    assert price_of(prices, Action.STILL, 3) == 3
    assert prices[Action.TRANSCRIPTION] == DEFAULT_PRICES[Action.TRANSCRIPTION]


@pytest.mark.parametrize(
    "wrong", ["render=10", "still", "still=", "still=-1", "still=nan", "still=1e9", "still=0.0000001"]
)
def test_prices_that_make_no_sense_refuse_to_start(service_environ: dict[str, str], wrong: str) -> None:
    with pytest.raises(ConfigurationError, match="REELYARD_PRICES must"):
        read_api_settings({**service_environ, "REELYARD_PRICES": wrong})


@pytest.mark.parametrize(
    ("action", "quantity", "code"),
    [
        ("coffee", 1, "credits.unknown_action"),
        ("still", -1, "credits.bad_quantity"),
        ("still", float("nan"), "credits.bad_quantity"),
        ("still", float("inf"), "credits.bad_quantity"),
    ],
)
def test_nonsense_is_not_priced(action: str, quantity: float, code: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        price_of(DEFAULT_PRICES, action, quantity)

    assert refused.value.code == code

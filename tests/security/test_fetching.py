"""S-1: what a user names is fetched from the public internet alone, whatever URL, names and redirects say."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.errors import PermanentError
from tasks.fetching.addresses import is_public
from tasks.fetching.urls import follow, read_url
from tests.conftest import require
from tests.security.addresses import forms

pytestmark = pytest.mark.security("S-1")


@pytest.mark.parametrize(
    ("url", "host", "path"),
    [
        ("https://example.com", "example.com", "/"),
        ("HTTP://EXAMPLE.com:80/a?b=c#d", "example.com", "/a?b=c"),
        ("https://example.com?x=1", "example.com", "/?x=1"),
        ("https://bücher.example/ä", "xn--bcher-kva.example", "/%C3%A4"),
        ("https://93.184.215.14/", "93.184.215.14", "/"),
        ("https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]:443/", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "/"),
    ],
)
def test_an_ordinary_address_is_read(url: str, host: str, path: str) -> None:
    target = read_url(url)

    assert (target.host, target.path) == (host, path)


@pytest.mark.parametrize(
    ("location", "leads_to"),
    [
        ("/b", "https://example.com/b"),
        ("c?d", "https://example.com/a/c?d"),
        ("//cdn.example.com/", "https://cdn.example.com/"),
    ],
)
def test_a_redirect_is_followed_where_it_leads(location: str, leads_to: str) -> None:
    assert follow(read_url("https://example.com/a/b"), location).url == leads_to


@pytest.mark.parametrize(
    "location", ["http://example.com/", "https://a@example.com/", "file:///etc/passwd", "//127.1/", "a b"]
)
def test_a_redirect_is_read_as_strictly_as_the_first_address(location: str) -> None:
    with pytest.raises(PermanentError) as caught:
        follow(read_url("https://example.com/"), location)

    assert caught.value.code == "url.refused"


@pytest.mark.parametrize(
    "address", ["93.184.215.14", "1.1.1.1", "2606:4700::1111", "64:ff9b::101:101", "::ffff:8.8.8.8"]
)
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address", ["", "localhost", "127.0.0.1", "0177.0.0.1", "fe80::1%eth0", "2002:808:808::", "::8.8.8.8"]
)
def test_all_others_are_not(address: str) -> None:
    assert not is_public(address)


def test_there_are_more_than_250_forms() -> None:
    assert len(forms()) >= 250


@pytest.fixture(scope="module")
def seen() -> dict[str, object]:
    """What happened in a network of its own, whose loopback has the cloud's metadata address and a public one."""
    require(os.geteuid() == 0 and shutil.which("unshare") and shutil.which("ip"), "network namespaces")
    command = ["unshare", "-n", sys.executable, "-m", "tests.security.canaries"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr
    told: dict[str, object] = json.loads(done.stdout)
    return told


def test_no_form_of_an_inner_address_is_connected_to(seen: dict[str, object]) -> None:
    assert seen["forms_not_refused"] == []
    deliveries, gated = (
        {"delivery to a webhook", "delivery to a bucket"},
        {"program behind the gate", "tunnel through the gate"},
    )
    assert set(seen["entry_points"]) == {"link", "webhook", "upload"} | deliveries | gated
    assert seen["canary_hits"] == 0


def test_the_canaries_sing_when_touched(seen: dict[str, object]) -> None:
    assert seen["canary_hits_of_an_unguarded_client"] == 5


def test_names_that_lead_inside_are_refused_also_among_good_ones_and_from_one_moment_to_the_next(
    seen: dict[str, object],
) -> None:
    assert seen["names"] == {
        "inside": "url.refused",
        "mixed": "url.refused",
        "mapped": "url.refused",
        "six": "url.refused",
        "both": "url.refused",
        "rebinding": "url.refused",
        "unknown": "url.unavailable",
    }


def test_a_public_host_is_fetched_from(seen: dict[str, object]) -> None:
    assert seen["public"] == ["hello", 5, "text/plain"]
    assert seen["host_header"] == "public.example.com"


def test_behind_the_second_wall_a_proxy_connects_to_what_was_checked_and_nobody_else_does(
    seen: dict[str, object],
) -> None:
    assert seen["proxy_asked_for_inside"] == []
    assert seen["through_the_proxy"] == [202, "93.184.215.14:80"]
    assert seen["without_the_proxy"] == "url.unavailable"


def test_redirects_are_checked_anew_and_counted(seen: dict[str, object]) -> None:
    assert seen["redirects"] == {"inside": "url.refused", "round": "url.too_many_redirects", "once": "hello"}


def test_sizes_times_and_packed_answers_are_capped_and_leave_no_file(seen: dict[str, object]) -> None:
    assert seen["caps"] == {
        "announced": "url.too_large",
        "endless": "url.too_large",
        "packed": "url.bad_answer",
        "drip": "url.unavailable",
        "dripping_head": "url.unavailable",
        "missing": "url.bad_answer",
        "broken": "url.unavailable",
    }
    assert seen["files_left"] == []
    assert isinstance(seen["drip_s"], float) and seen["drip_s"] < 4

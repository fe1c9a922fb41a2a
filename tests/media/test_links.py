"""Fetching what lies behind links: the real yt-dlp behind its gate against a site of our own, and RapidAPI's client."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from yt_dlp.networking.exceptions import TransportError
from yt_dlp.utils import (
    ContentTooShortError,
    DownloadError,
    ExtractorError,
    GeoRestrictedError,
    UnsupportedError,
    UserNotLive,
)

from tasks.contracts.samples import CreatorInfo, LinkOrder
from tasks.errors import PermanentError, ReelyardError, TransientError
from tasks.fetchers.base import FetchSettings
from tasks.fetchers.choose import choose_fetcher
from tasks.fetchers.media import check_media, fetch_thumbnail
from tasks.fetchers.rapidapi import RapidApi
from tasks.fetchers.verdict import judge_error
from tasks.fetchers.ytdlp import YtDlp
from tasks.fetching.links import read_link, service_of
from tasks.media.limits import MediaLimits
from tasks.sandbox import sandbox_problem
from tests.media.link_site import LinkSite, WayOut, query_of
from tests.tunes import write_tune

WALLS = "auto" if not sandbox_problem() else "off"
GENERIC = FetchSettings(("generic",), inside=True, sandbox=WALLS)
SITE = "tests.media.link_site"
LIMITS = MediaLimits()


@pytest.fixture(scope="module")
def tune(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A short MP3."""
    path = tmp_path_factory.mktemp("tune") / "tune.mp3"
    write_tune(path, seconds=3.0)
    return path.read_bytes()


@pytest.fixture
def site(tune: bytes) -> Iterator[LinkSite]:
    """A site with a tune on it."""
    with LinkSite({"/tune.mp3": tune}) as running:
        yield running


def ours(**limits: Any) -> YtDlp:
    """yt-dlp with an extractor for our site; the tests' code is nowhere inside of walls."""
    return YtDlp(FetchSettings(("site", "generic"), inside=True, sandbox="off"), program=SITE, **limits)


def ignore(done: float, total: float) -> None:
    """Hear nothing."""


def refusal(fetcher: YtDlp, order: LinkOrder) -> ReelyardError:
    with pytest.raises(ReelyardError) as caught:
        fetcher.resolve(order)
    return caught.value


def test_a_plain_file_is_resolved_and_downloaded_within_walls(site: LinkSite, tmp_path: Path, tune: bytes) -> None:
    fetcher, order, heard = YtDlp(GENERIC), LinkOrder(f"{site.url}/tune.mp3"), []
    info = fetcher.resolve(order)
    assert (info.title, info.media_ref, info.url) == ("tune", "tune", f"{site.url}/tune.mp3")
    assert info.fetcher.startswith("yt-dlp 20")
    path = fetcher.download(order, tmp_path, lambda done, total: heard.append((done, total)))
    assert path.read_bytes() == tune
    assert heard
    media = check_media(path, order, LIMITS)
    assert media.duration_s == pytest.approx(3.0, abs=0.1)
    assert fetch_thumbnail("", path, tmp_path, GENERIC, media=media, limits=LIMITS) is None


def test_metadata_of_a_site_is_kept(site: LinkSite) -> None:
    site.answers["/watch/abc"] = (
        200,
        {
            "url": f"{site.url}/tune.mp3",
            "title": "Tune\x00 of\x1b the day",
            "description": "Line one\nline two",
            "duration": 3,
            "timestamp": 1_750_000_000,
            "view_count": 12,
            "like_count": 3,
            "comment_count": 2,
            "repost_count": 1,
            "thumbnail": f"{site.url}/still.png",
            "uploader": "Somebody",
            "uploader_id": "somebody",
            "uploader_url": f"{site.url}/user/somebody",
            "channel_id": "c1",
        },
    )
    site.answers["/user/somebody"] = (
        200,
        {
            "_type": "playlist",
            "entries": [],
            "title": "Page",
            "description": "Plays tunes",
            "channel_follower_count": 99,
        },
    )
    info = ours().resolve(LinkOrder(f"{site.url}/watch/abc"))
    assert (info.service, info.media_ref, info.title) == ("site", "abc", "Tune of the day")
    assert (info.views, info.likes, info.comments, info.shares) == (12, 3, 2, 1)
    assert (info.duration_s, info.published_at) == (3.0, "2025-06-15T15:06:40+00:00")
    assert info.description == "Line one\nline two"
    assert info.thumbnail_url == f"{site.url}/still.png"
    assert (info.creator.ref, info.creator.handle, info.creator.name) == ("c1", "somebody", "Somebody")
    who = ours().creator(info)
    assert (who.ref, who.name, who.description, who.followers) == ("c1", "Somebody", "Plays tunes", 99)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ExtractorError("This video is private", expected=True), "link.private"),
        (ExtractorError("Sign in to confirm your age", expected=True), "link.private"),
        (ExtractorError("Video unavailable. It was removed by its owner", expected=True), "link.dead"),
        (ExtractorError("The uploader has not made this video available in your country"), "link.geo_blocked"),
        (GeoRestrictedError("no"), "link.geo_blocked"),
        (UserNotLive(), "link.live"),
        (ExtractorError("This live event will begin in 3 hours", expected=True), "link.live"),
        (UnsupportedError("https://example.com"), "link.unsupported"),
        (DownloadError("Giving up after 1 retries"), "link.unavailable"),
        (DownloadError("x", (KeyError, KeyError("videoDetails"), None)), "link.unreadable"),
        (ContentTooShortError(1, 2), "link.unavailable"),
        (TransportError("connection reset"), "link.unavailable"),
        (ExtractorError("page", cause=TransportError("timed out")), "link.unavailable"),
    ],
)
def test_errors_of_yt_dlp_mean_something_to_whoever_sent_the_link(error: Exception, code: str) -> None:
    verdict = judge_error(error)
    assert (verdict.code, verdict.transient) == (code, code == "link.unavailable")


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({"url": "http://127.0.0.1:9/a.mp3", "title": "Now", "is_live": True}, "link.live"),
        ({"url": "http://127.0.0.1:9/a.mp3", "title": "Ten hours", "duration": 36_000}, "link.too_long"),
        ({"_type": "playlist", "title": "All", "entries": []}, "link.playlist"),
    ],
)
def test_links_that_lead_to_nothing_we_take(site: LinkSite, told: dict[str, Any], code: str) -> None:
    site.answers["/watch/x"] = (200, told)
    error = refusal(ours(), LinkOrder(f"{site.url}/watch/x"))
    assert (error.code, isinstance(error, PermanentError)) == (code, True)
    assert error.detail.count(".") <= 1
    assert site.url not in error.detail


@pytest.mark.parametrize(
    ("path", "code", "kind"),
    [
        ("/gone.mp3", "link.dead", PermanentError),
        ("/broken.mp3", "link.unavailable", TransientError),
        ("/slow.mp3", "link.unavailable", TransientError),
    ],
)
def test_sites_that_answer_badly(site: LinkSite, path: str, code: str, kind: type[ReelyardError]) -> None:
    error = refusal(YtDlp(GENERIC, wait_s=2.0), LinkOrder(f"{site.url}{path}"))
    assert (error.code, type(error)) == (code, kind)


def test_a_transfer_that_drops_leaves_nothing(site: LinkSite, tmp_path: Path) -> None:
    with pytest.raises(TransientError) as caught:
        YtDlp(GENERIC).download(LinkOrder(f"{site.url}/drop.mp3"), tmp_path, ignore)
    assert caught.value.code == "link.unavailable"


@pytest.mark.parametrize("path", ["/tune.mp3", "/longer.mp3"])
def test_more_than_allowed_is_not_taken_whether_announced_or_not(site: LinkSite, tmp_path: Path, path: str) -> None:
    with pytest.raises(PermanentError) as caught:
        YtDlp(GENERIC).download(LinkOrder(f"{site.url}{path}", max_bytes=20_000), tmp_path, ignore)
    assert caught.value.code == "link.too_large"


def test_what_is_no_sound_is_told_apart_whatever_its_type_says(site: LinkSite, tmp_path: Path) -> None:
    order = LinkOrder(f"{site.url}/lies.mp3")
    with pytest.raises(ReelyardError) as caught:
        check_media(YtDlp(GENERIC).download(order, tmp_path, ignore), order, LIMITS)
    assert caught.value.code == "media.unsupported"


def test_inner_addresses_are_refused_before_anything_is_asked(site: LinkSite) -> None:
    outside = FetchSettings(("generic",), sandbox=WALLS)
    with pytest.raises(PermanentError) as caught:
        YtDlp(outside).resolve(LinkOrder(f"{site.url}/tune.mp3"))
    assert caught.value.code == "url.refused"
    assert site.asked == []


def test_sites_outside_are_reached_by_the_proxy_alone_and_lead_nobody_inside(site: LinkSite, tune: bytes) -> None:
    """A public address is ours by the proxy; what it redirects to, and what a page names, is refused by the gate."""
    with LinkSite({"/tune.mp3": tune}) as canary, WayOut(site) as way:
        outside = YtDlp(FetchSettings(("generic",), proxy=way.url, sandbox=WALLS))
        assert outside.resolve(LinkOrder("http://93.184.215.14/tune.mp3")).title == "tune"
        assert set(way.asked) == {"93.184.215.14:80"}

        site.inside = f"{canary.url}/tune.mp3"
        assert refusal(outside, LinkOrder("http://93.184.215.14/inside.mp3")).code == "url.refused"
        assert canary.asked == []


def test_extractors_that_are_not_allowed_are_not_run(site: LinkSite) -> None:
    error = refusal(YtDlp(FetchSettings(("vimeo",), inside=True, sandbox=WALLS)), LinkOrder(f"{site.url}/tune.mp3"))
    assert error.code == "link.unsupported"
    assert site.asked == []


VIDEO = {
    "id": "7123456789012345678",
    "title": "Drums on the roof #drums",
    "duration": 3,
    "create_time": 1_750_000_000,
    "play_count": 1000,
    "digg_count": 50,
    "comment_count": 4,
    "share_count": 3,
    "author": {"id": "42", "unique_id": "drummer", "nickname": "The Drummer"},
}
TIKTOK = "https://www.tiktok.com/@drummer/video/7123456789012345678"


def rapid(site: LinkSite) -> RapidApi:
    return RapidApi(FetchSettings((), inside=True, rapidapi_url=site.url, rapidapi_key="a-key"))


def test_rapidapi_tells_what_tiktok_shows(site: LinkSite, tmp_path: Path, tune: bytes) -> None:
    site.answers["/"] = (200, {"code": 0, "msg": "success", "data": {**VIDEO, "play": f"{site.url}/tune.mp3"}})
    fetcher, order = rapid(site), LinkOrder(TIKTOK)
    info = fetcher.resolve(order)
    assert (info.service, info.media_ref, info.url, info.fetcher) == ("tiktok", VIDEO["id"], TIKTOK, "rapidapi")
    assert (info.views, info.likes, info.comments, info.shares) == (1000, 50, 4, 3)
    assert info.creator == CreatorInfo("42", "drummer", "The Drummer", "https://www.tiktok.com/@drummer")
    assert query_of(site.asked[0]) == {"url": TIKTOK, "hd": "1"}
    assert site.headers[0]["x-rapidapi-key"] == "a-key"
    assert fetcher.download(order, tmp_path, ignore).read_bytes() == tune

    site.answers["/user/info"] = (
        200,
        {"code": 0, "data": {"user": {"uniqueId": "drummer", "signature": "Bang"}, "stats": {"followerCount": 7}}},
    )
    who = fetcher.creator(info)
    assert (who.ref, who.name, who.description, who.followers) == ("42", "The Drummer", "Bang", 7)
    assert query_of(site.asked[-1]) == {"unique_id": "drummer"}


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ((200, {"code": -1, "msg": "Url parsing is failed! Please check url."}), "link.unsupported"),
        ((200, {"code": -1, "msg": "This video is private"}), "link.private"),
        ((200, {"code": -1, "msg": "video does not exist"}), "link.dead"),
        ((200, {"code": 0, "data": {**VIDEO, "duration": 36_000}}), "link.too_long"),
        ((200, {"code": 0, "data": {}}), "link.unreadable"),
        ((429, {"message": "Too many requests"}), "link.unavailable"),
        ((403, {"message": "You are not subscribed to this API."}), "link.unavailable"),
        ((200, ["what"]), "link.unavailable"),
    ],
)
def test_rapidapi_that_answers_otherwise(site: LinkSite, answer: tuple[int, Any], code: str) -> None:
    site.answers["/"] = answer
    with pytest.raises(ReelyardError) as caught:
        rapid(site).resolve(LinkOrder(TIKTOK))
    assert caught.value.code == code


def test_rapidapi_is_asked_about_tiktok_alone_and_only_with_a_key() -> None:
    keyed = FetchSettings(("TikTok",), rapidapi_url="https://rapid.example.com", rapidapi_key="k")
    assert choose_fetcher(TIKTOK, keyed).name == "rapidapi"
    assert choose_fetcher("https://vimeo.com/1", keyed).name == "yt-dlp"
    assert choose_fetcher(TIKTOK, FetchSettings(("TikTok",))).name == "yt-dlp"
    assert "secret-key" not in repr(FetchSettings((), rapidapi_key="secret-key"))


@pytest.mark.parametrize(
    ("url", "service", "ref"),
    [
        ("https://www.youtube.com/watch?v=dQw4w9WgXcQ&t=3", "youtube", "dQw4w9WgXcQ"),
        ("https://youtu.be/dQw4w9WgXcQ?si=x", "youtube", "dQw4w9WgXcQ"),
        ("https://m.youtube.com/shorts/dQw4w9WgXcQ", "youtube", "dQw4w9WgXcQ"),
        ("https://www.youtube.com/playlist?list=PL1", "youtube", ""),
        ("https://soundcloud.com/a-b/c-d?in=x", "soundcloud", "a-b/c-d"),
        ("https://soundcloud.com/a-b/sets/c-d", "soundcloud", ""),
        ("https://player.vimeo.com/video/123", "vimeo", "123"),
        ("https://www.dailymotion.com/video/x8abcde_title", "dailymotion", "x8abcde"),
        ("https://www.tiktok.com/@some.body/video/7123456789012345678?lang=en", "tiktok", "7123456789012345678"),
        ("https://vm.tiktok.com/ZMabcdef/", "tiktok", ""),
        ("https://mobile.twitter.com/i/web/status/1234567890", "twitter", "1234567890"),
        ("https://www.instagram.com/somebody/reel/Cab-1_2/", "instagram", "Cab-1_2"),
        ("https://nottiktok.com/@a/video/7123456789012345678", "", ""),
        ("https://tiktok.com.example.com/@a/video/7123456789012345678", "", ""),
    ],
)
def test_services_and_ids_are_read_off_links(url: str, service: str, ref: str) -> None:
    link = read_link(url)
    assert (link.service, link.media_ref) == (service, ref)
    assert service_of("www.x.com") == "twitter"

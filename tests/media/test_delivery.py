"""Publishing against servers that speak the platforms' HTTP: whole, resumed, refused, and never twice."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from tasks.delivery import youtube
from tasks.delivery.bucket import Bucket
from tasks.delivery.calls import Caller
from tasks.delivery.hook import Hook
from tasks.delivery.instagram import Instagram
from tasks.delivery.parcel import Memory, Parcel
from tasks.delivery.tiktok import TikTok
from tasks.delivery.youtube import YouTube
from tasks.errors import PermanentError, TransientError
from tasks.fetching import Fetcher
from tests.media.platforms import InstagramServer, PlainServer, Platform, Running, TikTokServer, YouTubeServer

FILE = bytes(range(256)) * 4096
"""1 MiB."""


class Desk:
    """Starts platforms and closes what a test opened."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack

    def start(self, platform: Platform) -> Caller:
        self._stack.enter_context(Running(platform))
        caller = Caller(platform.base_url)
        self._stack.callback(caller.close)
        return caller


@pytest.fixture
def desk() -> Iterator[Desk]:
    """Platforms for a test."""
    with ExitStack() as stack:
        yield Desk(stack)


@pytest.fixture
def parcel(tmp_path: Path) -> Parcel:
    """A clip of one mebibyte."""
    path = tmp_path / "clip.mp4"
    path.write_bytes(FILE)
    address = "https://media.example.com/clip.mp4"
    return Parcel("d1", path, "clip.mp4", "video/mp4", len(FILE), address, "Tides", "Why they rise", ("sea",), "public")


def no_tick(sent: int) -> None:
    """Count nothing."""


def to_youtube(caller: Caller) -> YouTube:
    return YouTube(caller, caller, ("app", "secret"), "r1", {})


def to_tiktok(caller: Caller, token: str = "r1") -> TikTok:
    return TikTok(caller, ("key", "secret"), token, {}, pause_s=0.0)


def to_instagram(caller: Caller) -> Instagram:
    return Instagram(caller, "t1", {"user_id": "178"}, pause_s=0.0)


class TestYouTube:
    """Resumable uploads."""

    def test_a_clip_goes_in_pieces_and_is_described(
        self, desk: Desk, parcel: Parcel, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(youtube, "CHUNK", 256 * 1024)
        server, seen = YouTubeServer(), []

        told = to_youtube(desk.start(server)).publish(parcel, Memory(), seen.append)

        [shown] = server.shown
        assert (told.remote_id, told.remote_url) == ("video1", "https://www.youtube.com/watch?v=video1")
        assert shown["bytes"] == FILE
        assert shown["snippet"]["title"] == "Tides" and shown["snippet"]["tags"] == ["sea"]
        assert shown["status"]["privacyStatus"] == "public"
        assert seen == [262144, 524288, 786432, 1048576]

    def test_what_a_server_took_of_a_piece_is_not_sent_again(self, desk: Desk, parcel: Parcel) -> None:
        server = YouTubeServer(keeps=300_000)

        to_youtube(desk.start(server)).publish(parcel, Memory(), no_tick)

        assert server.shown[0]["bytes"] == FILE

    def test_the_next_attempt_goes_on_in_the_same_session(
        self, desk: Desk, parcel: Parcel, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(youtube, "CHUNK", 512 * 1024)
        server, memory = YouTubeServer(lost=["/session/"]), Memory()
        caller = desk.start(server)
        with pytest.raises(TransientError) as lost:
            to_youtube(caller).publish(parcel, memory, no_tick)

        told = to_youtube(caller).publish(parcel, Memory(dict(memory.known)), no_tick)

        assert lost.value.code == "publish.unavailable"
        assert (told.remote_id, len(server.uploads), len(server.shown)) == ("video1", 1, 1)
        assert server.shown[0]["bytes"] == FILE

    def test_a_lost_last_answer_does_not_publish_twice(self, desk: Desk, parcel: Parcel) -> None:
        server, memory = YouTubeServer(lost=["/session/"]), Memory()
        caller = desk.start(server)
        with pytest.raises(TransientError):
            to_youtube(caller).publish(parcel, memory, no_tick)
        assert len(server.shown) == 1, "it is there, and nobody knows"

        told = to_youtube(caller).publish(parcel, Memory(dict(memory.known)), no_tick)

        assert (told.remote_id, len(server.shown)) == ("video1", 1)

    def test_a_session_that_is_gone_begins_anew_but_not_after_all_bytes_went(self, desk: Desk, parcel: Parcel) -> None:
        server = YouTubeServer()
        caller = desk.start(server)

        to_youtube(caller).publish(parcel, Memory({"session": f"{server.base_url}/session/old"}), no_tick)
        with pytest.raises(PermanentError) as unknown:
            known = {"session": f"{server.base_url}/session/older", "all_sent": True}
            to_youtube(caller).publish(parcel, Memory(known), no_tick)

        assert (unknown.value.code, len(server.shown)) == ("publish.unknown_outcome", 1)

    def test_a_token_that_ran_out_is_renewed_and_a_revoked_one_told(self, desk: Desk, parcel: Parcel) -> None:
        server = YouTubeServer()
        target = to_youtube(desk.start(server))
        target._token = "old"

        target.publish(parcel, Memory(), no_tick)
        server.refresh_token = "another"
        target._token = ""
        with pytest.raises(PermanentError) as revoked:
            target.publish(parcel, Memory(), no_tick)

        assert (server.tokens_given, len(server.shown)) == (1, 1)
        assert revoked.value.code == "publish.unauthorized" and "revoked" in revoked.value.detail

    def test_a_quota_and_a_refusal_are_told_apart(self, desk: Desk, parcel: Parcel) -> None:
        server = YouTubeServer(good_tokens={"good"})
        target = to_youtube(desk.start(server))
        target._token = "good"
        codes = []
        for reason in ("quotaExceeded", "invalidTitle"):
            error = {"code": 403, "message": reason, "errors": [{"reason": reason}]}
            server.refusals = [(403, {"error": error}, {})]
            with pytest.raises(PermanentError) as refused:
                target.publish(parcel, Memory(), no_tick)
            codes.append(refused.value.code)
        server.refusals = [(503, b"", {})]
        with pytest.raises(TransientError) as away:
            target.publish(parcel, Memory(), no_tick)

        assert codes == ["publish.quota", "publish.refused"]
        assert (away.value.code, server.shown) == ("publish.unavailable", [])


class TestTikTok:
    """Direct posts."""

    def test_a_clip_is_posted_and_the_new_token_is_kept(self, desk: Desk, parcel: Parcel) -> None:
        server, renewed = TikTokServer(), []

        told = to_tiktok(desk.start(server)).publish(parcel, Memory(renew=renewed.append), no_tick)

        [shown] = server.shown
        assert (told.remote_id, shown["bytes"]) == ("7001", FILE)
        assert shown["post_info"]["title"] == "Tides\nWhy they rise"
        assert shown["post_info"]["privacy_level"] == "PUBLIC_TO_EVERYONE"
        assert renewed == [{"refresh_token": "rotated-1"}]

    def test_the_next_attempt_asks_for_the_post_and_makes_no_second(self, desk: Desk, parcel: Parcel) -> None:
        server, memory = TikTokServer(lost=["/upload/"]), Memory()
        caller = desk.start(server)
        with pytest.raises(TransientError):
            to_tiktok(caller).publish(parcel, memory, no_tick)

        told = to_tiktok(caller, server.refresh_token).publish(parcel, Memory(dict(memory.known)), no_tick)

        assert (told.remote_id, len(server.posts), len(server.shown)) == ("7001", 1, 1)
        assert server.shown[0]["bytes"] == FILE

    def test_large_files_go_in_pieces_of_which_the_last_is_the_largest(
        self, desk: Desk, parcel: Parcel, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from tasks.delivery import tiktok

        monkeypatch.setattr(tiktok, "CHUNK", 300_000)
        monkeypatch.setattr(tiktok, "LARGEST_WHOLE", 500_000)
        server = TikTokServer()

        to_tiktok(desk.start(server)).publish(parcel, Memory(), no_tick)

        sizes = [len(request.body) for request in server.seen if request.method == "PUT"]
        assert sizes == [300_000, 300_000, 448_576]
        assert server.shown[0]["bytes"] == FILE

    @pytest.mark.parametrize(
        ("reason", "code"),
        [("spam_risk_too_many_posts", "publish.quota"), ("video_pull_failed", "publish.refused")],
    )
    def test_a_post_that_fails_says_why(self, desk: Desk, parcel: Parcel, reason: str, code: str) -> None:
        server = TikTokServer(end="FAILED", fail_reason=reason)

        with pytest.raises(PermanentError) as failed:
            to_tiktok(desk.start(server)).publish(parcel, Memory(), no_tick)

        assert (failed.value.code, server.shown) == (code, [])

    def test_a_limit_of_calls_is_waited_for(self, desk: Desk, parcel: Parcel) -> None:
        server = TikTokServer(good_tokens={"good"})
        target = to_tiktok(desk.start(server))
        target._token = "good"
        server.refusals = [(200, {"error": {"code": "rate_limit_exceeded", "message": "slow down"}}, {})]

        with pytest.raises(TransientError) as limited:
            target.publish(parcel, Memory(), no_tick)

        assert limited.value.code == "publish.unavailable"


class TestInstagram:
    """Reels."""

    def test_a_reel_is_fetched_and_shown(self, desk: Desk, parcel: Parcel) -> None:
        server, renewed = InstagramServer(good_tokens={"t1"}, renewed="t2"), []

        told = to_instagram(desk.start(server)).publish(parcel, Memory(renew=renewed.append), no_tick)

        [shown] = server.shown
        assert (told.remote_id, told.remote_url) == ("m1", "https://www.instagram.com/reel/m1/")
        assert (shown["video_url"], shown["media_type"]) == (parcel.url, "REELS")
        assert shown["caption"] == "Tides\nWhy they rise\n#sea"
        assert renewed == [{"access_token": "t2"}]
        assert not any("t1" in str(request.query) for request in server.seen), "tokens stand in no address"

    def test_a_lost_answer_to_publishing_does_not_show_it_twice(self, desk: Desk, parcel: Parcel) -> None:
        server, memory = InstagramServer(good_tokens={"t1"}, lost=["/178/media_publish"]), Memory()
        caller = desk.start(server)
        with pytest.raises(TransientError):
            to_instagram(caller).publish(parcel, memory, no_tick)

        told = to_instagram(caller).publish(parcel, Memory(dict(memory.known)), no_tick)

        assert (told.remote_id, len(server.shown), len(server.containers)) == ("c1", 1, 1)

    def test_a_container_that_failed_is_told_and_another_is_made_next_time(self, desk: Desk, parcel: Parcel) -> None:
        server, memory = InstagramServer(good_tokens={"t1"}, end="ERROR"), Memory()
        caller = desk.start(server)
        with pytest.raises(PermanentError) as failed:
            to_instagram(caller).publish(parcel, memory, no_tick)
        server.end = "FINISHED"

        told = to_instagram(caller).publish(parcel, Memory(dict(memory.known)), no_tick)

        assert (failed.value.code, told.remote_id, len(server.containers)) == ("publish.refused", "m1", 2)

    @pytest.mark.parametrize(
        ("error", "code"),
        [
            ({"code": 190, "message": "expired"}, "publish.unauthorized"),
            ({"code": 9, "error_subcode": 2207042, "message": "too many"}, "publish.quota"),
            ({"code": 100, "message": "bad"}, "publish.refused"),
        ],
    )
    def test_errors_of_the_graph_are_told_apart(
        self, desk: Desk, parcel: Parcel, error: dict[str, Any], code: str
    ) -> None:
        server = InstagramServer(good_tokens={"t1"})
        renewal = (400, {"error": {"code": 10, "message": "young"}}, {})
        server.refusals = [renewal, (400, {"error": error}, {})]

        with pytest.raises(PermanentError) as refused:
            to_instagram(desk.start(server)).publish(parcel, Memory(), no_tick)

        assert (refused.value.code, server.shown) == (code, [])


class TestOwnPlaces:
    """Buckets and webhooks."""

    def test_a_bucket_gets_the_file_under_the_deliverys_key(self, desk: Desk, parcel: Parcel) -> None:
        server = PlainServer()
        desk.start(server)
        settings = {"endpoint_url": server.base_url, "bucket": "clips", "prefix": "shorts/", "region": "eu-1"}
        secrets = {"access_key_id": "AKIA", "secret_access_key": "hidden"}
        target = Bucket(Fetcher(inside=True), settings, secrets)

        told = target.publish(parcel, Memory(), no_tick)
        target.publish(parcel, Memory(), no_tick)

        assert told.remote_id == "shorts/d1/clip.mp4"
        assert told.remote_url == f"{server.base_url}/clips/shorts/d1/clip.mp4"
        assert {shown["path"] for shown in server.shown} == {"/clips/shorts/d1/clip.mp4"}
        assert server.shown[0]["bytes"] == FILE
        assert "hidden" not in str(server.seen[0].query)

    def test_a_bucket_inside_our_network_is_refused(self, desk: Desk, parcel: Parcel) -> None:
        server = PlainServer()
        desk.start(server)
        settings = {"endpoint_url": "http://127.0.0.1", "bucket": "clips"}
        target = Bucket(Fetcher(), settings, {"access_key_id": "a", "secret_access_key": "b"})

        with pytest.raises(PermanentError) as refused:
            target.publish(parcel, Memory(), no_tick)

        assert (refused.value.code, server.seen) == ("url.refused", [])

    def test_a_webhook_is_told_where_the_clip_is_and_can_check_it(self, desk: Desk, parcel: Parcel) -> None:
        server = PlainServer()
        desk.start(server)
        secret = "whsec_" + base64.b64encode(b"k" * 32).decode()
        target = Hook(Fetcher(inside=True), {"url": f"{server.base_url}/hook"}, {"signing_secret": secret})

        target.publish(parcel, Memory(), no_tick)

        [shown] = server.shown
        told = Webhook(secret).verify(shown["bytes"], shown["headers"])
        assert json.loads(shown["bytes"]) == told
        assert (told["type"], told["data"]["url"], told["data"]["delivery_id"]) == ("delivery.ready", parcel.url, "d1")

    @pytest.mark.parametrize(("status", "error"), [(503, TransientError), (404, PermanentError)])
    def test_a_webhook_that_refuses_is_told(
        self, desk: Desk, parcel: Parcel, status: int, error: type[Exception]
    ) -> None:
        server = PlainServer(refusals=[(status, b"", {})])
        desk.start(server)
        target = Hook(Fetcher(inside=True), {"url": server.base_url}, {"signing_secret": "whsec_" + "a" * 44})

        with pytest.raises(error):
            target.publish(parcel, Memory(), no_tick)

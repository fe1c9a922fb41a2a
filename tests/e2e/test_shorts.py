"""A video in, two shorts cut by the farm and delivered to a bucket of the user's own, through HTTP alone."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import av
import boto3
import numpy as np
import pytest

from cli.client import ApiClient
from render_node.framed import framer
from tasks.contracts.shorts import Reframing
from tasks.media.probe import probe_file
from tests import media_samples
from tests.e2e.stack import Stack

TITLES = ("As it is", "Square")
FRAMED = ("framing", "kept")


@pytest.fixture
def bucket(stack: Stack) -> tuple[Any, str]:
    """A bucket of the user's own in a storage that speaks S3; its client and name."""
    environ = stack.system.environ
    client = boto3.client(
        "s3",
        endpoint_url=environ["S3_ENDPOINT_URL"],
        aws_access_key_id=environ["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environ["AWS_SECRET_ACCESS_KEY"],
        region_name="us-east-1",
    )
    name = f"theirs-{secrets.token_hex(4)}"
    client.create_bucket(Bucket=name)
    return client, name


def keep_target(stack: Stack, client: ApiClient, name: str) -> str:
    environ = stack.system.environ
    settings = {"bucket": name, "endpoint_url": environ["S3_ENDPOINT_URL"], "region": "us-east-1", "prefix": "shorts/"}
    keys = {
        "access_key_id": environ["AWS_ACCESS_KEY_ID"],
        "secret_access_key": environ["AWS_SECRET_ACCESS_KEY"],
    }
    body = {"kind": "s3", "name": "Ours", "settings": settings, "secrets": keys}
    return str(client.call("POST", "/publish-targets", json=body)["id"])


def work(stack: Stack, client: ApiClient, project_id: str, **wish: Any) -> None:
    for job_id in client.call("POST", f"/projects/{project_id}/jobs", json=wish)["job_ids"]:
        job = stack.wait_ended(client, job_id, timeout_s=180.0)
        assert job["state"] == "succeeded", job["error"]


def pictures(path: Path) -> np.ndarray[Any, Any]:
    """All frames of a video: (number, height, width), their brightness."""
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="gray").astype(np.int16) for frame in container.decode(video=0)])


def framed_pictures(path: Path, reframing: Reframing) -> np.ndarray[Any, Any]:
    """As ``pictures``, framed as the captions' render does it, without any captions."""
    video = probe_file(path).video
    assert video is not None
    frame = framer(video, reframing)
    with av.open(str(path)) as container:
        shown = [frame(each, float(each.time or 0)) for each in container.decode(video=0)]
        return np.stack([each.to_ndarray(format="gray").astype(np.int16) for each in shown])


def test_shorts_are_cut_captioned_and_delivered(
    stack: Stack, client: ApiClient, bucket: tuple[Any, str], tmp_path: Path
) -> None:
    wav, coding = tmp_path / "speech.wav", {"preset": "ultrafast", "g": "25"}
    length_s = media_samples.short_speech_wav(wav)
    source = media_samples.make_video(
        tmp_path / "talk.mp4", width=320, height=180, fps=25, duration_s=length_s, audio=wav, options=coding
    )
    upload = client.upload(source)
    assert stack.wait_ended(client, upload["job"]["id"])["state"] == "succeeded"
    project_id = client.call("POST", "/projects", json={"asset_id": upload["asset"]["id"]})["id"]
    for title, wish in zip(TITLES, ({"aspect": "", "look": ""}, {"aspect": "1:1", "width": 180}), strict=True):
        stretch = {"start_s": 0.4, "end_s": 3.2, "title": title, "snap": False}
        short = client.call("POST", f"/projects/{project_id}/shorts", json=stretch)
        whole = {**wish, "pace": "", "fillers": False, "stutters": False}
        client.call("PATCH", f"/projects/{project_id}/shorts/{short['id']}", json=whole)

    work(stack, client, project_id, type="cutting")
    work(stack, client, project_id, type="delivery", target_id=keep_target(stack, client, bucket[1]))

    shorts = {each["title"]: each for each in client.call("GET", f"/projects/{project_id}/shorts")["items"]}
    plain, square = (shorts[title] for title in TITLES)
    assert (plain["cut"]["frame_count"], plain["cut"]["encoded_because"], plain["render_id"]) == (70, "", None)
    assert plain["cut"]["copied_frames"] >= 50
    assert (square["cut"]["encoded_because"], square["cut"]["framed"]) == ("", False)
    received = [each["Key"] for each in bucket[0].list_objects_v2(Bucket=bucket[1])["Contents"]]
    assert len(received) == 2 and all(key.startswith("shorts/") for key in received)
    found = {}
    for number, key in enumerate(received):
        bucket[0].download_file(bucket[1], key, str(tmp_path / f"{number}.mp4"))
        shown = pictures(tmp_path / f"{number}.mp4")
        found[shown.shape] = shown
    assert set(found) == {(70, 180, 320), (70, 180, 180)}
    clip = client.download(f"/assets/{square['clip_asset_id']}/download", tmp_path / "clip.mp4")
    bare = framed_pictures(clip, Reframing.from_json({**{name: square["cut"][name] for name in FRAMED}, "width": 180}))
    drawn = np.abs(found[bare.shape] - bare).max(axis=(1, 2)) > 80
    assert 10 < drawn.sum() <= 70, "words are drawn while they are spoken"

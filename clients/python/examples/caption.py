"""Caption a video: upload, wait for its words, style them, render, download.

python examples/caption.py http://127.0.0.1:8000 TOKEN talk.mp4 captioned.mp4
"""

from __future__ import annotations

import secrets
import sys

from reelyard_client import Client


def main(base_url: str, token: str, source: str, target: str) -> None:
    with Client(base_url, token=token) as client:
        upload = client.upload(source)
        client.wait(upload["job"]["id"])
        asset_id = upload["asset"]["id"]
        transcript = client.get_transcripts(asset_id=asset_id)["items"][0]
        scenario = client.get_transcript_scenario(transcript["id"], preset="karaoke")
        order = client.post_renders(
            {"source_asset_id": asset_id, "scenario": scenario}, idempotency_key=secrets.token_hex(16)
        )
        client.wait(order["job_id"])
        client.download(client.get_render_download(order["id"])["url"], target)
        print(target)


if __name__ == "__main__":
    main(*sys.argv[1:])

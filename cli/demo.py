"""The main job end to end, as an ordinary client of the API: speech in, captioned video out."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cli.client import ApiClient
from cli.console import progress, say
from cli.footage import make_footage
from cli.samples import TWO_CITIES, cut_at_pause, get_sample
from cli.verify import Measured, check_captions, check_render, check_words
from tasks.errors import PermanentError

CUT_AFTER_S, CUT_BEFORE_S = 15.5, 19.5


@dataclass
class Demo:
    """One run: where its files go and what came of it."""

    folder: Path
    preset: str = "pop"
    transcript: dict[str, Any] = field(default_factory=dict)
    render: dict[str, Any] = field(default_factory=dict)
    measured: Measured | None = None
    words_heard: float = 0.0
    timings_s: dict[str, float] = field(default_factory=dict)

    @property
    def source(self) -> Path:
        """The footage with its speech."""
        return self.folder / "speech.mp4"

    @property
    def video(self) -> Path:
        """The captioned video."""
        return self.folder / "captioned.mp4"

    @property
    def poster(self) -> Path:
        """A still of it."""
        return self.folder / "poster.png"

    @property
    def words(self) -> list[dict[str, Any]]:
        """The spoken words in order."""
        return [word for segment in self.transcript["document"]["segments"] for word in segment["words"]]

    def make_source(self) -> None:
        """Draw the footage and put real speech under it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._timed("footage"), progress("footage") as tick:
            wav = self.folder / "speech.wav"
            length_s = cut_at_pause(get_sample(TWO_CITIES), wav, after_s=CUT_AFTER_S, before_s=CUT_BEFORE_S)
            make_footage(
                self.source, duration_s=length_s, wav=wav, progress=lambda done, total: tick(done, total, "frames")
            )

    def run(self, client: ApiClient) -> None:
        """Register, upload, transcribe, build the scenario, render, download."""
        email, password = f"demo-{secrets.token_hex(4)}@example.com", secrets.token_urlsafe(18)
        client.register(email, password)
        say(f"Registered {email}")
        with self._timed("upload"):
            upload = client.upload(self.source)
        asset_id = upload["asset"]["id"]
        say(f"Uploaded {self.source.name} ({self.source.stat().st_size / 1e6:.1f} MB) through a presigned URL")
        with self._timed("transcription"):
            follow(client, upload["job"]["id"], "transcribe")
        listed = client.call("GET", "/transcripts", params={"asset_id": asset_id})["items"]
        self.transcript = client.call("GET", f"/transcripts/{listed[0]['id']}")
        self._order_render(client, asset_id)
        client.download(f"/renders/{self.render['id']}/download", self.video)
        client.download(f"/renders/{self.render['id']}/poster", self.poster)

    def check(self) -> None:
        """Check the result by decoding it; raise when anything is not as it should be."""
        spoken = TWO_CITIES.words
        self.words_heard = check_words([word["text"] for word in self.words], spoken)
        self.measured = check_render(self.source, self.video)
        first = self.words[0]
        check_captions(
            self.source, self.video, quiet_s=first["start"] / 3, spoken_s=(first["start"] + first["end"]) / 2
        )
        if not self.poster.read_bytes().startswith(b"\x89PNG"):
            raise PermanentError("demo.bad_result", f"{self.poster} is not a PNG")

    def _order_render(self, client: ApiClient, asset_id: str) -> None:
        params = {"preset": self.preset}
        scenario = client.call("GET", f"/transcripts/{self.transcript['id']}/scenario", params=params)
        order = {"source_asset_id": asset_id, "scenario": scenario}
        headers = {"Idempotency-Key": secrets.token_hex(16)}
        with self._timed("render"):
            ordered = client.call("POST", "/renders", json=order, headers=headers)
            follow(client, ordered["job_id"], "render")
        self.render = client.call("GET", f"/renders/{ordered['id']}")

    def _timed(self, name: str) -> _Timer:
        return _Timer(self.timings_s, name)


class _Timer:
    def __init__(self, timings_s: dict[str, float], name: str) -> None:
        self._timings_s, self._name = timings_s, name

    def __enter__(self) -> None:
        self._start = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self._timings_s[self._name] = time.monotonic() - self._start


def follow(client: ApiClient, job_id: str, title: str) -> dict[str, Any]:
    """Follow a job by Server-Sent Events with a progress bar; raise its error unless it succeeds."""
    with progress(title) as tick:
        for event in client.events(job_id):
            shown = event["data"].get("progress") or {}
            if shown:
                tick(float(shown.get("percent") or 0), 100.0, describe_progress(shown))
        job = client.job(job_id)
        if job["state"] == "succeeded":
            tick(100.0, 100.0, "done")
    if job["state"] != "succeeded":
        error = job.get("error") or {"code": f"job.{job['state']}", "message": f"The job was {job['state']}"}
        raise PermanentError(error["code"], error["message"], error.get("details"))
    return job


def describe_progress(shown: dict[str, Any]) -> str:
    """Say in words how far something is: ``frames 120/510``."""
    stage, unit = shown.get("stage") or "", shown.get("unit") or ""
    if shown.get("total"):
        return f"{stage} {shown['done']:g}/{shown['total']:g} {unit}".strip()
    return str(stage)

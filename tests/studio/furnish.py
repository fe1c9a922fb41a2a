"""A system with something of everything in it, to look at: ``python -m tests.studio.furnish FOLDER``, until Ctrl-C."""

from __future__ import annotations

import os
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from bench.songs import RATE, Song, compose, drum, play, write_wav
from cli.client import ApiClient
from cli.samples import TWO_CITIES, cut_at_pause, get_sample
from cli.system import start_system
from tests.e2e.conftest import GIVEN_ELSEWHERE, SETTINGS
from tests.e2e.stack import Stack
from tests.media.link_site import LinkSite
from tests.media_samples import make_video
from tests.studio.accounts import promote
from tests.studio.visitor import PASSWORD
from tests.talking import make_talk

EMAIL = "you@example.com"
LINKS = (
    ("dusty-break", 92.0, "A minor"),
    ("night-drive", 124.0, "F# minor"),
    ("glass-arp", 140.0, "C major"),
    ("slow-tide", 76.0, "Eb major"),
    ("warehouse", 132.0, "D minor"),
)
Pixels = np.ndarray[Any, Any]


def lights(width: int, height: int, *, seed: int = 5) -> Any:
    """Return what draws slow lights out of focus over a night sky."""
    random = np.random.default_rng(seed)
    sky = np.linspace((8, 10, 30), (60, 20, 50), height)[:, None, :]
    places, drifts = random.uniform(0, 1, (42, 2)), random.uniform(-0.012, 0.012, (42, 2))
    sizes = random.integers(height // 24, height // 7, 42)
    colours = random.uniform(30, 110, (42, 3))

    def draw(_number: int, t: float) -> Pixels:
        picture = np.repeat(sky, width, axis=1).copy()
        for (x, y), (dx, dy), size, colour in zip(places, drifts, sizes, colours, strict=True):
            left, top = int(((x + dx * t) % 1) * width) - size, int((0.25 + 0.7 * ((y + dy * t) % 1)) * height) - size
            rows, columns = np.ogrid[-size:size, -size:size]
            disc = (rows**2 + columns**2 < size**2) * (0.6 + 0.4 * (rows**2 + columns**2) / size**2)
            up, back = max(0, -top), max(0, -left)
            down, on = min(2 * size, height - top), min(2 * size, width - left)
            if up < down and back < on:
                picture[top + up : top + down, left + back : left + on] += disc[up:down, back:on, None] * colour
        return np.clip(picture, 0, 255).astype(np.uint8)

    return draw


class Furnisher:
    """Fills one account of a running system."""

    def __init__(self, stack: Stack, client: ApiClient, folder: Path) -> None:
        self.stack, self.client, self.folder = stack, client, folder

    def wait(self, job_id: str) -> None:
        """Wait for a job, however slow the machine is."""
        job = self.stack.wait_ended(self.client, job_id, timeout_s=900)
        print(job["kind"], job["state"], job["error"] or "", flush=True)

    def bring(self, path: Path, kind: str, *, purpose: str = "captions") -> str:
        """Upload a file; return the asset's id."""
        upload = self.client.upload(path, content_type=kind, purpose=purpose)
        self.wait(upload["job"]["id"])
        return str(upload["asset"]["id"])

    def film(self) -> str:
        """A spoken film and an export of it."""
        wav, film = self.folder / "speech.wav", self.folder / "a-tale-of-two-cities.mp4"
        length = cut_at_pause(get_sample(TWO_CITIES), wav, after_s=16, before_s=20)
        make_video(film, width=960, height=540, fps=25, duration_s=length, audio=wav, draw=lights(960, 540))
        return self.bring(film, "video/mp4")

    def talk(self) -> None:
        """A long talk, and shorts that are found in it and cut."""
        film = make_talk(self.folder / "the-talk.mp4", wav=get_sample(TWO_CITIES), duration_s=44.0)
        project = self.client.call("POST", "/projects", json={"asset_id": self.bring(film, "video/mp4")})
        jobs = self.client.call("POST", f"/projects/{project['id']}/jobs", json={"type": "analysis"})
        self.wait(jobs["job_ids"][0])

    def song(self) -> None:
        """A song with words over drums and chords, its sections, and its film."""
        form = (("intro", 4), ("verse", 6), ("chorus", 6), ("verse", 6))
        music = play(compose(Song("s", ((0, 118.0),), "A minor", form=form, seed=3)))
        music[8 * RATE :] += 0.9 * spoken(len(music) - 8 * RATE)
        path = write_wav(self.folder / "city-lights.wav", music / np.abs(music).max() * 0.9)
        song = self.client.call(
            "POST", "/songs", json={"asset_id": self.bring(path, "audio/wav"), "title": "City lights"}
        )
        own = f"/songs/{song['id']}"
        self.wait(self.client.call("POST", f"{own}/analyze", json={})["job_id"])
        self.client.call("POST", f"{own}/sections", json={"suggested": True})
        wish = {"width": 640, "height": 360, "captions": "pop"}
        self.wait(self.client.call("POST", f"{own}/clips/generate", json=wish)["job_id"])
        self.wait(self.client.call("POST", f"{own}/compose", json={})["job_id"])

    def sounds(self) -> None:
        """A soundboard."""
        random = np.random.default_rng(2)
        for name in ("kick", "snare", "hat"):
            path = write_wav(self.folder / f"{name}.wav", np.concatenate([drum(name, random), np.zeros(RATE // 2)]))
            asset = self.bring(path, "audio/wav", purpose="sound")
            self.client.call("POST", "/sounds", json={"asset_id": asset, "title": name.title(), "tags": ["drums"]})

    def samples(self, site: LinkSite) -> None:
        """Samples of several tempi and keys, and one whose link leads nowhere."""
        for place, (name, bpm, key) in enumerate(LINKS):
            path = self.folder / f"{name}.wav"
            write_wav(path, play(compose(Song(name, ((0, bpm),), key, form=(("verse", 8),), seed=place))))
            site.files[f"/{name}.wav"] = path.read_bytes()
        for name in ("gone.mp3", *(f"{name}.wav" for name, *_ in LINKS)):
            tags = ["drums", "loop"] if name != "glass-arp.wav" else ["synth"]
            wish = {
                "url": f"{site.url}/{name}",
                "title": name.partition(".")[0].replace("-", " ").title(),
                "tags": tags,
            }
            told = self.client.call("POST", "/samples", json=wish)
            self.wait(told["job_id"])


def spoken(count: int) -> np.ndarray[Any, Any]:
    """Return so many samples of a voice at the rate of songs."""
    import av

    with av.open(str(get_sample(TWO_CITIES))) as container:
        resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE)
        pieces = [piece.to_ndarray()[0] for frame in container.decode(audio=0) for piece in resampler.resample(frame)]
    voice = np.concatenate(pieces)[:count].astype(np.float64)
    return np.pad(voice / np.abs(voice).max(), (0, count - len(voice)))


def main() -> None:
    """Start a system, fill it, say where it is, and wait."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    environ = {name: value for name, value in os.environ.items() if name not in GIVEN_ELSEWHERE}
    system = start_system(folder / "home", port=None, say=print, environ={**environ, **SETTINGS})
    stack = Stack(system)
    with ExitStack() as closing:
        closing.callback(system.stop)
        site = closing.enter_context(LinkSite({}))
        client = closing.enter_context(ApiClient(system.layout.api_url))
        client.register(EMAIL, PASSWORD)
        promote(stack, EMAIL)
        furnisher = Furnisher(stack, client, folder)
        print("at", system.layout.api_url, "asset", furnisher.film(), "site", site.url, flush=True)
        for fill in (furnisher.song, lambda: furnisher.samples(site), furnisher.talk, furnisher.sounds):
            fill()
        print("furnished", flush=True)
        while True:
            system.supervisor.tend()
            time.sleep(1)


if __name__ == "__main__":
    main()

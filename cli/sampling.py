"""A sample of a link made in this process: the same functions that the steps of a worker call, one after the other."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cli.console import Tick
from tasks.config import WorkerSettings
from tasks.contracts.samples import LinkInfo, LinkOrder, Loop, SampleHeard, tagged_name
from tasks.fetchers.base import settings_of
from tasks.fetchers.choose import choose_fetcher
from tasks.fetchers.media import check_media, fetch_thumbnail
from tasks.media.limits import limits_of
from tasks.music.ops import hear_sample
from tasks.music.options import MusicOptions
from tasks.samples.files import cut_loops, draw_sound, extract_sound, read_outline
from tasks.samples.ops import grid_of

_STAGES = 6


@dataclass(frozen=True)
class Made:
    """A sample on the disk: what was told of it, what was heard in it, and its files by name."""

    info: LinkInfo
    heard: SampleHeard
    loops: tuple[Loop, ...]
    files: dict[str, Path]

    def to_json(self) -> dict[str, Any]:
        """Return all of it, as ``sample.json`` has it."""
        files = {name: path.name for name, path in self.files.items()}
        return {
            "source": self.info.to_json(),
            "heard": self.heard.to_json(),
            "loops": [asdict(loop) for loop in self.loops],
            "files": files,
        }


def make_sample(order: LinkOrder, out: Path, work: Path, settings: WorkerSettings, tick: Tick) -> Made:
    """Fetch, extract, listen, cut and draw; files are named after title, tempo and key.

    :param out: folder for what is made, :param work: an empty folder for what is not kept.
    """
    fetching, limits = settings_of(settings), limits_of(settings)
    tick(0, _STAGES, "ask")
    fetcher = choose_fetcher(order.url, fetching)
    info = fetcher.resolve(order)
    tick(1, _STAGES, "download")
    folder = work / "link"
    folder.mkdir()
    path = fetcher.download(order, folder, lambda done, total: None)
    media = check_media(path, order, limits)
    still = fetch_thumbnail(info.thumbnail_url, path, work, fetching, media=media, limits=limits)
    tick(2, _STAGES, "extract")
    wav, mp3, loop = work / "sample.wav", work / "sample.mp3", work / "loop.wav"
    length_s = extract_sound(path, wav, mp3, limits=limits)
    tick(3, _STAGES, "listen")
    heard = hear_sample(wav, length_s, options=MusicOptions.from_settings(settings))
    tick(4, _STAGES, "loops")
    loops = cut_loops(wav, loop, grid_of(heard), limits=limits) if heard.tempo.bpm else ()
    tick(5, _STAGES, "draw")
    picture, peaks = work / "waveform.png", work / "peaks.json"
    draw_sound(read_outline(wav, limits), picture, peaks)
    named = {"wav": wav, "mp3": mp3, "loop": loop if loops else None, "waveform": picture, "peaks": peaks}
    made = Made(info, heard, loops, _keep({**named, "thumbnail": still}, out, info, heard))
    (out / "sample.json").write_text(json.dumps(made.to_json(), indent=2, ensure_ascii=False), encoding="utf-8")
    tick(_STAGES, _STAGES, "done")
    return made


def _keep(made: dict[str, Path | None], out: Path, info: LinkInfo, heard: SampleHeard) -> dict[str, Path]:
    """Move what was made to the folder for it, under names that tell tempo and key."""
    out.mkdir(parents=True, exist_ok=True)
    kept = {}
    for name, path in made.items():
        if path is None:
            continue
        mark = "" if name in ("wav", "mp3") else name
        plain = info.title.replace("/", " ").replace("\\", " ").lstrip(".")
        named = tagged_name(plain, bpm=heard.tempo.bpm, key=heard.key.name, suffix=path.suffix, mark=mark)
        target = out / named
        target.write_bytes(path.read_bytes())
        kept[name] = target
    return kept

"""Joining clips behind walls: songs and made clips are strangers' files, so a room opens them and a film comes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from tasks.contracts.clips import ClipPlan, ComposedVideo
from tasks.media.apart import Progress
from tasks.media.limits import MediaLimits
from tasks.media.room import Openings, Room, whole_host
from tasks.names import POLICY, TaskName


def compose_apart(
    plan: ClipPlan,
    clips: Mapping[int, Path],
    song: Path,
    out: Path,
    *,
    options: dict[str, Any],
    limits: MediaLimits,
    progress: Progress,
) -> ComposedVideo:
    """Do what :func:`tasks.clips.compose.compose` does in a room, a folder beside ``out``.

    :param options: of :class:`tasks.clips.compose.FilmOptions` as JSON, paths as text. :param limits: tell the walls.
    Errors as there, and those of :class:`tasks.media.room.Room`.
    """
    folder = out.parent / "room"
    folder.mkdir()
    before = [Path(options["before"])] if options.get("before") else []
    budget = whole_host(POLICY[TaskName.CLIPS_COMPOSE].hard_limit_s)
    openings = Openings([song, *clips.values(), *before])
    with Room(folder, limits.walls, budget=budget, openings=openings) as room:
        told = room.call(
            "tasks.clips.compose:compose_in_room",
            {
                "plan": plan.to_json(),
                "clips": [[number, str(path.absolute())] for number, path in clips.items()],
                "song": str(song.absolute()),
                "name": out.name,
                "options": {"before": "", "changed": [], **options},
                "limits": asdict(replace(limits, walls="")),
            },
            progress,
        )
        room.take(out.name, out)
    return ComposedVideo.from_json(told)

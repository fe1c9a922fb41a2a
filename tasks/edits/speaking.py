"""Who of those in a picture is speaking: the face whose mouth moves while a voice is heard, and rests while others are.

A voice is given to a face only where the difference is clear; where it is not, nobody is said to speak.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tasks.contracts import Transcript
from tasks.contracts.shorts import Face, Sighting, Turn

NEAR = 0.12
"""Faces whose middles are nearer than this, in widths of the picture, are one person's."""
LEAST_LOOKS = 3
"""So often a face must be seen while a voice speaks, and while others do, to be judged."""
CLEAR = 1.35
"""So many times more a mouth must move while its voice speaks than while others do, and than the next best mouth."""
LEAST_MOTION = 0.004
LEAST_TURN_S = 0.7
"""The crop does not go over to who says less than this."""
Led = tuple[float, float, float, bool]


@dataclass(frozen=True)
class Casting:
    """Which voice has which face: the middle's x by the voice; ``certainty`` is 0 (a guess) to 1 of the least sure."""

    places: dict[str, float]
    certainty: float


def turns_of(transcript: Transcript, start_s: float, end_s: float) -> tuple[Turn, ...]:
    """Return who speaks when in a stretch; words of nobody known are left out."""
    turns: list[Turn] = []
    for segment in transcript.segments:
        for word in segment.words:
            speaker = word.speaker or segment.speaker
            if not speaker or word.end <= start_s or word.start >= end_s:
                continue
            if turns and turns[-1].speaker == speaker:
                turns[-1] = Turn(turns[-1].start, word.end, speaker)
            else:
                turns.append(Turn(word.start, word.end, speaker))
    return tuple(turns)


def cast_voices(seen: Sequence[Sighting], turns: Sequence[Turn]) -> Casting | None:
    """Give each voice of a scene its face; None where fewer than two faces or voices are seen, or none is clear."""
    places = find_places(seen)
    voices = sorted({turn.speaker for turn in turns if turn.start <= seen[-1].t and turn.end >= seen[0].t})
    if len(places) < 2 or len(voices) < 2:
        return None
    found: dict[str, float] = {}
    margins = []
    for voice in voices:
        ratios = sorted(((_ratio(seen, turns, voice, place), place) for place in places), reverse=True)
        (best, place), (second, _) = ratios[0], ratios[1]
        if best < CLEAR or best < CLEAR * max(second, 1e-6) or place in found.values():
            continue
        found[voice] = place
        margins.append(min(best, best / max(second, 1e-6)))
    if not found:
        return None
    return Casting(found, round(min(1.0, (min(margins) - 1) / 2), 3))


def find_places(seen: Sequence[Sighting]) -> list[float]:
    """Return where faces are for at least a third of the sightings: the middles' x, in order."""
    groups: list[list[float]] = []
    for x in sorted(middle_of(face) for sighting in seen for face in sighting.faces):
        if groups and x - groups[-1][-1] < NEAR / 2:
            groups[-1].append(x)
        else:
            groups.append([x])
    return [group[len(group) // 2] for group in groups if len(group) >= max(LEAST_LOOKS, len(seen) / 3)]


def lead_by_voice(seen: Sequence[Sighting], turns: Sequence[Turn], casting: Casting) -> Iterator[Led]:
    """Yield where the crop is to look: at who speaks, and on while nobody known does; it cuts from one to another."""
    place: float | None = None
    for sighting in seen:
        turn = turn_at(turns, sighting.t)
        wanted = casting.places.get(turn.speaker) if turn and turn.end - turn.start >= LEAST_TURN_S else None
        target = place if wanted is None else wanted
        if target is None:
            target = next(iter(casting.places.values()))
        face = face_at(sighting, target)
        if face is not None:
            yield sighting.t, middle_of(face), face.y + face.height / 2, place is not None and target != place
            place = target


def turn_at(turns: Sequence[Turn], t: float) -> Turn | None:
    """Return the turn that a moment lies in, or None."""
    number = bisect.bisect_right([turn.start for turn in turns], t) - 1
    return turns[number] if number >= 0 and t <= turns[number].end else None


def face_at(sighting: Sighting, place: float) -> Face | None:
    """Return the face at a place, or None."""
    near = [face for face in sighting.faces if abs(middle_of(face) - place) <= NEAR]
    return min(near, key=lambda face: abs(middle_of(face) - place)) if near else None


def middle_of(face: Face) -> float:
    """Return the x of a face's middle."""
    return face.x + face.width / 2


def _ratio(seen: Sequence[Sighting], turns: Sequence[Turn], voice: str, place: float) -> float:
    """Return how many times more a mouth moves while its voice speaks than while another does; 0 where unknown."""
    speaking: list[float] = []
    resting: list[float] = []
    for sighting in seen:
        face, turn = face_at(sighting, place), turn_at(turns, sighting.t)
        if face is not None and turn is not None:
            (speaking if turn.speaker == voice else resting).append(face.mouth)
    if min(len(speaking), len(resting)) < LEAST_LOOKS:
        return 0.0
    loud, still = sum(speaking) / len(speaking), sum(resting) / len(resting)
    return loud / max(still, LEAST_MOTION) if loud >= LEAST_MOTION else 0.0

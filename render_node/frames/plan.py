"""Which tiles make up what is on screen.

A cue is drawn whole once, with no word active; what a spoken word changes is drawn again only in that word's region.
Each region holds all that its word's ink can reach, and later words are laid over earlier ones, so the sum equals the
whole picture drawn at once.
"""

from __future__ import annotations

from render_node.frames.stage_page import CueLayout, Tile
from tasks.scenario import Scenario
from tasks.scenario.timeline import CueState


class TilePlan:
    """Answers which tiles, in order of laying, show a state."""

    def __init__(self, scenario: Scenario, layouts: list[CueLayout]) -> None:
        self._motions = [cue.animation["activeWord"]["type"] for cue in scenario.cues]
        self._layouts = layouts

    def tiles(self, state: CueState) -> tuple[Tile, ...]:
        """Return the tiles of a state: the cue at rest, then the words that differ from it."""
        layout = self._layouts[state.cue]
        if not layout.box.width or not layout.box.height:
            return ()
        tiles = [Tile(state.cue, -1, 0.0, layout.box)]
        if self._motions[state.cue] == "karaoke":
            tiles += [Tile(state.cue, word, 1.0, layout.words[word]) for word in range(state.active)]
        if state.active >= 0:
            tiles.append(Tile(state.cue, state.active, state.phase, layout.words[state.active]))
        return tuple(tile for tile in tiles if tile.rect.width and tile.rect.height)

"""Where features say what they do when steps and jobs move (:mod:`api.jobs.effects`): loaded by every process.

A process without routes would not meet them otherwise, and would end jobs without what belongs to their end.
"""

from __future__ import annotations

from importlib import import_module

EFFECTS = (
    *("api.extractions.effects", "api.fonts.effects", "api.live.telling", "api.projects.cut_effects"),
    *("api.projects.effects", "api.publishing.effects", "api.renders.effects", "api.samples.effects"),
    *("api.songs.effects", "api.sounds.effects", "api.sounds.scanning", "api.stills.effects", "api.uploads.effects"),
    *("api.validations.effects", "api.videos.effects", "api.videos.film_effects", "api.webhooks.effects"),
)


def load_effects() -> None:
    """Load every module that registers an effect."""
    for name in EFFECTS:
        import_module(name)

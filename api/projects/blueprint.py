"""The blueprint of projects with all of its routes and what the ends of its jobs change."""

from __future__ import annotations

from api.projects import cut_effects, effects, short_routes
from api.projects.routes import blueprint

__all__ = ["blueprint", "cut_effects", "effects", "short_routes"]

"""The blueprint of transcripts with all of its routes."""

from __future__ import annotations

from api.transcripts import edit_routes, file_routes, hear_routes
from api.transcripts.routes import blueprint

__all__ = ["blueprint", "edit_routes", "file_routes", "hear_routes"]

"""Clip plans of songs: where a video would be cut. Nothing is stored: the same request gives the same plan."""

from __future__ import annotations

from fractions import Fraction
from typing import Any
from uuid import UUID

from flask.views import MethodView
from flask_smorest import Blueprint

from api.assets.docs import problems
from api.auth import login_required
from api.songs import service
from api.songs.clip_schemas import RATES, ClipPlanRequest, ClipPlanResponse
from api.songs.models import Song
from api.videos.terms import Foreseen, choose_provider, foresee
from tasks.contracts.clips import ClipPlan, ClipSection
from tasks.contracts.music import SongAnalysis
from tasks.workflows.clip_plan import plan_clips
from tasks.workflows.clip_sections import heard_sections, with_energy


def add_clip_routes(blueprint: Blueprint) -> None:
    """Add the routes to the songs' blueprint."""

    @blueprint.route("/songs/<uuid:song_id>/clips/plan")
    class ClipPlanning(MethodView):
        """Where a song would be cut."""

        decorators = [login_required]

        @blueprint.arguments(ClipPlanRequest)
        @blueprint.response(200, ClipPlanResponse)
        @problems(
            blueprint,
            {
                404: "song.not_found",
                409: "song.not_analyzed",
                422: "clips.invalid_sections, provider.not_offered, provider.no_stills",
            },
        )
        def post(self, body: dict[str, Any], song_id: UUID) -> Any:
            """Plan the clips of a song's video, and estimate what they take

            Clips of 3 to 10 seconds fill each section to the frame; cuts lie on beats, and tell by how many
            milliseconds they miss them. Without sections of your own those that are suggested are taken.
            """
            song = service.get_song(song_id)
            analysis = service.current_analysis(song)
            sections = sections_of(song, analysis)
            fps = Fraction(*RATES[body["fps"]])
            plan = plan_clips(analysis, sections, fps=fps, overall=body["prompt"], seed=body["seed"])
            return describe_plan(plan, foresee(plan, choose_provider(body["provider"]), stills=body["stills"]))


def sections_of(song: Song, analysis: SongAnalysis) -> tuple[ClipSection, ...]:
    """Return a song's own sections, those that are suggested where it has none."""
    if not song.sections:
        return heard_sections(analysis)
    rows = [ClipSection(one.start_s, one.end_s, one.label, one.note, section_ref=str(one.id)) for one in song.sections]
    return with_energy(analysis, rows)


def describe_plan(plan: ClipPlan, foreseen: Foreseen) -> dict[str, Any]:
    """Return what a plan looks like from outside, and what it would take."""
    document = plan.to_json()
    for clip in document["clips"]:
        clip["start"] = round(float(clip["start_frame"] / plan.fps), 6)
        clip["duration"] = round(float(clip["frame_count"] / plan.fps), 6)
    for place, section in enumerate(document["sections"]):
        section["id"] = section["section_ref"] or None
        section["frame_count"] = sum(clip.frame_count for clip in plan.clips if clip.section == place)
    told = foreseen.clips.to_json() | {"stills_usd": foreseen.stills_usd, "total_usd": foreseen.cost_usd}
    return {**document, "duration_s": plan.duration_s, "estimate": {**told, "time_s": foreseen.time_s}}

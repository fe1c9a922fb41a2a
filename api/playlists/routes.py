"""Playlist endpoints."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask.views import MethodView
from flask_smorest import Blueprint

from api.assets.docs import problems
from api.auth import current_user, login_required
from api.extensions import db
from api.pagination import filters_of, paginate
from api.playlists import service
from api.playlists.models import Playlist
from api.playlists.schemas import (
    PlaylistChange,
    PlaylistItemChange,
    PlaylistItemRequest,
    PlaylistItemResponse,
    PlaylistPageResponse,
    PlaylistQuery,
    PlaylistRequest,
    PlaylistResponse,
)

blueprint = Blueprint("playlists", __name__, url_prefix="/api/v1", description="Sounds in an order")

LOCATION = {"Location": {"description": "Path of the playlist", "schema": {"type": "string"}}}


@blueprint.route("/playlists")
class PlaylistList(MethodView):
    """All playlists."""

    decorators = [login_required]

    @blueprint.arguments(PlaylistQuery, location="query")
    @blueprint.response(200, PlaylistPageResponse)
    @problems(blueprint, {})
    def get(self, query: dict[str, Any]) -> Any:
        """List playlists, newest first"""
        page = paginate(db.session(), service.select_playlists(**filters_of(query)), Playlist, query)
        return {**page, "items": [service.describe_playlist(playlist) for playlist in page["items"]]}

    @blueprint.arguments(PlaylistRequest)
    @blueprint.response(201, PlaylistResponse, headers=LOCATION)
    @problems(blueprint, {403: "organisation.forbidden", 404: "organisation.not_found"})
    def post(self, body: dict[str, Any]) -> Any:
        """Make an empty playlist"""
        told = service.describe_playlist(service.create_playlist(db.session(), current_user(), **body))
        db.session.commit()
        return told, 201, {"Location": told["links"]["self"]}


@blueprint.route("/playlists/<uuid:playlist_id>")
class PlaylistOne(MethodView):
    """One playlist."""

    decorators = [login_required]

    @blueprint.response(200, PlaylistResponse)
    @problems(blueprint, {404: "playlist.not_found"})
    def get(self, playlist_id: UUID) -> Any:
        """Look at a playlist"""
        return service.describe_playlist(service.get_playlist(playlist_id))

    @blueprint.arguments(PlaylistChange)
    @blueprint.response(200, PlaylistResponse)
    @problems(blueprint, {404: "playlist.not_found"})
    def patch(self, body: dict[str, Any], playlist_id: UUID) -> Any:
        """Rename a playlist"""
        playlist = service.lock_playlist(db.session(), playlist_id)
        playlist.name = body.get("name", playlist.name).strip()
        db.session.commit()
        return service.describe_playlist(playlist)

    @blueprint.response(204)
    @problems(blueprint, {404: "playlist.not_found"})
    def delete(self, playlist_id: UUID) -> None:
        """Delete a playlist

        Players that have it on stop; its sounds stay.
        """
        service.delete_playlist(db.session(), service.lock_playlist(db.session(), playlist_id))
        db.session.commit()


@blueprint.route("/playlists/<uuid:playlist_id>/current")
class PlaylistCurrent(MethodView):
    """Which one is on hand."""

    decorators = [login_required]

    @blueprint.response(200, PlaylistResponse)
    @problems(blueprint, {404: "playlist.not_found", 409: "playlist.not_yours"})
    def put(self, playlist_id: UUID) -> Any:
        """Make a playlist your current one, in place of the one before"""
        playlist = service.lock_playlist(db.session(), playlist_id)
        service.make_current(db.session(), current_user(), playlist)
        db.session.commit()
        return service.describe_playlist(playlist)


@blueprint.route("/playlists/<uuid:playlist_id>/items")
class PlaylistItems(MethodView):
    """The lines of one playlist."""

    decorators = [login_required]

    @blueprint.arguments(PlaylistItemRequest)
    @blueprint.response(201, PlaylistItemResponse)
    @problems(
        blueprint,
        {
            404: "playlist.not_found, sound.not_found",
            409: "playlist.full, sound.not_ready",
            422: "playlist.foreign_sound",
        },
    )
    def post(self, body: dict[str, Any], playlist_id: UUID) -> Any:
        """Put a sound into a playlist

        The same sound may be in it several times. Players that have the playlist on go on with it as it is now.
        """
        playlist = service.lock_playlist(db.session(), playlist_id)
        told = service.describe_item(service.add_sound(db.session(), playlist, **body))
        db.session.commit()
        return told


@blueprint.route("/playlists/<uuid:playlist_id>/items/<uuid:item_id>")
class PlaylistItemOne(MethodView):
    """One line."""

    decorators = [login_required]

    @blueprint.arguments(PlaylistItemChange)
    @blueprint.response(200, PlaylistResponse)
    @problems(blueprint, {404: "playlist.not_found, playlist.no_such_item"})
    def patch(self, body: dict[str, Any], playlist_id: UUID, item_id: UUID) -> Any:
        """Move a line; the others make room"""
        playlist = service.lock_playlist(db.session(), playlist_id)
        service.move_item(db.session(), playlist, item_id, body["position"])
        db.session.commit()
        return service.describe_playlist(playlist)

    @blueprint.response(204)
    @problems(blueprint, {404: "playlist.not_found, playlist.no_such_item"})
    def delete(self, playlist_id: UUID, item_id: UUID) -> None:
        """Take a line out; the others close up"""
        service.drop_item(db.session(), service.lock_playlist(db.session(), playlist_id), item_id)
        db.session.commit()

"""Player endpoints."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response
from flask.views import MethodView
from flask_smorest import Blueprint

from api.assets.docs import problems
from api.assets.schemas import DownloadResponse
from api.auth import current_user, login_required
from api.events.routes import EVENT, HEADERS, read_position
from api.events.stream import Doorbell, stream_events
from api.extensions import db, get_redis, get_settings, get_storage
from api.idempotency import KEY_PARAMETER, idempotent
from api.ids import get_visible
from api.player import machine, service
from api.player.schemas import (
    PlayerChange,
    PlayerLoadRequest,
    PlayerPlayRequest,
    PlayerResponse,
    PlayerSeekRequest,
)
from api.playlists.models import Playlist
from api.sounds.service import require_playable, see_sound, sign_file

blueprint = Blueprint("player", __name__, url_prefix="/api/v1", description="One player, the same on all your screens")

EMPTY = "player.empty"


def committed(told: dict[str, Any]) -> dict[str, Any]:
    """Commit, and answer with what the player looks like."""
    db.session.commit()
    return told


@blueprint.route("/player")
class ThePlayer(MethodView):
    """The player."""

    decorators = [login_required]

    @blueprint.response(200, PlayerResponse)
    @problems(blueprint, {})
    def get(self) -> Any:
        """Look at your player"""
        return committed(service.look(db.session(), current_user()))

    @blueprint.arguments(PlayerChange)
    @blueprint.response(200, PlayerResponse)
    @problems(blueprint, {})
    def patch(self, body: dict[str, Any]) -> Any:
        """Set volume or mode

        Modes: ``continuous`` to the end of the list, ``loop`` around it, ``loop-one`` the same sound, ``random`` each
        once before one comes again, ``single`` stops after the sound.
        """
        said = {"volume": body.get("volume"), "mode": body.get("mode")}
        return committed(service.adjust(db.session(), current_user(), **said))


@blueprint.route("/player/load")
class PlayerLoading(MethodView):
    """Another playlist."""

    decorators = [login_required]

    @blueprint.arguments(PlayerLoadRequest)
    @blueprint.response(200, PlayerResponse)
    @problems(blueprint, {404: "playlist.not_found"})
    def post(self, body: dict[str, Any]) -> Any:
        """Put a playlist into the player, stopped at its first line

        When the playlist changes later, a sound that is on goes on as long as it is in the list; when it is gone, the
        one that came after it takes over; when nothing is left, the player stops.
        """
        playlist = get_visible(Playlist, body["playlist_id"])
        return committed(service.load(db.session(), current_user(), playlist))


@blueprint.route("/player/play")
class PlayerPlaying(MethodView):
    """Play."""

    decorators = [login_required]

    @blueprint.arguments(PlayerPlayRequest)
    @blueprint.response(200, PlayerResponse)
    @problems(blueprint, {404: "playlist.no_such_item", 409: EMPTY})
    def post(self, body: dict[str, Any]) -> Any:
        """Play on, or a line from its start"""
        return committed(service.play(db.session(), current_user(), body["item_id"]))


@blueprint.route("/player/seek")
class PlayerSeeking(MethodView):
    """Go to a place."""

    decorators = [login_required]

    @blueprint.arguments(PlayerSeekRequest)
    @blueprint.response(200, PlayerResponse)
    @problems(blueprint, {409: EMPTY, 422: "player.beyond_end"})
    def post(self, body: dict[str, Any]) -> Any:
        """Go to a place in the sound that is on"""
        return committed(service.seek(db.session(), current_user(), body["position_s"]))


@blueprint.route("/player/pause")
class PlayerPausing(MethodView):
    """Stand still."""

    decorators = [login_required]

    @blueprint.response(200, PlayerResponse)
    @problems(blueprint, {})
    def post(self) -> Any:
        """Pause where the sound is"""
        return committed(service.command(db.session(), current_user(), machine.pause))


@blueprint.route("/player/stop")
class PlayerStopping(MethodView):
    """Stop."""

    decorators = [login_required]

    @blueprint.response(200, PlayerResponse)
    @problems(blueprint, {})
    def post(self) -> Any:
        """Stop, and go back to the start of the sound"""
        return committed(service.command(db.session(), current_user(), machine.stop))


@blueprint.route("/player/next")
class PlayerNext(MethodView):
    """Forward."""

    decorators = [login_required]

    @blueprint.response(200, PlayerResponse)
    @problems(blueprint, {})
    def post(self) -> Any:
        """Go to the next sound

        A player that plays plays on; behind the last it stops, unless the mode goes around.
        """
        return committed(service.command(db.session(), current_user(), machine.next_entry))


@blueprint.route("/player/previous")
class PlayerPrevious(MethodView):
    """Back."""

    decorators = [login_required]

    @blueprint.response(200, PlayerResponse)
    @problems(blueprint, {})
    def post(self) -> Any:
        """Begin the sound again, or within its first three seconds go to the one before"""
        return committed(service.command(db.session(), current_user(), machine.previous_entry))


@blueprint.route("/player/events")
class PlayerEvents(MethodView):
    """What happens to the player, live."""

    decorators = [login_required]

    @blueprint.response(200, EVENT, content_type="text/event-stream", description="Server-Sent Events")
    @problems(blueprint, {})
    def get(self) -> Response:
        """Follow your player

        Server-Sent Events, without gap or repeat from after ``Last-Event-ID`` (header, or ``last_event_id`` in the
        query), else from the latest on: player_state (as ``GET /player`` answers), sound_played (sound_id, title,
        plays, by: player or button), sounds_stopped.
        """
        user_id, engine = current_user().id, db.engine
        after = read_position() or max(0, service.last_event(db.session(), user_id) - 1)
        db.session.remove()
        stream = stream_events(engine, Doorbell(get_redis(), user_id), user_id, after, read=service.read_events)
        return Response(stream, mimetype="text/event-stream", headers=HEADERS)


@blueprint.route("/sounds/play/<uuid:sound_id>")
class SoundPressing(MethodView):
    """The button of a sound."""

    decorators = [login_required]

    @idempotent("sounds.play.{sound_id}")
    @blueprint.doc(parameters=[KEY_PARAMETER])
    @blueprint.response(200, DownloadResponse)
    @problems(
        blueprint,
        {
            402: "credits.insufficient",
            404: "sound.not_found",
            409: "sound.not_ready, idempotency.key_reused, idempotency.in_progress",
        },
    )
    def post(self, sound_id: UUID) -> Any:
        """Play one sound at once, beside the player

        Costs what ``play`` costs (one credit by default), counts, and tells all your clients; the answer has the URL
        that sounds.
        """
        sound = require_playable(see_sound(sound_id))
        service.press(db.session(), current_user(), sound)
        return sign_file(sound, storage=get_storage(), settings=get_settings())


@blueprint.route("/sounds/stop")
class SoundStopping(MethodView):
    """Silence."""

    decorators = [login_required]

    @blueprint.response(200, PlayerResponse)
    @problems(blueprint, {})
    def post(self) -> Any:
        """Stop everything: the player, and every sound that was played beside it"""
        return committed(service.silence(db.session(), current_user()))

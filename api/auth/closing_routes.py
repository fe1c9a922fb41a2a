"""Endpoint that closes the caller's account."""

from __future__ import annotations

from flask import request
from flask.views import MethodView

from api.assets.docs import problems
from api.auth import current_session_id, current_user, login_required
from api.auth.routes import blueprint
from api.auth.schemas import ClosingRequest
from api.closing.service import close_account
from api.extensions import db
from api.limits import auth_limit

PROBLEMS = {
    403: "auth.wrong_password, auth.not_fresh",
    409: "user.last_admin, user.subscribed, organisation.last_owner, organisation.not_empty",
    429: "auth.too_many_attempts, rate.limited",
}


@blueprint.route("/close")
class Closing(MethodView):
    """The end of the caller's account."""

    decorators = [login_required, auth_limit]

    @blueprint.arguments(ClosingRequest)
    @blueprint.response(204)
    @problems(blueprint, PROBLEMS)
    def post(self, body: dict[str, str]) -> None:
        """Close the account for good

        With the present password; an account without one needs a sign-in of the last 15 minutes. Nobody gets in any
        more, unfinished jobs are cancelled, media, transcripts, renders and fonts of the account are removed within
        an hour. Things of organisations stay with them. The ledger of credits and the audit log are kept.
        """
        who = current_user()
        place = request.remote_addr or ""
        close_account(db.session(), who, current_session_id(), password=body["password"], address=place)
        db.session.commit()

"""Invitation endpoints: the owners' side under the organisation, the invited person's side by token."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from flask import current_app
from flask.views import MethodView
from flask_smorest import Blueprint

from api.assets.docs import problems
from api.auth import current_user, login_required
from api.extensions import db, get_settings
from api.limits import auth_limit
from api.mail.messenger import MailMessenger
from api.organisations import invitations, service
from api.organisations.models import Membership, Role
from api.organisations.routes import PROBLEMS
from api.organisations.routes import blueprint as organisations
from api.organisations.schemas import (
    InvitationCreatedResponse,
    InvitationRequest,
    InvitationResponse,
    InvitationsResponse,
    InvitationTokenRequest,
    OrganisationResponse,
)
from api.ownership import Access

blueprint = Blueprint("invitations", __name__, url_prefix="/api/v1/invitations", description="Joining an organisation")

OFTEN = {429: "invitation.too_many, rate.limited"}
TOKEN_PROBLEMS = {403: "invitation.other_address", 404: "invitation.not_found", 410: "invitation.expired"}


def get_messenger() -> invitations.Messenger:
    """Return what brings offers to people in the current application."""
    extensions = current_app.extensions
    if "messenger" not in extensions:
        extensions["messenger"] = MailMessenger() if get_settings().mail.on else invitations.NoMessenger()
    return cast(invitations.Messenger, extensions["messenger"])


@organisations.route("/organisations/<uuid:organisation_id>/invitations")
class InvitationList(MethodView):
    """Who is invited."""

    decorators = [login_required]

    @organisations.response(200, InvitationsResponse)
    @problems(organisations, PROBLEMS)
    def get(self, organisation_id: UUID) -> Any:
        """List invitations that wait for an answer"""
        service.get_organisation(db.session(), organisation_id, Access.MANAGE)
        return {"items": list(db.session.scalars(invitations.select_pending(organisation_id)))}

    @organisations.arguments(InvitationRequest)
    @organisations.response(201, InvitationCreatedResponse)
    @problems(organisations, {**PROBLEMS, 409: "organisation.member_exists", 422: "user.email_invalid", **OFTEN})
    def post(self, body: dict[str, str], organisation_id: UUID) -> Any:
        """Invite somebody

        By e-mail, where the installation sends any; otherwise the answer holds the link. It is good for a week, once,
        for an account with this address. Inviting the same address again replaces the first invitation. An account may
        send a hundred within 24 hours.
        """
        organisation = service.get_organisation(db.session(), organisation_id, Access.MANAGE, lock=True)
        session, role = db.session(), Role(body["role"])
        invitation = invitations.invite(session, organisation, current_user(), email=body["email"], role=role)
        sent = get_messenger().bring(session, invitation)
        link = None if sent else invitations.mint_link(session, invitation, get_settings().public_url)
        session.commit()
        shown = {name: getattr(invitation, name) for name in InvitationResponse().fields}
        return {**shown, "sent": sent, "link": link}


@organisations.route("/organisations/<uuid:organisation_id>/invitations/<uuid:invitation_id>")
class InvitationItem(MethodView):
    """One invitation."""

    decorators = [login_required]

    @organisations.response(204)
    @problems(organisations, {**PROBLEMS, 404: "organisation.not_found, invitation.not_found"})
    def delete(self, organisation_id: UUID, invitation_id: UUID) -> None:
        """Withdraw an invitation"""
        service.get_organisation(db.session(), organisation_id, Access.MANAGE, lock=True)
        invitations.withdraw(db.session(), organisation_id, invitation_id)
        db.session.commit()


@blueprint.route("/accept")
class Acceptance(MethodView):
    """Joining."""

    decorators = [login_required, auth_limit]

    @blueprint.arguments(InvitationTokenRequest)
    @blueprint.response(200, OrganisationResponse)
    @problems(blueprint, TOKEN_PROBLEMS)
    def post(self, body: dict[str, str]) -> Membership:
        """Accept an invitation"""
        member = invitations.accept(db.session(), current_user(), body["token"])
        db.session.commit()
        return member


@blueprint.route("/decline")
class Refusal(MethodView):
    """Not joining."""

    decorators = [login_required, auth_limit]

    @blueprint.arguments(InvitationTokenRequest)
    @blueprint.response(204)
    @problems(blueprint, TOKEN_PROBLEMS)
    def post(self, body: dict[str, str]) -> None:
        """Decline an invitation"""
        invitations.decline(db.session(), current_user(), body["token"])
        db.session.commit()

"""Organisation endpoints."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask.views import MethodView
from flask_smorest import Blueprint

from api.assets.docs import problems
from api.audit.models import AuditEntry
from api.audit.schemas import AuditPageResponse, OrganisationAuditQuery
from api.audit.service import select_entries
from api.auth import current_user, login_required
from api.extensions import db
from api.organisations import service
from api.organisations.models import Membership, Role
from api.organisations.schemas import (
    HandOverRequest,
    MemberResponse,
    MembersResponse,
    OrganisationRequest,
    OrganisationResponse,
    OrganisationsResponse,
    RoleRequest,
)
from api.ownership import Access
from api.pagination import filters_of, paginate

blueprint = Blueprint("organisations", __name__, url_prefix="/api/v1", description="People who own things together")

PROBLEMS = {403: "organisation.forbidden", 404: "organisation.not_found"}


def own_membership(organisation_id: UUID) -> Membership:
    """Return what the caller is in an organisation."""
    return service.get_member(db.session(), organisation_id, current_user().id)


@blueprint.route("/organisations")
class OrganisationList(MethodView):
    """Where the caller belongs."""

    decorators = [login_required]

    @blueprint.response(200, OrganisationsResponse)
    @problems(blueprint, {})
    def get(self) -> Any:
        """List the organisations you belong to"""
        return {"items": list(db.session.scalars(service.select_memberships(current_user().id)))}

    @blueprint.arguments(OrganisationRequest)
    @blueprint.response(201, OrganisationResponse)
    @problems(blueprint, {})
    def post(self, body: dict[str, str]) -> Membership:
        """Found an organisation

        You are its first owner.
        """
        member = service.found(db.session(), current_user(), body["name"])
        db.session.commit()
        return member


@blueprint.route("/organisations/<uuid:organisation_id>")
class OrganisationItem(MethodView):
    """One organisation."""

    decorators = [login_required]

    @blueprint.response(200, OrganisationResponse)
    @problems(blueprint, {404: "organisation.not_found"})
    def get(self, organisation_id: UUID) -> Membership:
        """Look at an organisation"""
        service.get_organisation(db.session(), organisation_id, Access.READ)
        return own_membership(organisation_id)

    @blueprint.arguments(OrganisationRequest)
    @blueprint.response(200, OrganisationResponse)
    @problems(blueprint, PROBLEMS)
    def patch(self, body: dict[str, str], organisation_id: UUID) -> Membership:
        """Rename an organisation"""
        organisation = service.get_organisation(db.session(), organisation_id, Access.MANAGE, lock=True)
        service.rename(db.session(), organisation, body["name"])
        db.session.commit()
        return own_membership(organisation_id)

    @blueprint.response(204)
    @problems(blueprint, {**PROBLEMS, 409: "organisation.not_empty"})
    def delete(self, organisation_id: UUID) -> None:
        """Dissolve an organisation

        It must own no assets and no unfinished jobs any more.
        """
        organisation = service.get_organisation(db.session(), organisation_id, Access.MANAGE, lock=True)
        service.dissolve(db.session(), organisation)
        db.session.commit()


@blueprint.route("/organisations/<uuid:organisation_id>/members")
class MemberList(MethodView):
    """All members."""

    decorators = [login_required]

    @blueprint.response(200, MembersResponse)
    @problems(blueprint, {404: "organisation.not_found"})
    def get(self, organisation_id: UUID) -> Any:
        """List an organisation's members"""
        service.get_organisation(db.session(), organisation_id, Access.READ)
        return {"items": list(db.session.scalars(service.select_members(organisation_id)))}


@blueprint.route("/organisations/<uuid:organisation_id>/members/<uuid:user_id>")
class MemberItem(MethodView):
    """One member."""

    decorators = [login_required]

    @blueprint.arguments(RoleRequest)
    @blueprint.response(200, MemberResponse)
    @problems(blueprint, {**PROBLEMS, 404: "organisation.not_found, member.not_found", 409: "organisation.last_owner"})
    def patch(self, body: dict[str, str], organisation_id: UUID, user_id: UUID) -> Membership:
        """Change a member's role"""
        service.get_organisation(db.session(), organisation_id, Access.MANAGE, lock=True)
        member = service.get_member(db.session(), organisation_id, user_id)
        service.change_role(db.session(), member, Role(body["role"]))
        db.session.commit()
        return member

    @blueprint.response(204)
    @problems(blueprint, {**PROBLEMS, 404: "organisation.not_found, member.not_found", 409: "organisation.last_owner"})
    def delete(self, organisation_id: UUID, user_id: UUID) -> None:
        """Remove a member

        What the member made there stays the organisation's.
        """
        service.get_organisation(db.session(), organisation_id, Access.MANAGE, lock=True)
        member = service.get_member(db.session(), organisation_id, user_id)
        service.remove_member(db.session(), member, left=user_id == current_user().id)
        db.session.commit()


@blueprint.route("/organisations/<uuid:organisation_id>/leave")
class Leaving(MethodView):
    """The caller's own going."""

    decorators = [login_required]

    @blueprint.response(204)
    @problems(blueprint, {404: "organisation.not_found", 409: "organisation.last_owner"})
    def post(self, organisation_id: UUID) -> None:
        """Leave an organisation"""
        service.get_organisation(db.session(), organisation_id, Access.READ, lock=True)
        service.remove_member(db.session(), own_membership(organisation_id), left=True)
        db.session.commit()


@blueprint.route("/organisations/<uuid:organisation_id>/transfer")
class HandOver(MethodView):
    """Another owner in one's place."""

    decorators = [login_required]

    @blueprint.arguments(HandOverRequest)
    @blueprint.response(200, OrganisationResponse)
    @problems(blueprint, {**PROBLEMS, 404: "organisation.not_found, member.not_found"})
    def post(self, body: dict[str, UUID], organisation_id: UUID) -> Membership:
        """Hand an organisation over to another member

        You stay as an editor.
        """
        service.get_organisation(db.session(), organisation_id, Access.MANAGE, lock=True)
        heir = service.get_member(db.session(), organisation_id, body["user_id"])
        if heir.user_id != current_user().id:
            service.hand_over(db.session(), own_membership(organisation_id), heir)
        db.session.commit()
        return own_membership(organisation_id)


@blueprint.route("/organisations/<uuid:organisation_id>/audit")
class OrganisationAudit(MethodView):
    """What happened in an organisation."""

    decorators = [login_required]

    @blueprint.arguments(OrganisationAuditQuery, location="query")
    @blueprint.response(200, AuditPageResponse)
    @problems(blueprint, PROBLEMS)
    def get(self, query: dict[str, Any], organisation_id: UUID) -> Any:
        """Read an organisation's audit log, newest first

        For owners.
        """
        service.get_organisation(db.session(), organisation_id, Access.MANAGE)
        entries = select_entries({**filters_of(query), "organisation_id": organisation_id})
        return paginate(db.session(), entries, AuditEntry, query)

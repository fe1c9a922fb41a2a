"""Endpoints for administrators: users and plans."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask.views import MethodView
from flask_smorest import Blueprint

from api.admin import service
from api.admin.schemas import (
    AdminUserDetailsResponse,
    AdminUserPageResponse,
    AdminUserQuery,
    AdminUserRequest,
    BanRequest,
    PlanRequest,
    PlanResponse,
    PlansResponse,
    QuotaOverridesRequest,
)
from api.assets.docs import problems
from api.auth import admin_required
from api.extensions import db
from api.pagination import filters_of, paginate
from api.users.models import Plan, User

blueprint = Blueprint("admin", __name__, url_prefix="/api/v1/admin", description="For administrators: users and plans")

PROBLEMS = {403: "auth.forbidden", 404: "user.not_found"}


@blueprint.route("/users")
class AdminUserList(MethodView):
    """All accounts."""

    decorators = [admin_required]

    @blueprint.arguments(AdminUserQuery, location="query")
    @blueprint.response(200, AdminUserPageResponse)
    @problems(blueprint, {403: "auth.forbidden"})
    def get(self, query: dict[str, Any]) -> Any:
        """List accounts, newest first"""
        return paginate(db.session(), service.select_users(**filters_of(query)), User, query)


@blueprint.route("/users/<uuid:user_id>")
class AdminUserItem(MethodView):
    """One account."""

    decorators = [admin_required]

    @blueprint.response(200, AdminUserDetailsResponse)
    @problems(blueprint, PROBLEMS)
    def get(self, user_id: UUID) -> Any:
        """Look at an account"""
        return service.describe_user(db.session(), service.get_user(db.session(), user_id))

    @blueprint.arguments(AdminUserRequest)
    @blueprint.response(200, AdminUserDetailsResponse)
    @problems(blueprint, {**PROBLEMS, 404: "user.not_found, plan.not_found", 409: "user.last_admin"})
    def patch(self, wanted: dict[str, str], user_id: UUID) -> Any:
        """Change an account's role or plan"""
        user = service.get_user(db.session(), user_id, lock=True)
        service.change_user(db.session(), user, wanted)
        db.session.commit()
        return service.describe_user(db.session(), user)


@blueprint.route("/users/<uuid:user_id>/ban")
class AdminUserBan(MethodView):
    """Keeping one account out."""

    decorators = [admin_required]

    @blueprint.arguments(BanRequest)
    @blueprint.response(200, AdminUserDetailsResponse)
    @problems(blueprint, {**PROBLEMS, 409: "user.last_admin"})
    def post(self, body: dict[str, str], user_id: UUID) -> Any:
        """Ban an account

        Its sessions end and its API tokens are refused at once, on every process. What it owns stays.
        """
        user = service.get_user(db.session(), user_id, lock=True)
        service.ban(db.session(), user, body["reason"])
        db.session.commit()
        return service.describe_user(db.session(), user)

    @blueprint.response(200, AdminUserDetailsResponse)
    @problems(blueprint, PROBLEMS)
    def delete(self, user_id: UUID) -> Any:
        """Lift a ban"""
        user = service.get_user(db.session(), user_id, lock=True)
        service.unban(db.session(), user)
        db.session.commit()
        return service.describe_user(db.session(), user)


@blueprint.route("/users/<uuid:user_id>/quotas")
class AdminUserQuotas(MethodView):
    """One account's own limits."""

    decorators = [admin_required]

    @blueprint.arguments(QuotaOverridesRequest)
    @blueprint.response(200, AdminUserDetailsResponse)
    @problems(blueprint, PROBLEMS)
    def put(self, caps: dict[str, int | None], user_id: UUID) -> Any:
        """Set an account's own limits"""
        user = service.get_user(db.session(), user_id, lock=True)
        service.set_overrides(db.session(), user, caps)
        db.session.commit()
        return service.describe_user(db.session(), user)


@blueprint.route("/plans")
class AdminPlanList(MethodView):
    """All plans."""

    decorators = [admin_required]

    @blueprint.response(200, PlansResponse)
    @problems(blueprint, {403: "auth.forbidden"})
    def get(self) -> Any:
        """List plans"""
        return {"items": service.list_plans(db.session())}


@blueprint.route("/plans/<string:code>")
class AdminPlanItem(MethodView):
    """One plan."""

    decorators = [admin_required]

    @blueprint.arguments(PlanRequest)
    @blueprint.response(200, PlanResponse)
    @problems(blueprint, {403: "auth.forbidden", 404: "plan.not_found"})
    def patch(self, wanted: dict[str, int], code: str) -> Plan:
        """Change a plan's limits"""
        plan = service.get_plan(db.session(), code)
        service.change_plan(db.session(), plan, wanted)
        db.session.commit()
        return plan

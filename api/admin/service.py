"""What administrators do to accounts; every change is in the audit log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Select, delete, func, select
from sqlalchemy.orm import Session

from api.audit import record
from api.audit.service import snapshot
from api.auth.models import AuthSession
from api.auth.service import end_all
from api.errors import ConflictError, NotFoundError
from api.quotas.models import QuotaOverride
from api.quotas.service import get_usage, list_overrides
from api.tokens.service import count_good
from api.users.models import Plan, User

ADMINS_LOCK = 7_235_813
"""Held while somebody stops being an administrator: two at once must not leave none."""


def select_users(
    *, search: str = "", role: str | None = None, plan: str | None = None, enabled: bool | None = None
) -> Select[tuple[User]]:
    """Select accounts whose address has ``search`` in it."""
    query = select(User)
    if search:
        query = query.where(User.email.contains(search.strip().lower(), autoescape=True))
    if role is not None:
        query = query.where(User.role == role)
    if plan is not None:
        query = query.where(User.plan_code == plan)
    return query if enabled is None else query.where(User.enabled.is_(enabled))


def get_user(session: Session, user_id: UUID, *, lock: bool = False) -> User:
    """Return an account or raise ``user.not_found``."""
    user = session.get(User, user_id)
    if user is None:
        raise NotFoundError("user.not_found", "There is no such user")
    if lock:
        session.refresh(user, ["role", "enabled", "plan_code"], with_for_update={"of": User})
    return user


def describe_user(session: Session, user: User) -> dict[str, Any]:
    """Return an account with its limits, sessions and tokens."""
    open_sessions = (AuthSession.user_id == user.id, AuthSession.revoked_at.is_(None))
    told = snapshot(user, ("id", "email", "role", "plan_code", "enabled", "created_at"))
    return {
        **told,
        "overrides": list_overrides(session, user.id),
        "quotas": get_usage(session, user),
        "session_count": session.scalar(select(func.count()).select_from(AuthSession).where(*open_sessions)),
        "token_count": count_good(session, user.id),
    }


def change_user(session: Session, user: User, wanted: Mapping[str, str]) -> None:
    """Give an account another role or plan; raise ``plan.not_found``, ``user.last_admin``."""
    before = snapshot(user, ("role", "plan_code"))
    if "plan" in wanted:
        user.plan = get_plan(session, wanted["plan"])
        user.plan_code = user.plan.code
    if "role" in wanted:
        if wanted["role"] != "admin":
            require_other_admin(session, user)
        user.role = wanted["role"]
    session.flush()
    note_change(session, "user.changed", user, before)


def ban(session: Session, user: User, reason: str) -> None:
    """Keep an account out from the commit on: sessions end, API tokens are refused; raise ``user.last_admin``."""
    if not user.enabled:
        return
    require_other_admin(session, user)
    user.enabled = False
    end_all(session, user.id, "banned")
    record(
        session,
        "user.banned",
        target=("user", user.id),
        before={"enabled": True},
        after={"enabled": False, "reason": reason},
    )


def unban(session: Session, user: User) -> None:
    """Let an account in again; its old sessions stay ended."""
    if user.enabled:
        return
    user.enabled = True
    record(session, "user.unbanned", target=("user", user.id), before={"enabled": False}, after={"enabled": True})


def require_other_admin(session: Session, user: User) -> None:
    """Raise ``user.last_admin`` when nobody else could administer."""
    if user.role != "admin" or not user.enabled:
        return
    session.execute(select(func.pg_advisory_xact_lock(ADMINS_LOCK)))
    others = (User.role == "admin", User.enabled.is_(True), User.id != user.id)
    if not session.scalar(select(func.count()).select_from(User).where(*others)):
        raise ConflictError("user.last_admin", "There must be an administrator left; make another one first")


def set_overrides(session: Session, user: User, caps: Mapping[str, int | None]) -> None:
    """Set an account's own limits; kinds without one are the plan's again."""
    before = list_overrides(session, user.id)
    session.execute(delete(QuotaOverride).where(QuotaOverride.user_id == user.id))
    after = {kind: cap for kind, cap in caps.items() if cap is not None}
    session.add_all(QuotaOverride(user_id=user.id, kind=kind, cap=cap) for kind, cap in after.items())
    session.flush()
    if before != after:
        record(session, "user.quotas_changed", target=("user", user.id), before=before, after=after)


def list_plans(session: Session) -> list[Plan]:
    """Return every plan, the smallest first."""
    return list(session.scalars(select(Plan).order_by(Plan.daily_renders, Plan.code)))


def get_plan(session: Session, code: str) -> Plan:
    """Return a plan or raise ``plan.not_found``."""
    plan = session.get(Plan, code)
    if plan is None:
        raise NotFoundError("plan.not_found", f"There is no plan {code[:32]}")
    return plan


def change_plan(session: Session, plan: Plan, wanted: Mapping[str, int]) -> None:
    """Change limits of a plan for everyone on it."""
    before = snapshot(plan, wanted)
    for name, value in wanted.items():
        setattr(plan, name, value)
    session.flush()
    if before != wanted:
        record(session, "plan.changed", target=("plan", plan.code), before=before, after=dict(wanted))


def note_change(session: Session, action: str, user: User, before: dict[str, Any]) -> None:
    """Record what of an account's columns is different now, if anything is."""
    after = snapshot(user, before)
    changed = [name for name in before if before[name] != after[name]]
    if changed:
        record(
            session,
            action,
            target=("user", user.id),
            before={name: before[name] for name in changed},
            after={name: after[name] for name in changed},
        )

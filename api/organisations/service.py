"""Use cases of organisations: found, rename, dissolve; members, roles, leaving, handing over."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, delete, func, select
from sqlalchemy.orm import Session, contains_eager

from api.assets.models import Asset, AssetState
from api.audit import record
from api.errors import ConflictError, NotFoundError
from api.ids import new_id
from api.jobs.models import Job
from api.jobs.states import TERMINAL
from api.organisations.models import Invitation, Membership, Organisation, Role
from api.ownership import Access, forget_roles, require_role
from api.users.models import User


def found(session: Session, user: User, name: str) -> Membership:
    """Make an organisation with its first owner."""
    organisation = Organisation(id=new_id(), name=name)
    session.add(organisation)
    session.flush()
    note(session, "organisation.founded", organisation.id, after={"name": name})
    return add_member(session, organisation.id, user, Role.OWNER)


def select_memberships(user_id: UUID) -> Select[tuple[Membership]]:
    """Select where a user belongs, with the organisations."""
    return (
        select(Membership)
        .join(Membership.organisation)
        .options(contains_eager(Membership.organisation))
        .where(Membership.user_id == user_id)
        .order_by(func.lower(Organisation.name), Organisation.id)
    )


def get_organisation(session: Session, organisation_id: UUID, access: Access, *, lock: bool = False) -> Organisation:
    """Return an organisation in which the caller may do as much.

    :param lock: hold it, so that members and roles cannot change meanwhile; the caller's role is read after that.
    """
    if lock:
        session.execute(select(Organisation.id).where(Organisation.id == organisation_id).with_for_update())
        forget_roles()
    require_role(organisation_id, access)
    return session.get_one(Organisation, organisation_id)


def rename(session: Session, organisation: Organisation, name: str) -> None:
    """Give an organisation another name."""
    before, organisation.name = organisation.name, name
    if before != name:
        note(session, "organisation.renamed", organisation.id, before={"name": before}, after={"name": name})


def dissolve(session: Session, organisation: Organisation) -> None:
    """End an organisation that owns nothing any more; raise ``organisation.not_empty``. It must be locked."""
    owned = count_owned(session, organisation.id)
    if any(owned.values()):
        raise ConflictError("organisation.not_empty", "The organisation still owns things; delete them first", owned)
    note(session, "organisation.dissolved", organisation.id, before={"name": organisation.name})
    organisation.dissolved_at = datetime.now(UTC)
    session.execute(delete(Invitation).where(Invitation.organisation_id == organisation.id))
    session.execute(delete(Membership).where(Membership.organisation_id == organisation.id))
    forget_roles()


def count_owned(session: Session, organisation_id: UUID) -> dict[str, int]:
    """Count an organisation's assets that are not deleted and its jobs that have not ended."""
    assets = (Asset.organisation_id == organisation_id, Asset.state != AssetState.DELETED.value)
    jobs = (Job.organisation_id == organisation_id, Job.state.not_in([state.value for state in TERMINAL]))
    return {
        "assets": session.scalar(select(func.count()).select_from(Asset).where(*assets)) or 0,
        "jobs": session.scalar(select(func.count()).select_from(Job).where(*jobs)) or 0,
    }


def select_members(organisation_id: UUID) -> Select[tuple[Membership]]:
    """Select who belongs to an organisation, with the accounts, the first one first."""
    return (
        select(Membership)
        .join(Membership.user)
        .options(contains_eager(Membership.user))
        .where(Membership.organisation_id == organisation_id)
        .order_by(Membership.created_at, Membership.user_id)
    )


def get_member(session: Session, organisation_id: UUID, user_id: UUID) -> Membership:
    """Return a member or raise ``member.not_found``."""
    member = session.get(Membership, (organisation_id, user_id), populate_existing=True)
    if member is None:
        raise NotFoundError("member.not_found", "The organisation has no such member")
    return member


def add_member(session: Session, organisation_id: UUID, user: User, role: Role) -> Membership:
    """Take a user in."""
    member = Membership(organisation_id=organisation_id, user_id=user.id, role=role.value)
    session.add(member)
    session.flush()
    note(session, "member.joined", organisation_id, after={"user_id": user.id, "role": role.value})
    forget_roles()
    return member


def change_role(session: Session, member: Membership, role: Role) -> None:
    """Give a member another role; raise ``organisation.last_owner``. The organisation must be locked."""
    before = member.role
    if before == role.value:
        return
    if before == Role.OWNER:
        require_other_owner(session, member)
    member.role = role.value
    session.flush()
    who = {"user_id": member.user_id}
    note(
        session,
        "member.role_changed",
        member.organisation_id,
        before={**who, "role": before},
        after={**who, "role": role.value},
    )
    forget_roles()


def remove_member(session: Session, member: Membership, *, left: bool) -> None:
    """End a membership; raise ``organisation.last_owner``. What the member made there stays the organisation's."""
    if member.role == Role.OWNER:
        require_other_owner(session, member)
    told = {"user_id": member.user_id, "role": member.role}
    note(session, "member.left" if left else "member.removed", member.organisation_id, before=told)
    session.delete(member)
    session.flush()
    forget_roles()


def hand_over(session: Session, member: Membership, heir: Membership) -> None:
    """Make another member an owner in one's place."""
    change_role(session, heir, Role.OWNER)
    change_role(session, member, Role.EDITOR)


def require_other_owner(session: Session, member: Membership) -> None:
    """Raise ``organisation.last_owner`` when nobody else owns the organisation."""
    others = (
        Membership.organisation_id == member.organisation_id,
        Membership.role == Role.OWNER.value,
        Membership.user_id != member.user_id,
    )
    if not session.scalar(select(func.count()).select_from(Membership).where(*others)):
        raise ConflictError("organisation.last_owner", "An organisation keeps an owner; make somebody else one first")


def note(
    session: Session,
    action: str,
    organisation_id: UUID,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """Record what happened to an organisation."""
    record(
        session,
        action,
        target=("organisation", organisation_id),
        before=before,
        after=after,
        organisation_id=organisation_id,
    )

"""The one rule of ownership: who sees, changes and manages what.

A row without an organisation belongs to its owner alone; one with an organisation to its members, as far as their role
goes: viewers read, editors write, owners manage. What a caller may not see is not found.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from functools import lru_cache
from typing import Any, TypeVar, cast
from uuid import UUID

from flask import g, request
from sqlalchemy import ColumnElement, Select, and_, bindparam, or_, select

from api.errors import ForbiddenError, NotFoundError
from api.extensions import db
from api.ids import noun_of
from api.organisations.models import Membership, Role

T = TypeVar("T")


class Access(IntEnum):
    """What a caller wants to do with a row."""

    READ = 1
    WRITE = 2
    MANAGE = 3


ALLOWED = {Role.VIEWER: Access.READ, Role.EDITOR: Access.WRITE, Role.OWNER: Access.MANAGE}
"""The most that each role may do."""
ROLES = select(Membership.organisation_id, Membership.role).where(Membership.user_id == bindparam("user"))
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


def wanted_access() -> Access:
    """Return what the request's method wants: reading or writing."""
    return Access.READ if request.method in SAFE_METHODS else Access.WRITE


def caller_roles() -> Mapping[UUID, Role]:
    """Return the caller's role in each organisation, read once a request."""
    from api.auth import current_user

    user_id = current_user().id
    known = g.get("roles")
    if known is None or known[0] != user_id:
        rows = db.session.execute(ROLES, {"user": user_id})
        known = g.roles = (user_id, {organisation_id: Role(role) for organisation_id, role in rows})
    return cast(Mapping[UUID, Role], known[1])


def forget_roles() -> None:
    """Read the caller's roles anew: they were changed, or another caller came."""
    g.pop("roles", None)


def visible_to(model: type[Any], organisation_id: UUID | None = None) -> ColumnElement[bool]:
    """Return the condition that the caller may see a row: of one organisation when given, else all there are.

    Raises ``organisation.not_found`` for an organisation that is not the caller's.
    """
    from api.auth import current_user

    if organisation_id is not None:
        require_role(organisation_id, Access.READ)
        return cast(ColumnElement[bool], model.organisation_id == organisation_id)
    shared = list(caller_roles()) if hasattr(model, "organisation_id") else []
    return seen_by(model, current_user().id, shared or None)


def seen_by(model: type[Any], caller: Any, shared: Any) -> ColumnElement[bool]:
    """Return the condition that a row is the caller's own, or of an organisation that is shared with the caller.

    :param caller: an id of a user, or a parameter for one; :param shared: ids of organisations likewise, None for none.
    """
    own = cast(ColumnElement[bool], model.owner_id == caller)
    if not hasattr(model, "organisation_id"):
        return own
    personal = and_(own, model.organisation_id.is_(None))
    return personal if shared is None else or_(personal, model.organisation_id.in_(shared))


def find_visible(model: type[T], row_id: UUID, access: Access) -> T:
    """Return a row that the caller may treat that way; raise ``<noun>.not_found``, ``organisation.forbidden``."""
    from api.auth import current_user

    shared = list(caller_roles()) if hasattr(model, "organisation_id") else []
    given = {"row": row_id, "caller": current_user().id, **({"shared": shared} if shared else {})}
    row: T | None = (
        db.session.scalars(select_visible(cast(Any, model), is_member=bool(shared)), given).unique().one_or_none()
    )
    if row is None:
        raise NotFoundError(f"{noun_of(model)}.not_found", f"There is no such {noun_of(model)}")
    organisation_id = getattr(row, "organisation_id", None)
    if organisation_id is not None:
        require_role(organisation_id, access)
    return row


@lru_cache(maxsize=256)
def select_visible(model: type[Any], *, is_member: bool) -> Select[Any]:
    """Select a ``row`` if it is the ``caller``'s own, or of one of the organisations ``shared`` with a member.

    Its values are left open, so that it is put together once.
    """
    shared: Any = bindparam("shared", expanding=True) if is_member else None
    visible = seen_by(model, bindparam("caller"), shared)
    return select(model).where(model.id == bindparam("row"), visible)


def require_role(organisation_id: UUID, access: Access) -> Role:
    """Return the caller's role if it allows as much; raise ``organisation.not_found``, ``organisation.forbidden``."""
    role = caller_roles().get(organisation_id)
    if role is None:
        raise NotFoundError("organisation.not_found", "There is no such organisation")
    if ALLOWED[role] < access:
        raise ForbiddenError(
            "organisation.forbidden",
            f"A {role.value} of the organisation may not do this",
            {"role": role.value, "organisation_id": str(organisation_id)},
        )
    return role


def in_place(model: type[Any], owner_id: UUID, organisation_id: UUID | None) -> ColumnElement[bool]:
    """Return the condition that a row lies in one place: an organisation, or what is one's own alone."""
    if organisation_id is not None:
        return cast(ColumnElement[bool], model.organisation_id == organisation_id)
    return and_(model.owner_id == owner_id, model.organisation_id.is_(None))


def placed_in(organisation_id: UUID | None) -> UUID | None:
    """Return where a new row goes, once the caller was found to be allowed to write there."""
    if organisation_id is not None:
        require_role(organisation_id, Access.WRITE)
    return organisation_id

"""The caller's fonts as scenarios see them; no font is ever parsed here."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from flask import g, has_request_context
from sqlalchemy import bindparam, select

from api.auth import current_user
from api.errors import NotFoundError
from api.extensions import db
from api.fonts.models import Font, FontState
from tasks.contracts.fonts import OrderedFont
from tasks.fonts import FontFace, UploadedFace, faces_of
from tasks.scenario import parse

READY_FONTS = (
    select(Font)
    .where(Font.owner_id == bindparam("owner"), Font.state == FontState.READY.value)
    .order_by(Font.created_at, Font.id)
)


def faces_of_caller() -> tuple[FontFace, ...]:
    """Return the fonts of whoever sent the request, read once a request; none without a caller."""
    if not has_request_context() or g.get("user") is None:
        return ()
    owner_id = current_user().id
    known = g.get("uploaded_faces")
    if known is None or known[0] != owner_id:
        rows = db.session.scalars(READY_FONTS, {"owner": owner_id})
        known = g.uploaded_faces = (owner_id, tuple(map(face_of, rows)))
    return cast(tuple[FontFace, ...], known[1])


def face_of(font: Font) -> UploadedFace:
    """Return a font as scenarios see it."""
    codes = frozenset(code for first, last in font.characters or [] for code in range(first, last + 1))
    return UploadedFace(
        font.family,
        font.style,
        font.weight_min,
        font.weight_max,
        f"uploaded {font.sha256[:12]}",
        Path(str(font.object_key)),
        may_subset=font.may_subset,
        object_key=str(font.object_key),
        digest=font.sha256,
        codes=codes,
    )


def named_fonts(scenario: dict[str, Any]) -> tuple[OrderedFont, ...]:
    """Return the caller's fonts that a checked scenario is drawn with, as an order carries them.

    Until the transaction ends nobody deletes them. Raises ``font.not_found`` when one was deleted just now.
    """
    faces = [face for face in faces_of(parse(scenario)) if isinstance(face, UploadedFace)]
    keys = {face.object_key for face in faces}
    kept = select(Font.id).where(Font.object_key.in_(keys)).order_by(Font.id).with_for_update(read=True)
    if keys and len(db.session.scalars(kept).all()) < len(keys):
        raise NotFoundError("font.not_found", "A font that the scenario names was deleted just now")
    return tuple(
        OrderedFont(
            face.family, face.style, face.weight_min, face.weight_max, face.object_key, face.sha256, face.may_subset
        )
        for face in faces
    )

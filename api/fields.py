"""Fields of requests that are stricter than marshmallow's own: what the document promises and nothing beside it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from marshmallow import fields

NOT_BLANK = r"^[\s\S]*\S"
"""A pattern that means the same to Python, which matches from the start, and to JSON Schema, which searches."""


class Moment(fields.AwareDateTime):
    """A point in time, loaded as UTC: PostgreSQL takes no offset of 16 hours, Python no year 0 or 10000."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> datetime:
        moment = super()._deserialize(value, attr, data, **kwargs)
        try:
            return moment.astimezone(UTC)
        except OverflowError as error:
            raise self.make_error("invalid", input=value, obj_type=self.OBJ_TYPE) from error


_JSON_TYPES: tuple[tuple[type[fields.Field[Any]], tuple[type, ...]], ...] = (
    (fields.Boolean, (bool,)),
    (fields.Integer, (int,)),
    (fields.Float, (int, float)),
)
_WRONG = object()
"""Stands for a value of another type: no field can load it, so each refuses it in its own words."""


def hold_to_types(field: fields.Field[Any], value: Any) -> Any:
    """Return a value of a JSON body, or what its field refuses where JSON has another type: "1" or 0.5 for a whole."""
    if value is None:
        return None
    if isinstance(field, fields.List) and isinstance(value, list):
        return [hold_to_types(field.inner, one) for one in value]
    if isinstance(field, fields.Dict) and isinstance(value, dict) and field.value_field is not None:
        return {key: hold_to_types(field.value_field, one) for key, one in value.items()}
    for kind, types in _JSON_TYPES:
        if isinstance(field, kind):
            is_right = isinstance(value, types) and (bool in types or not isinstance(value, bool))
            return value if is_right else _WRONG
    return value

"""JSON bodies are taken at their word: the type that the document promises, and none that could be made into it."""

from __future__ import annotations

from typing import Any

import pytest
from marshmallow import ValidationError, fields
from werkzeug.datastructures import MultiDict

from api.assets.schemas import StrictSchema


class Inner(StrictSchema):
    """A thing within."""

    place = fields.Integer()


class Body(StrictSchema):
    """One of each."""

    whole = fields.Integer(allow_none=True)
    part = fields.Float(data_key="aPart")
    flag = fields.Boolean()
    wholes = fields.List(fields.Integer())
    named = fields.Dict(keys=fields.String(), values=fields.Float())
    inner = fields.List(fields.Nested(Inner))
    text = fields.String()


@pytest.mark.parametrize(
    ("body", "findings"),
    [
        ({"whole": "1", "text": 1}, {"whole": ["Not a valid integer."], "text": ["Not a valid string."]}),
        ({"whole": 2.5e-42}, {"whole": ["Not a valid integer."]}),
        ({"whole": True}, {"whole": ["Not a valid integer."]}),
        ({"aPart": "1.5"}, {"aPart": ["Not a valid number."]}),
        ({"aPart": False}, {"aPart": ["Not a valid number."]}),
        ({"flag": 0}, {"flag": ["Not a valid boolean."]}),
        ({"flag": "true"}, {"flag": ["Not a valid boolean."]}),
        ({"wholes": [1, "2", 3.5]}, {"wholes": {1: ["Not a valid integer."], 2: ["Not a valid integer."]}}),
        ({"named": {"a": "1"}}, {"named": {"a": {"value": ["Not a valid number."]}}}),
        ({"inner": [{"place": 0}, {"place": "0"}]}, {"inner": {1: {"place": ["Not a valid integer."]}}}),
        ({"part": 1.5}, {"part": ["Unknown field."]}),
    ],
)
def test_another_type_is_refused_beside_everything_else_that_is_wrong(
    body: dict[str, Any], findings: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError) as caught:
        Body().load(body)

    assert caught.value.messages == findings


def test_what_fits_is_taken_and_a_query_string_is_read() -> None:
    body = {"whole": None, "aPart": 1, "flag": False, "wholes": [1], "named": {"a": 0.5}, "inner": [{"place": 0}]}

    assert Body().load(body) == {**{key: body[key] for key in body if key != "aPart"}, "part": 1.0}
    assert Body().load(MultiDict({"whole": "3", "flag": "true"})) == {"whole": 3, "flag": True}

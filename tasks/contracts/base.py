"""Turning frozen dataclasses into small JSON and back, with the version checked and unknown keys refused."""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Mapping
from enum import Enum
from typing import Any, ClassVar, Self, TypeVar

from tasks.errors import InvalidInputError, PermanentError

T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Message:
    """Base of every contract: plain fields, nested contracts, tuples of contracts, dictionaries of JSON.

    ``SINCE`` names fields that a later version brought: they are written, with that version, only where they say
    something, so that an older process reads all messages that it can act on and refuses the others.
    """

    VERSION: ClassVar[int] = 1
    SINCE: ClassVar[Mapping[str, int]] = {}

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dictionary with ``version``, the oldest that can say it."""
        told = _plain_fields(self)
        version = self.VERSION
        for name, since in self.SINCE.items():
            if told[name]:
                version = max(version, since)
            else:
                del told[name]
        return {"version": version, **told}

    @classmethod
    def from_json(cls, document: Any) -> Self:
        """Build the message, refusing unknown versions, unknown or missing keys and wrong types."""
        if not isinstance(document, dict):
            raise InvalidInputError("contract.invalid", f"{cls.__name__} must be a JSON object")
        fields = dict(document)
        version = fields.pop("version", cls.VERSION)
        if version not in (cls.VERSION, *cls.SINCE.values()):
            raise PermanentError(
                "contract.unknown_version",
                f"{cls.__name__} version {version!r} is unknown here; this process speaks {cls.VERSION}",
            )
        newer = sorted(name for name, since in cls.SINCE.items() if name in fields and since > version)
        if newer:
            raise InvalidInputError("contract.invalid", f"{cls.__name__}: version {version} has no {', '.join(newer)}")
        return _build(cls, fields, cls.__name__)


def _plain_fields(value: Any) -> dict[str, Any]:
    return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _plain_fields(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return value


@functools.cache
def _hints_of(cls: type[Any]) -> dict[str, Any]:
    """Return the types of a contract's fields; reading them compiles each annotation, so it is done once."""
    return typing.get_type_hints(cls)


def _build(cls: type[T], fields: dict[str, Any], where: str) -> T:
    hints = _hints_of(typing.cast(Any, cls))
    known = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    unknown = sorted(set(fields) - set(known))
    if unknown:
        raise InvalidInputError("contract.invalid", f"{where}: unknown keys {', '.join(unknown)}")
    values = {}
    for name, field in known.items():
        if name in fields:
            values[name] = _convert(hints[name], fields[name], f"{where}.{name}")
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise InvalidInputError("contract.invalid", f"{where}: {name} is missing")
    return cls(**values)


def _convert(hint: Any, value: Any, where: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return value
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        return _convert(next(a for a in arguments if a is not type(None)), value, where)
    if origin is tuple:
        _require(isinstance(value, (list, tuple)), where, "a list")
        return tuple(_convert(arguments[0], item, f"{where}[{i}]") for i, item in enumerate(value))
    if origin is dict or hint is dict:
        _require(isinstance(value, dict), where, "an object")
        inner = arguments[1] if arguments else Any
        return {str(key): _convert(inner, item, f"{where}.{key}") for key, item in value.items()}
    if dataclasses.is_dataclass(hint):
        _require(isinstance(value, dict), where, "an object")
        return _build(typing.cast(type, hint), value, where)
    return _convert_plain(hint, value, where)


def _convert_plain(hint: Any, value: Any, where: str) -> Any:
    if isinstance(hint, type) and issubclass(hint, Enum):
        _require(value in [member.value for member in hint], where, f"one of {[m.value for m in hint]}")
        return hint(value)
    if hint is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        _require(value == value and abs(value) != float("inf"), where, "a finite number")
        return float(value)
    _require(
        isinstance(value, hint) and (hint is bool or not isinstance(value, bool)), where, f"of type {hint.__name__}"
    )
    return value


def _require(holds: bool, where: str, expected: str) -> None:
    if not holds:
        raise InvalidInputError("contract.invalid", f"{where} must be {expected}")
